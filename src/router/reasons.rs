//! What is kept of how an event was judged.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Reason, Refusal};
use crate::id::{Digest, EventId};

/// How an event was judged, at the time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reasons {
    /// One sentence for people.
    pub sentence: String,
    /// Why no trigger was asked, where none was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Refusal>,
    /// The event whose question it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answers: Option<EventId>,
    /// What each trigger said that takes its kind.
    pub triggers: Vec<Reason>,
    /// The rules by which it was judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub catalog: Option<Digest>,
}

/// What a trigger said, with a sentence for people.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Said {
    /// What it said.
    #[serde(flatten)]
    pub reason: Reason,
    /// The same for people.
    pub sentence: String,
}

impl Reasons {
    /// The same as programs read it, with a sentence for each trigger.
    #[must_use]
    pub fn told(self) -> Value {
        let said: Vec<_> = self.triggers.iter().cloned().map(Said::from).collect();
        let mut told = json!(self);
        told["triggers"] = json!(said);
        told
    }
}

impl From<Reason> for Said {
    fn from(reason: Reason) -> Self {
        Self { sentence: reason.sentence(), reason }
    }
}
