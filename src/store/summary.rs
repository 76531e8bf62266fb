//! Runs as lists show them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::event::SourceName;
use crate::id::{Digest, EventId, RunId};
use crate::money::Money;
use crate::run::Ending;

/// A run as lists show it; kept up to date by every commit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunSummary {
    /// Its id.
    pub id: RunId,
    /// The event that started it.
    pub event: EventId,
    /// The event's source.
    pub source: SourceName,
    /// The event's subject, as text.
    pub subject: String,
    /// The trigger that wanted it.
    pub trigger: String,
    /// Its workflow.
    pub workflow: String,
    /// The run that it does again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rerun_of: Option<RunId>,
    /// The definition that it runs.
    pub definition: Digest,
    /// What it does: `open`, `succeeded`, `failed`, `refused`, `cancelled`, `parked`.
    pub status: RunStatus,
    /// Why it ended so or waits, for people.
    #[serde(default)]
    pub reason: Option<String>,
    /// When it started.
    pub started_at: Timestamp,
    /// When its newest record was written.
    pub updated_at: Timestamp,
    /// How many records it has.
    pub records: u64,
    /// What it has cost so far.
    pub cost: Money,
}

/// What a run does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// It goes on or waits.
    Open,
    /// It ended well.
    Succeeded,
    /// It ended badly.
    Failed,
    /// The person who asked may not.
    Refused,
    /// A person stopped it.
    Cancelled,
    /// It needs a person.
    Parked,
}

impl std::fmt::Display for RunStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Open => "open",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Refused => "refused",
            Self::Cancelled => "cancelled",
            Self::Parked => "parked",
        })
    }
}

impl From<Ending> for RunStatus {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Succeeded => Self::Succeeded,
            Ending::Failed => Self::Failed,
            Ending::Refused => Self::Refused,
            Ending::Cancelled => Self::Cancelled,
        }
    }
}
