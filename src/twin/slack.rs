//! Slack: the Web API as far as a bot calls it, and signed events, commands and button presses.

mod call;
mod hook;
mod state;
mod talk;

use std::sync::Arc;

use axum::Router;
use axum::routing::post;

pub(super) use self::hook::{command_by, mention_by, press_by};
pub(super) use self::state::State;
use super::world::World;

/// The Web API, and the place that answers to commands may be posted to.
pub(super) fn routes() -> Router<Arc<World>> {
    Router::new()
        .route("/api/{method}", post(call::serve).get(call::serve))
        .route("/response/{id}", post(call::respond))
}
