//! What Slack knows.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::twin::seed::Seed;

/// The workspace.
pub(in crate::twin) const TEAM: &str = "T0ACME";
/// Ostler's app in it.
pub(in crate::twin) const APP: &str = "A0OSTLER";
/// Ostler's bot in it, as messages name it.
pub(super) const BOT: &str = "B0OSTLER";

/// Everything of Slack.
#[derive(Debug)]
pub(in crate::twin) struct State {
    pub(in crate::twin) channels: Vec<Channel>,
    /// What was said to one person only.
    pub(in crate::twin) whispers: Vec<Whisper>,
    last_message: u64,
}

/// A channel with its messages, oldest first.
#[derive(Debug, Serialize)]
pub(in crate::twin) struct Channel {
    pub(in crate::twin) id: String,
    pub(in crate::twin) name: String,
    pub(in crate::twin) messages: Vec<Message>,
}

/// A message.
#[derive(Debug, Clone, Serialize)]
pub(in crate::twin) struct Message {
    pub(in crate::twin) ts: String,
    pub(in crate::twin) user: String,
    pub(in crate::twin) text: String,
    pub(in crate::twin) thread_ts: Option<String>,
    pub(in crate::twin) metadata: Option<Value>,
    pub(in crate::twin) blocks: Option<Value>,
    pub(in crate::twin) edited: bool,
    /// Whether Ostler's app wrote it.
    pub(super) bot: bool,
}

/// An answer to a command.
#[derive(Debug, Clone, Serialize)]
pub(in crate::twin) struct Whisper {
    pub(in crate::twin) channel: String,
    pub(in crate::twin) user: String,
    pub(in crate::twin) text: String,
}

impl Message {
    /// Leaves of it what Slack leaves of a message that was deleted and had been replied to.
    pub(super) fn bury(&mut self) {
        let ts = std::mem::take(&mut self.ts);
        *self = Self {
            user: "USLACKBOT".to_owned(),
            text: "This message was deleted.".to_owned(),
            thread_ts: Some(ts.clone()),
            ts,
            metadata: None,
            blocks: None,
            edited: false,
            bot: false,
        };
    }
}

impl State {
    pub(in crate::twin) fn seeded(seed: &Seed) -> Self {
        let channel =
            |id: &String, name: &String| Channel { id: id.clone(), name: name.clone(), messages: Vec::new() };
        let channels = seed.channels.iter().map(|wanted| channel(&wanted.id, &wanted.name));
        Self { channels: channels.collect(), whispers: Vec::new(), last_message: 0 }
    }

    /// The channel of this id or name, with or without `#`.
    pub(in crate::twin) fn channel(&self, named: &str) -> Option<&Channel> {
        let name = named.trim_start_matches('#');
        self.channels.iter().find(|channel| channel.id == named || channel.name == name)
    }

    pub(super) fn channel_mut(&mut self, named: &str) -> Option<&mut Channel> {
        let name = named.trim_start_matches('#');
        self.channels.iter_mut().find(|channel| channel.id == named || channel.name == name)
    }

    /// Writes down what was said to one person: the channel, the person, the words.
    pub(in crate::twin) fn whisper(&mut self, said: Vec<(String, String, String)>) {
        self.whispers.extend(said.into_iter().map(|(channel, user, text)| Whisper { channel, user, text }));
    }

    /// A time stamp that no other message has: it is a message's name.
    pub(super) fn stamp(&mut self, now: Timestamp) -> String {
        self.last_message += 1;
        format!("{}.{:06}", now.as_second(), self.last_message)
    }
}
