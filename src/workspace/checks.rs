//! The gate: what an agent left is looked at and tested before it may be published. No model takes part.
//!
//! The tests run on the base and on the change, each from its tree in a directory of its own, so nothing
//! that still runs in the checkout can alter what was judged. The command is the base's.

mod passing;

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::guard::{FileChange, Finding};
use super::sandbox::Room;
use super::{Workspace, WorkspaceError, io_error};

/// What the gate says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// What is wrong with the change.
    pub findings: Vec<Finding>,
    /// Its paths.
    pub paths: Vec<String>,
    /// What the repository's own tests said, where it has any and they were run.
    pub checks: Option<Checks>,
}

/// What the repository's own tests said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checks {
    /// The command.
    pub command: String,
    /// Whether it succeeded on the change.
    pub passed: bool,
    /// Whether it succeeded on the base.
    pub base_passed: bool,
    /// The end of what it wrote on the change.
    pub output: String,
    /// Tests that passed by name on the base, and on the change fail or are gone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lost: Vec<String>,
}

/// Tests that a reason names.
const NAMED: usize = 5;
/// Bytes of a test command's output in which tests are looked for.
const TEST_OUTPUT: usize = 4 << 20;

/// What a test command said of one tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Tested {
    passed: bool,
    output: String,
    /// The tests that passed; none where their lines cannot all be read.
    passing: Option<BTreeSet<String>>,
}

impl Report {
    /// Whether nothing speaks against publishing: the change is one, no rule is broken, and no test that
    /// succeeded before fails now.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        self.findings.is_empty() && !self.checks.as_ref().is_some_and(Checks::regressed)
    }

    /// Why it may not be published, in one sentence.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        if let Some(first) = self.findings.first() {
            let place = first.path.as_ref().map(|path| format!("{path}: ")).unwrap_or_default();
            let more = match self.findings.len() - 1 {
                0 => String::new(),
                more => format!(" (and {more} more)"),
            };
            return Some(format!("{place}{}{more}", first.message));
        }
        let failed = self.checks.as_ref().filter(|checks| checks.regressed())?;
        if failed.lost.is_empty() {
            return Some(format!("`{}` succeeds on the base and fails on the change", failed.command));
        }
        let named = failed.lost.iter().take(NAMED).map(|name| format!("`{name}`")).collect::<Vec<_>>();
        let more = match failed.lost.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" (and {more} more)"),
        };
        Some(format!(
            "`{}`: tests that pass on the base fail on the change or are gone: {}{more}",
            failed.command,
            named.join(", ")
        ))
    }
}

impl Checks {
    fn regressed(&self) -> bool {
        (self.base_passed && !self.passed) || !self.lost.is_empty()
    }
}

impl Workspace {
    /// Judges a tree: what changed, whether it may, and, unless told otherwise, what the tests say of it.
    ///
    /// # Errors
    /// When git or the sandbox fails; a bad change is a [`Report`].
    pub async fn gate(&self, tree: &str, test: bool) -> Result<Report, WorkspaceError> {
        let changes = self.changes(tree).await?;
        let findings = self.judge(&changes)?;
        // A change that is refused anyway is not worth running.
        let checks = if test && findings.is_empty() { self.check(tree).await? } else { None };
        let paths = changes.into_iter().map(|change| change.path).collect();
        Ok(Report { findings, paths, checks })
    }

    fn judge(&self, changes: &[FileChange]) -> Result<Vec<Finding>, WorkspaceError> {
        if changes.is_empty() {
            let message = "nothing was changed".to_owned();
            return Ok(vec![Finding { rule: "empty".to_owned(), path: None, message }]);
        }
        let bad = |error: globset::Error| WorkspaceError::Path(error.to_string());
        self.options.guard.judge(changes).map_err(bad)
    }

    /// Runs the repository's own tests on the base and on a tree.
    ///
    /// # Errors
    /// When git or the sandbox fails; tests that fail are [`Checks`].
    pub async fn check(&self, tree: &str) -> Result<Option<Checks>, WorkspaceError> {
        let Some(command) = self.test_command().await? else { return Ok(None) };
        let base = self.tree_of(&self.base).await?;
        let before = self.test(&base, &command).await?;
        let after = self.test(tree, &command).await?;
        // Told apart only where both outputs were read whole.
        let lost = match (before.passing, &after.passing) {
            (Some(before), Some(after)) => before.difference(after).cloned().collect(),
            _ => Vec::new(),
        };
        let (passed, base_passed, output) = (after.passed, before.passed, after.output);
        Ok(Some(Checks { command, passed, base_passed, output, lost }))
    }

    /// Tests one tree; the same tree is tested once.
    async fn test(&self, tree: &str, command: &str) -> Result<Tested, WorkspaceError> {
        let kept = self.place.join(format!("tested-{tree}.json"));
        if let Ok(text) = tokio::fs::read(&kept).await
            && let Ok(tested) = serde_json::from_slice(&text)
        {
            return Ok(tested);
        }
        let directory = tempfile::Builder::new().prefix("check-").tempdir_in(&self.place);
        let directory = directory.map_err(|error| io_error("a directory for tests", error))?;
        let files = directory.path().join("files");
        self.check_out(tree, &files).await?;
        let limit = Duration::from_secs(self.options.check_seconds);
        let room = Room { files: &files, scratch: &self.scratch() };
        let (output, whole) = self.sandbox.shell_whole(room, command, limit, TEST_OUTPUT).await?;
        let passing = whole.map(|bytes| passing::of(&String::from_utf8_lossy(&bytes)));
        let mut tested =
            Tested { passed: output.code == Some(0), output: tail(&output.text, 4_000), passing };
        if output.timed_out {
            tested.output.push_str("\n(the time for tests was over)");
        }
        let text = serde_json::to_vec(&tested).map_err(|error| io_error("a test's result", error.into()))?;
        tokio::fs::write(&kept, text).await.map_err(|error| io_error(kept.display(), error))?;
        Ok(tested)
    }
}

/// The last bytes of a text, from a whole letter on.
#[must_use]
pub fn tail(text: &str, most: usize) -> String {
    let start = text.ceil_char_boundary(text.len().saturating_sub(most));
    text[start..].to_owned()
}
