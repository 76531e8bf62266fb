//! Draws the schema of a mapping from its table.

use serde_json::{Map, Value, json};

use super::step;
use crate::spec::diagnostic::Source;
use crate::spec::shape::{Key, Named, Rule, Shape, Takes};
use crate::spec::{Vocabulary, handler, yaml};

/// A name that expressions can use.
const NAME: &str = "^[A-Za-z_][A-Za-z0-9_]*$";
/// Such names with dots between them.
pub(super) const PATH: &str = "^[A-Za-z_][A-Za-z0-9_]*(\\.[A-Za-z_][A-Za-z0-9_]*)*$";
/// Text that says something.
const SAID: &str = "\\S";

/// A schema that is being drawn: what plugins offer, and the mappings that were met so far.
pub(super) struct Drawing<'a> {
    pub(super) words: &'a Vocabulary,
    mappings: Map<String, Value>,
}

impl<'a> Drawing<'a> {
    pub(super) fn new(words: &'a Vocabulary) -> Self {
        Self { words, mappings: Map::new() }
    }

    /// The whole schema.
    pub(super) fn document(self, title: &str, root: Value) -> Value {
        let mut document =
            json!({ "$schema": "https://json-schema.org/draft/2020-12/schema", "title": title });
        if let (Some(document), Value::Object(root)) = (document.as_object_mut(), root) {
            document.extend(root);
            document.insert("$defs".to_owned(), Value::Object(self.mappings));
        }
        document
    }

    /// A reference to a schema of this name, which is drawn when it is asked for first.
    pub(super) fn named(&mut self, name: &str, draw: impl FnOnce(&mut Self) -> Value) -> Value {
        if !self.mappings.contains_key(name) {
            // Steps hold steps: whoever comes back here finds that it is being drawn.
            self.mappings.insert(name.to_owned(), Value::Null);
            let drawn = draw(self);
            self.mappings.insert(name.to_owned(), drawn);
        }
        json!({ "$ref": format!("#/$defs/{name}") })
    }

    /// A reference to a mapping's schema.
    pub(super) fn mapping(&mut self, shape: &'static Shape) -> Value {
        self.named(&slug(shape.what), |drawing| drawing.object(&[shape]))
    }

