//! `communication`: messages to people.

use std::fmt::Debug;

use serde::{Deserialize, Serialize};

use super::Call;
use super::effect::{Effect, Made};
use crate::event::{Account, SourceName};
use crate::spec::action::{ActionSpec, Field, Kind, Repeat, Undo};

/// A place where a team talks.
pub trait Chat: Debug + Send + Sync {
    /// The provider's name.
    fn name(&self) -> SourceName;

    /// The account that Ostler acts as.
    fn whoami(&self) -> Call<'_, Account>;

    /// Sends a message, unless this effect sent it before.
    fn send<'a>(&'a self, message: &'a NewMessage, effect: &'a Effect) -> Call<'a, Made<Message>>;

    /// The message that this effect sent, if it is there; channel and thread are where it was sent.
    fn find_message<'a>(&'a self, message: &'a NewMessage, effect: &'a Effect) -> Call<'a, Option<Message>>;

    /// Gives a message of our own another text, under the mark of the effect that sent it. It has no buttons then.
    fn edit_message<'a>(&'a self, message: &'a Message, text: &'a str, effect: &'a Effect) -> Call<'a, ()>;

    /// Deletes a message of our own; one that is gone is success.
    fn delete_message<'a>(&'a self, message: &'a Message) -> Call<'a, ()>;
}

/// A message to send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewMessage {
    /// The channel's name (with or without `#`) or id; none for the provider's default channel.
    pub channel: Option<String>,
    /// The message that it answers, for a thread.
    pub thread: Option<String>,
    /// The text, as plain text: the provider escapes what would be markup.
    pub text: String,
    /// What people can choose from by a click; a provider without buttons leaves them out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<Choice>,
}

/// A button under a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// What the click is called in the event that it makes.
    pub action: String,
    /// The value that it carries.
    pub value: String,
    /// What people read on it.
    pub label: String,
}

/// A message that is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The channel's id.
    pub channel: String,
    /// The vendor's id of the message within it.
    pub id: String,
}

/// The capability's name in workflows.
pub const CAPABILITY: &str = "communication";

/// What workflows can say to people.
#[must_use]
pub fn actions() -> Vec<ActionSpec> {
    vec![ActionSpec {
        inputs: vec![
            Field::optional("channel", Kind::String),
            Field::required("message", Kind::String).or("text"),
            Field::optional("thread", Kind::String),
        ],
        outputs: Field::texts(&["channel", "ts"]),
        repeat: Repeat::Findable,
        undo: Undo::Action("delete_message".to_owned()),
        ..ActionSpec::reading(CAPABILITY, "send_message", "Sends a message to a channel.")
    }]
}
