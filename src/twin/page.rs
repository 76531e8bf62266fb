//! Plain pages for people: where the addresses lead that the twins hand out as web pages.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;

use super::world::World;
use super::{github, jira};

/// A page, as plain text.
type Page = Result<String, StatusCode>;

/// The pages of issues, pull requests and tickets.
pub(super) fn routes() -> Router<Arc<World>> {
    Router::new()
        .route("/github/{owner}/{name}/issues/{number}", get(conversation))
        .route("/github/{owner}/{name}/pull/{number}", get(conversation))
        .route("/jira/browse/{key}", get(ticket))
}

async fn conversation(
    State(world): State<Arc<World>>,
    Path((owner, name, number)): Path<(String, String, u64)>,
) -> Page {
    let place = format!("{owner}/{name}");
    let (mut page, pull) = {
        let state = world.github();
        let issue = state.issue(&place, number).map_err(|_| StatusCode::NOT_FOUND)?;
        (github::page(&place, issue), issue.pull.clone())
    };
    if let Some(pull) = pull {
        let diff = world.repositories.diff(&place, &pull.base_sha, &pull.head_sha).await;
        let diff = diff.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
        // Writing to a string cannot fail.
        _ = write!(page, "\n{diff}");
    }
    Ok(page)
}

async fn ticket(State(world): State<Arc<World>>, Path(key): Path<String>) -> Page {
    let state = world.jira();
    state.ticket(&key).map(|ticket| jira::page(&world, ticket)).map_err(|_| StatusCode::NOT_FOUND)
}