    /// The schema of a mapping that has the keys of all these.
    pub(super) fn object(&mut self, shapes: &[&'static Shape]) -> Value {
        let keys: Vec<&Key> = shapes.iter().flat_map(|shape| shape.keys).collect();
        let about = shapes.last().map_or("", |shape| shape.about);
        let required: Vec<_> = keys.iter().filter(|key| key.required).map(|key| key.name).collect();
        let properties: Map<_, _> = keys.iter().map(|key| (key.name.to_owned(), self.key(key))).collect();
        let rules: Vec<_> = shapes.iter().flat_map(|shape| shape.rules).map(|rule| ruled(*rule)).collect();
        let mut object = json!({
            "type": "object", "description": about, "properties": properties, "additionalProperties": false,
        });
        if !required.is_empty() {
            object["required"] = json!(required);
        }
        if !rules.is_empty() {
            object["allOf"] = json!(rules);
        }
        object
    }

    /// The schema of what stands under a key.
    pub(super) fn key(&mut self, key: &Key) -> Value {
        let mut drawn = self.takes(key.takes);
        if key.required {
            said(key.takes, &mut drawn);
        } else if !key.filled {
            drawn = or_nothing(drawn);
        }
        drawn["description"] = json!(key.about);
        if let Some(usual) = key.usual {
            drawn["default"] = parsed(usual);
        }
        if let Some(like) = key.like {
            drawn["examples"] = json!([parsed(like)]);
        }
        drawn
    }

    fn takes(&mut self, takes: Takes) -> Value {
        match takes {
            Takes::Anything => json!({}),
            Takes::Text | Takes::Condition | Takes::Moment | Takes::Period | Takes::Rate => {
                json!({ "type": "string" })
            }
            Takes::Name => json!({ "type": "string", "pattern": NAME }),
            Takes::Path => json!({ "type": "string", "pattern": PATH }),
            Takes::Named(named) => self.of_plugins(named),
            Takes::Word(words) => json!({ "enum": words.all() }),
            Takes::Boolean => json!({ "type": "boolean" }),
            Takes::Count => json!({ "type": "integer", "minimum": 1 }),
            Takes::Dollars => json!({ "type": "number", "minimum": 0 }),
            Takes::Span => json!({ "type": ["integer", "string"], "minimum": 0 }),
            Takes::Texts(of) => {
                let one = self.takes(*of);
                json!({ "anyOf": [one, { "type": "array", "items": one }] })
            }
            Takes::List(of) => json!({ "type": "array", "items": self.takes(*of) }),
            Takes::Steps => json!({ "type": "array", "items": step::among_steps(self) }),
            Takes::StepsAfter => json!({ "type": "array", "items": step::after_all(self) }),
            Takes::Names(of) => json!({ "type": "object", "additionalProperties": self.takes(*of) }),
            Takes::Defined(of) => {
                let of = self.takes(*of);
                json!({ "type": "object", "propertyNames": { "pattern": NAME }, "additionalProperties": of })
            }
            Takes::Mapping(shape) => self.mapping(shape),
            Takes::Either(one, other) => json!({ "anyOf": [self.takes(*one), self.takes(*other)] }),
        }
    }

    fn of_plugins(&self, named: Named) -> Value {
        match named {
            Named::Capability => json!({ "enum": self.words.capabilities() }),
            // Which there are depends on the capability beside it.
            Named::Action => json!({ "type": "string" }),
            Named::EventKind => {
                let sources: Vec<_> =
                    self.words.sources().iter().map(|source| source.replace('*', "\\*")).collect();
                let known: Vec<_> = self.words.kinds.iter().copied().chain([handler::SCHEDULE.0]).collect();
                let pattern = format!("^({})(\\.[^.]+)*$", sources.join("|"));
                json!({ "type": "string", "anyOf": [{ "enum": known }, { "pattern": pattern }] })
            }
        }
    }
}

/// What a required value is besides: not empty.
fn said(takes: Takes, drawn: &mut Value) {
    match takes {
        Takes::Text | Takes::Condition => drawn["pattern"] = json!(SAID),
        Takes::Steps | Takes::List(_) => drawn["minItems"] = json!(1),
        _ => {}
    }
}

/// The same, or nothing at all: a key without a value is as good as none.
pub(super) fn or_nothing(mut drawn: Value) -> Value {
    let Value::Object(fields) = &mut drawn else { return drawn };
    let told: Vec<&str> = fields.keys().map(String::as_str).collect();
    let one_of = told.iter().find(|key| ["enum", "anyOf", "type"].contains(key));
    match (one_of, told.len()) {
        (None, 0) => return drawn,
        (Some(&"enum"), 1) => push(&mut fields["enum"], Value::Null),
        (Some(&"anyOf"), 1) => push(&mut fields["anyOf"], json!({ "type": "null" })),
        (Some(&"type"), _) if !told.contains(&"anyOf") => push(&mut fields["type"], json!("null")),
        _ => return json!({ "anyOf": [drawn, { "type": "null" }] }),
    }
    drawn
}

/// Adds to what may be one thing or a list of them.
fn push(to: &mut Value, more: Value) {
    match to {
        Value::Array(all) => all.push(more),
        one => *one = json!([one.take(), more]),
    }
}

fn ruled(rule: Rule) -> Value {
    let required = |name: &&str| json!({ "required": [name] });
    match rule {
        Rule::One(names) => json!({ "oneOf": names.iter().map(required).collect::<Vec<_>>() }),
        Rule::Some(names) => json!({ "anyOf": names.iter().map(required).collect::<Vec<_>>() }),
        Rule::Needs(key, other) => json!({ "dependentRequired": { key: [other] } }),
        Rule::NotBoth(one, other) => json!({ "not": { "required": [one, other] } }),
    }
}

/// The value that a piece of YAML stands for.
fn parsed(text: &str) -> Value {
    yaml::parse(&mut Source::new("", text)).map_or(Value::Null, |node| node.to_json())
}

/// `a step of type `loop`` as a name.
fn slug(what: &str) -> String {
    let what = what.strip_prefix("a ").or_else(|| what.strip_prefix("an ")).unwrap_or(what);
    what.replace('`', "").replace(' ', "-")
}
