//! Asking Slack for what was said to the bot while it could not be told.
//!
//! Slack sends an event three times more, within minutes, and never again; but what was said stands in the history of
//! the conversations that the bot is in. These are walked one after the other, some with each page, each back to where
//! the last walk came. A history holds no replies: they are asked for where a message says that it has newer ones, so
//! that a walk begins some days earlier. What is found is told as the webhook would have told it, oldest first, and is
//! known again by its place where it was sent as well. What the bot itself wrote is left out.
//!
//! Slash commands and what was pressed or sent in a form stand nowhere and cannot be had again.

mod place;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::place::{Place, own, replies_since, stamp, written};
use super::client::{self, Slack};
use super::source::{self, SourceOptions};
use super::wire;
use crate::event::SourceName;
use crate::plugin::fetch::{self, Asked, Fetch, Page};
use crate::plugin::{Call, PluginError, Problem};

/// How many deliveries one walk gives, and with how many a page is full.
const BATCH: usize = 50;
/// How many conversations one page looks at.
const PLACES: usize = 20;
/// How many lists one walk asks for.
const WALK: usize = 500;
/// How many messages are asked for at once. Some apps get no more than 15, once a minute.
const LIST: &str = "100";
/// How much older a message may be whose new replies are found.
const THREADS: SignedDuration = SignedDuration::from_hours(72);
/// The way in which Slack is asked, if it is, as its source is configured.
pub fn all(slack: &Arc<Slack>, source: &SourceOptions) -> Vec<Arc<dyn Fetch>> {
    if !(source.is_sent() || source.is_heard()) || !source.catch_up.unwrap_or(true) {
        return Vec::new();
    }
    vec![Arc::new(Histories { slack: Arc::clone(slack), messages: source.messages })]
}

/// What was said where the bot is.
#[derive(Debug)]
struct Histories {
    slack: Arc<Slack>,
    /// Whether everything is told, and not only what names the bot.
    messages: bool,
}

/// How far was looked.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Cursor {
    /// From when on a conversation counts that the bot was not in when it was asked last.
    since: Timestamp,
    /// Up to when each conversation was looked at.
    reached: BTreeMap<String, Timestamp>,
    /// The round through all of them that is under way.
    round: Option<Round>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Round {
    begun: Timestamp,
    /// The conversation that was looked at last; they go by their ids.
    last: String,
}

/// What a walk found: the oldest of what is told, as much as one page gives.
#[derive(Debug)]
struct Found {
    /// What was looked at before.
    from: Timestamp,
    missed: BTreeMap<Timestamp, Value>,
    newest: Option<Timestamp>,
    /// Whether there was more than one page gives.
    dropped: bool,
}

/// A list of messages between two moments: a history, or what was replied to one of its messages.
#[derive(Debug)]
struct List<'a> {
    place: &'a Place,
    thread: Option<&'a str>,
    oldest: Timestamp,
    latest: Timestamp,
}

impl Histories {
    async fn ask(&self, asked: &Asked) -> Result<Page, PluginError> {
        let own = self.bot().await?;
        let now = self.slack.client.clock().now();
        let mut cursor = Cursor::of(asked);
        let mut round = cursor.round.take().unwrap_or(Round { begun: now, last: String::new() });
        let places = self.slack.places(self.messages).await?;
        let due: Vec<_> = places.iter().filter(|place| place.id > round.last).collect();
        let mut page = Page::default();
        for (looked, place) in due.into_iter().enumerate() {
            page.more = looked == PLACES || page.deliveries.len() >= BATCH;
            if page.more {
                break;
            }
            let from = cursor.from(place, asked);
            let reached = match self.walk(place, (from, now), own).await {
                Ok(found) => {
                    page.deliveries.extend(found.missed.values().map(|message| place.told(message, own)));
                    page.more = found.dropped;
                    found.reached(now)
                }
                Err(error) if error.is_passing() && looked == 0 => return Err(error),
                // What was found before is told first. Then it is asked again, and says what is wrong.
                Err(error) if error.is_passing() => {
                    page.more = true;
                    from
                }
                Err(error) => {
                    tracing::warn!(channel = place.id, %error, "what was said there cannot be had");
                    from
                }
            };
            cursor.reached.insert(place.id.clone(), reached);
            if page.more {
                break;
            }
            round.last.clone_from(&place.id);
        }
        cursor.go_on(round, &places, page.more);
        page.cursor = serde_json::to_string(&cursor).ok();
        Ok(page)
    }

    /// Whose events these are. An app of a whole organisation is in workspaces that its token does not name.
    async fn bot(&self) -> Result<&wire::Identity, PluginError> {
        let own = self.slack.identity().await?;
        if own.team_id.is_some() && !own.is_enterprise_install {
            return Ok(own);
        }
        let why = "an app of a whole organisation cannot be asked for what it missed: set `catch_up: false`";
        Err(self.slack.client.error(Problem::NotOffered, why))
    }

