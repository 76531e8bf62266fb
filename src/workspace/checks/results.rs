//! Which tests passed and which failed, by the lines that a test command writes.
//!
//! Known are TAP (`ok NAME`, with or without number), cargo (`test NAME ... ok`), go (`--- PASS: NAME`), Python's
//! unittest (`NAME (PLACE) ... ok`) and pytest (`PLACE::NAME PASSED`), and the marks of node, jest, mocha and
//! vitest (`✔ NAME`). Anything else is no test. The lines are the tested tree's own words: this notices tests
//! that were removed or broken, not a tree that lies.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// The tests of one tree, by name. What was skipped is in neither.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Results {
    pub(super) passed: BTreeSet<String>,
    pub(super) failed: BTreeSet<String>,
}

/// What one line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said<'a> {
    Passed(&'a str),
    Failed(&'a str),
}

impl Results {
    /// Reads what a test command wrote.
    pub(super) fn of(output: &str) -> Self {
        let mut results = Self::default();
        let mut before = "";
        for line in output.lines().map(str::trim) {
            match said(line).or_else(|| unittest(line, before)) {
                Some(Said::Passed(name)) => results.passed.insert(name.to_owned()),
                Some(Said::Failed(name)) if !stands_for_more(name) => results.failed.insert(name.to_owned()),
                Some(Said::Failed(_)) | None => false,
            };
            before = line;
        }
        // Of several tests by one name, one that failed decides.
        let Self { passed, failed } = &mut results;
        passed.retain(|name| !failed.contains(name));
        results
    }
}

/// Endings of files that a runner names in place of their tests.
const FILES: &[&str] =
    &[".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx", ".py", ".t", ".rb", ".php", ".sh"];

/// Whether what failed is no test: a file that could not be loaded, or what comes before a class's tests. Once that
/// is mended its name is gone, and rightly so.
fn stands_for_more(name: &str) -> bool {
    let is_file = !name.contains(char::is_whitespace) && FILES.iter().any(|ending| name.ends_with(ending));
    let around = ["setUpClass (", "setUpModule (", "tearDownClass (", "tearDownModule ("];
    is_file
        || name.contains("(unittest.loader._FailedTest")
        || around.iter().any(|head| name.starts_with(head))
}

fn said(line: &str) -> Option<Said<'_>> {
    tap(line).or_else(|| go(line)).or_else(|| cargo(line)).or_else(|| pytest(line)).or_else(|| marked(line))
}

/// `ok 3 - adds two` is `adds two`: the number moves when a test is put before it.
fn tap(line: &str) -> Option<Said<'_>> {
    if let Some(rest) = line.strip_prefix("not ok ") {
        return numbered(rest).map(Said::Failed);
    }
    line.strip_prefix("ok ").and_then(numbered).map(Said::Passed)
}

fn numbered(rest: &str) -> Option<&str> {
    let rest = counted(rest)?;
    let named = rest.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start();
    let named = named.strip_prefix("- ").unwrap_or(named).trim();
    let name = if named.is_empty() { rest } else { named };
    (!name.is_empty()).then_some(name)
}

/// A name without its remarks; none where they say that the test does not count.
fn counted(name: &str) -> Option<&str> {
    let upper = name.to_uppercase();
    let counts = !upper.contains("# SKIP") && !upper.contains("# TODO");
    counts.then(|| name.split(" # ").next().unwrap_or(name).trim())
}

fn go(line: &str) -> Option<Said<'_>> {
    let name = |rest: &'_ str| rest.split_whitespace().next().map(str::len);
    let cut = |rest| name(rest).map(|length| &rest[..length]);
    if let Some(rest) = line.strip_prefix("--- FAIL: ") {
        return cut(rest).map(Said::Failed);
    }
    line.strip_prefix("--- PASS: ").and_then(cut).map(Said::Passed)
}

fn cargo(line: &str) -> Option<Said<'_>> {
    let rest = line.strip_prefix("test ")?;
    // The line of an example in the documentation moves with every line above it.
    let name = |head: &'_ str| head.split(" (line ").next().map_or(0, |name| name.trim_end().len());
    if let Some(head) = rest.strip_suffix(" ... FAILED") {
        return Some(Said::Failed(&head[..name(head)]));
    }
    rest.strip_suffix(" ... ok").map(|head| Said::Passed(&head[..name(head)]))
}

fn pytest(line: &str) -> Option<Said<'_>> {
    let named = |word| line.split_once(word).map(|(name, _)| name).filter(|name| name.contains("::"));
    if let Some(name) = named(" FAILED").or_else(|| named(" ERROR")) {
        return Some(Said::Failed(name));
    }
    named(" PASSED").map(Said::Passed)
}

