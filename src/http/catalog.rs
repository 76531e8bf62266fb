//! What is in force, and putting in force what people have written since.

use std::sync::Arc;

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};

use crate::ingress::reload::{InForce, Reload, Reloaded};

/// The routes over what reloads.
pub fn router(reload: Arc<Reload>) -> Router {
    Router::new()
        .route("/api/v1/catalog", get(catalog))
        .route("/api/v1/reload", post(again))
        .with_state(reload)
}

async fn catalog(State(reload): State<Arc<Reload>>) -> Json<InForce> {
    Json(reload.in_force())
}

/// That it was refused is an answer, not a failure to answer.
async fn again(State(reload): State<Arc<Reload>>) -> Json<Reloaded> {
    Json(reload.reload().await)
}
