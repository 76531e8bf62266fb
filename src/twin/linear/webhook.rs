//! Webhooks, as they are registered over the API. What the twins send goes where Ostler listens, whatever is
//! registered here.

use serde_json::{Map, Value, json};

use super::Refusal;
use super::call::text;
use crate::twin::world::World;

/// A webhook that somebody registered, as it was asked for.
#[derive(Debug, Clone)]
pub(super) struct Webhook {
    id: String,
    wish: Map<String, Value>,
}

impl Webhook {
    pub(super) fn shape(&self) -> Value {
        let wish = |name: &str| self.wish.get(name).cloned().unwrap_or_default();
        json!({
            "id": self.id, "url": wish("url"), "label": wish("label"), "resourceTypes": wish("resourceTypes"),
            "enabled": self.wish.get("enabled") != Some(&Value::Bool(false)),
            "allPublicTeams": wish("allPublicTeams") == Value::Bool(true),
        })
    }
}

pub(super) fn create(world: &World, input: &Map<String, Value>) -> Result<Value, Refusal> {
    text(input, "url")?;
    let has_scope = input.contains_key("teamId") || input.get("allPublicTeams") == Some(&Value::Bool(true));
    if !has_scope {
        return Err(Refusal::input("Either teamId or allPublicTeams must be specified".to_owned()));
    }
    let mut state = world.linear();
    let hook = Webhook { id: state.next_id(), wish: input.clone() };
    let shape = hook.shape();
    state.hooks.push(hook);
    Ok(shape)
}

pub(super) fn edit(world: &World, id: &str, input: &Map<String, Value>) -> Result<Value, Refusal> {
    let mut state = world.linear();
    let hook = state.hooks.iter_mut().find(|hook| hook.id == id);
    let hook = hook.ok_or_else(|| Refusal::missing("Webhook"))?;
    hook.wish.extend(input.clone());
    Ok(hook.shape())
}
