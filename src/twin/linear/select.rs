//! What is asked for of something: it is there as a whole, and its parts are picked out.

use std::cmp::Reverse;

use serde_json::{Map, Value, json};

use super::document::Field;
use super::{Refusal, filter};

/// How many entries a list gives where nobody says, and at the most.
const USUAL: usize = 50;
const MOST: usize = 250;

/// The fields of an object of some type that are asked for.
pub(super) fn pick(whole: &Value, fields: &[Field]) -> Result<Value, Refusal> {
    let mut picked = Map::new();
    for field in fields {
        let missing = || Refusal::invalid(format!("Cannot query field \"{}\".", field.name));
        let part = whole.get(&field.name).ok_or_else(missing)?;
        picked.insert(field.key.clone(), part_of(part, field)?);
    }
    Ok(Value::Object(picked))
}

/// A part as far as it is asked for.
pub(super) fn part_of(part: &Value, field: &Field) -> Result<Value, Refusal> {
    match part {
        Value::Null => Ok(Value::Null),
        Value::Array(items) if !field.fields.is_empty() => {
            items.iter().map(|item| pick(item, &field.fields)).collect()
        }
        Value::Object(_) if field.fields.is_empty() => {
            Err(Refusal::invalid(format!("Field \"{}\" must have a selection of subfields.", field.name)))
        }
        Value::Object(object) => match object.get("nodes").and_then(Value::as_array) {
            Some(nodes) => {
                pick(&page(&filter::wanted(nodes, &field.arguments)?, &field.arguments)?, &field.fields)
            }
            None => pick(part, &field.fields),
        },
        _ if !field.fields.is_empty() => {
            Err(Refusal::invalid(format!("Field \"{}\" must not have a selection.", field.name)))
        }
        scalar => Ok(scalar.clone()),
    }
}

/// A page of a list, the newest first: by when things were made, or by when they were changed.
fn page(nodes: &[Value], arguments: &Map<String, Value>) -> Result<Value, Refusal> {
    let order = arguments.get("orderBy").and_then(Value::as_str).unwrap_or("createdAt");
    let mut nodes: Vec<&Value> = nodes.iter().collect();
    // What has no time stays in its order.
    nodes.sort_by_key(|node| Reverse(node.get(order).and_then(Value::as_str)));
    let first = arguments.get("first").and_then(Value::as_u64).map_or(USUAL, |first| first as usize);
    if first > MOST {
        return Err(Refusal::input(format!(
            "Argument Validation Error: first must not be greater than {MOST}"
        )));
    }
    let after = arguments.get("after").and_then(Value::as_str);
    let begin = match after {
        None => 0,
        Some(id) => {
            let place = nodes.iter().position(|node| node["id"] == id);
            place.ok_or_else(|| Refusal::input("Invalid cursor".to_owned()))? + 1
        }
    };
    let shown: Vec<_> = nodes.iter().skip(begin).take(first).collect();
    let info = json!({
        "hasNextPage": begin + shown.len() < nodes.len(),
        "endCursor": shown.last().map(|last| last["id"].clone()),
    });
    Ok(json!({ "nodes": shown, "pageInfo": info }))
}
