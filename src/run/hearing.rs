//! What a step is told: a person's decision or an event while it stands still, a person's words while an agent works.

use serde::{Deserialize, Serialize};

use crate::event::{Event, KindPattern};

/// What a step waits to be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Awaited {
    /// A person's decision.
    Decision,
    /// An event of one of these kinds.
    Event {
        /// The kinds.
        kinds: Vec<KindPattern>,
    },
    /// Words for the agent that works.
    Words,
}

/// What it was told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Heard {
    /// A person's decision. Whether it was theirs to make is found out when it is heard.
    Decision(Decision),
    /// An event.
    Event(Box<Event>),
    /// What a person says to an agent at work. Whether it was theirs to say is found out when it is read.
    Words(Words),
}

/// What a person says to an agent at work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Words {
    /// What they say.
    pub text: String,
    /// Where they said it. Without it somebody said it at the machine itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<Box<Event>>,
    /// The person at the machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

impl Words {
    /// Who says it, for people.
    #[must_use]
    pub fn who(&self) -> &str {
        who(self.event.as_deref(), self.by.as_deref())
    }
}

/// What a person decided about a step that asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// Whether it is a yes.
    pub approved: bool,
    /// What they said to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Who decided where: the click or the comment. Without it somebody decided at the machine itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<Box<Event>>,
    /// The person at the machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

impl Decision {
    /// Who decided, for people.
    #[must_use]
    pub fn who(&self) -> &str {
        who(self.event.as_deref(), self.by.as_deref())
    }
}

fn who<'a>(event: Option<&'a Event>, by: Option<&'a str>) -> &'a str {
    let actor = event.and_then(|event| event.actor.as_ref());
    actor.map(|actor| actor.name.as_str()).or(by).unwrap_or("somebody at the machine")
}
