//! Admin webhooks, as they are registered over the API. What the twins send goes where Ostler listens,
//! whatever is registered here.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, Refusal, call};
use crate::twin::world::World;

/// A webhook that somebody registered.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Webhook {
    #[serde(skip)]
    id: u64,
    name: String,
    url: String,
    #[serde(default)]
    events: Vec<String>,
    #[serde(default = "yes")]
    enabled: bool,
    #[serde(default)]
    filters: Value,
    #[serde(default)]
    exclude_body: bool,
    #[serde(default)]
    secret: Option<String>,
}

fn yes() -> bool {
    true
}

impl Webhook {
    fn shape(&self, world: &World) -> Value {
        json!({
            "self": world.address(&format!("/jira/rest/webhooks/1.0/webhook/{}", self.id)),
            "name": self.name, "url": self.url, "events": self.events, "enabled": self.enabled,
            "filters": self.filters, "excludeBody": self.exclude_body, "isSigned": self.secret.is_some(),
        })
    }
}

pub(super) async fn list(State(world): State<Arc<World>>) -> Answer {
    let shapes: Vec<_> = world.jira().hooks.iter().map(|hook| hook.shape(&world)).collect();
    Ok(Json(shapes).into_response())
}

pub(super) async fn create(State(world): State<Arc<World>>, body: Bytes) -> Answer {
    let mut hook: Webhook = call::parse(&body)?;
    let mut state = world.jira();
    hook.id = state.next_id();
    let shape = hook.shape(&world);
    state.hooks.push(hook);
    Ok((StatusCode::CREATED, Json(shape)).into_response())
}

pub(super) async fn edit(State(world): State<Arc<World>>, Path(id): Path<u64>, body: Bytes) -> Answer {
    let wish: Webhook = call::parse(&body)?;
    let mut state = world.jira();
    let missing = || Refusal::missing("The webhook does not exist.");
    let hook = state.hooks.iter_mut().find(|hook| hook.id == id).ok_or_else(missing)?;
    *hook = Webhook { id, ..wish };
    Ok(Json(hook.shape(&world)).into_response())
}
