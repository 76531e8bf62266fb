//! Filters: which things of a list are wanted.

use serde_json::{Map, Value};

use super::Refusal;

/// Those of a list that the filter among a field's arguments takes.
pub(super) fn wanted(things: &[Value], arguments: &Map<String, Value>) -> Result<Vec<Value>, Refusal> {
    let none = Map::new();
    let filter = arguments.get("filter").and_then(Value::as_object).unwrap_or(&none);
    let mut wanted = Vec::new();
    for thing in things {
        if takes(filter, thing)? {
            wanted.push(thing.clone());
        }
    }
    Ok(wanted)
}

/// Whether a thing is wanted.
fn takes(filter: &Map<String, Value>, thing: &Value) -> Result<bool, Refusal> {
    for (name, wanted) in filter {
        if !member(name, wanted, thing)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn member(name: &str, wanted: &Value, thing: &Value) -> Result<bool, Refusal> {
    match (name, wanted) {
        ("or", Value::Array(filters)) => {
            let mut any = false;
            for filter in filters {
                any |= takes(object(filter)?, thing)?;
            }
            Ok(any)
        }
        ("null", Value::Bool(null)) => Ok(thing.is_null() == *null),
        (_, Value::Object(inner)) => {
            let unknown = || Refusal::invalid(format!("Field \"{name}\" is not defined by the filter."));
            // What is not there has no members, and none of them is as it should be.
            let part = if thing.is_null() { &Value::Null } else { thing.get(name).ok_or_else(unknown)? };
            if is_comparator(inner) { compare(inner, part) } else { takes(inner, part) }
        }
        _ => Err(Refusal::invalid(format!("Field \"{name}\" is not defined by the filter."))),
    }
}

fn object(value: &Value) -> Result<&Map<String, Value>, Refusal> {
    value.as_object().ok_or_else(|| Refusal::invalid("A filter is an object.".to_owned()))
}

/// The comparisons that there are.
const COMPARISONS: [&str; 6] = ["eq", "in", "eqIgnoreCase", "gt", "gte", "lt"];

fn is_comparator(inner: &Map<String, Value>) -> bool {
    inner.keys().any(|name| COMPARISONS.contains(&name.as_str()))
}

/// Times are written alike, so that they can be compared as texts.
fn compare(comparisons: &Map<String, Value>, part: &Value) -> Result<bool, Refusal> {
    let text = |value: &Value| value.as_str().map(str::to_owned).unwrap_or_default();
    let mut all = true;
    for (name, wanted) in comparisons {
        all &= match name.as_str() {
            "eq" => part == wanted,
            "in" => wanted.as_array().is_some_and(|wanted| wanted.contains(part)),
            "eqIgnoreCase" => text(part).eq_ignore_ascii_case(&text(wanted)),
            "gt" => text(part) > text(wanted),
            "gte" => text(part) >= text(wanted),
            "lt" => text(part) < text(wanted),
            other => {
                return Err(Refusal::invalid(format!("Field \"{other}\" is not defined by the comparator.")));
            }
        };
    }
    Ok(all)
}
