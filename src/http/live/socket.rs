//! The same over a WebSocket: one text message for each thing that happened.

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;

use super::tail::Tail;
use super::{Live, Place, Problem};
use crate::id::RunId;
use crate::run::Telling;

pub(super) async fn all(
    State(live): State<Live>,
    Query(place): Query<Place>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let tail = Tail::all(live, place.reached(&headers));
    upgrade.on_upgrade(|socket| serve(socket, tail))
}

pub(super) async fn one(
    State(live): State<Live>,
    Path(run): Path<RunId>,
    Query(place): Query<Place>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Problem> {
    let tail = Tail::run(live, run, place.reached(&headers).unwrap_or(0)).await?;
    let tail = tail.ok_or(Problem::Missing("run"))?;
    Ok(upgrade.on_upgrade(|socket| serve(socket, tail)))
}

async fn serve(mut socket: WebSocket, mut tail: Tail) {
    loop {
        let told = tokio::select! {
            said = socket.recv() => match said {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                // Nothing else is expected to be said here.
                Some(Ok(_)) => continue,
            },
            told = tail.next() => told,
        };
        let Ok(Some(page)) = told else { break };
        for telling in &page {
            if send(&mut socket, telling).await.is_err() {
                return;
            }
        }
    }
    // Whoever is gone already does not read it.
    drop(socket.send(Message::Close(None)).await);
}

async fn send(socket: &mut WebSocket, telling: &Telling) -> Result<(), axum::Error> {
    socket.send(Message::text(serde_json::to_string(telling).unwrap_or_default())).await
}
