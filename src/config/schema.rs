//! The JSON Schema of the configuration, for editors: drawn from the types that it is read into.
//!
//! What loads a schema takes as well, whichever words stand as `${ENV}`. The other way round a schema does not know
//! which variables are set.

use std::borrow::Cow;

use schemars::transform::transform_subschemas;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::{AiProvider, Choice, Config};
use crate::plugin::registry;

/// What stands for another value.
const VARIABLE: &str = r"\$\{.+\}";

/// The schema of `ostler.yaml`.
#[must_use]
pub fn schema() -> Value {
    let mut schema = schemars::schema_for!(Config);
    or_variable(&mut schema);
    relax_type(&mut schema);
    schema.insert("title".to_owned(), json!("Ostler's configuration"));
    // A file in which everything is commented out.
    schema.insert("type".to_owned(), json!(["object", "null"]));
    schema.to_value()
}

impl JsonSchema for Choice {
    fn schema_name() -> Cow<'static, str> {
        "Choice".into()
    }

    /// What the options may be depends on the provider beside them.
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let vendors = registry::options_of_vendors(generator);
        let names: Vec<_> = vendors.keys().cloned().collect();
        let each = vendors.into_iter().map(|(name, options)| {
            json!({
                "if": { "properties": { "provider": { "const": name } } },
                "then": { "properties": { "options": options, "connection": options } },
            })
        });
        json_schema!({
            "type": "object",
            "description": "The product that serves a capability.",
            "properties": {
                "provider": { "description": "Its name.", "anyOf": [{ "enum": names }, { "type": "string" }] },
                "config_file": { "description": "A file with its options.", "type": ["string", "null"] },
                "options": { "description": "Its options, over those of the file.", "type": "object" },
                "connection": { "description": "Another word for `options`.", "type": "object" },
                "enabled": { "description": "Whether it is used at all.", "type": "boolean", "default": true },
            },
            "required": ["provider"],
            "additionalProperties": false,
            "allOf": each.collect::<Vec<_>>(),
        })
    }
}

/// The provider that is used where none is named need not be.
fn relax_type(schema: &mut Schema) {
    let usual = AiProvider::default().kind;
    let providers = schema.pointer_mut("/$defs/AiProvider/oneOf").and_then(Value::as_array_mut);
    for provider in providers.into_iter().flatten().filter_map(Value::as_object_mut) {
        if provider.get("properties").is_some_and(|keys| keys["type"]["const"] == usual) {
            provider.remove("required");
        }
    }
}

/// Whatever is no text may stand as a variable, and no text has a form before its variables are replaced.
fn or_variable(schema: &mut Schema) {
    transform_subschemas(&mut or_variable, schema);
    schema.remove("format");
    let Some(object) = schema.as_object_mut().filter(|object| is_scalar(object.get("type"))) else { return };
    let about = ["title", "description", "default"].map(|key| object.remove_entry(key));
    let plain = std::mem::take(object);
    object.extend(about.into_iter().flatten());
    object.insert("anyOf".to_owned(), json!([plain, { "type": "string", "pattern": VARIABLE }]));
}

/// Whether these types are of what is written without quotes.
fn is_scalar(types: Option<&Value>) -> bool {
    let scalar = |word: &Value| matches!(word.as_str(), Some("integer" | "number" | "boolean"));
    match types {
        Some(Value::Array(types)) => types.iter().any(scalar),
        types => types.is_some_and(scalar),
    }
}
