//! GitLab: the REST API as far as a bot calls it, repositories over git, and webhooks about both.

mod change;
mod event;
mod hook;
mod item;
mod pages;
mod project;
mod refusal;
mod shape;
mod state;
mod summary;
mod webhook;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State as Extract};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{delete, get, put};
use secrecy::ExposeSecret as _;
use subtle::ConstantTimeEq as _;

pub(super) use self::hook::{label_by, note_by};
use self::refusal::Refusal;
pub(super) use self::state::{Place, State};
pub(super) use self::summary::summary;
use super::world::World;

/// What a handler of the API gives.
type Answer = Result<Response, Refusal>;

/// The REST API, and beside it what is no part of it: repositories for git, and pages for people.
pub(super) fn routes(world: &Arc<World>) -> Router<Arc<World>> {
    let one = Router::new()
        .route("/", get(project::read))
        .route("/members/all/{user}", get(project::member))
        .route("/repository/branches", axum::routing::post(project::create_branch))
        .route("/repository/branches/{branch}", get(project::read_branch))
        .route("/releases", get(async || axum::Json(serde_json::json!([]))))
        .route("/repository/commits", get(project::commits))
        .route("/repository/commits/{sha}/statuses", get(project::statuses))
        .route("/merge_requests/{iid}/diffs", get(change::diffs))
        .route("/issues", get(item::list_issues).post(item::create_issue))
        .route("/merge_requests", get(change::list).post(change::create))
        .route("/{kind}/{iid}", get(item::read).put(item::edit))
        .route("/{kind}/{iid}/notes", get(item::list_notes).post(item::create_note))
        .route("/{kind}/{iid}/notes/{note}", delete(item::delete_note).put(item::edit_note))
        .route("/{kind}/{iid}/notes/{note}", get(item::read_note))
        .route("/{kind}/{iid}/resource_label_events", get(event::list_labels))
        .route("/{kind}/{iid}/resource_state_events", get(event::list_states))
        .route("/hooks", get(webhook::list).post(webhook::create))
        .route("/hooks/{hook}", put(webhook::edit))
        .route("/hooks/{hook}/events", get(webhook::events));
    let api = Router::new()
        .route("/version", get(async || axum::Json(serde_json::json!({"version": "19.2.0-ee"}))))
        .route("/user", get(project::whoami))
        .route("/users", get(project::users))
        .route("/personal_access_tokens/self", get(project::token))
        .nest("/projects/{id}", one)
        .fallback(async || Refusal::missing(""))
        .layer(from_fn_with_state(Arc::clone(world), authorize));
    Router::new().nest("/api/v4", api).route("/{*path}", get(pages::serve).post(pages::serve))
}

async fn authorize(Extract(world): Extract<Arc<World>>, request: Request, next: Next) -> Response {
    let given = request.headers().get("private-token").and_then(|value| value.to_str().ok());
    if given.is_some_and(|given| is_token(&world, given)) {
        next.run(request).await
    } else {
        Refusal::unauthorized().into_response()
    }
}

fn is_token(world: &World, given: &str) -> bool {
    world.secrets.gitlab_token.expose_secret().as_bytes().ct_eq(given.as_bytes()).into()
}
