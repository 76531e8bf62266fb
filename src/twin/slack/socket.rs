//! Socket Mode: an app that asks for a connection is told of everything over that, and sent nothing any more.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::sync::{mpsc, oneshot};

use super::state::APP;
use crate::clock::Clock;
use crate::id::Digest;
use crate::twin::outbox::Delivery;
use crate::twin::world::{World, lock};

/// How long an acknowledgement may take.
const DEADLINE: Duration = Duration::from_secs(3);
/// How long a connection lasts once it was said to end; with Slack it is ten seconds.
const NOTICE: Duration = Duration::from_secs(1);

/// The connections of the app, and what is on its way over them.
#[derive(Debug, Default)]
pub(in crate::twin) struct Sockets(pub(super) Mutex<State>);

#[derive(Debug, Default)]
pub(super) struct State {
    /// Addresses that no connection was opened at yet.
    pub(super) tickets: BTreeSet<String>,
    pub(super) open: BTreeMap<u64, mpsc::UnboundedSender<Out>>,
    pub(super) waiting: BTreeMap<String, oneshot::Sender<String>>,
    envelopes: u64,
    pub(super) count: Count,
}

/// How many connections there were.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(in crate::twin) struct Count {
    /// How many addresses were asked for.
    asked: u64,
    /// How many connections were opened.
    pub(super) opened: u64,
    /// How many are open.
    pub(super) open: usize,
    /// How many were open at once at the most.
    pub(super) most: usize,
}

/// What is done to a connection.
#[derive(Debug)]
pub(super) enum Out {
    #[cfg_attr(
        not(feature = "socket-mode"),
        expect(dead_code, reason = "nobody is connected in a build without connections")
    )]
    Tell(Value),
    End,
}

/// How connections end.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::twin) enum Ending {
    /// They are said to end, and do a little later.
    Refresh,
    /// They break.
    Drop,
}

impl Sockets {
    /// A new address for one connection.
    pub(super) fn address(&self, world: &World) -> String {
        let mut state = lock(&self.0);
        state.count.asked += 1;
        let ticket =
            Digest::of(format!("ticket {} {}", state.count.asked, world.now()).as_bytes()).to_string();
        let address = world.address(&format!("/slack/link/?ticket={ticket}&app_id={APP}"));
        state.tickets.insert(ticket);
        address.replacen("http", "ws", 1)
    }

    pub(in crate::twin) fn count(&self) -> Count {
        let state = lock(&self.0);
        Count { open: state.open.len(), ..state.count }
    }

    /// Tells a delivery over one of the connections, by turns, and gives what it was acknowledged with, or why it
    /// was not; nothing where the app is none of this mode.
    pub(in crate::twin) async fn tell(
        &self,
        delivery: &Delivery,
        attempt: u32,
        clock: &dyn Clock,
    ) -> Option<Result<String, &'static str>> {
        let (id, acknowledged) = {
            let mut state = lock(&self.0);
            if state.count.asked == 0 {
                return None;
            }
            state.envelopes += 1;
            let (id, turn) = (format!("envelope-{}", state.envelopes), state.envelopes);
            let turn = usize::try_from(turn).unwrap_or_default() % state.open.len().max(1);
            let Some(open) = state.open.values().nth(turn) else { return Some(Err("nobody is connected")) };
            if open.send(Out::Tell(envelope(&id, delivery, attempt))).is_err() {
                return Some(Err("the connection broke"));
            }
            let (sender, receiver) = oneshot::channel();
            state.waiting.insert(id.clone(), sender);
            (id, receiver)
        };
        let answer = tokio::select! {
            answer = acknowledged => answer.map_err(|_| "the connection broke"),
            () = clock.sleep(DEADLINE) => Err("not acknowledged"),
        };
        lock(&self.0).waiting.remove(&id);
        Some(answer)
    }

    /// Ends all connections.
    pub(in crate::twin) fn end(world: &Arc<World>, how: Ending) {
        let open: Vec<_> = lock(&world.outbox.sockets.0).open.values().cloned().collect();
        let end = |open: &[mpsc::UnboundedSender<Out>]| {
            open.iter().for_each(|one| drop(one.send(Out::End)));
        };
        if matches!(how, Ending::Drop) {
            return end(&open);
        }
        let notice =
            json!({"type": "disconnect", "reason": "refresh_requested", "debug_info": {"host": "twin"}});
        open.iter().for_each(|one| drop(one.send(Out::Tell(notice.clone()))));
        let later = Arc::clone(world);
        world.outbox.spawn(async move {
            later.sleep(NOTICE).await;
            end(&open);
        });
    }
}

/// A delivery as it is told.
fn envelope(id: &str, delivery: &Delivery, attempt: u32) -> Value {
    let form = || url::form_urlencoded::parse(delivery.body.as_bytes()).into_owned();
    let (kind, payload) = match delivery.path {
        "slack/commands" => {
            let fields: Map<_, _> = form().map(|(name, value)| (name, value.into())).collect();
            ("slash_commands", Value::Object(fields))
        }
        "slack/interactions" => {
            let payload = form().find(|(name, _)| name == "payload").map(|(_, value)| value);
            ("interactive", payload.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
        }
        _ => ("events_api", serde_json::from_str(&delivery.body).unwrap_or_default()),
    };
    let mut envelope = json!({
        "envelope_id": id, "type": kind, "payload": payload,
        "accepts_response_payload": kind != "events_api",
    });
    if kind == "events_api" {
        envelope["retry_attempt"] = (attempt - 1).into();
        envelope["retry_reason"] = if attempt > 1 { "timeout" } else { "" }.into();
    }
    envelope
}
