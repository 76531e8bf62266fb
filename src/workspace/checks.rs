//! The gate: what an agent left is looked at and tested before it may be published. No model takes part.
//!
//! The tests run on the base and on the change, each from its tree in a directory of its own, so nothing
//! that still runs in the checkout can alter what was judged. The command is the base's. Where the change
//! touches tests, or what says how they run, the base's own are run on the rest of it as well.
//!
//! A change is refused, or it is published; and what is published is held back as a draft where the tests do
//! not speak for it, or where it cannot be parsed.

mod bearing;
mod results;
mod verdict;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use self::results::Results;
use super::guard::{FileChange, Finding};
use super::sandbox::Room;
use super::syntax::{self, Judged};
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
    /// Files that cannot be parsed, where that is no reason to refuse the change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unparsed: Vec<Finding>,
}

/// What the repository's own tests said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Tests that failed by name on the base, and on the change are gone or skipped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub silenced: Vec<String>,
    /// Tests that fail by name on the change although the command succeeded on it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub denied: Vec<String>,
    /// What is said by the base's tests, where the change has others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub altered: Option<Altered>,
    /// Whether the change is of documentation alone, which no test can speak for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub words: bool,
}

/// What the base's own tests say of a change that touches tests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Altered {
    /// The paths that were put back for it, or left out because the base has none of that name.
    pub paths: Vec<String>,
    /// Whether the change passes them too.
    pub passed: bool,
    /// The end of what they wrote.
    pub output: String,
}

/// Bytes of a test command's output in which tests are looked for.
const TEST_OUTPUT: usize = 4 << 20;

/// What a test command said of one tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Tested {
    passed: bool,
    output: String,
    /// Its tests by name; none where its lines cannot all be read.
    results: Option<Results>,
}

/// Whether a test that failed goes by a name: some write behind it what was wrong.
fn is_same(failed: &str, name: &str) -> bool {
    let rest = failed.strip_prefix(name);
    rest.is_some_and(|rest| !rest.starts_with(|letter: char| letter.is_alphanumeric() || letter == '_'))
}

/// Tests that are not what they were.
#[derive(Debug, Default)]
struct Missing {
    lost: Vec<String>,
    silenced: Vec<String>,
    denied: Vec<String>,
}

impl Tested {
    /// What another tree's tests do not say that these say, or say against themselves. Told only where both outputs
    /// were read whole.
    fn missing(&self, other: &Self) -> Missing {
        let (Some(before), Some(after)) = (&self.results, &other.results) else { return Missing::default() };
        // A command that succeeds with failing tests already on the base means it so.
        let meant = |name: &&String| self.passed && before.failed.contains(*name);
        let denied = after.failed.iter().filter(|name| other.passed && !meant(name)).cloned().collect();
        let lost = before.passed.difference(&after.passed).cloned().collect();
        let told = || after.passed.iter().chain(&after.failed);
        let still = |name: &str| told().any(|other| is_same(name, other));
        let silenced = before.failed.iter().filter(|name| !still(name)).cloned().collect();
        Missing { lost, silenced, denied }
    }
}

impl Workspace {
    /// Judges a tree: what changed, whether it may, and what the tests say of it.
    ///
    /// # Errors
    /// When git or the sandbox fails; a bad change is a [`Report`].
    pub async fn gate(&self, tree: &str) -> Result<Report, WorkspaceError> {
        let changes = self.changes(tree).await?;
        let mut findings = self.judge(&changes)?;
        let Judged { broken, unsure: unparsed } = self.parsed(&changes).await?;
        findings.extend(broken);
        // A change that is refused anyway is not worth running.
        let mut checks = if findings.is_empty() { self.check(tree).await? } else { None };
        if let Some(checks) = &mut checks {
            checks.words = changes.iter().all(|change| bearing::is_words(&change.path));
        }
        let paths = changes.into_iter().map(|change| change.path).collect();
        Ok(Report { findings, paths, checks, unparsed })
    }

    fn judge(&self, changes: &[FileChange]) -> Result<Vec<Finding>, WorkspaceError> {
        if changes.is_empty() {
            let message = "nothing was changed".to_owned();
            return Ok(vec![Finding { rule: "empty".to_owned(), path: None, message }]);
        }
        let bad = |error: globset::Error| WorkspaceError::Path(error.to_string());
        self.options.guard.judge(changes).map_err(bad)
    }

    /// What speaks against changes by their syntax, but for those that need not be parsed.
    async fn parsed(&self, changes: &[FileChange]) -> Result<Judged, WorkspaceError> {
        let bad = |error: globset::Error| WorkspaceError::Path(error.to_string());
        let judged = self.options.guard.parsed(changes).map_err(bad)?;
        let changes = judged.into_iter().cloned().collect::<Vec<_>>();
        let parsed = tokio::task::spawn_blocking(move || syntax::judge(&changes)).await;
        parsed.map_err(|error| io_error("parsing", std::io::Error::other(error)))
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
        let Missing { lost, silenced, denied } = before.missing(&after);
        // A change that fails by its own tests needs no others.
        let altered = if after.passed { self.altered(tree, &command, &before).await? } else { None };
        let (passed, base_passed, output) = (after.passed, before.passed, after.output);
        Ok(Some(Checks {
            command,
            passed,
            base_passed,
            output,
            lost,
            silenced,
            denied,
            altered,
            words: false,
        }))
    }

    /// Runs the base's own tests on what else a tree changes, where it changes tests or what runs them: a change
    /// that only passes because it has other tests is for people to judge.
    async fn altered(
        &self,
        tree: &str,
        command: &str,
        before: &Tested,
    ) -> Result<Option<Altered>, WorkspaceError> {
        let (mixed, paths) = self.with_bases(tree, bearing::on_tests).await?;
        if paths.is_empty() {
            return Ok(None);
        }
        let tested = self.test(&mixed, command).await?;
        let Missing { lost, silenced, denied } = before.missing(&tested);
        let passed = tested.passed && [lost, silenced, denied].iter().all(Vec::is_empty);
        Ok(Some(Altered { paths, passed, output: tested.output }))
    }

    /// Tests one tree; the same tree is tested once.
    async fn test(&self, tree: &str, command: &str) -> Result<Tested, WorkspaceError> {
        let kept = self.place.join(format!("results-{tree}.json"));
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
        let results = whole.map(|bytes| Results::of(&String::from_utf8_lossy(&bytes)));
        let mut tested =
            Tested { passed: output.code == Some(0), output: tail(&output.text, 4_000), results };
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

#[cfg(test)]
mod tests {
    use super::*;

    fn tested(passed: bool, output: &str) -> Tested {
        Tested { passed, output: String::new(), results: Some(Results::of(output)) }
    }

    #[test]
    fn what_was_wrong_may_stand_behind_the_name_of_a_test_that_failed() {
        let before = tested(false, "not ok 1 - adds: expected [3] got [2]\nnot ok 2 - takes: no\n");
        let Missing { silenced, .. } = before.missing(&tested(true, "ok 1 - adds\nok 2 - takes_two\n"));
        assert_eq!(silenced, ["takes: no"]);
    }

    #[test]
    fn what_fails_on_a_base_that_succeeds_is_meant_to() {
        let failing = "ok 1 - a\nnot ok 2 - known\n";
        assert!(tested(true, failing).missing(&tested(true, failing)).denied.is_empty());
        assert_eq!(tested(false, failing).missing(&tested(true, failing)).denied, ["known"]);
    }
}
