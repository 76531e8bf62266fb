//! What follows from a report: whether a change may be published, and whether people are asked to review it or
//! first to look why it is held back.

use super::{Altered, Checks, Report};
use crate::workspace::guard::Finding;

/// Names that a reason gives.
const NAMED: usize = 5;

impl Report {
    /// Whether nothing speaks against publishing: the change is one, no rule is broken, no test that
    /// succeeded before fails now, and none that failed is gone.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        self.findings.is_empty() && !self.checks.as_ref().is_some_and(Checks::regressed)
    }

    /// Why it may not be published, in one sentence.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        told(&self.findings).or_else(|| self.checks.as_ref().and_then(Checks::regression))
    }

    /// Why a change that may be published is no more than a draft: what does not speak for it, and the reason in one
    /// sentence.
    #[must_use]
    pub fn held_back(&self) -> Option<(&'static str, String)> {
        let unparsed = told(&self.unparsed).map(|why| ("not all of it can be parsed", why));
        let untested = || self.checks.as_ref()?.held_back().map(|why| ("the tests do not speak for it", why));
        unparsed.or_else(untested)
    }
}

impl Checks {
    /// Why a change that may be published is no more than a draft, in one sentence; nothing when the tests
    /// speak for it.
    #[must_use]
    pub fn held_back(&self) -> Option<String> {
        if !self.passed && self.words {
            return None;
        }
        if !self.passed {
            return Some(format!("`{}` fails, as it did before", self.command));
        }
        if !self.denied.is_empty() {
            return Some(format!("`{}` succeeds although tests fail: {}", self.command, list(&self.denied)));
        }
        let Altered { paths, .. } = self.altered.as_ref().filter(|altered| !altered.passed)?;
        Some(format!(
            "`{}` succeeds only with what the change makes of {}; with the base's own it does not",
            self.command,
            list(paths)
        ))
    }

    fn regressed(&self) -> bool {
        (self.base_passed && !self.passed) || !self.lost.is_empty() || !self.silenced.is_empty()
    }

    fn regression(&self) -> Option<String> {
        let command = &self.command;
        if !self.lost.is_empty() {
            let lost = list(&self.lost);
            return Some(format!(
                "`{command}`: tests that pass on the base fail on the change or are gone: {lost}"
            ));
        }
        if !self.silenced.is_empty() {
            let silenced = list(&self.silenced);
            return Some(format!(
                "`{command}`: tests that fail on the base do not run any more on the change: {silenced}"
            ));
        }
        self.regressed().then(|| format!("`{command}` succeeds on the base and fails on the change"))
    }
}

/// The first finding in one sentence, and how many more there are.
fn told(findings: &[Finding]) -> Option<String> {
    let first = findings.first()?;
    let place = first.path.as_ref().map(|path| format!("{path}: ")).unwrap_or_default();
    let more = match findings.len() - 1 {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    Some(format!("{place}{}{more}", first.message))
}

fn list(names: &[String]) -> String {
    let named = names.iter().take(NAMED).map(|name| format!("`{name}`")).collect::<Vec<_>>();
    let more = match names.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    format!("{}{more}", named.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checks(base_passed: bool, passed: bool) -> Checks {
        Checks { command: "make test".to_owned(), passed, base_passed, ..Checks::default() }
    }

    fn report(checks: Checks) -> Report {
        Report {
            findings: Vec::new(),
            paths: vec!["a".to_owned()],
            checks: Some(checks),
            unparsed: Vec::new(),
        }
    }

    #[test]
    fn what_fails_as_before_is_published_and_held_back() {
        let failing = checks(false, false);
        assert!(failing.held_back().unwrap().contains("as it did before"));
        assert!(report(failing).may_pass());
        assert_eq!(checks(false, true).held_back(), None);
        assert!(!report(checks(true, false)).may_pass());
    }

    #[test]
    fn what_cannot_be_parsed_is_held_back_whatever_the_tests_say() {
        let message = "line 3 cannot be parsed as Rust".to_owned();
        let finding = Finding { rule: "syntax".to_owned(), path: Some("a.rs".to_owned()), message };
        let report = Report { unparsed: vec![finding], ..report(checks(true, true)) };
        assert!(report.may_pass());
        let (what, why) = report.held_back().unwrap();
        assert_eq!(what, "not all of it can be parsed");
        assert_eq!(why, "a.rs: line 3 cannot be parsed as Rust");
    }

    #[test]
    fn words_are_not_held_back_by_tests_that_fail_as_before() {
        let words = |base_passed| Checks { words: true, ..checks(base_passed, false) };
        assert_eq!(words(false).held_back(), None);
        assert!(!report(words(true)).may_pass(), "what fails since the change is refused all the same");
    }

    #[test]
    fn a_test_that_failed_and_does_not_run_any_more_is_a_refusal() {
        let names: Vec<_> = (0..7).map(|n| n.to_string()).collect();
        let report = report(Checks { silenced: names, ..checks(false, true) });
        assert!(!report.may_pass());
        let reason = report.reason().unwrap();
        assert!(reason.contains("do not run any more") && reason.ends_with("`4` (and 2 more)"), "{reason}");
    }

    #[test]
    fn what_passes_only_by_its_own_tests_is_held_back() {
        let altered = |passed| Altered { paths: vec!["tests/a".to_owned()], passed, output: String::new() };
        let with = |passed| Checks { altered: Some(altered(passed)), ..checks(false, true) };
        assert!(with(false).held_back().unwrap().contains("`tests/a`"));
        assert_eq!(with(true).held_back(), None);
    }
}
