//! What kind of repository this is: its files, and how it tests itself.
//!
//! Everything is read from the base commit. What an agent changed decides nothing here.

use serde_json::Value;

use super::{Workspace, WorkspaceError};

/// Paths that a listing leaves out: other people's code.
const FOREIGN: &[&str] = &["node_modules/", "vendor/", "third_party/", "dist/", "target/"];

impl Workspace {
    /// The command that runs the repository's own tests, as its base says it.
    ///
    /// # Errors
    /// When git fails.
    pub async fn test_command(&self) -> Result<Option<String>, WorkspaceError> {
        let paths = self.paths(&self.base).await?;
        let mut texts = Vec::new();
        for name in ["package.json", "Makefile", "pyproject.toml"] {
            if let Some(text) = self.text_in(&self.base, name).await {
                texts.push((name, text));
            }
        }
        let read = |name: &str| texts.iter().find(|(found, _)| *found == name).map(|(_, text)| text.as_str());
        Ok(test_command(&paths, read).map(str::to_owned))
    }

    /// The repository's files, one a line, at most so many.
    ///
    /// # Errors
    /// When git fails.
    pub async fn listing(&self, most: usize) -> Result<String, WorkspaceError> {
        Ok(listing(&self.paths(&self.base).await?, most))
    }
}

/// How a repository with these files tests itself. `read` gives the text of a file at its root.
fn test_command<'a>(paths: &[String], read: impl Fn(&str) -> Option<&'a str>) -> Option<&'static str> {
    let has = |path: &str| paths.iter().any(|found| found == path);
    let npm_tests = || {
        let package: Value = serde_json::from_str(read("package.json")?).ok()?;
        let script = package.pointer("/scripts/test")?.as_str()?;
        // What `npm init` writes is no test.
        (!script.contains("no test specified")).then_some(())
    };
    let make_tests =
        || read("Makefile").is_some_and(|text| text.lines().any(|line| line.starts_with("test:")));
    let pytest = || {
        has("pytest.ini")
            || has("conftest.py")
            || read("pyproject.toml").is_some_and(|t| t.contains("pytest"))
    };
    if has("tests/run.sh") {
        Some("sh tests/run.sh")
    } else if has("Cargo.toml") {
        Some("cargo test --offline")
    } else if npm_tests().is_some() {
        Some("npm test")
    } else if has("go.mod") {
        Some("go test ./...")
    } else if pytest() {
        Some("python3 -m pytest -v")
    } else if make_tests() {
        Some("make test")
    } else {
        unittest(paths)
    }
}

/// Where Python's own tests are found; each names itself, and what it prints does not come in between.
fn unittest(paths: &[String]) -> Option<&'static str> {
    let named = |is_test: &dyn Fn(&str) -> bool| {
        paths.iter().filter_map(|path| path.strip_suffix(".py")).any(|path| {
            let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
            is_test(name) && !FOREIGN.iter().any(|part| directory.contains(part.trim_end_matches('/')))
        })
    };
    let is_package = paths.iter().any(|path| path == "tests/__init__.py");
    let has_tests = named(&|name| name.starts_with("test_"));
    let beside = paths.iter().any(|path| path.starts_with("tests/test_") && path.ends_with(".py"));
    if beside && !is_package {
        Some("python3 -m unittest discover -v -b -s tests")
    } else if has_tests {
        Some("python3 -m unittest discover -v -b")
    } else if named(&|name| name.ends_with("_test")) {
        Some("python3 -m unittest discover -v -b -p '*_test.py'")
    } else {
        None
    }
}

fn listing(paths: &[String], most: usize) -> String {
    let own = |path: &&String| {
        !FOREIGN.iter().any(|part| path.starts_with(part) || path.contains(&format!("/{part}")))
    };
    let own: Vec<&str> = paths.iter().filter(own).map(String::as_str).collect();
    let mut text = own.iter().take(most).copied().collect::<Vec<_>>().join("\n");
    if own.len() > most {
        text.push_str(&format!("\n… and {} more", own.len() - most));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(files: &[(&str, &'static str)]) -> Option<&'static str> {
        let paths: Vec<_> = files.iter().map(|(path, _)| (*path).to_owned()).collect();
        let read = |name: &str| files.iter().find(|(path, _)| *path == name).map(|(_, text)| *text);
        test_command(&paths, read)
    }

    #[test]
    fn the_repository_says_how_it_is_tested() {
        assert_eq!(command(&[("tests/run.sh", ""), ("Cargo.toml", "")]), Some("sh tests/run.sh"));
        assert_eq!(command(&[("Cargo.toml", "")]), Some("cargo test --offline"));
        assert_eq!(command(&[("package.json", r#"{"scripts":{"test":"node t.js"}}"#)]), Some("npm test"));
        assert_eq!(command(&[("go.mod", "")]), Some("go test ./..."));
        assert_eq!(command(&[("Makefile", "all:\ntest:\n\ttrue\n")]), Some("make test"));
        assert_eq!(command(&[("README.md", "run cargo test")]), None);
        assert_eq!(command(&[("pytest.ini", "")]), Some("python3 -m pytest -v"));
    }

    #[test]
    fn pythons_tests_are_looked_for_where_they_are() {
        let beside = "python3 -m unittest discover -v -b -s tests";
        assert_eq!(command(&[("tests/test_sum.py", "")]), Some(beside));
        let package = [("tests/__init__.py", ""), ("tests/test_sum.py", "")];
        assert_eq!(command(&package), Some("python3 -m unittest discover -v -b"));
        assert_eq!(command(&[("test_sum.py", "")]), Some("python3 -m unittest discover -v -b"));
        let ending = "python3 -m unittest discover -v -b -p '*_test.py'";
        assert_eq!(command(&[("sum_test.py", "")]), Some(ending));
        assert_eq!(command(&[("vendor/x/test_sum.py", ""), ("sum.py", "")]), None);
    }

    #[test]
    fn what_npm_writes_by_itself_is_no_test() {
        let script = r#"{"scripts":{"test":"echo \"Error: no test specified\" && exit 1"}}"#;
        assert_eq!(command(&[("package.json", script)]), None);
    }

    #[test]
    fn a_listing_is_bounded_and_leaves_out_what_is_foreign() {
        let paths = ["a", "b", "node_modules/x", "sub/vendor/y", "c"].map(str::to_owned);
        assert_eq!(listing(&paths, 2), "a\nb\n… and 1 more");
    }
}
