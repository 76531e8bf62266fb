//! Whether the process lives, and whether it takes deliveries.

use std::sync::atomic::Ordering;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::{Face, Problem};
use crate::store::Query;

/// The process lives.
pub(super) async fn live() -> Json<Value> {
    Json(json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")}))
}

/// The store answers and nobody asked us to drain. Deliveries are taken even while Ostler does not know its
/// own account on some provider, but what is meant for it there starts nothing yet: that is said.
pub(super) async fn ready(State(face): State<Face>) -> Result<Json<Value>, Problem> {
    if !face.open.load(Ordering::Relaxed) {
        return Err(Problem::NotReady);
    }
    match face.store.query(Query::NextDue).await {
        Ok(_) => Ok(Json(json!({"status": "ready", "unknown_accounts": face.inbox.strangers()}))),
        Err(error) => {
            tracing::warn!(%error, "the store does not answer");
            Err(Problem::NotReady)
        }
    }
}
