//! What is read and said about a pull request's code: its diff, its reviews, its checks.

use serde::{Deserialize, Serialize};

use super::CAPABILITY;
use crate::spec::action::{ActionSpec, Field, Kind, Repeat, Undo};

/// A file that a pull request changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedFile {
    /// Its path after the change; of a removed file the one that it had.
    pub path: String,
    /// The path that it had before, where that was another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
    /// What was done to it.
    pub change: FileChange,
    /// The hunks of its unified diff; none where the file is binary or the diff too large for the forge to give.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patch: Option<String>,
}

/// What was done to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileChange {
    /// It was not there before.
    Added,
    /// Its text, its mode or its name is another.
    Modified,
    /// It is not there any more.
    Removed,
}

impl ChangedFile {
    /// Its part of a unified diff, as git writes it.
    #[must_use]
    pub fn diff(&self) -> String {
        let (old, new) = (self.previous.as_ref().unwrap_or(&self.path), &self.path);
        let before = if self.change == FileChange::Added { "/dev/null" } else { &format!("a/{old}") };
        let after = if self.change == FileChange::Removed { "/dev/null" } else { &format!("b/{new}") };
        let hunks = self.patch.as_deref().unwrap_or("(no text: binary, or too large to be shown)");
        format!("diff --git a/{old} b/{new}\n--- {before}\n+++ {after}\n{}\n", hunks.trim_end())
    }
}

/// A review to write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewReview {
    /// Its text, as Markdown.
    pub body: String,
    /// The commit that was looked at.
    pub sha: String,
    /// Whether it says that the change must not go in as it is. Where the forge has no word for that, or does not
    /// let the author of the change say it, the text alone does.
    pub wants_changes: bool,
    /// What it says at lines that the diff shows. Where the forge has no reviews its text says it.
    pub comments: Vec<LineComment>,
}

impl NewReview {
    /// All of it as one text, for forges that have no reviews.
    #[must_use]
    pub fn as_text(&self) -> String {
        let said = self.comments.iter().map(|comment| {
            let path = comment.path.as_deref().unwrap_or_default();
            let line = comment.line.map(|line| format!(", line {line}")).unwrap_or_default();
            format!("\n\n`{path}`{line}: {}", comment.body)
        });
        std::iter::once(self.body.clone()).chain(said).collect()
    }
}

/// What somebody wrote at a line of the code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineComment {
    /// The file; absent where the comment stands at no place in the code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The line, as the file is after the change; absent where it is not there any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The text as written.
    pub body: String,
    /// The vendor's id of the thread that it stands in; absent where it is still to be written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
}

impl LineComment {
    /// Whether it stands at this line of this file.
    #[must_use]
    pub fn is_at(&self, path: &str, line: Option<u64>) -> bool {
        self.path.as_deref() == Some(path) && self.line == line
    }
}

/// What a check says of a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckRun {
    /// Its name.
    pub name: String,
    /// Whether it has come to its end.
    pub done: bool,
    /// Whether its end was a bad one: it failed, its time was up, or it wants something to be done.
    pub failed: bool,
    /// What it says of it.
    pub summary: String,
    /// Where a person reads more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// What workflows can read and say about a pull request's code.
pub(super) fn actions() -> Vec<ActionSpec> {
    vec![get_diff(), add_review(), list_review_comments(), answer_review_comments(), list_checks()]
}

fn of_change() -> Vec<Field> {
    vec![Field::optional("repository", Kind::String), Field::optional("number", Kind::Number)]
}

fn get_diff() -> ActionSpec {
    ActionSpec {
        inputs: of_change(),
        outputs: vec![
            Field::required("diff", Kind::String),
            Field::required("files", Kind::List),
            Field::required("truncated", Kind::Boolean),
        ],
        ..ActionSpec::reading(CAPABILITY, "get_diff", "Reads what a pull request changes.")
    }
}

fn add_review() -> ActionSpec {
    let own = [
        Field::required("body", Kind::String).or("comment"),
        Field::optional("verdict", Kind::String),
        Field::optional("comments", Kind::List),
    ];
    ActionSpec {
        inputs: of_change().into_iter().chain(own).collect(),
        outputs: Field::texts(&["url", "id"]),
        repeat: Repeat::Findable,
        undo: Undo::Impossible,
        ..ActionSpec::reading(
            CAPABILITY,
            "add_review",
            "Writes a review of a pull request, with the verdict `comment` or `request_changes`. Of `comments`, each with \
             `path`, `line`, `body` and `severity`, those at lines that the diff shows stand there, the others in the text.",
        )
    }
}

fn list_review_comments() -> ActionSpec {
    ActionSpec {
        inputs: [of_change(), vec![Field::required("review", Kind::String)]].concat(),
        outputs: vec![Field::required("comments", Kind::List)],
        ..ActionSpec::reading(
            CAPABILITY,
            "list_review_comments",
            "Reads what a review says at lines of the code.",
        )
    }
}

fn answer_review_comments() -> ActionSpec {
    let own = [Field::required("comments", Kind::List), Field::required("answers", Kind::List)];
    ActionSpec {
        inputs: of_change().into_iter().chain(own).collect(),
        outputs: vec![Field::required("answered", Kind::Number), Field::required("rest", Kind::String)],
        repeat: Repeat::Findable,
        undo: Undo::Impossible,
        ..ActionSpec::reading(
            CAPABILITY,
            "answer_review_comments",
            "Answers comments at lines of the code, each in its thread: `comments` are those of `list_review_comments`, \
             `answers` has for each the number of its `comment`, from 1, and a `body`. What cannot be said in a thread \
             is the text `rest`.",
        )
    }
}

fn list_checks() -> ActionSpec {
    ActionSpec {
        inputs: of_change(),
        outputs: vec![
            Field::required("checks", Kind::List),
            Field::required("failed", Kind::List),
            Field::required("passed", Kind::Boolean),
        ],
        ..ActionSpec::reading(
            CAPABILITY,
            "list_checks",
            "Reads what checks say of the commit that a pull request stands at.",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_files_diff_reads_as_gits_own() {
        let file = |change, patch: Option<&str>| ChangedFile {
            path: "src/a.sh".to_owned(),
            previous: None,
            change,
            patch: patch.map(str::to_owned),
        };
        let added = file(FileChange::Added, Some("@@ -0,0 +1 @@\n+x\n")).diff();
        assert_eq!(
            added,
            "diff --git a/src/a.sh b/src/a.sh\n--- /dev/null\n+++ b/src/a.sh\n@@ -0,0 +1 @@\n+x\n"
        );
        assert!(file(FileChange::Removed, None).diff().contains("--- a/src/a.sh\n+++ /dev/null\n(no text"));
        let moved = ChangedFile { previous: Some("b.sh".to_owned()), ..file(FileChange::Modified, None) };
        assert!(moved.diff().starts_with("diff --git a/b.sh b/src/a.sh\n--- a/b.sh\n+++ b/src/a.sh\n"));
    }
}
