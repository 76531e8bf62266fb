//! Slack: the Web API as far as a bot calls it, and signed events, commands and button presses.

mod call;
mod hook;
#[cfg(feature = "socket-mode")]
mod link;
pub(super) mod socket;
mod state;
mod talk;

use std::sync::Arc;

use axum::Router;
use axum::routing::post;

pub(super) use self::hook::{command_by, mention_by, press_by, react_by, reply_by};
pub(super) use self::state::State;
use super::world::World;

/// The Web API, the place that answers to commands may be posted to, and where connections are opened.
pub(super) fn routes() -> Router<Arc<World>> {
    let routes = Router::new()
        .route("/api/{method}", post(call::serve).get(call::serve))
        .route("/response/{id}", post(call::respond));
    #[cfg(feature = "socket-mode")]
    let routes = routes.route("/link/", axum::routing::get(link::open));
    routes
}
