//! The admin socket's routes: what the command line asks a running server. They are served on a Unix socket
//! that only its owner can open, never over TCP.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRef, Path, Query, State};
use axum::http::HeaderMap;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::error::Problem;
use super::views;
use crate::engine::Handle;
use crate::event::RepositoryName;
use crate::id::{EventId, RunId};
use crate::ingress::{CatchUp, Inbox, OrderError, Rerun, Wanted};
use crate::ledger::costs::Asked;
use crate::router::own::Order;
use crate::run::Sent;
use crate::store::Store;

/// The largest page.
const PAGE: usize = 100;

/// The routes that show and hurry the asking for what was missed.
pub fn catch_up(catch_up: Arc<CatchUp>) -> Router {
    Router::new().route("/api/v1/catch-up", get(accounts).post(ask)).with_state(catch_up)
}

/// What the admin socket's routes reach.
#[derive(Debug, Clone)]
pub struct Desk {
    /// What is looked at.
    pub store: Arc<dyn Store>,
    /// What takes orders.
    pub inbox: Arc<Inbox>,
    /// What runs hear signals from.
    pub engine: Handle,
}

impl FromRef<Desk> for Arc<dyn Store> {
    fn from_ref(desk: &Desk) -> Self {
        Self::clone(&desk.store)
    }
}

impl FromRef<Desk> for Arc<Inbox> {
    fn from_ref(desk: &Desk) -> Self {
        Self::clone(&desk.inbox)
    }
}

impl FromRef<Desk> for Handle {
    fn from_ref(desk: &Desk) -> Self {
        desk.engine.clone()
    }
}

/// The routes over a store and an inbox.
pub fn router(desk: Desk) -> Router {
    Router::new()
        .route("/api/v1/runs", get(runs).post(start))
        .route("/api/v1/runs/{id}", get(run))
        .route("/api/v1/runs/{id}/trajectory", get(trajectory))
        .route("/api/v1/runs/{id}/signals", post(signal))
        .route("/api/v1/runs/{id}/rerun", post(rerun))
        .route("/api/v1/events", get(events))
        .route("/api/v1/events/{id}", get(event))
        .route("/api/v1/events/{id}/replay", post(replay))
        .route("/api/v1/census", get(census))
        .route("/api/v1/costs", get(costs))
        .with_state(desk)
}

/// A run that is ordered.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ordered {
    workflow: String,
    #[serde(default)]
    inputs: Map<String, Value>,
    repository: Option<RepositoryName>,
    task: Option<String>,
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

async fn runs(State(desk): State<Desk>, Query(page): Query<Page<RunId>>) -> Answer {
    Ok(Json(views::runs(&*desk.store, page.before, page.limit(), desk.inbox.now()).await?))
}

async fn start(State(inbox): State<Arc<Inbox>>, headers: HeaderMap, body: Bytes) -> Answer {
    let Ordered { workflow, inputs, repository, task } = ordered(&body)?;
    let answer = inbox.order(&Order { workflow, inputs, repository, task }, key(&headers)).await?;
    Ok(Json(json!(answer)))
}

/// Whether it is only to be said what would be done.
#[derive(Debug, Deserialize)]
struct Dry {
    #[serde(default)]
    dry_run: bool,
}

/// Does a run again.
async fn rerun(
    State(inbox): State<Arc<Inbox>>,
    Path(id): Path<RunId>,
    Query(dry): Query<Dry>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let how: Rerun = if body.is_empty() { Rerun::default() } else { ordered(&body)? };
    if dry.dry_run {
        return Ok(Json(inbox.foresee_rerun(id, &how).await?.told()));
    }
    Ok(Json(json!(inbox.rerun(id, &how, key(&headers)).await?)))
}

/// Shows an event to today's triggers once more.
async fn replay(
    State(inbox): State<Arc<Inbox>>,
    Path(what): Path<String>,
    Query(dry): Query<Dry>,
    headers: HeaderMap,
) -> Answer {
    if dry.dry_run {
        return Ok(Json(inbox.foresee_replay(&what).await?.told()));
    }
    Ok(Json(json!(inbox.replay(&what, key(&headers)).await?)))
}

/// What makes a request recognisable that is made again.
fn key(headers: &HeaderMap) -> Option<&str> {
    headers.get("idempotency-key").and_then(|key| key.to_str().ok()).filter(|key| !key.is_empty())
}

fn ordered<T: DeserializeOwned>(body: &Bytes) -> Result<T, OrderError> {
    serde_json::from_slice(body).map_err(|error| OrderError::Unfit(format!("the body is no order: {error}")))
}

async fn run(State(desk): State<Desk>, Path(id): Path<RunId>) -> Answer {
    views::run(&*desk.store, id, desk.inbox.now()).await?.map(Json).ok_or(Problem::Missing("run"))
}

async fn trajectory(State(store): State<Arc<dyn Store>>, Path(id): Path<RunId>) -> Answer {
    views::trajectory(&*store, id).await?.map(Json).ok_or(Problem::Missing("run"))
}

/// Says something to a run.
async fn signal(State(engine): State<Handle>, Path(id): Path<RunId>, Json(sent): Json<Sent>) -> Answer {
    engine.signal(id, sent).await?;
    Ok(Json(json!({ "run": id })))
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

async fn costs(State(desk): State<Desk>, Query(asked): Query<Asked>) -> Answer {
    let line = desk.inbox.monthly_budget();
    Ok(Json(views::costs(&*desk.store, asked, line, desk.inbox.now()).await?))
}

/// How each way of asking for what was missed has gone so far.
async fn accounts(State(catch_up): State<Arc<CatchUp>>) -> Json<Value> {
    Json(json!({ "ways": catch_up.accounts().await }))
}

/// Asks for what was missed now, and answers when that is done.
async fn ask(State(catch_up): State<Arc<CatchUp>>, Json(wanted): Json<Wanted>) -> Json<Value> {
    Json(json!({ "reports": catch_up.ask(&wanted).await, "ways": catch_up.accounts().await }))
}
