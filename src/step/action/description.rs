//! The description of a pull request: what its author says, then what is known without believing the author,
//! which are the files, the tests and the price, and last what is left to the people who review.

use super::super::publish::Publication;
use crate::step::{Context, words};
use crate::workspace::checks::Checks;

/// Paths that are listed at most.
const PATHS: usize = 30;

/// The whole description, from what the workflow gives as its text.
pub(super) fn of(given: &str, context: &Context, published: &Publication) -> String {
    let task = context.task().map(|task| format!("[{}]({})", words::line(&task.reference.key, 80), task.url));
    let parts = [
        published.held_back().map(|(what, why)| held_back(what, &why)),
        Some(overview(&words::outgoing(given))),
        changes(published.paths()),
        Some(tests(published.checks())),
        Some(review(task.as_deref(), published.checks())),
        Some(footer(context, task.as_deref())),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("\n\n")
}

/// First of all, so that nobody takes it for finished.
fn held_back(what: &str, why: &str) -> String {
    format!("> **A draft, because {what}:** {}.", words::line(&words::outgoing(why), 1_000))
}

fn overview(given: &str) -> String {
    let given = given.trim();
    if given.starts_with('#') { given.to_owned() } else { format!("## Overview\n\n{given}") }
}

fn changes(paths: &[String]) -> Option<String> {
    let mut lines: Vec<String> = paths.iter().take(PATHS).map(|path| format!("- `{}`", code(path))).collect();
    if paths.len() > PATHS {
        lines.push(format!("- … and {} more", paths.len() - PATHS));
    }
    (!lines.is_empty()).then(|| format!("## Changes\n\n{}", lines.join("\n")))
}

fn tests(checks: Option<&Checks>) -> String {
    let Some(Checks { command, passed, base_passed, output, altered, .. }) = checks else {
        return "## Tests\n\nNo way to run this repository's tests was found, so none were run.".to_owned();
    };
    let verdict = match (passed, base_passed) {
        (true, true) => "passes, as it did before",
        (true, false) => "passes, and did not before",
        (false, true) => "**fails, and did not before this change**",
        (false, false) => "**fails, as it did before this change**",
    };
    let mut text = format!("## Tests\n\n`{}` {verdict}.", code(command));
    if !passed {
        text.push_str(&shown(output));
    }
    match altered {
        Some(altered) if altered.passed => text.push_str(" So it does with the tests of the base."),
        Some(altered) => {
            text.push_str("\n\n**With the tests of the base it does not**:");
            text.push_str(&shown(&altered.output));
        }
        None => {}
    }
    text
}

fn shown(output: &str) -> String {
    let output = words::outgoing(output).replace("```", "'''");
    format!("\n\n```text\n{}\n```", output.trim_end())
}

/// What no machine can say of a change.
fn review(task: Option<&str>, checks: Option<&Checks>) -> String {
    let asked = task.map_or_else(|| "was asked for".to_owned(), |task| format!("{task} asks for"));
    let mut items = vec![
        format!("It does what {asked}, and nothing else"),
        "A test would fail without it".to_owned(),
        "Nothing that others rely on breaks: interfaces, stored data, configuration".to_owned(),
        "Nothing has to be done when it is deployed, or the description says what".to_owned(),
    ];
    if checks.is_none_or(|checks| !checks.passed) {
        items.insert(0, "The tests pass where you can run them".to_owned());
    }
    let items: Vec<String> = items.iter().map(|item| format!("- [ ] {item}")).collect();
    format!("## For the review\n\n{}", items.join("\n"))
}

fn footer(context: &Context, task: Option<&str>) -> String {
    let task = task.map(|task| format!(" for {task}")).unwrap_or_default();
    format!(
        "---\nMade by Ostler{task} in run `{}`; it has cost {} so far. Please review it like any other change.",
        context.run, context.spent
    )
}

/// A text that stands between backticks.
fn code(text: &str) -> String {
    words::line(&text.replace('`', "'"), 200)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::checks::Altered;

    fn checks(passed: bool, base_passed: bool) -> Checks {
        let command = "sh tests/run.sh".to_owned();
        Checks { command, passed, base_passed, output: "FAIL a ```".to_owned(), ..Checks::default() }
    }

    #[test]
    fn what_the_bases_tests_say_stands_beside_what_the_changes_say() {
        let altered =
            |passed| Altered { paths: vec!["tests/a".to_owned()], passed, output: "FAIL b".to_owned() };
        let with = |passed| Checks { altered: Some(altered(passed)), ..checks(true, false) };
        assert!(tests(Some(&with(true))).ends_with("So it does with the tests of the base."));
        assert!(tests(Some(&with(false))).ends_with("it does not**:\n\n```text\nFAIL b\n```"));
        let told = held_back("the tests do not speak for it", &with(false).held_back().unwrap());
        assert!(told.starts_with("> **A draft") && told.contains("`tests/a`"), "{told}");
    }

    #[test]
    fn the_tests_part_tells_what_was_and_what_is() {
        assert!(tests(Some(&checks(true, false))).ends_with("`sh tests/run.sh` passes, and did not before."));
        assert!(tests(Some(&checks(true, true))).contains("as it did before"));
        let failing = tests(Some(&checks(false, false)));
        assert!(failing.contains("**fails") && failing.ends_with("```text\nFAIL a '''\n```"), "{failing}");
        assert!(tests(None).contains("none were run"));
    }

    #[test]
    fn red_or_missing_tests_are_left_to_the_reviewer() {
        assert!(!review(None, Some(&checks(true, true))).contains("where you can run them"));
        assert!(review(None, Some(&checks(false, false))).contains("where you can run them"));
        assert!(review(Some("SHOP-7"), None).contains("what SHOP-7 asks for"));
    }

    #[test]
    fn paths_are_listed_within_bounds_and_open_no_markup() {
        let many: Vec<String> = (0..32).map(|n| format!("src/{n}.rs")).collect();
        let listed = changes(&many).unwrap();
        assert!(
            listed.contains("- `src/29.rs`") && !listed.contains("src/30.rs") && listed.ends_with("2 more")
        );
        assert!(changes(&["a`@ada`".to_owned()]).unwrap().contains("a'@\u{200b}ada'"));
        assert_eq!(changes(&[]), None);
    }

    #[test]
    fn a_text_with_headings_of_its_own_keeps_them() {
        assert_eq!(overview("# Mine\n\nx"), "# Mine\n\nx");
        assert_eq!(overview(" x\n"), "## Overview\n\nx");
    }
}