    /// Walks a conversation from where the last walk came up to now.
    async fn walk(
        &self,
        place: &Place,
        (from, now): (Timestamp, Timestamp),
        own: &wire::Identity,
    ) -> Result<Found, PluginError> {
        let mut found = Found { from, missed: BTreeMap::new(), newest: None, dropped: false };
        let mut threads = BTreeSet::new();
        let oldest = from.checked_sub(THREADS).unwrap_or(from);
        let history = List { place, thread: None, oldest, latest: now };
        let see = |message: Value| {
            threads.extend(replies_since(&message, from).map(str::to_owned));
            found.see(message, self.is_told(own));
        };
        self.each(&history, see).await?;
        for thread in &threads {
            let replies = List { place, thread: Some(thread), oldest: from, latest: now };
            match self.each(&replies, |message| found.see(message, self.is_told(own))).await {
                Err(error) if error.is_passing() => return Err(error),
                Err(error) => tracing::warn!(channel = place.id, thread, %error, "replies cannot be had"),
                Ok(()) => {}
            }
        }
        Ok(found)
    }

    /// Looks at each message of a list.
    async fn each(&self, list: &List<'_>, mut see: impl FnMut(Value) + Send) -> Result<(), PluginError> {
        let method = list.thread.map_or("conversations.history", |_| "conversations.replies");
        let mut cursor = None;
        for _ in 0..WALK {
            let page: wire::Talk = self
                .slack
                .read(
                    method,
                    &[
                        ("channel", Some(list.place.id.clone())),
                        ("ts", list.thread.map(str::to_owned)),
                        ("oldest", Some(written(list.oldest))),
                        ("latest", Some(written(list.latest))),
                        ("limit", Some(LIST.to_owned())),
                        ("cursor", cursor),
                    ],
                )
                .await?;
            page.messages.into_iter().for_each(&mut see);
            cursor = wire::Paging::next(page.response_metadata);
            if cursor.is_none() {
                return Ok(());
            }
        }
        Err(self.slack.client.error(Problem::BadAnswer, "the list of messages has no end"))
    }

    /// Whether the webhook would have told of a message.
    fn is_told(&self, bot: &wire::Identity) -> impl Fn(&Value) -> bool {
        move |message| {
            let text = message["text"].as_str().unwrap_or_default();
            let wanted = self.messages || source::names(text, &bot.user_id);
            wanted && source::is_said(message["subtype"].as_str()) && !own(message, bot)
        }
    }
}

impl Cursor {
    fn of(asked: &Asked) -> Self {
        let kept = asked.cursor.as_deref().and_then(|cursor| serde_json::from_str(cursor).ok());
        kept.unwrap_or_else(|| Self { since: asked.since, reached: BTreeMap::new(), round: None })
    }

    /// From when on a conversation is looked at.
    fn from(&self, place: &Place, asked: &Asked) -> Timestamp {
        self.reached.get(&place.id).copied().unwrap_or(self.since).max(asked.since)
    }

    /// Notes where a page ended. When a round is over, conversations that the bot left are forgotten.
    fn go_on(&mut self, round: Round, places: &[Place], more: bool) {
        if more {
            self.round = Some(round);
            return;
        }
        let there: BTreeSet<_> = places.iter().map(|place| &place.id).collect();
        self.reached.retain(|id, _| there.contains(id));
        self.since = fetch::settled(round.begun).max(self.since);
    }
}

impl Found {
    fn see(&mut self, message: Value, is_told: impl Fn(&Value) -> bool) {
        let Some(at) = message["ts"].as_str().and_then(stamp) else { return };
        self.newest = self.newest.max(Some(at));
        if at > self.from && is_told(&message) {
            self.missed.insert(at, message);
        }
        if self.missed.len() > BATCH {
            self.missed.pop_last();
            self.dropped = true;
        }
    }

    /// Up to when everything was looked at.
    fn reached(&self, now: Timestamp) -> Timestamp {
        let last = self.missed.last_key_value().map(|(at, _)| *at);
        let reached =
            if self.dropped { last } else { self.newest.map(|newest| newest.min(fetch::settled(now))) };
        reached.unwrap_or(self.from).max(self.from)
    }
}

impl Fetch for Histories {
    fn source(&self) -> SourceName {
        SourceName::new(client::NAME)
    }

    fn name(&self) -> &'static str {
        "slack.history"
    }

    fn every(&self) -> Duration {
        fetch::pause(fetch::CATCH_UP)
    }

    fn page<'a>(&'a self, asked: &'a Asked) -> Call<'a, Page> {
        Box::pin(self.ask(asked))
    }
}

#[cfg(test)]
mod tests;
