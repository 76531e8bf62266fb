//! What was committed since the last release.

use serde::{Deserialize, Serialize};

use super::CAPABILITY;
use crate::spec::action::{ActionSpec, Field, Kind};

/// What was committed since the last release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// The last release's tag; none where there was no release.
    pub since: Option<String>,
    /// The branch that it is about.
    pub branch: String,
    /// The commits, in the order in which the forge gives them.
    pub commits: Vec<Commit>,
}

/// A commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// Its hash.
    pub sha: String,
    /// Its whole message.
    pub message: String,
    /// The name of who wrote it, as git has it.
    pub author: String,
}

/// Reading what was committed.
pub(super) fn list_changes() -> ActionSpec {
    ActionSpec {
        inputs: vec![Field::optional("repository", Kind::String)],
        outputs: vec![
            Field::required("since", Kind::Any),
            Field::required("until", Kind::String),
            Field::required("commits", Kind::List),
        ],
        ..ActionSpec::reading(CAPABILITY, "list_changes", "Reads what was committed since the last release.")
    }
}
