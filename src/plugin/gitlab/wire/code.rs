//! What GitLab tells of code: commits, diffs, comments at lines, statuses.

use serde::Deserialize;

use crate::plugin::forge;

#[derive(Debug, Deserialize)]
pub(in crate::plugin::gitlab) struct Release {
    pub(in crate::plugin::gitlab) tag_name: String,
}

/// What lies between two commits, the oldest first.
#[derive(Debug, Deserialize)]
pub(in crate::plugin::gitlab) struct Comparison {
    pub(in crate::plugin::gitlab) commits: Vec<HistoryCommit>,
}

/// A commit in a list.
#[derive(Debug, Deserialize)]
pub(in crate::plugin::gitlab) struct HistoryCommit {
    id: String,
    message: String,
    #[serde(default)]
    author_name: String,
}

impl From<HistoryCommit> for forge::Commit {
    fn from(commit: HistoryCommit) -> Self {
        Self { sha: commit.id, message: commit.message, author: commit.author_name }
    }
}

/// A comment with its place in the code.
#[derive(Debug, Deserialize)]
pub(in crate::plugin::gitlab) struct Placed {
    id: u64,
    body: String,
    position: Option<Position>,
}

#[derive(Debug, Deserialize)]
struct Position {
    new_path: Option<String>,
    new_line: Option<u64>,
}

impl From<Placed> for forge::LineComment {
    fn from(note: Placed) -> Self {
        let (path, line) = note.position.map(|at| (at.new_path, at.new_line)).unwrap_or_default();
        Self { path, line, body: note.body, thread: Some(note.id.to_string()) }
    }
}

/// A file of a merge request.
#[derive(Debug, Deserialize)]
pub(in crate::plugin::gitlab) struct Diff {
    old_path: String,
    new_path: String,
    #[serde(default)]
    new_file: bool,
    #[serde(default)]
    deleted_file: bool,
    /// Empty where it is binary or too large.
    #[serde(default)]
    diff: String,
}

impl From<Diff> for forge::ChangedFile {
    fn from(diff: Diff) -> Self {
        let change = match (diff.new_file, diff.deleted_file) {
            (true, _) => forge::FileChange::Added,
            (_, true) => forge::FileChange::Removed,
            _ => forge::FileChange::Modified,
        };
        let previous = Some(diff.old_path).filter(|old| *old != diff.new_path);
        let patch = Some(diff.diff).filter(|diff| !diff.is_empty());
        Self { path: diff.new_path, previous, change, patch }
    }
}

/// What a job, or a service outside, says of a commit.
#[derive(Debug, Deserialize)]
pub(in crate::plugin::gitlab) struct Status {
    name: String,
    /// `pending`, `running`, `success`, `failed`, `canceled`, `skipped`.
    status: String,
    #[serde(default)]
    allow_failure: bool,
    description: Option<String>,
    target_url: Option<String>,
}

impl From<Status> for forge::CheckRun {
    fn from(status: Status) -> Self {
        Self {
            name: status.name,
            done: matches!(status.status.as_str(), "success" | "failed" | "canceled" | "skipped"),
            failed: status.status == "failed" && !status.allow_failure,
            summary: status.description.unwrap_or_default(),
            url: status.target_url,
        }
    }
}
