//! What is kept, as JSON: one function a question, for the API and the command line alike.

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::agent::trajectory;
use crate::id::{EventId, RunId};
use crate::ledger::costs::{self, Asked};
use crate::money::Money;
use crate::run::Timeline;
use crate::store::{Found, Query, RunSummary, Store, StoreError, Waits};

/// A page of runs, newest first.
///
/// # Errors
/// When the store fails.
pub async fn runs(
    store: &dyn Store,
    before: Option<RunId>,
    limit: usize,
    now: Timestamp,
) -> Result<Value, StoreError> {
    let found = store.query(Query::Runs { before, limit }).await?;
    let Found::Runs(runs) = found else { return Ok(json!({ "runs": [] })) };
    let next = (runs.len() == limit).then(|| runs.last().map(|run| run.id)).flatten();
    let waits = waits(store, runs.iter().map(|run| run.id).collect(), now).await?;
    let runs: Vec<Value> = runs.iter().map(|run| waiting(run, &waits)).collect();
    Ok(json!({ "runs": runs, "next": next }))
}

/// What each of these runs waits for.
async fn waits(
    store: &dyn Store,
    runs: Vec<RunId>,
    now: Timestamp,
) -> Result<HashMap<RunId, Waits>, StoreError> {
    match store.query(Query::Waits { runs, now }).await? {
        Found::Waits(waits) => Ok(waits.into_iter().collect()),
        _ => Ok(HashMap::new()),
    }
}

/// A run with what it waits for; `null` while it is at work or when it is over.
fn waiting(run: &RunSummary, waits: &HashMap<RunId, Waits>) -> Value {
    let mut told = json!(run);
    told["waits"] = json!(waits.get(&run.id));
    told
}

/// What a run's agents said and did, as JSON lines, or nothing if there is no such run.
///
/// # Errors
/// When the store fails, or the run's journal is damaged.
pub async fn trajectory(store: &dyn Store, id: RunId) -> Result<Option<Value>, StoreError> {
    let Some(journal) = store.load(id).await? else { return Ok(None) };
    Ok(Some(json!({ "trajectory": trajectory::of_journal(id, &journal.entries) })))
}

/// One run with its steps, or nothing.
///
/// # Errors
/// When the store fails, or the run's journal is damaged.
pub async fn run(store: &dyn Store, id: RunId, now: Timestamp) -> Result<Option<Value>, StoreError> {
    let Found::Run(summary) = store.query(Query::Run(id)).await? else { return Ok(None) };
    let Some(journal) = store.load(id).await? else { return Ok(None) };
    let run = waiting(&summary, &waits(store, vec![id], now).await?);
    Ok(Some(json!({ "run": run, "timeline": Timeline::of(&journal.entries) })))
}

/// A page of events, newest first.
///
/// # Errors
/// When the store fails.
pub async fn events(store: &dyn Store, before: Option<EventId>, limit: usize) -> Result<Value, StoreError> {
    let found = store.query(Query::Events { before, limit }).await?;
    let Found::Events(events) = found else { return Ok(json!({ "events": [] })) };
    let next = (events.len() == limit).then(|| events.last().map(|event| event.id)).flatten();
    Ok(json!({ "events": events, "next": next }))
}

/// One event with the reasons of every trigger, or nothing.
///
/// # Errors
/// When the store fails.
pub async fn event(store: &dyn Store, id: EventId) -> Result<Option<Value>, StoreError> {
    let Found::Event(event) = store.query(Query::Event(id)).await? else { return Ok(None) };
    let reasons = match store.query(Query::Reasons(id)).await? {
        Found::Reasons(reasons) => reasons.told(),
        _ => Value::Null,
    };
    Ok(Some(json!({ "event": event, "reasons": reasons })))
}

/// Counts of what is kept.
///
/// # Errors
/// When the store fails.
pub async fn census(store: &dyn Store) -> Result<Value, StoreError> {
    let found = store.query(Query::Census).await?;
    Ok(if let Found::Census(census) = found { json!(census) } else { Value::Null })
}

/// What a month has cost, under the line as it is now.
///
/// # Errors
/// When the store fails.
pub async fn costs(
    store: &dyn Store,
    asked: Asked,
    monthly_budget: Money,
    now: Timestamp,
) -> Result<Value, StoreError> {
    Ok(json!(costs::of(store, asked, monthly_budget, now).await?))
}
