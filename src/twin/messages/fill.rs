//! Filling what a schema asks for with words.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// The words that an answer is made of.
#[derive(Debug)]
pub(super) struct Words<'a> {
    /// By the names of the fields.
    pub(super) named: &'a BTreeMap<String, String>,
    /// For every other text.
    pub(super) summary: &'a str,
    /// Whether the work went well: what fields of yes and no say.
    pub(super) well: bool,
}

impl Words<'_> {
    /// A value that a schema accepts, with every member that it requires.
    pub(super) fn fill(&self, schema: &Value, name: &str) -> Value {
        if let Some(choices) = schema["enum"].as_array() {
            return self.choose(choices, name);
        }
        if !schema["const"].is_null() {
            return schema["const"].clone();
        }
        match kind(schema) {
            "object" => self.object(schema),
            "array" if self.named.contains_key(name) || schema["minItems"].as_u64() > Some(0) => {
                Value::Array(vec![self.fill(&schema["items"], name)])
            }
            "array" => Value::Array(Vec::new()),
            "boolean" => self.well.into(),
            "integer" | "number" => {
                let told = self.named.get(name).and_then(|text| text.parse::<i64>().ok());
                told.or_else(|| schema["minimum"].as_i64()).unwrap_or(0).into()
            }
            "null" => Value::Null,
            "anything" => self.anything(name),
            _ => self.named.get(name).map_or(self.summary, String::as_str).into(),
        }
    }

    /// Where a schema takes anything, words that are JSON are what they say.
    fn anything(&self, name: &str) -> Value {
        let told = self.named.get(name).map_or(self.summary, String::as_str);
        let structure = serde_json::from_str(told).ok();
        structure.filter(|value: &Value| value.is_object() || value.is_array()).unwrap_or_else(|| told.into())
    }

    fn object(&self, schema: &Value) -> Value {
        let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let member = |name: &str| (name.to_owned(), self.fill(&schema["properties"][name], name));
        Value::Object(required.map(member).collect::<Map<_, _>>())
    }

    /// The choice that the words name, else the one that says how the work went, else the first.
    fn choose(&self, choices: &[Value], name: &str) -> Value {
        let told = self.named.get(name);
        let named = choices.iter().find(|choice| told.is_some_and(|told| *choice == told));
        let fits = |choice: &&Value| {
            let word = choice.as_str().unwrap_or_default();
            !self.well && ["fail", "blocked", "incomplete", "high"].iter().any(|sign| word.contains(sign))
        };
        named.or_else(|| choices.iter().find(fits)).or(choices.first()).cloned().unwrap_or_default()
    }
}

/// The type that a schema names; of several, the first that is not `null`.
fn kind(schema: &Value) -> &str {
    match &schema["type"] {
        Value::String(kind) => kind,
        Value::Array(kinds) => {
            kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null").unwrap_or("null")
        }
        _ if schema["properties"].is_object() => "object",
        _ => "anything",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn everything_required_is_filled_at_every_depth() {
        let schema = json!({
            "type": "object",
            "required": ["implementation", "risk", "done", "files", "tasks"],
            "properties": {
                "implementation": {
                    "type": "object",
                    "required": ["pr_description", "documentation"],
                    "properties": {"pr_description": {"type": "string"}, "documentation": {"type": "string"}},
                },
                "risk": {"enum": ["low", "high"]},
                "done": {"type": "boolean"},
                "files": {"type": "array", "items": {"type": "string"}},
                "tasks": {"description": "Anything."},
                "optional": {"type": "string"},
            },
        });
        let named = [("pr_description", "What and why."), ("tasks", "[{\"title\": \"One\"}]")];
        let named = BTreeMap::from(named.map(|(name, text)| (name.to_owned(), text.to_owned())));
        let words = Words { named: &named, summary: "Short.", well: false };
        assert_eq!(
            words.fill(&schema, ""),
            json!({
                "implementation": {"pr_description": "What and why.", "documentation": "Short."},
                "risk": "high", "done": false, "files": [], "tasks": [{"title": "One"}],
            })
        );
    }
}
