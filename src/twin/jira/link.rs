//! Calls about the links of tickets to pages elsewhere.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use serde::Deserialize;
use serde_json::{Value, json};

use super::call::parse;
use super::shape;
use super::state::Link;
use super::{Answer, Refusal};
use crate::twin::world::World;

type Shared = State<Arc<World>>;

/// Which of a ticket's links is meant.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Which {
    global_id: Option<String>,
}

fn missing() -> Refusal {
    Refusal::missing("A remote issue link with this global id does not exist.")
}

/// The links; with a global id the one of that id.
pub(super) async fn list(
    State(world): Shared,
    Path(key): Path<String>,
    Query(which): Query<Which>,
) -> Answer {
    let state = world.jira();
    let ticket = state.ticket(&key)?;
    if which.global_id.is_some() {
        let found = ticket.links.iter().find(|link| link.global_id == which.global_id);
        return Ok(Json(shape::link(&world, ticket, found.ok_or_else(missing)?)).into_response());
    }
    let links: Vec<_> = ticket.links.iter().map(|link| shape::link(&world, ticket, link)).collect();
    Ok(Json(links).into_response())
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewLink {
    global_id: Option<String>,
    object: Value,
}

/// Makes a link, or changes the one of the same global id.
pub(super) async fn put(State(world): Shared, Path(key): Path<String>, body: Bytes) -> Answer {
    let new: NewLink = parse(&body)?;
    for member in ["url", "title"] {
        if new.object[member].as_str().is_none_or(str::is_empty) {
            return Err(Refusal::field(member, format!("'{member}' is required.")));
        }
    }
    let mut state = world.jira();
    let id = state.next_id();
    let ticket = state.ticket_mut(&key)?;
    let same = |link: &&mut Link| new.global_id.is_some() && link.global_id == new.global_id;
    let (status, id) = match ticket.links.iter_mut().find(same) {
        Some(link) => {
            link.object = new.object;
            (StatusCode::OK, link.id)
        }
        None => {
            ticket.links.push(Link { id, global_id: new.global_id, object: new.object });
            (StatusCode::CREATED, id)
        }
    };
    let address = world.address(&format!("/jira/rest/api/3/issue/{}/remotelink/{id}", ticket.key));
    Ok((status, Json(json!({"id": id, "self": address}))).into_response())
}

/// Deletes the link of a global id.
pub(super) async fn delete(
    State(world): Shared,
    Path(key): Path<String>,
    Query(which): Query<Which>,
) -> Answer {
    let wanted = which.global_id.ok_or_else(|| Refusal::bad("The global id is missing."))?;
    let mut state = world.jira();
    let links = &mut state.ticket_mut(&key)?.links;
    let at = links.iter().position(|link| link.global_id.as_ref() == Some(&wanted)).ok_or_else(missing)?;
    links.remove(at);
    Ok(StatusCode::NO_CONTENT.into_response())
}
