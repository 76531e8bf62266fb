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
    let has_any = |ends: &[&str]| paths.iter().any(|path| ends.iter().any(|end| path.ends_with(end)));
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
        Some("python3 -m pytest -q")
    } else if make_tests() {
        Some("make test")
    } else if has_any(&["/test_main.py", "_test.py"]) {
        Some("python3 -m unittest discover")
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
