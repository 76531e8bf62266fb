//! Slack's own shapes, as far as Ostler reads them.
//!
//! What is sent are slack-morphism's models; what is read back is less than theirs, since a history also
//! holds the messages of other apps, whose metadata need not be what those models expect.

use serde::Deserialize;
use serde_json::Value;

use crate::plugin::Problem;
use crate::plugin::client::{Answer, Dialect, Retry};

#[derive(Debug, Deserialize)]
pub(super) struct Identity {
    pub(super) user_id: String,
    pub(super) bot_id: Option<String>,
    pub(super) team_id: Option<String>,
    /// Whether the app is in a whole organisation, and not in one workspace.
    #[serde(default)]
    pub(super) is_enterprise_install: bool,
}

/// An address for a connection, which lets whoever knows it listen.
#[cfg(feature = "socket-mode")]
#[derive(Deserialize)]
pub(super) struct Opened {
    pub(super) url: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Posted {
    pub(super) channel: String,
    pub(super) ts: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct History {
    #[serde(default)]
    pub(super) messages: Vec<Message>,
    pub(super) response_metadata: Option<Paging>,
}

/// Messages as they were written, with everything in them.
#[derive(Debug, Deserialize)]
pub(super) struct Talk {
    #[serde(default)]
    pub(super) messages: Vec<Value>,
    pub(super) response_metadata: Option<Paging>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Message {
    pub(super) ts: String,
    pub(super) user: Option<String>,
    pub(super) bot_id: Option<String>,
    pub(super) metadata: Option<Metadata>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Metadata {
    #[serde(default)]
    pub(super) event_type: String,
    #[serde(default)]
    pub(super) event_payload: Value,
}

#[derive(Debug, Deserialize)]
pub(super) struct Channels {
    #[serde(default)]
    pub(super) channels: Vec<Channel>,
    pub(super) response_metadata: Option<Paging>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Channel {
    pub(super) id: String,
    pub(super) name: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Paging {
    next_cursor: Option<String>,
}

impl Paging {
    /// Where the next page begins; an empty cursor is the end.
    pub(super) fn next(paging: Option<Self>) -> Option<String> {
        paging?.next_cursor.filter(|cursor| !cursor.is_empty())
    }
}

/// How Slack says what went wrong.
pub(super) const DIALECT: Dialect = Dialect { message, problem };

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Envelope {
    ok: Option<bool>,
    error: Option<String>,
    needed: Option<String>,
}

fn envelope(body: &[u8]) -> Envelope {
    serde_json::from_slice(body).unwrap_or_default()
}

fn message(body: &[u8]) -> Option<String> {
    let Envelope { error, needed, .. } = envelope(body);
    let error = error?;
    Some(needed.map_or_else(|| error.clone(), |scope| format!("{error} (the token lacks `{scope}`)")))
}

/// A failure usually comes with status 200.
fn problem(answer: &Answer) -> Option<Problem> {
    if !answer.status.is_success() {
        return None;
    }
    let said = envelope(&answer.body);
    if said.ok != Some(false) {
        return None;
    }
    let unsure = if answer.retry == Retry::Always { Problem::Unavailable } else { Problem::Unknown };
    Some(match said.error.as_deref().unwrap_or_default() {
        "ratelimited" | "rate_limited" => Problem::RateLimited,
        "internal_error" | "fatal_error" | "request_timeout" | "service_unavailable" => unsure,
        "channel_not_found" | "thread_not_found" | "message_not_found" | "user_not_found" => {
            Problem::NotFound
        }
        "not_authed" | "invalid_auth" | "account_inactive" | "token_revoked" | "token_expired"
        | "no_permission" | "missing_scope" | "not_in_channel" | "restricted_action"
        | "ekm_access_denied" | "access_denied" => Problem::Denied,
        _ => Problem::Invalid,
    })
}
