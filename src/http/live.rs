//! What happens, as it happens: over Server-Sent Events and WebSockets, of all runs or of one. Served on the admin
//! socket only: it tells of everything.
//!
//! Each reader takes one page after the other from the store, and the next only when it has got rid of the last: however
//! slow it is, no more than a page waits for it in memory.

#[cfg(feature = "socket-mode")]
mod socket;
mod tail;
#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use axum::routing::get;
use axum::{Json, Router};
use futures_util::stream::{self, Stream};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use self::tail::Tail;
use super::error::Problem;
use crate::id::RunId;
use crate::run::Telling;
use crate::store::{Store, StoreError};

/// What streams reach.
#[derive(Debug, Clone)]
pub struct Live {
    /// Where everything is.
    pub store: Arc<dyn Store>,
    /// Ends every stream: readers come again, and go on where they were.
    pub stop: CancellationToken,
}

/// From where on something is told.
#[derive(Debug, Default, Deserialize)]
struct Place {
    after: Option<u64>,
}

impl Place {
    /// The place that was reached: a browser that comes again says it by a header.
    fn reached(&self, headers: &HeaderMap) -> Option<u64> {
        let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
        last.or(self.after)
    }
}

/// The routes.
pub fn router(live: Live) -> Router {
    let routes = Router::new()
        .route("/api/v1/stream", get(all))
        .route("/api/v1/runs/{id}/stream", get(one))
        .route("/api/v1/runs/{id}/logs", get(page));
    #[cfg(feature = "socket-mode")]
    let routes = routes
        .route("/api/v1/stream/ws", get(socket::all))
        .route("/api/v1/runs/{id}/stream/ws", get(socket::one));
    routes.with_state(live)
}

/// What was told of a run behind a place, a page of it, and where the next page begins; nothing if there is no such run.
///
/// # Errors
/// When the store fails.
pub async fn logs(store: Arc<dyn Store>, run: RunId, after: u64) -> Result<Option<Value>, StoreError> {
    let live = Live { store, stop: CancellationToken::new() };
    let Some(mut tail) = Tail::run(live, run, after).await? else { return Ok(None) };
    let told = tail.what_is_there().await?;
    let next = told.last().map(|telling| telling.seq);
    Ok(Some(json!({ "log": told, "next": next })))
}

async fn all(
    State(live): State<Live>,
    Query(place): Query<Place>,
    headers: HeaderMap,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    events(Tail::all(live, place.reached(&headers)))
}

async fn one(
    State(live): State<Live>,
    Path(run): Path<RunId>,
    Query(place): Query<Place>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let tail = Tail::run(live, run, place.reached(&headers).unwrap_or(0)).await?;
    Ok(events(tail.ok_or(Problem::Missing("run"))?))
}

async fn page(
    State(live): State<Live>,
    Path(run): Path<RunId>,
    Query(place): Query<Place>,
) -> Result<Json<Value>, Problem> {
    logs(live.store, run, place.after.unwrap_or(0)).await?.map(Json).ok_or(Problem::Missing("run"))
}

fn events(tail: Tail) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let pages = stream::unfold(tail, |mut tail| async move {
        match tail.next().await {
            Ok(Some(page)) => Some((page, tail)),
            Ok(None) => None,
            Err(error) => {
                tracing::error!(%error, "a stream broke off");
                None
            }
        }
    });
    let each = |page: Vec<Telling>| stream::iter(page.into_iter().map(|telling| Ok(event(&telling))));
    let told = futures_util::StreamExt::flat_map(pages, each);
    Sse::new(told).keep_alive(KeepAlive::default())
}

fn event(telling: &Telling) -> Event {
    let event = Event::default().id(telling.seq.to_string()).event(telling.name());
    // It is plain data with text keys, which is always JSON.
    event.data(serde_json::to_string(telling).unwrap_or_default())
}
