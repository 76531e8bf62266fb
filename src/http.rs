//! The table of routes: where the world and its operators speak to Ostler.
//!
//! | route | what it does |
//! |---|---|
//! | `POST /webhooks/{source}`, `POST /webhooks/{source}/{surface}` | takes a delivery in |
//! | `GET /api/v1/health` | says that the process lives |
//! | `GET /api/v1/health/ready` | says whether it takes deliveries |

pub mod admin;
pub mod catalog;
pub mod door;
pub mod error;
pub mod explain;
mod health;
mod hooks;
pub mod live;
pub mod views;

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;

pub use self::error::Problem;
use crate::clock::Clock;
use crate::ingress::Inbox;
use crate::store::Store;

/// How many deliveries are understood and stored at once; more are asked to come again.
const DELIVERIES: usize = 512;

/// What the routes need.
#[derive(Debug, Clone)]
pub struct Face {
    inbox: Arc<Inbox>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    open: Arc<AtomicBool>,
    places: Arc<Semaphore>,
    room: hooks::body::Room,
}

impl Face {
    /// A face that takes deliveries.
    #[must_use]
    pub fn new(inbox: Arc<Inbox>, store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self {
            inbox,
            store,
            clock,
            open: Arc::new(AtomicBool::new(true)),
            places: Arc::new(Semaphore::new(DELIVERIES)),
            room: hooks::body::Room::default(),
        }
    }

    /// Says from now on that it is not ready, so that balancers send deliveries elsewhere; those
    /// that still come are taken.
    pub fn drain(&self) {
        self.open.store(false, Ordering::Relaxed);
    }
}

/// All public routes.
pub fn router(face: Face) -> Router {
    Router::new()
        .route("/webhooks/{source}", post(hooks::take))
        .route("/webhooks/{source}/{surface}", post(hooks::take_on_surface))
        .route("/api/v1/health", get(health::live))
        .route("/api/v1/health/ready", get(health::ready))
        .fallback(async || Problem::NoRoute)
        .method_not_allowed_fallback(async || Problem::Method)
        .layer(CatchPanicLayer::custom(panicked))
        .with_state(face)
}

fn panicked(_: Box<dyn Any + Send>) -> Response {
    tracing::error!("a request's handler panicked");
    Problem::Internal.into_response()
}

#[cfg(test)]
mod tests;
