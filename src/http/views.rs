//! What is kept, as JSON: one function a question, for the API and the command line alike.

use serde_json::{Value, json};

use crate::id::{EventId, RunId};
use crate::run::Timeline;
use crate::store::{Found, Query, Store, StoreError};

/// A page of runs, newest first.
///
/// # Errors
/// When the store fails.
pub async fn runs(store: &dyn Store, before: Option<RunId>, limit: usize) -> Result<Value, StoreError> {
    let found = store.query(Query::Runs { before, limit }).await?;
    let Found::Runs(runs) = found else { return Ok(json!({ "runs": [] })) };
    let next = (runs.len() == limit).then(|| runs.last().map(|run| run.id)).flatten();
    Ok(json!({ "runs": runs, "next": next }))
}

/// One run with its steps, or nothing.
///
/// # Errors
/// When the store fails, or the run's journal is damaged.
pub async fn run(store: &dyn Store, id: RunId) -> Result<Option<Value>, StoreError> {
    let Found::Run(summary) = store.query(Query::Run(id)).await? else { return Ok(None) };
    let Some(journal) = store.load(id).await? else { return Ok(None) };
    Ok(Some(json!({ "run": summary, "timeline": Timeline::of(&journal.entries) })))
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
