//! The admin socket's routes: what the command line asks a running server. They are served on a Unix socket
//! that only its owner can open, never over TCP.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::Problem;
use super::views;
use crate::id::{EventId, RunId};
use crate::ingress::{CatchUp, Wanted};
use crate::store::Store;

/// The largest page.
const PAGE: usize = 100;

/// The routes over a store.
pub fn router(store: Arc<dyn Store>, catch_up: Arc<CatchUp>) -> Router {
    let asking = Router::new().route("/api/v1/catch-up", get(accounts).post(ask)).with_state(catch_up);
    Router::new()
        .route("/api/v1/runs", get(runs))
        .route("/api/v1/runs/{id}", get(run))
        .route("/api/v1/events", get(events))
        .route("/api/v1/events/{id}", get(event))
        .route("/api/v1/census", get(census))
        .with_state(store)
        .merge(asking)
}

/// Which part of a list is wanted.
#[derive(Debug, Deserialize)]
struct Page<Id> {
    before: Option<Id>,
    limit: Option<usize>,
}

impl<Id> Page<Id> {
    fn limit(&self) -> usize {
        self.limit.unwrap_or(PAGE).clamp(1, PAGE)
    }
}

type Answer = Result<Json<Value>, Problem>;

async fn runs(State(store): State<Arc<dyn Store>>, Query(page): Query<Page<RunId>>) -> Answer {
    Ok(Json(views::runs(&*store, page.before, page.limit()).await?))
}

async fn run(State(store): State<Arc<dyn Store>>, Path(id): Path<RunId>) -> Answer {
    views::run(&*store, id).await?.map(Json).ok_or(Problem::Missing("run"))
}

async fn events(State(store): State<Arc<dyn Store>>, Query(page): Query<Page<EventId>>) -> Answer {
    Ok(Json(views::events(&*store, page.before, page.limit()).await?))
}

async fn event(State(store): State<Arc<dyn Store>>, Path(id): Path<EventId>) -> Answer {
    views::event(&*store, id).await?.map(Json).ok_or(Problem::Missing("event"))
}

async fn census(State(store): State<Arc<dyn Store>>) -> Answer {
    Ok(Json(views::census(&*store).await?))
}

/// How each way of asking for what was missed has gone so far.
async fn accounts(State(catch_up): State<Arc<CatchUp>>) -> Json<Value> {
    Json(json!({ "ways": catch_up.accounts().await }))
}

/// Asks for what was missed now, and answers when that is done.
async fn ask(State(catch_up): State<Arc<CatchUp>>, Json(wanted): Json<Wanted>) -> Json<Value> {
    Json(json!({ "reports": catch_up.ask(&wanted).await, "ways": catch_up.accounts().await }))
}
