//! What is told of a delivery or event, for people and programs alike.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::event::Event;
use crate::ingress::refused::Refused;
use crate::router::Said;
use crate::store::RunSummary;

/// The answer to a question: the thing itself, and what else there is under that name.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Explained {
    /// The newest thing that goes by the name; nothing when nothing in particular was asked about.
    pub explanation: Option<Explanation>,
    /// The others, newest first.
    #[serde(default)]
    pub also: Vec<Line>,
}

/// What is known of one delivery or event.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Explanation {
    /// One sentence for people.
    pub sentence: String,
    /// What can be done about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
    /// The event that it became.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<Event>,
    /// Why it became none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refused>,
    /// What the triggers said, the nearest first.
    #[serde(default)]
    pub triggers: Vec<Said>,
    /// The runs that it started.
    #[serde(default)]
    pub runs: Vec<RunSummary>,
    /// Whether the rules are still those by which it was judged.
    #[serde(default)]
    pub rules: Rules,
    /// Whether the triggers of today were asked instead.
    #[serde(default)]
    pub today: bool,
}

/// Whether the rules are still those by which an event was judged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rules {
    /// They are.
    Same,
    /// Handlers, workflows or prompts have changed since.
    Changed,
    /// It is not known by which it was judged, or there is no event.
    #[default]
    Unknown,
}

/// An event or a refusal in one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// When it happened.
    pub time: Timestamp,
    /// What to ask by for more; empty where nothing names it.
    pub id: String,
    /// The event's kind, or the cause of the refusal.
    pub what: String,
    /// What it is about, or where it was sent.
    pub subject: String,
    /// Why it started something, or nothing.
    pub sentence: String,
}

impl Line {
    /// The line of a delivery that became no event.
    #[must_use]
    pub fn of(refused: &Refused) -> Self {
        let digest = || refused.digest.map(|digest| digest.to_string());
        Self {
            time: refused.time,
            id: refused.ids.values().next().cloned().or_else(digest).unwrap_or_default(),
            what: refused.cause.to_string(),
            subject: refused.path.clone(),
            sentence: refused.why.clone(),
        }
    }
}

impl From<Explanation> for Explained {
    fn from(explanation: Explanation) -> Self {
        Self { explanation: Some(explanation), also: Vec::new() }
    }
}
