//! A connection of Socket Mode: a WebSocket at an address that is good for one.

use std::sync::Arc;

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Query, State as Extract};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::socket::{Out, Sockets};
use super::state::APP;
use crate::twin::world::{World, lock};

impl Sockets {
    fn enter(&self) -> (u64, mpsc::UnboundedReceiver<Out>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let mut state = lock(&self.0);
        state.count.opened += 1;
        let number = state.count.opened;
        state.open.insert(number, sender);
        state.count.most = state.count.most.max(state.open.len());
        (number, receiver)
    }

    fn leave(&self, number: u64) {
        lock(&self.0).open.remove(&number);
    }

    fn acknowledge(&self, text: &str) {
        let answer: Value = serde_json::from_str(text).unwrap_or_default();
        let waiting = answer["envelope_id"].as_str().and_then(|id| lock(&self.0).waiting.remove(id));
        if let Some(waiting) = waiting {
            let payload = answer.get("payload").map(Value::to_string).unwrap_or_default();
            // Who waited may have given up.
            drop(waiting.send(payload));
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Ticket {
    ticket: String,
}

/// Opens a connection at an address that was given for it.
pub(super) async fn open(
    Extract(world): Extract<Arc<World>>,
    Query(Ticket { ticket }): Query<Ticket>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, StatusCode> {
    let is_known = lock(&world.outbox.sockets.0).tickets.remove(&ticket);
    if !is_known {
        return Err(StatusCode::FORBIDDEN);
    }
    Ok(upgrade.on_upgrade(move |socket| async move {
        let (number, out) = world.outbox.sockets.enter();
        serve(&world, socket, out).await;
        world.outbox.sockets.leave(number);
    }))
}

async fn serve(world: &World, mut socket: WebSocket, mut out: mpsc::UnboundedReceiver<Out>) {
    let hello = json!({
        "type": "hello", "num_connections": world.outbox.sockets.count().open,
        "connection_info": {"app_id": APP},
        "debug_info": {"host": "twin", "build_number": 1, "approximate_connection_time": 18060},
    });
    if socket.send(Message::text(hello.to_string())).await.is_err() {
        return;
    }
    loop {
        tokio::select! {
            said = socket.recv() => match said {
                Some(Ok(Message::Text(text))) => world.outbox.sockets.acknowledge(text.as_str()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => {}
            },
            told = out.recv() => {
                let Some(Out::Tell(value)) = told else { return };
                if socket.send(Message::text(value.to_string())).await.is_err() {
                    return;
                }
            }
        }
    }
}
