//! How a repository tests, formats and checks itself, as its own files say it.

use serde_json::Value;
use toml::Table;

use super::Command;
use super::base::is_foreign;

/// Scripts of `package.json`, targets of a `Makefile` and recipes of a `justfile` that format or check.
const CHECKS: &[&str] = &[
    "check",
    "fmt",
    "format",
    "format:check",
    "fmt-check",
    "lint",
    "prettier",
    "type-check",
    "typecheck",
    "vet",
];

/// Files at the root by which a tool is known to be used, and how it is run.
const TOOLS: &[(&str, &str)] = &[
    (".rustfmt.toml", "cargo fmt --check"),
    ("rustfmt.toml", "cargo fmt --check"),
    (".clippy.toml", "cargo clippy"),
    ("clippy.toml", "cargo clippy"),
    ("ruff.toml", "ruff check ."),
    (".ruff.toml", "ruff check ."),
    (".flake8", "flake8"),
    ("mypy.ini", "mypy ."),
    ("biome.json", "npx biome check"),
    (".golangci.yml", "golangci-lint run"),
    (".golangci.yaml", "golangci-lint run"),
    (".rubocop.yml", "rubocop"),
    (".pre-commit-config.yaml", "pre-commit run --all-files"),
];

/// Beginnings of such files, whose endings are many.
const TOOL_STEMS: &[(&str, &str)] = &[
    (".eslintrc", "npx eslint ."),
    ("eslint.config.", "npx eslint ."),
    (".prettierrc", "npx prettier --check ."),
    ("prettier.config.", "npx prettier --check ."),
];

/// Tables of `pyproject.toml` by which a tool is known to be used.
const PYTHON_TOOLS: &[(&str, &str)] =
    &[("black", "black --check ."), ("mypy", "mypy ."), ("ruff", "ruff check .")];

/// The commands by which a repository with these files formats and checks itself, each once, with the file that
/// says so. `read` gives the text of a file at its root.
pub(super) fn checks<'a>(paths: &[String], read: impl Fn(&str) -> Option<&'a str>) -> Vec<Command> {
    let mut found = Vec::new();
    let mut add = |command: &str, said_by: &str| {
        if !found.iter().any(|known: &Command| known.command == command) {
            found.push(Command { command: command.to_owned(), said_by: said_by.to_owned() });
        }
    };
    for name in CHECKS {
        if script(read("package.json"), name) {
            add(&format!("npm run {name}"), "package.json");
        }
        for (file, run) in [("Makefile", "make"), ("justfile", "just")] {
            if read(file).is_some_and(|text| has_target(text, name)) {
                add(&format!("{run} {name}"), file);
            }
        }
    }
    for (tool, command) in PYTHON_TOOLS {
        if configures(read("pyproject.toml"), tool) {
            add(command, "pyproject.toml");
        }
    }
    for path in paths.iter().filter(|path| !path.contains('/')) {
        let by_name = TOOLS.iter().find(|(file, _)| file == path);
        let by_stem = || TOOL_STEMS.iter().find(|(stem, _)| path.starts_with(stem));
        if let Some((_, command)) = by_name.or_else(by_stem) {
            add(command, path);
        }
    }
    found
}

fn script(package: Option<&str>, name: &str) -> bool {
    let package = package.and_then(|text| serde_json::from_str::<Value>(text).ok());
    package.is_some_and(|package| package["scripts"].get(name).is_some())
}

fn has_target(text: &str, name: &str) -> bool {
    let is_target =
        |line: &str| line.strip_prefix(name).is_some_and(|rest| rest.trim_start().starts_with(':'));
    text.lines().any(is_target)
}

fn configures(project: Option<&str>, tool: &str) -> bool {
    let project = project.and_then(|text| text.parse::<Table>().ok());
    project.is_some_and(|project| project.get("tool").is_some_and(|tools| tools.get(tool).is_some()))
}

/// How a repository with these files tests itself. `read` gives the text of a file at its root.
pub(super) fn test_command<'a>(
    paths: &[String],
    read: impl Fn(&str) -> Option<&'a str>,
) -> Option<&'static str> {
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
            is_test(name) && !is_foreign(&format!("{directory}/"))
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
    fn what_formats_and_checks_is_said_by_the_repositorys_files() {
        let files = [
            ("package.json", r#"{"scripts":{"lint":"eslint .","build":"tsc"}}"#),
            ("Makefile", "fmt:\n\tx\nlinters = 1\ncheck : fmt\n"),
            ("pyproject.toml", "[tool.ruff]\nline-length = 99\n"),
            ("ruff.toml", ""),
            (".eslintrc.json", "{}"),
            ("sub/.rubocop.yml", ""),
        ];
        let paths: Vec<_> = files.iter().map(|(path, _)| (*path).to_owned()).collect();
        let read = |name: &str| files.iter().find(|(path, _)| *path == name).map(|(_, text)| *text);
        let told: Vec<_> = checks(&paths, read)
            .into_iter()
            .map(|said| format!("{} ({})", said.command, said.said_by))
            .collect();
        assert_eq!(
            told,
            [
                "make check (Makefile)",
                "make fmt (Makefile)",
                "npm run lint (package.json)",
                "ruff check . (pyproject.toml)",
                "npx eslint . (.eslintrc.json)",
            ]
        );
    }

    #[test]
    fn what_npm_writes_by_itself_is_no_test() {
        let script = r#"{"scripts":{"test":"echo \"Error: no test specified\" && exit 1"}}"#;
        assert_eq!(command(&[("package.json", script)]), None);
    }
}
