//! Why something happened, or nothing, for the API and the command line alike.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::Problem;
use crate::ingress::explain::{Explained, Explainer, What};

/// How many refused deliveries are listed.
const PAGE: usize = 100;

/// What is asked.
#[derive(Debug, Deserialize)]
struct Asked {
    #[serde(default)]
    what: String,
    #[serde(default)]
    today: bool,
}

/// The routes over what explaining goes by.
pub fn router(explainer: Arc<Explainer>) -> Router {
    Router::new()
        .route("/api/v1/explain", get(explain))
        .route("/api/v1/refused", get(refused))
        .with_state(explainer)
}

async fn explain(
    State(explainer): State<Arc<Explainer>>,
    Query(asked): Query<Asked>,
) -> Result<Json<Explained>, Problem> {
    let Ok(what) = asked.what.parse::<What>();
    let explained = explainer.explain(&what, asked.today).await?;
    explained.map(Json).ok_or(Problem::Missing("delivery, event, subject or run"))
}

async fn refused(State(explainer): State<Arc<Explainer>>) -> Json<Value> {
    let refusals = &explainer.refusals;
    Json(json!({ "refused": refusals.latest(PAGE), "counts": refusals.counts() }))
}
