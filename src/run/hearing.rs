//! What a step that stands still is told: a person's decision, or an event.

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
}

/// What it was told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Heard {
    /// A person's decision. Whether it was theirs to make is found out when it is heard.
    Decision(Decision),
    /// An event.
    Event(Box<Event>),
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
        let actor = self.event.as_ref().and_then(|event| event.actor.as_ref());
        actor.map(|actor| actor.name.as_str()).or(self.by.as_deref()).unwrap_or("somebody at the machine")
    }
}
