//! Linear: the GraphQL API as far as a bot asks it, webhooks about what happens, and plain pages.

mod call;
mod change;
mod document;
mod filter;
mod hook;
mod refusal;
mod select;
mod shape;
mod state;
mod summary;
mod webhook;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, Request, State as Extract};
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use secrecy::ExposeSecret as _;
use subtle::ConstantTimeEq as _;

pub(super) use self::hook::{assign_by, comment_by, label_by};
use self::refusal::Refusal;
pub(super) use self::state::State;
pub(super) use self::summary::summary;
use super::world::World;

/// The API, and beside it the pages that its addresses lead to.
pub(super) fn routes(world: &Arc<World>) -> Router<Arc<World>> {
    let api =
        Router::new().route("/graphql", post(answer)).layer(from_fn_with_state(Arc::clone(world), authorize));
    api.route("/acme/issue/{key}", get(page))
}

/// A key stands by itself; a token would stand behind `Bearer`, and there is none here.
async fn authorize(Extract(world): Extract<Arc<World>>, request: Request, next: Next) -> Response {
    let key = world.secrets.linear_key.expose_secret().as_bytes();
    let given = request.headers().get(AUTHORIZATION);
    if given.is_some_and(|given| given.as_bytes().ct_eq(key).into()) {
        next.run(request).await
    } else {
        Refusal::unauthorized().into_response()
    }
}

async fn answer(Extract(world): Extract<Arc<World>>, body: Bytes) -> Response {
    call::answer(&world, &body).map_or_else(Refusal::into_response, |data| Json(data).into_response())
}

async fn page(Extract(world): Extract<Arc<World>>, Path(key): Path<String>) -> Result<String, StatusCode> {
    let state = world.linear();
    let issue = state.issue(&key).map_err(|_| StatusCode::NOT_FOUND)?;
    Ok(summary::page(&world, issue))
}
