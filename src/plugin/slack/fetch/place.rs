//! Conversations that the bot is in, and how what was said there is told.

use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::client::Slack;
use super::super::source::{self, EVENTS};
use super::super::wire;
use crate::plugin::source::{Delivery, JSON};
use crate::plugin::{PluginError, Problem};

/// The kinds of conversation, as they are asked for and as events name them: channels first, where the bot is told
/// of mentions.
const KINDS: [(&str, &str); 4] =
    [("public_channel", "channel"), ("private_channel", "group"), ("mpim", "mpim"), ("im", "im")];
/// How many of the kinds are channels.
const CHANNELS: usize = 2;
/// How many lists of conversations are asked for.
const PAGES: usize = 100;

/// A conversation.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) id: String,
    kind: &'static str,
}

impl Slack {
    /// The channels that the bot is in, or all its conversations, by their ids.
    pub(super) async fn places(&self, all: bool) -> Result<Vec<Place>, PluginError> {
        let mut places = Vec::new();
        for (types, kind) in KINDS.into_iter().take(if all { KINDS.len() } else { CHANNELS }) {
            match self.joined(types).await {
                Ok(ids) => places.extend(ids.into_iter().map(|id| Place { id, kind })),
                // Without the scope for these the others are still there.
                Err(error) if error.problem == Problem::Denied && kind != "channel" => {
                    tracing::debug!(types, %error, "these conversations are not asked for");
                }
                Err(error) => return Err(error),
            }
        }
        places.sort_by(|a, b| a.id.cmp(&b.id));
        places.dedup_by(|a, b| a.id == b.id);
        Ok(places)
    }

    async fn joined(&self, types: &str) -> Result<Vec<String>, PluginError> {
        let (mut ids, mut cursor) = (Vec::new(), None);
        for _ in 0..PAGES {
            let page: wire::Channels = self
                .read(
                    "users.conversations",
                    &[
                        ("types", Some(types.to_owned())),
                        ("exclude_archived", Some("true".to_owned())),
                        ("limit", Some("200".to_owned())),
                        ("cursor", cursor),
                    ],
                )
                .await?;
            ids.extend(page.channels.into_iter().map(|channel| channel.id));
            cursor = wire::Paging::next(page.response_metadata);
            if cursor.is_none() {
                return Ok(ids);
            }
        }
        Err(self.client.error(Problem::BadAnswer, "the list of channels has no end"))
    }
}

impl Place {
    /// A message in the envelope of the Events API. It has no id: the one that was sent is not told.
    pub(super) fn told(&self, message: &Value, bot: &wire::Identity) -> Delivery {
        let mut event = message.clone();
        let text = message["text"].as_str().unwrap_or_default();
        let is_channel = KINDS.iter().take(CHANNELS).any(|(_, kind)| *kind == self.kind);
        let is_mention = is_channel && source::names(text, &bot.user_id);
        event["type"] = if is_mention { "app_mention" } else { "message" }.into();
        event["channel"] = self.id.clone().into();
        event["channel_type"] = self.kind.into();
        event["event_ts"] = message["ts"].clone();
        let at = message["ts"].as_str().and_then(stamp).map(Timestamp::as_second);
        let body = json!({
            "type": "event_callback", "team_id": bot.team_id, "event": event, "event_time": at,
            "authorizations": [{"team_id": bot.team_id, "user_id": bot.user_id, "is_bot": true}],
        });
        let headers = [(http::header::CONTENT_TYPE, HeaderValue::from_static(JSON))];
        Delivery {
            path: format!("/webhooks/slack/{EVENTS}"),
            surface: EVENTS.to_owned(),
            headers: headers.into_iter().collect::<HeaderMap>(),
            body: body.to_string().into(),
            ..Delivery::default()
        }
    }
}

/// Whether the bot itself wrote a message.
pub(super) fn own(message: &Value, bot: &wire::Identity) -> bool {
    let by_app = bot.bot_id.as_ref().is_some_and(|id| message["bot_id"] == **id);
    by_app || message["user"] == *bot.user_id
}

/// A message's name, if it was replied to after a moment.
pub(super) fn replies_since(message: &Value, since: Timestamp) -> Option<&str> {
    let has_newer = match message["latest_reply"].as_str().and_then(stamp) {
        Some(latest) => latest > since,
        None => message["reply_count"].as_u64() > Some(0),
    };
    message["ts"].as_str().filter(|_| has_newer)
}

/// The moment that is a message's name, to the microsecond.
pub(super) fn stamp(ts: &str) -> Option<Timestamp> {
    let (seconds, fraction) = ts.split_once('.').unwrap_or((ts, ""));
    let micros: u32 = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
    Timestamp::new(seconds.parse().ok()?, i32::try_from(micros * 1000).ok()?).ok()
}

/// A moment as Slack writes it.
pub(super) fn written(moment: Timestamp) -> String {
    format!("{}.{:06}", moment.as_second(), moment.subsec_nanosecond() / 1000)
}
