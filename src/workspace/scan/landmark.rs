//! Files that are known by their names: where programs begin, and what says how they are worked on.

/// Entry points that are named at most.
const MOST: usize = 12;

/// Names of files in which a program begins.
const BEGINNINGS: &[&str] = &[
    "Application.java",
    "Main.java",
    "Program.cs",
    "__main__.py",
    "app.js",
    "app.py",
    "app.ts",
    "artisan",
    "config.ru",
    "index.js",
    "index.php",
    "index.ts",
    "main.c",
    "main.cpp",
    "main.dart",
    "main.go",
    "main.js",
    "main.kt",
    "main.py",
    "main.rs",
    "main.swift",
    "main.ts",
    "manage.py",
    "server.js",
    "server.ts",
    "wsgi.py",
];

/// Names of files that say how a repository is worked on, wherever they are.
const CONVENTIONS: &[&str] = &[
    ".cursorrules",
    ".editorconfig",
    "AGENTS.md",
    "ARCHITECTURE.md",
    "CLAUDE.md",
    "CODESTYLE.md",
    "CONTRIBUTING.md",
    "CONTRIBUTING.rst",
    "DEVELOPMENT.md",
    "GEMINI.md",
    "HACKING.md",
    "STYLE.md",
    "STYLEGUIDE.md",
    "copilot-instructions.md",
];

/// Directories under which nothing is a program of the repository's own.
const ASIDE: &[&str] = &["example", "examples", "fixtures", "spec", "test", "testdata", "tests"];

/// The files in which programs begin, those nearest to the root first.
pub(super) fn entry_points(paths: &[&str]) -> Vec<String> {
    let begins = |path: &&&str| {
        let (directories, name) = path.rsplit_once('/').unwrap_or(("", path));
        let is_rust_program = directories.ends_with("src/bin") && name.ends_with(".rs");
        let is_aside = directories.split('/').any(|part| ASIDE.contains(&part));
        !is_aside && (is_rust_program || BEGINNINGS.contains(&name))
    };
    nearest(paths.iter().filter(begins).copied().collect())
}

/// The files that say how the repository is worked on, those nearest to the root first.
pub(super) fn conventions(paths: &[&str]) -> Vec<String> {
    let says = |path: &&&str| CONVENTIONS.contains(&path.rsplit('/').next().unwrap_or(path));
    nearest(paths.iter().filter(says).copied().collect())
}

fn nearest(mut paths: Vec<&str>) -> Vec<String> {
    paths.sort_by_key(|path| (path.matches('/').count(), *path));
    paths.into_iter().take(MOST).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_nearest_to_the_root_comes_first() {
        let paths = [
            "a/CONTRIBUTING.md",
            "cmd/x/main.go",
            "src/bin/tool.rs",
            "src/main.rs",
            "tests/main.rs",
            ".editorconfig",
        ];
        assert_eq!(entry_points(&paths), ["src/main.rs", "cmd/x/main.go", "src/bin/tool.rs"]);
        assert_eq!(conventions(&paths), [".editorconfig", "a/CONTRIBUTING.md"]);
    }
}
