//! Repositories, as git clones and pushes them.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};

use super::{hook, is_token};
use crate::twin::smart_http::{Call, refused};
use crate::twin::world::World;

/// Serves one request of git's: GitHub lets everybody read a public repository and only those with a token push.
pub(super) async fn serve(
    State(world): State<Arc<World>>,
    Path((owner, name, service)): Path<(String, String, String)>,
    method: Method,
    RawQuery(query): RawQuery,
    (headers, body): (HeaderMap, Bytes),
) -> Response {
    let repository = format!("{owner}/{}", name.trim_end_matches(".git"));
    let query = query.unwrap_or_default();
    let call = Call { repository, service, method, query, headers, body };
    if !call.is_allowed(|password| is_token(&world, password)) {
        return refused("GitHub");
    }
    if world.github().repository(&call.repository).is_err() {
        return (StatusCode::NOT_FOUND, "Repository not found.\n").into_response();
    }
    let (response, moves) = call.answer(&world).await;
    for (branch, change) in moves {
        hook::announce_push(&world, &call.repository, &branch, change).await;
    }
    response
}
