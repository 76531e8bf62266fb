//! What is no part of the API: repositories, as git clones and pushes them, and plain pages for people.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};

use super::{Place, Refusal, hook, is_token};
use crate::twin::smart_http::{Call, refused};
use crate::twin::world::World;

/// Serves a request of git's, or a page.
pub(super) async fn serve(
    State(world): State<Arc<World>>,
    Path(path): Path<String>,
    method: Method,
    RawQuery(query): RawQuery,
    (headers, body): (HeaderMap, Bytes),
) -> Response {
    let Some((repository, service)) = path.split_once(".git/") else {
        return page(&world, &path).await.unwrap_or_else(Refusal::into_response);
    };
    let (repository, service) = (repository.to_owned(), service.to_owned());
    let query = query.unwrap_or_default();
    let call = Call { repository, service, method, query, headers, body };
    if !call.is_allowed(|password| is_token(&world, password)) {
        return refused("GitLab");
    }
    if world.gitlab().project(&call.repository).is_err() {
        return (StatusCode::NOT_FOUND, "The project you were looking for could not be found.\n")
            .into_response();
    }
    let (response, moves) = call.answer(&world).await;
    for (branch, change) in moves {
        hook::announce_push(&world, &call.repository, &branch, change);
    }
    response
}

/// An issue's or merge request's conversation, and what the latter would change.
async fn page(world: &World, path: &str) -> Result<Response, Refusal> {
    let missing = || Refusal::missing("Page");
    let (project, rest) = path.split_once("/-/").ok_or_else(missing)?;
    let (kind, iid) = rest.split_once('/').ok_or_else(missing)?;
    let iid = iid.parse().map_err(|_| missing())?;
    let place = Place { project: project.to_owned(), change: kind == "merge_requests", iid };
    let item = world.gitlab().item(&place)?.clone();
    let sign = if place.change { '!' } else { '#' };
    let state = if item.open { "open" } else { "closed" };
    let body = item.description.as_deref().unwrap_or_default();
    let mut page = format!("{project}{sign}{iid} {}\n{state}, by {}\n\n{body}\n", item.title, item.author);
    for note in &item.notes {
        page += &format!("\n-- {}:\n{}\n", note.author, note.body);
    }
    if let Some(change) = &item.change {
        page += &world.repositories.diff(project, &change.base, &change.sha).await?;
    }
    Ok(page.into_response())
}
