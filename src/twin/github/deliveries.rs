//! What became of the deliveries of a repository's webhook, as GitHub keeps it, and sending one again.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::http::header::LINK;
use axum::response::IntoResponse as _;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, Refusal};
use crate::twin::outbox::{Attempt, Delivery, Sender};
use crate::twin::world::World;

/// How many entries a page has at the most, and unless it is asked for fewer.
const PAGE: (usize, usize) = (100, 30);

/// Which page of the list is wanted.
#[derive(Debug, Deserialize)]
pub(super) struct Page {
    per_page: Option<usize>,
    /// The newest attempt on the page.
    cursor: Option<u64>,
}

/// The attempts at the repository's deliveries, newest first.
pub(super) async fn list(
    State(world): State<Arc<World>>,
    Path((owner, name, hook)): Path<(String, String, u64)>,
    Query(page): Query<Page>,
) -> Answer {
    let mut attempts = attempts(&world, &format!("{owner}/{name}"), hook)?;
    attempts.retain(|(attempt, _)| page.cursor.is_none_or(|newest| attempt.id <= newest));
    let count = page.per_page.unwrap_or(PAGE.1).clamp(1, PAGE.0);
    let next = attempts.get(count).map(|(attempt, _)| attempt.id);
    let shown: Vec<_> = attempts.iter().take(count).map(shape).collect();
    let mut answer = Json(shown).into_response();
    if let Some(next) = next {
        let path = format!("/github/api/v3/repos/{owner}/{name}/hooks/{hook}/deliveries");
        let link = format!("<{}?per_page={count}&cursor={next}>; rel=\"next\"", world.address(&path));
        answer.headers_mut().extend(link.parse().ok().map(|link| (LINK, link)));
    }
    Ok(answer)
}

/// One attempt in full.
pub(super) async fn read(
    State(world): State<Arc<World>>,
    Path((owner, name, hook, id)): Path<(String, String, u64, u64)>,
) -> Answer {
    let attempts = attempts(&world, &format!("{owner}/{name}"), hook)?;
    let found = attempts.iter().find(|(attempt, _)| attempt.id == id).ok_or_else(Refusal::missing)?;
    let mut full = shape(found);
    full["request"] = json!({ "payload": payload(&found.1) });
    full["response"] = json!({ "headers": {}, "payload": found.0.answer });
    Ok(Json(full).into_response())
}

/// Sends what an attempt was at once more.
pub(super) async fn again(
    State(world): State<Arc<World>>,
    Path((owner, name, hook, id)): Path<(String, String, u64, u64)>,
) -> Answer {
    let attempts = attempts(&world, &format!("{owner}/{name}"), hook)?;
    let index = attempts.iter().find(|(attempt, _)| attempt.id == id).map(|(attempt, _)| attempt.delivery);
    let index = index.ok_or_else(Refusal::missing)?;
    let sender = Arc::clone(&world);
    world.outbox.spawn(async move {
        sender.outbox.again(index, sender.now()).await;
    });
    Ok((StatusCode::ACCEPTED, Json(json!({}))).into_response())
}

fn attempts(world: &World, repository: &str, hook: u64) -> Result<Vec<(Attempt, Delivery)>, Refusal> {
    let known = world.github().repository(repository)?.hooks.iter().any(|known| known.id == hook);
    if !known {
        return Err(Refusal::missing());
    }
    let is_its = |delivery: &Delivery| {
        delivery.sender == Sender::Github && payload(delivery)["repository"]["full_name"] == repository
    };
    Ok(world.outbox.attempts(is_its))
}

fn shape((attempt, delivery): &(Attempt, Delivery)) -> Value {
    let payload = payload(delivery);
    let event = delivery.headers.iter().find(|(name, _)| *name == "x-github-event").map(|(_, event)| event);
    json!({
        "id": attempt.id, "guid": delivery.id, "delivered_at": attempt.at, "redelivery": attempt.is_again,
        "duration": 0.1, "status": if attempt.status.is_some() { "answered" } else { "failed to connect to host" },
        "status_code": attempt.status.unwrap_or(0), "event": event, "action": payload["action"],
        "installation_id": null, "repository_id": payload["repository"]["id"], "throttled_at": null,
    })
}

fn payload(delivery: &Delivery) -> Value {
    serde_json::from_str(&delivery.body).unwrap_or_default()
}
