//! Where a step puts a branch: remembered before it is put there, so that it can be put back.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Journal, StepError, journal};

/// How the names of such facts begin.
const MOVE: &str = "branch/";

/// A branch that a step moves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Moving {
    pub(super) branch: String,
    /// The commit at which it stood before; none where it was not there.
    pub(super) was: Option<String>,
    /// The commit at which it is to stand.
    pub(super) is: String,
}

impl Moving {
    /// The name under which it is remembered.
    pub(super) fn name(commit: &str) -> String {
        format!("{MOVE}{commit}")
    }

    /// Remembers it, before it is done.
    pub(super) async fn remember(&self, journal: &dyn Journal) -> Result<(), StepError> {
        let moving = std::future::ready(Ok(self.clone()));
        journal::settled(journal, &Self::name(&self.is), moving).await.map(drop)
    }

    /// Those that a step remembers.
    pub(super) fn among(facts: &BTreeMap<String, Value>) -> Vec<Self> {
        let moves = facts.iter().filter(|(name, _)| name.starts_with(MOVE));
        moves.filter_map(|(_, value)| serde_json::from_value(value.clone()).ok()).collect()
    }
}
