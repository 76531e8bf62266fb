//! Which files bear on what the tests say: the tests themselves, and what says how they are run.
//!
//! Told by name and place alone. Tests that stand within the code they test (Rust's `mod tests`, doctests) are
//! not told apart from it.

/// Directories that hold tests, wherever they are.
const DIRECTORIES: &[&str] = &[
    "test",
    "tests",
    "t",
    "spec",
    "specs",
    "__tests__",
    "__snapshots__",
    "testdata",
    "e2e",
    "unittest",
    "_pytest",
];

/// Files that say how tests are run, wherever they are.
const RUNNERS: &[&str] = &[
    "makefile",
    "gnumakefile",
    "package.json",
    "cargo.toml",
    "pyproject.toml",
    "pytest.ini",
    "tox.ini",
    "setup.cfg",
    "noxfile.py",
    "conftest.py",
    // Modules of these names stand before Python's own.
    "sitecustomize.py",
    "usercustomize.py",
    "unittest.py",
    "pytest.py",
    "go.mod",
    "pom.xml",
    "build.gradle",
    "build.gradle.kts",
    ".proverc",
    ".rspec",
];

/// Beginnings of such files, whose endings are many.
const RUNNER_STEMS: &[&str] = &["jest.config.", "vitest.config.", "vite.config.", "karma.conf.", ".mocharc."];

/// Whether a path bears on what the tests say.
pub(super) fn on_tests(path: &str) -> bool {
    let path = path.to_lowercase();
    let (directories, name) = path.rsplit_once('/').unwrap_or(("", &path));
    directories.split('/').any(|directory| DIRECTORIES.contains(&directory))
        || RUNNERS.contains(&name)
        || RUNNER_STEMS.iter().any(|stem| name.starts_with(stem))
        || is_test(name)
}

/// Whether a file holds nothing but words for people.
pub(super) fn is_words(path: &str) -> bool {
    let ending = path.rsplit_once('.').map_or("", |(_, ending)| ending).to_lowercase();
    ["md", "markdown", "rst", "adoc"].contains(&ending.as_str()) && !on_tests(path)
}

/// `test_a.py`, `a_test.go`, `a.test.js`, `a.spec.ts`, `atest.java`.
fn is_test(name: &str) -> bool {
    let Some((stem, ending)) = name.rsplit_once('.') else { return false };
    let by_stem = stem.starts_with("test_")
        || ["_test", "_spec", ".test", ".spec", "-test"].iter().any(|end| stem.ends_with(end))
        || matches!(stem, "test" | "tests");
    by_stem || ending == "t" || (["java", "kt", "cs"].contains(&ending) && stem.ends_with("test"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_and_what_runs_them_are_told_from_the_code() {
        for path in [
            "tests/run.sh",
            "a/__tests__/b.js",
            "pkg/sum_test.go",
            "src/sum.test.ts",
            "test_sum.py",
            "t/01-basic.t",
            "Makefile",
            "web/package.json",
            "jest.config.mjs",
            "src/SumTest.java",
            "conftest.py",
        ] {
            assert!(on_tests(path), "{path}");
        }
        for path in
            ["src/latest.rs", "src/contest.py", "attest/a.c", "README.md", "src/testing.rs", "lib/t.pm"]
        {
            assert!(!on_tests(path), "{path}");
        }
    }

    #[test]
    fn words_are_told_by_their_endings_and_what_tests_read_is_none() {
        assert!(["README.md", "docs/A.RST", "a.adoc"].into_iter().all(is_words));
        assert!(
            !["a.sh", "requirements.txt", "tests/expected.md", "md", "docs/conf.py"]
                .into_iter()
                .any(is_words)
        );
    }
}
