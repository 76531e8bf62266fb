//! What follows from a report: whether a change may be published, and whether people are asked to review it or
//! first to look why it is held back.

use super::{Altered, Checks, Report};
use crate::workspace::guard::Finding;

/// Names that a reason gives.
const NAMED: usize = 5;

impl Report {
    /// Why it may not leave the machine, in one sentence; nothing when no rule is broken.
    #[must_use]
    pub fn refusal(&self) -> Option<String> {
        told(&self.findings)
    }

    /// Why a change that may be published is no more than a draft: what does not speak for it, and the reason in one
    /// sentence.
    #[must_use]
    pub fn held_back(&self) -> Option<(&'static str, String)> {
        let unparsed = told(&self.unparsed).map(|why| ("not all of it can be parsed", why));
        let untested = || self.checks.as_ref()?.held_back().map(|why| ("the tests do not speak for it", why));
        unparsed.or_else(untested)
    }

    /// What speaks against putting it up for review, for whoever can still change it; nothing when nothing does.
    #[must_use]
    pub fn objection(&self) -> Option<String> {
        if !self.findings.is_empty() {
            return Some(format!(
                "It breaks rules, and may not be published like this:\n{}",
                all(&self.findings)
            ));
        }
        let unparsed = (!self.unparsed.is_empty())
            .then(|| format!("Not all of it can be parsed:\n{}", all(&self.unparsed)));
        let parts = [unparsed, self.checks.as_ref().and_then(Checks::objection)];
        parts.into_iter().flatten().reduce(|first, second| format!("{first}\n{second}"))
    }
}

impl Checks {
    /// Why a change that may be published is no more than a draft, in one sentence; nothing when the tests
    /// speak for it.
    #[must_use]
    pub fn held_back(&self) -> Option<String> {
        if let Some(worse) = self.regression() {
            return Some(worse);
        }
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

    fn objection(&self) -> Option<String> {
        let why = self.held_back()?;
        let altered = self.altered.as_ref().filter(|altered| self.passed && !altered.passed);
        let output = altered.map_or(&self.output, |altered| &altered.output);
        Some(format!("The tests do not speak for it: {why}. They end with:\n\n{}", output.trim_end()))
    }

    /// What the tests said before and do not say any more, in one sentence: that they pass, or that they run.
    #[must_use]
    pub fn regression(&self) -> Option<String> {
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
        let broken = self.base_passed && !self.passed;
        broken.then(|| format!("`{command}` succeeds on the base and fails on the change"))
    }
}

/// The first finding in one sentence, and how many more there are.
fn told(findings: &[Finding]) -> Option<String> {
    let first = findings.first()?;
    let more = match findings.len() - 1 {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    Some(format!("{first}{more}"))
}

fn all(findings: &[Finding]) -> String {
    findings.iter().map(|finding| format!("- {finding}\n")).collect()
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
    fn what_fails_is_held_back_and_only_what_fails_since_the_change_is_worse() {
        let failing = checks(false, false);
        assert!(failing.held_back().unwrap().contains("as it did before"));
        assert_eq!(failing.regression(), None);
        assert_eq!(checks(false, true).held_back(), None);
        assert!(checks(true, false).regression().is_some());
        assert_eq!(checks(true, false).held_back(), checks(true, false).regression());
    }

    #[test]
    fn what_cannot_be_parsed_is_held_back_whatever_the_tests_say() {
        let message = "line 3 cannot be parsed as Rust".to_owned();
        let finding = Finding { rule: "syntax".to_owned(), path: Some("a.rs".to_owned()), message };
        let report = Report { unparsed: vec![finding], ..report(checks(true, true)) };
        assert_eq!(report.refusal(), None);
        let (what, why) = report.held_back().unwrap();
        assert_eq!(what, "not all of it can be parsed");
        assert_eq!(why, "a.rs: line 3 cannot be parsed as Rust");
        assert!(report.objection().unwrap().ends_with("parsed:\n- a.rs: line 3 cannot be parsed as Rust\n"));
    }

    #[test]
    fn words_are_not_held_back_by_tests_that_fail_as_before() {
        let words = |base_passed| Checks { words: true, ..checks(base_passed, false) };
        assert_eq!(words(false).held_back(), None);
        assert!(words(true).held_back().is_some(), "what fails since the change counts all the same");
    }

    #[test]
    fn a_test_that_failed_and_does_not_run_any_more_makes_it_worse() {
        let names: Vec<_> = (0..7).map(|n| n.to_string()).collect();
        let reason = Checks { silenced: names, ..checks(false, true) }.regression().unwrap();
        assert!(reason.contains("do not run any more") && reason.ends_with("`4` (and 2 more)"), "{reason}");
    }

    #[test]
    fn what_passes_only_by_its_own_tests_is_held_back() {
        let altered =
            |passed| Altered { paths: vec!["tests/a".to_owned()], passed, output: "FAIL b\n".to_owned() };
        let with = |passed| Checks { altered: Some(altered(passed)), ..checks(false, true) };
        assert!(with(false).held_back().unwrap().contains("`tests/a`"));
        assert_eq!(with(true).held_back(), None);
        assert!(report(with(false)).objection().unwrap().ends_with("\n\nFAIL b"));
    }

    #[test]
    fn an_objection_names_every_broken_rule_or_shows_what_the_tests_wrote() {
        let finding = |path: &str| Finding {
            rule: "secret".to_owned(),
            path: Some(path.to_owned()),
            message: "holds a secret".to_owned(),
        };
        let refused = Report { findings: vec![finding("a"), finding("b")], ..report(checks(true, true)) };
        assert_eq!(refused.refusal().unwrap(), "a: holds a secret (and 1 more)");
        assert!(refused.objection().unwrap().ends_with("- a: holds a secret\n- b: holds a secret\n"));
        let failing = Checks { output: "not ok 1\n".to_owned(), ..checks(true, false) };
        assert!(report(failing).objection().unwrap().ends_with("\n\nnot ok 1"));
        assert_eq!(report(checks(false, true)).objection(), None);
    }
}
