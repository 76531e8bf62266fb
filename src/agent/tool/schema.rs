//! What a tool takes, drawn from the type that its arguments are read into.

use schemars::generate::SchemaSettings;
use schemars::transform::transform_subschemas;
use schemars::{JsonSchema, Schema};
use serde_json::Value;

/// The schema of a tool's arguments, as models are shown it.
pub(super) fn of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.meta_schema = None;
        settings.inline_subschemas = true;
    });
    let mut schema = settings.with_transform(plain).into_generator().into_root_schema_for::<T>();
    // What the tool is for is said beside it.
    for name in ["title", "description"] {
        schema.remove(name);
    }
    schema.into()
}

/// Leaves out what says nothing to a model: an argument that need not be given is not given as `null`.
fn plain(schema: &mut Schema) {
    if let Some(Value::Array(kinds)) = schema.get_mut("type") {
        kinds.retain(|kind| kind != "null");
        if let [kind] = &kinds[..] {
            let kind = kind.clone();
            schema.insert("type".to_owned(), kind);
        }
    }
    schema.remove("format");
    if schema.get("default").is_some_and(Value::is_null) {
        schema.remove("default");
    }
    transform_subschemas(&mut plain, schema);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{apply_patch::ApplyPatch, bash::Bash, edit::Edit};
    use super::*;

    #[test]
    fn a_tool_takes_what_its_type_says() {
        assert_eq!(
            of::<Bash>(),
            json!({
                "type": "object",
                "properties": {
                    "cmd": {"type": "string", "description": "The command, as for `sh -c`."},
                    "timeout": {
                        "type": "integer", "minimum": 1, "maximum": 600,
                        "description": "Seconds that it may take; 120 unless given."
                    }
                },
                "required": ["cmd"],
                "additionalProperties": false
            })
        );
        assert_eq!(of::<Edit>()["required"], json!(["path", "old", "new"]));
        assert_eq!(of::<ApplyPatch>()["properties"]["patch"]["type"], "string");
    }
}
