//! What is asked of the API.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::document::{self, Field};
use super::state::State;
use super::{Refusal, change, select, shape, webhook};
use crate::twin::world::World;

#[derive(Debug, Deserialize)]
struct Call {
    query: String,
    #[serde(default)]
    variables: Map<String, Value>,
}

/// Answers a document.
pub(super) fn answer(world: &Arc<World>, body: &[u8]) -> Result<Value, Refusal> {
    let call: Call = serde_json::from_slice(body).map_err(|error| Refusal::invalid(error.to_string()))?;
    let document = document::read(&call.query, &call.variables)?;
    let mut data = Map::new();
    for field in &document.fields {
        let whole = if document.mutation { change::make(world, field)? } else { whole(world, field)? };
        data.insert(field.key.clone(), select::part_of(&whole, field)?);
    }
    Ok(json!({ "data": data }))
}

/// What a field of a query stands for, before anything is picked out of it.
fn whole(world: &World, field: &Field) -> Result<Value, Refusal> {
    let state = world.linear();
    let things = match field.name.as_str() {
        "viewer" => return Ok(shape::user(world, &world.bot().linear)),
        "issue" => return issue(world, &state, text(&field.arguments, "id")?),
        "issues" => state.issues.values().map(|issue| shape::issue(world, &state, issue)).collect(),
        "comments" => {
            let said = state.issues.values().flat_map(|issue| {
                issue.comments.iter().map(|comment| shape::comment(world, &state, issue, comment))
            });
            said.collect()
        }
        "teams" => state.teams.iter().map(shape::team).collect(),
        "issueLabels" => state.labels.iter().map(|label| shape::label(&label.name)).collect(),
        "webhooks" => state.hooks.iter().map(webhook::Webhook::shape).collect::<Vec<_>>(),
        other => return Err(Refusal::invalid(format!("Cannot query field \"{other}\" on type \"Query\"."))),
    };
    Ok(json!({ "nodes": things }))
}

/// One issue, with what was said and done about it.
fn issue(world: &World, state: &State, key: &str) -> Result<Value, Refusal> {
    let found = state.issue(key)?;
    let mut value = shape::issue(world, state, found);
    let entries: Vec<_> = found.history.iter().map(|entry| shape::entry(world, found, entry)).collect();
    value["history"] = json!({ "nodes": entries });
    Ok(value)
}

/// A text that must be given.
pub(super) fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Result<&'a str, Refusal> {
    let missing = || Refusal::invalid(format!("Argument \"{name}\" of required type was not provided."));
    members.get(name).and_then(Value::as_str).ok_or_else(missing)
}
