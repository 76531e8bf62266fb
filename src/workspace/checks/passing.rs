//! Which tests passed, by the lines that a test command writes.
//!
//! Three families are known: `ok NAME` (TAP, with or without number), `test NAME ... ok` (cargo) and
//! `--- PASS: NAME` (go). Anything else is no test. The lines are the tested tree's own words: this notices
//! tests that were removed or broken, not a tree that lies.

use std::collections::BTreeSet;

/// The tests that passed.
pub(super) fn of(output: &str) -> BTreeSet<String> {
    output.lines().filter_map(|line| passed(line.trim())).map(str::to_owned).collect()
}

fn passed(line: &str) -> Option<&str> {
    if let Some(rest) = line.strip_prefix("ok ") {
        return tap(rest);
    }
    if let Some(rest) = line.strip_prefix("--- PASS: ") {
        return rest.split_whitespace().next();
    }
    line.strip_prefix("test ")?.strip_suffix(" ... ok").map(str::trim)
}

/// `3 - adds two` is `adds two`: the number moves when a test is put before it. What is skipped has
/// not passed.
fn tap(rest: &str) -> Option<&str> {
    let upper = rest.to_uppercase();
    if upper.contains("# SKIP") || upper.contains("# TODO") {
        return None;
    }
    let rest = rest.trim();
    let named = rest.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start();
    let named = named.strip_prefix("- ").unwrap_or(named).trim();
    let name = if named.is_empty() { rest } else { named };
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(output: &str) -> Vec<String> {
        of(output).into_iter().collect()
    }

    #[test]
    fn tap_lines_are_known_by_name_and_what_is_skipped_did_not_pass() {
        let output =
            "1..5\nok 1 - adds\nnot ok 2 - takes\nok 3 - later # SKIP no\nok total of two\nFAIL x\nok 7\n";
        assert_eq!(names(output), ["7", "adds", "total of two"]);
    }

    #[test]
    fn cargo_and_go_name_their_tests() {
        let output = "test a::b ... ok\ntest a::c ... FAILED\ntest a::d ... ignored\ntest result: ok. 1 passed\n\
                      \x20   --- PASS: TestX/one (0.00s)\n--- FAIL: TestY (0.00s)\n";
        assert_eq!(names(output), ["TestX/one", "a::b"]);
    }
}