/// A line of unittest; a test that describes itself has its name on the line before.
fn unittest<'a>(line: &'a str, before: &'a str) -> Option<Said<'a>> {
    let (head, verdict) = line.rsplit_once(" ... ")?;
    let is_name = |text: &str| text.contains(" (") && text.ends_with(')') && !text.contains(" ... ");
    let name = [head, before].into_iter().find(|text| is_name(text))?;
    match verdict {
        "ok" => Some(Said::Passed(name)),
        "FAIL" | "ERROR" => Some(Said::Failed(name)),
        _ => None,
    }
}

/// A mark, a name, and perhaps how long it took.
fn marked(line: &str) -> Option<Said<'_>> {
    let name = |rest: &'_ str| -> Option<usize> {
        let name = counted(rest)?;
        let timed = name.ends_with("ms)") || name.ends_with(" s)");
        let name = name.rsplit_once(" (").filter(|_| timed).map_or(name, |(name, _)| name);
        (!name.is_empty()).then_some(name.len())
    };
    let of = |marks: &[&str]| {
        let rest = marks.iter().find_map(|mark| line.strip_prefix(mark))?.trim_start();
        name(rest).map(|length| &rest[..length])
    };
    of(&["✖ ", "✕ ", "× "]).map(Said::Failed).or_else(|| of(&["✔ ", "✓ ", "√ "]).map(Said::Passed))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(output: &str) -> (Vec<String>, Vec<String>) {
        let Results { passed, failed } = Results::of(output);
        (passed.into_iter().collect(), failed.into_iter().collect())
    }

    #[test]
    fn tap_lines_are_known_by_name_and_what_is_skipped_did_not_pass() {
        let output = "1..5\nok 1 - adds\nnot ok 2 - takes\nok 3 - later # SKIP no\nok total of two\nFAIL x\nok 7\n\
                      not ok 8 - one day # TODO\nok 9 - quick # time=3ms\n";
        let (passed, failed) = names(output);
        assert_eq!(passed, ["7", "adds", "quick", "total of two"]);
        assert_eq!(failed, ["takes"]);
    }

    #[test]
    fn cargo_and_go_name_their_tests() {
        let output = "test a::b ... ok\ntest a::c ... FAILED\ntest a::d ... ignored\ntest result: ok. 1 passed\n\
                      \x20   --- PASS: TestX/one (0.00s)\n--- FAIL: TestY (0.00s)\n\
                      test src/lib.rs - sum (line 12) ... ok\n";
        let (passed, failed) = names(output);
        assert_eq!(passed, ["TestX/one", "a::b", "src/lib.rs - sum"]);
        assert_eq!(failed, ["TestY", "a::c"]);
    }

    #[test]
    fn pythons_tests_are_known_also_where_they_describe_themselves() {
        let output = "test_a (tests.t.T.test_a) ... ok\ntest_b (tests.t.T.test_b) ... FAIL\n\
                      test_c (tests.t.T.test_c) ... skipped 'later'\ntest_d (tests.t.T.test_d)\nSays why ... ERROR\n\
                      tests/x.py::test_e PASSED   [ 50%]\ntests/x.py::test_f[a b] FAILED   [100%]\n\
                      FAILED tests/x.py::test_f[a b] - assert 1\nWaiting ... ok\n";
        let (passed, failed) = names(output);
        assert_eq!(passed, ["test_a (tests.t.T.test_a)", "tests/x.py::test_e"]);
        let wanted = ["test_b (tests.t.T.test_b)", "test_d (tests.t.T.test_d)", "tests/x.py::test_f[a b]"];
        assert_eq!(failed, wanted);
    }

    #[test]
    fn marks_are_read_without_what_a_test_took() {
        let output = "✔ adds (1.234ms)\n  ✓ takes (5 ms)\n✖ divides (0.4ms)\n﹣ later (0.1ms) # SKIP\n\
                      ✔ rounds (half up) (0.2ms)\n  ✕ escapes\n✔ never # SKIP\n";
        let (passed, failed) = names(output);
        assert_eq!(passed, ["adds", "rounds (half up)", "takes"]);
        assert_eq!(failed, ["divides", "escapes"]);
    }

    #[test]
    fn what_could_not_be_loaded_is_no_test_that_may_be_missed() {
        let output = "not ok 1 - /workspace/test/a.test.js\nnot ok 2 - loads a.js\n\
                      tests.test_a (unittest.loader._FailedTest.tests.test_a) ... ERROR\n\
                      setUpClass (tests.t.T) ... ERROR\n";
        assert_eq!(names(output), (vec![], vec!["loads a.js".to_owned()]));
    }

    #[test]
    fn of_two_tests_by_one_name_the_one_that_failed_decides() {
        assert_eq!(names("ok 1 - same\nnot ok 2 - same\n"), (vec![], vec!["same".to_owned()]));
    }
}
