//! Draws the schema of steps: which keys there are depends on their type, and what an action takes on the action.

use serde_json::{Map, Value, json};

use super::draw::{Drawing, PATH, or_nothing};
use crate::spec::workflow::{TYPES, Type, keys};
use crate::spec::{ActionSpec, Field, Kind};

/// A value that is one expression.
const EXPRESSION: &str = "^\\$\\{[\\s\\S]*\\}$";

/// A step among a workflow's steps.
pub(super) fn among_steps(drawing: &mut Drawing<'_>) -> Value {
    drawing.named("step", |drawing| {
        let mut cases = by_type(drawing);
        cases.push(when(without_type(), of_type(drawing, Type::Action)));
        json!({ "type": "object", "description": keys::STEP.about, "required": ["name"], "allOf": cases })
    })
}

/// A step of `post_execution`: Ostler's own actions need neither a type nor a name there.
pub(super) fn after_all(drawing: &mut Drawing<'_>) -> Value {
    drawing.named("step-after", |drawing| {
        let mut cases = by_type(drawing);
        let with_plugin = json!({ "allOf": [without_type(), { "required": ["plugin"] }] });
        cases.push(when(with_plugin, of_type(drawing, Type::Action)));
        let own = json!({ "allOf": [without_type(), { "not": { "required": ["plugin"] } }] });
        cases.push(when(own.clone(), of_type(drawing, Type::System)));
        cases.push(json!({ "if": { "anyOf": [own, is_type("system")] }, "else": { "required": ["name"] } }));
        json!({ "type": "object", "description": keys::STEP.about, "allOf": cases })
    })
}

/// What a step of each type is.
fn by_type(drawing: &mut Drawing<'_>) -> Vec<Value> {
    // The keys of a type are known when it is; until then, this is what there is to be said of it.
    let kind = keys::STEP.keys.iter().find(|key| key.name == "type").map(|key| drawing.key(key));
    let mut cases = vec![json!({ "properties": { "type": kind } })];
    cases.extend(TYPES.iter().map(|(name, kind)| when(is_type(name), of_type(drawing, *kind))));
    cases
}

fn when(holds: Value, then: Value) -> Value {
    json!({ "if": holds, "then": then })
}

fn is_type(name: &str) -> Value {
    json!({ "properties": { "type": { "const": name } }, "required": ["type"] })
}

/// Absent, or null.
fn without_type() -> Value {
    json!({ "properties": { "type": { "type": "null" } } })
}

/// A step of a type.
fn of_type(drawing: &mut Drawing<'_>, kind: Type) -> Value {
    let name = TYPES.iter().find(|(_, other)| *other == kind).map_or("", |(name, _)| name);
    drawing.named(&format!("step-{name}"), |drawing| {
        let mut step = drawing.object(&[&keys::STEP, kind.shape()]);
        match kind {
            Type::Action => push_all(&mut step, by_action(drawing)),
            _ => {
                if let Some(gives) = kind.shape().gives {
                    step["properties"]["outputs"] = outputs(gives.iter().map(|(name, _)| *name));
                }
            }
        }
        step
    })
}

fn push_all(step: &mut Value, cases: Vec<Value>) {
    let mut all = step["allOf"].as_array().cloned().unwrap_or_default();
    all.extend(cases);
    step["allOf"] = Value::Array(all);
}

/// What a step must be for each capability, and for each of its actions.
fn by_action(drawing: &Drawing<'_>) -> Vec<Value> {
    let of = |capability: &str| {
        let actions = drawing.words.actions.iter().filter(|action| action.capability == capability);
        let (mut names, mut abouts, mut cases) = (Vec::new(), Vec::new(), Vec::new());
        for action in actions {
            names.push(action.name.as_str());
            abouts.push(action.about.as_str());
            let is = json!({ "properties": { "action": { "const": action.name } }, "required": ["action"] });
            cases.push(when(is, taken_and_given(action)));
        }
        let action = json!({ "enum": names, "markdownEnumDescriptions": abouts });
        let is = json!({ "properties": { "plugin": { "const": capability } }, "required": ["plugin"] });
        when(is, json!({ "properties": { "action": action }, "allOf": cases }))
    };
    drawing.words.capabilities().into_iter().map(of).collect()
}

/// What an action takes, and what it gives.
fn taken_and_given(action: &ActionSpec) -> Value {
    let names = action.outputs.iter().map(|field| field.name.as_str());
    let mut drawn = json!({
        "description": action.about, "properties": { "inputs": inputs(action), "outputs": outputs(names) },
    });
    if action.inputs.iter().any(|field| field.required) {
        drawn["required"] = json!(["inputs"]);
    }
    drawn
}

fn inputs(action: &ActionSpec) -> Value {
    let names = |field: &Field| [std::slice::from_ref(&field.name), field.aliases.as_slice()].concat();
    let typed =
        |field: &Field| names(field).into_iter().map(|name| (name, value(field.kind))).collect::<Vec<_>>();
    let properties: Map<_, _> = action.inputs.iter().flat_map(typed).collect();
    let one_of = |field: &Field| {
        let required = names(field).into_iter().map(|name| json!({ "required": [name] }));
        json!({ "anyOf": required.collect::<Vec<_>>() })
    };
    let needed: Vec<_> = action.inputs.iter().filter(|field| field.required).map(one_of).collect();
    let inputs = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    if needed.is_empty() {
        return or_nothing(inputs);
    }
    let mut inputs = inputs;
    inputs["allOf"] = Value::Array(needed);
    inputs
}

fn outputs<'a>(names: impl Iterator<Item = &'a str>) -> Value {
    let path = json!({ "type": "string", "pattern": PATH });
    let properties: Map<_, _> = names.map(|name| (name.to_owned(), path.clone())).collect();
    or_nothing(json!({ "type": "object", "properties": properties, "additionalProperties": false }))
}

/// A value of a type, or an expression: what it gives is not known here.
fn value(kind: Kind) -> Value {
    let name = match kind {
        Kind::Any => return json!({}),
        Kind::String => return json!({ "type": ["string", "null"] }),
        Kind::Number => "number",
        Kind::Boolean => "boolean",
        Kind::List => "array",
        Kind::Object => "object",
    };
    json!({ "anyOf": [{ "type": [name, "null"] }, { "type": "string", "pattern": EXPRESSION }] })
}
