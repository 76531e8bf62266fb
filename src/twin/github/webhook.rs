//! A repository's webhooks, as they are registered over the API. What the twins send goes where Ostler listens,
//! whatever is registered here.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, Refusal, refusal};
use crate::twin::world::World;

/// A webhook that somebody registered.
#[derive(Debug, Clone)]
pub(super) struct Webhook {
    pub(super) id: u64,
    active: bool,
    events: Vec<String>,
    config: Config,
}

/// Where a webhook delivers to, and how.
#[derive(Debug, Clone, Deserialize)]
struct Config {
    url: Option<String>,
    content_type: Option<String>,
    secret: Option<String>,
}

/// What a webhook is made from, or changed to.
#[derive(Debug, Deserialize)]
struct Wish {
    name: Option<String>,
    active: Option<bool>,
    events: Option<Vec<String>>,
    config: Option<Config>,
}

impl Webhook {
    /// Secrets are told as stars.
    fn shape(&self) -> Value {
        json!({
            "type": "Repository", "id": self.id, "name": "web", "active": self.active, "events": self.events,
            "config": {
                "url": self.config.url,
                "content_type": self.config.content_type.as_deref().unwrap_or("form"),
                "insecure_ssl": "0",
                "secret": self.config.secret.as_ref().map(|_| "********"),
            },
            "last_response": {"code": null, "status": "unused", "message": null},
        })
    }
}

pub(super) async fn list(
    State(world): State<Arc<World>>,
    Path((owner, name)): Path<(String, String)>,
) -> Answer {
    let state = world.github();
    let hooks = &state.repository(&format!("{owner}/{name}"))?.hooks;
    Ok(Json(hooks.iter().map(Webhook::shape).collect::<Vec<_>>()).into_response())
}

pub(super) async fn create(
    State(world): State<Arc<World>>,
    Path((owner, name)): Path<(String, String)>,
    body: Bytes,
) -> Answer {
    let wish: Wish = refusal::read(&body)?;
    if wish.name.is_some_and(|name| name != "web") {
        return Err(Refusal::field("Hook", "name", "invalid"));
    }
    let config = wish.config.filter(|config| config.url.is_some());
    let config = config.ok_or_else(|| Refusal::field("Hook", "url", "missing_field"))?;
    let mut state = world.github();
    let id = state.next_id();
    let repository = state.repository_mut(&format!("{owner}/{name}"))?;
    if repository.hooks.iter().any(|hook| hook.config.url == config.url) {
        return Err(Refusal::custom("Hook", "Hook already exists on this repository"));
    }
    let events = wish.events.unwrap_or_else(|| vec!["push".to_owned()]);
    let hook = Webhook { id, active: wish.active.unwrap_or(true), events, config };
    let shape = hook.shape();
    repository.hooks.push(hook);
    Ok((StatusCode::CREATED, Json(shape)).into_response())
}

pub(super) async fn edit(
    State(world): State<Arc<World>>,
    Path((owner, name, id)): Path<(String, String, u64)>,
    body: Bytes,
) -> Answer {
    let wish: Wish = refusal::read(&body)?;
    let mut state = world.github();
    let repository = state.repository_mut(&format!("{owner}/{name}"))?;
    let hook = repository.hooks.iter_mut().find(|hook| hook.id == id).ok_or_else(Refusal::missing)?;
    hook.active = wish.active.unwrap_or(hook.active);
    hook.events = wish.events.unwrap_or_else(|| hook.events.clone());
    // A configuration is replaced whole: without its secret there is none.
    hook.config = wish.config.unwrap_or_else(|| hook.config.clone());
    Ok(Json(hook.shape()).into_response())
}
