//! A project's webhooks, as they are registered over the API, and what was delivered. What the twins send goes where
//! Ostler listens, whatever is registered here.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::item::Paging;
use super::{Answer, Refusal, refusal};
use crate::twin::outbox::{Delivery, Sender, Sent};
use crate::twin::world::World;

/// A webhook that somebody registered, as it was asked for.
#[derive(Debug, Clone)]
pub(super) struct Webhook {
    id: u64,
    wish: Map<String, Value>,
}

/// The events that a new webhook tells of unless it says otherwise.
const USUAL: &str = "push_events";

impl Webhook {
    /// The token is never told again.
    fn shape(&self) -> Value {
        let mut shape = self.wish.clone();
        let token = shape.remove("token").is_some_and(|token| !token.is_null());
        shape.insert("id".to_owned(), self.id.into());
        shape.insert("token_present".to_owned(), token.into());
        shape.insert("alert_status".to_owned(), "executable".into());
        shape.entry(USUAL).or_insert(true.into());
        Value::Object(shape)
    }
}

pub(super) async fn list(State(world): State<Arc<World>>, Path(id): Path<String>) -> Answer {
    let state = world.gitlab();
    let hooks = &state.project(&id)?.hooks;
    Ok(Json(hooks.iter().map(Webhook::shape).collect::<Vec<_>>()).into_response())
}

pub(super) async fn create(State(world): State<Arc<World>>, Path(id): Path<String>, body: Bytes) -> Answer {
    let wish: Map<String, Value> = refusal::read(&body)?;
    if !wish.get("url").is_some_and(Value::is_string) {
        return Err(Refusal::bad("url is missing"));
    }
    let mut state = world.gitlab();
    let hook = Webhook { id: state.next_id(), wish };
    let shape = hook.shape();
    state.project_mut(&id)?.hooks.push(hook);
    Ok((StatusCode::CREATED, Json(shape)).into_response())
}

pub(super) async fn edit(
    State(world): State<Arc<World>>,
    Path((id, hook)): Path<(String, u64)>,
    body: Bytes,
) -> Answer {
    let wish: Map<String, Value> = refusal::read(&body)?;
    let mut state = world.gitlab();
    let hooks = &mut state.project_mut(&id)?.hooks;
    let hook = hooks.iter_mut().find(|known| known.id == hook).ok_or_else(|| Refusal::missing(""))?;
    hook.wish.extend(wish);
    Ok(Json(hook.shape()).into_response())
}

#[derive(Debug, Deserialize)]
pub(super) struct ByStatus {
    status: Option<String>,
}

/// What was delivered about the project, newest first: at most twenty on a page.
pub(super) async fn events(
    State(world): State<Arc<World>>,
    Path((id, hook)): Path<(String, u64)>,
    Query(ByStatus { status }): Query<ByStatus>,
    Query(paging): Query<Paging>,
) -> Answer {
    let (path, url) = {
        let state = world.gitlab();
        let project = state.project(&id)?;
        let hook = project.hooks.iter().find(|known| known.id == hook).ok_or_else(|| Refusal::missing(""))?;
        (project.path.clone(), hook.wish["url"].clone())
    };
    let sent = world.outbox.sent_by(Sender::Gitlab);
    let all = sent.iter().rev().filter_map(|(number, delivery, sent)| event(*number, delivery, sent, &url));
    let of_project = all.filter(|event| event["request_data"]["project"]["path_with_namespace"] == *path);
    let wanted = of_project.filter(|event| {
        let code = event["response_status"].as_str().unwrap_or_default();
        match status.as_deref() {
            Some("server_failure") => code.starts_with('5'),
            Some("client_failure") => code.starts_with('4'),
            Some("successful") => code.starts_with('2'),
            Some(exact) => code == exact,
            None => true,
        }
    });
    Ok(paging.page(wanted.collect(), 20))
}

fn event(number: usize, delivery: &Delivery, sent: &Sent, url: &Value) -> Option<Value> {
    let data: Value = serde_json::from_str(&delivery.body).ok()?;
    let mut headers: Map<String, Value> =
        delivery.headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_str().into())).collect();
    headers.insert("X-Gitlab-Token".to_owned(), "[REDACTED]".into());
    let status = sent.status.map_or_else(|| "internal error".to_owned(), |code| code.to_string());
    Some(json!({
        "id": number + 1, "url": url, "trigger": "note_hooks", "request_headers": headers,
        "request_data": data, "response_headers": {}, "response_body": "", "execution_duration": 0.1,
        "response_status": status,
    }))
}
