//! What a call is paid for, and under which headings of the book it therefore counts.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::month::Month;
use crate::id::RunId;

/// What a call is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purpose {
    /// The run that spends.
    pub run: RunId,
    /// Whose event started it.
    pub user: String,
    /// The role of the agent that asks.
    pub role: String,
    /// The repository that is worked on.
    pub repository: String,
    /// The run's workflow.
    pub workflow: String,
    /// The model that answers.
    pub model: String,
}

/// By what a month's spending is told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// The day on which a call was begun (UTC).
    Day,
    /// The person whose event started the run.
    User,
    /// The agent's role.
    Role,
    /// The repository.
    Repository,
    /// The run's workflow.
    Workflow,
    /// The model.
    Model,
}

impl By {
    /// Every one.
    pub const ALL: [Self; 6] =
        [Self::Day, Self::User, Self::Role, Self::Repository, Self::Workflow, Self::Model];

    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::User => "user",
            Self::Role => "role",
            Self::Repository => "repository",
            Self::Workflow => "workflow",
            Self::Model => "model",
        }
    }

    /// Under which names the book has a month's accounts of this sort.
    pub(super) fn pages(self, month: Month) -> String {
        format!("ledger/by/{month}/{}/", self.word())
    }
}

impl Purpose {
    /// Where the book has the account that a call of a day counts under.
    pub(super) fn page(&self, by: By, day: Date) -> String {
        let name = match by {
            By::Day => &day.to_string(),
            By::User => &self.user,
            By::Role => &self.role,
            By::Repository => &self.repository,
            By::Workflow => &self.workflow,
            By::Model => &self.model,
        };
        by.pages(Month::of_day(day)) + name
    }
}

/// Where the book has what a run has come to.
pub(super) fn of_run(run: RunId) -> String {
    format!("ledger/run/{run}")
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for By {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words = || Self::ALL.map(Self::word).join(", ");
        let found = Self::ALL.into_iter().find(|by| by.word() == text);
        found.ok_or_else(|| format!("costs are told apart by one of {}", words()))
    }
}
