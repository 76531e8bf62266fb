//! What keeps a trigger from starting too much: one at a time, not too often, never in circles.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::spec::period::{Period, Rate};

/// The guards of one trigger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Guards {
    /// Which runs must not be under way together.
    pub concurrency: Option<Concurrency>,
    /// How long it must be quiet before a run starts.
    pub debounce: Option<Period>,
    /// How long after a start nothing is started.
    pub cooldown: Option<Period>,
    /// How often one person may start it.
    pub per_actor: Option<Rate>,
    /// How often it may start in one repository.
    pub per_repository: Option<Rate>,
    /// Which of the runs that are due goes first.
    pub priority: Priority,
    /// How often it may start about one subject before it is taken for a loop; nothing for never.
    pub breaker: Option<Rate>,
}

/// Runs of a group, of which only so many are under way at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Concurrency {
    /// The group's name; may hold expressions over the event. Triggers that say the same name share the group.
    pub group: String,
    /// What becomes of a run while the group is busy.
    pub when_busy: WhenBusy,
    /// How many runs are under way at once, from 1.
    pub limit: u32,
}

/// What becomes of a run whose group is busy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenBusy {
    /// It waits.
    #[default]
    Queue,
    /// It takes the place of those before it, which are ended.
    Replace,
    /// It is not started.
    Skip,
}

/// Which of the runs that are due goes first. The greater goes before the lesser.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// After all others.
    Low,
    /// As most.
    #[default]
    Normal,
    /// Before all others.
    High,
}

impl Priority {
    /// How long a run of each priority is put ahead of one of the next lower.
    const AHEAD: SignedDuration = SignedDuration::from_mins(30);

    /// Since when a run counts as due. Who goes first is who counts as due longest: a higher priority is put
    /// ahead of a lower one by half an hour, so that nothing waits for ever behind what keeps coming.
    #[must_use]
    pub fn due_since(self, due: Timestamp) -> Timestamp {
        let ahead = match self {
            Self::Low => SignedDuration::ZERO,
            Self::Normal => Self::AHEAD,
            Self::High => Self::AHEAD * 2,
        };
        due.saturating_sub(ahead).unwrap_or(Timestamp::MIN)
    }

    /// By how many turns what waits in another repository may go before a run of this priority, beyond its own turn.
    #[must_use]
    pub fn turns_behind(self) -> u64 {
        const TURNS: u64 = 4;
        match self {
            Self::High => 0,
            Self::Normal => TURNS,
            Self::Low => TURNS * 2,
        }
    }
}

impl Guards {
    /// How often a trigger may start about one subject unless it says otherwise.
    pub const BREAKER: &'static str = "10/1h";
}

impl Default for Guards {
    fn default() -> Self {
        Self {
            concurrency: None,
            debounce: None,
            cooldown: None,
            per_actor: None,
            per_repository: None,
            priority: Priority::Normal,
            breaker: Rate::parse(Self::BREAKER).ok(),
        }
    }
}
