//! What a change may be, judged by looking at it: no model, no I/O.
//!
//! The half of the gate that runs nothing (the other is [`checks`](super::checks)). It looks at what the change
//! adds; what was in the base already is the repository's own affair.

pub mod hidden;
pub mod secrets;

use std::fmt;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::place::is_git;

/// What no change touches unless it is allowed: what runs by itself, what decides who reviews, what steers
/// agents, and what holds keys.
const PROTECTED: &[&str] = &[
    ".github/**",
    ".gitlab-ci.yml",
    ".gitlab/**",
    ".circleci/**",
    ".buildkite/**",
    ".husky/**",
    "Jenkinsfile",
    ".git*",
    "**/.gitattributes",
    "**/.gitmodules",
    "**/.lfsconfig",
    "**/CODEOWNERS",
    "**/AGENTS.md",
    "**/CLAUDE.md",
    "**/GEMINI.md",
    ".claude/**",
    ".cursor/**",
    ".cursorrules",
    "**/.mcp.json",
    ".vscode/**",
    ".idea/**",
    ".devcontainer/**",
    ".envrc",
    "**/.npmrc",
    "**/.pypirc",
    "**/.netrc",
    ".cargo/**",
    "**/.env",
    "**/.env.*",
    "**/*.pem",
    "**/*.key",
    "**/*.p12",
    "**/*.pfx",
    "**/*.jks",
    "**/id_rsa*",
    "**/id_dsa*",
    "**/id_ecdsa*",
    "**/id_ed25519*",
    "**/.ssh/**",
    "**/.aws/**",
];

/// Samples that hold no secret.
const SAMPLES: &[&str] =
    &["**/.env.example", "**/.env.sample", "**/.env.template", "**/.gitignore", "**/.gitkeep"];

/// The bounds of a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Guard {
    /// Globs of protected paths that may be changed all the same.
    #[serde(deserialize_with = "patterns")]
    pub allow: Vec<String>,
    /// Globs of paths that may not be changed, besides those that never may.
    #[serde(deserialize_with = "patterns")]
    pub protect: Vec<String>,
    /// Globs of paths whose syntax is not looked at.
    #[serde(deserialize_with = "patterns")]
    pub unparsed: Vec<String>,
    /// Files that a change may touch.
    pub max_files: usize,
    /// Bytes that its files may have, all together.
    pub max_bytes: u64,
}

/// One file of a change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileChange {
    /// Its path from the repository's root.
    pub path: String,
    /// Its git mode before: `000000` where it is new.
    pub mode_before: String,
    /// Its git mode after: `000000` where it is gone.
    pub mode_after: String,
    /// Its size after.
    pub bytes: u64,
    /// Its contents before, where they were looked at.
    pub before: Vec<u8>,
    /// Its contents after, where they were looked at.
    pub after: Vec<u8>,
}

/// Something that a change may not be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The rule: `protected_path`, `secret`, `too_large`, `too_many_files`, `binary`, `symlink`,
    /// `nested_repository`, `hidden_text`, `bad_path`, `syntax`, `empty`.
    pub rule: String,
    /// The file, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// One sentence for people; never holds the secret.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, message, .. } = self;
        path.as_ref().map_or(Ok(()), |path| write!(f, "{path}: "))?;
        f.write_str(message)
    }
}

impl Default for Guard {
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            protect: Vec::new(),
            unparsed: Vec::new(),
            max_files: 100,
            max_bytes: 4 << 20,
        }
    }
}

impl Finding {
    fn at(path: &str, rule: &str, message: impl Into<String>) -> Self {
        // Nor does the path, where a secret stands in it.
        Self { rule: rule.to_owned(), path: Some(secrets::redacted(path)), message: message.into() }
    }

    fn overall(rule: &str, message: String) -> Self {
        Self { rule: rule.to_owned(), path: None, message }
    }
}

impl Guard {
    /// Everything that is wrong with a change; nothing when it may go on.
    ///
    /// # Errors
    /// When one of the configured globs is none.
    pub fn judge(&self, changes: &[FileChange]) -> Result<Vec<Finding>, globset::Error> {
        let protected = globs(PROTECTED.iter().copied().chain(self.protect.iter().map(String::as_str)))?;
        let allowed = globs(SAMPLES.iter().copied().chain(self.allow.iter().map(String::as_str)))?;
        let mut findings = self.bounds(changes);
        for change in changes {
            if protected.is_match(&change.path) && !allowed.is_match(&change.path) {
                findings.push(Finding::at(&change.path, "protected_path", "this path is protected"));
            }
            findings.extend(kind(change));
            findings.extend(name(change));
            findings.extend(contents(change));
        }
        Ok(findings)
    }

    /// The changes whose syntax is looked at.
    pub(super) fn parsed<'a>(
        &self,
        changes: &'a [FileChange],
    ) -> Result<Vec<&'a FileChange>, globset::Error> {
        let unparsed = globs(self.unparsed.iter().map(String::as_str))?;
        Ok(changes.iter().filter(|change| !unparsed.is_match(&change.path)).collect())
    }

    fn bounds(&self, changes: &[FileChange]) -> Vec<Finding> {
        let bytes = changes.iter().fold(0_u64, |sum, change| sum.saturating_add(change.bytes));
        let mut findings = Vec::new();
        if changes.len() > self.max_files {
            let message = format!("{} files are changed; {} may be", changes.len(), self.max_files);
            findings.push(Finding::overall("too_many_files", message));
        }
        if bytes > self.max_bytes {
            let message = format!("the changed files have {bytes} bytes; {} are allowed", self.max_bytes);
            findings.push(Finding::overall("too_large", message));
        }
        findings
    }
}

/// What a path and its mode say.
fn kind(change: &FileChange) -> Option<Finding> {
    let FileChange { path, mode_before, mode_after, .. } = change;
    // The last stands where a path is not what it is shown as: it is no UTF-8.
    let is_odd = |letter: char| letter.is_control() || letter == char::REPLACEMENT_CHARACTER;
    if path.split('/').any(is_git) || path.chars().any(is_odd) || hidden::count(path) > 0 {
        return Some(Finding::at(path, "bad_path", "this is not a path that a repository should hold"));
    }
    if mode_before == mode_after && mode_after != "120000" {
        return None;
    }
    match mode_after.as_str() {
        "160000" => Some(Finding::at(path, "nested_repository", "a repository of its own would be added")),
        "120000" => Some(Finding::at(path, "symlink", "a symbolic link would be added or changed")),
        _ => None,
    }
}

/// What a new name gives away.
fn name(change: &FileChange) -> Option<Finding> {
    let secrets = secrets::found(&change.path);
    let secret = secrets.first().filter(|_| change.mode_before == "000000")?;
    Some(Finding::at(&change.path, "secret", format!("its name looks like {}", secret.what)))
}

/// What the contents say.
fn contents(change: &FileChange) -> Vec<Finding> {
    let path = &change.path;
    if is_binary(&change.after) {
        return vec![Finding::at(path, "binary", "a binary file would be added or changed")];
    }
    let (before, after) = (String::from_utf8_lossy(&change.before), String::from_utf8_lossy(&change.after));
    let mut findings = Vec::new();
    if hidden::count(&after) > hidden::count(&before) {
        let message = "letters that nobody sees, or that reorder the text around them, would be added";
        findings.push(Finding::at(path, "hidden_text", message));
    }
    let known = secrets::found(&before);
    let new = secrets::found(&after).into_iter().filter(|secret| !known.contains(secret));
    findings
        .extend(new.map(|secret| Finding::at(path, "secret", format!("this looks like {}", secret.what))));
    findings
}

/// As git decides it: a zero byte near the beginning.
fn is_binary(contents: &[u8]) -> bool {
    contents.iter().take(8_000).any(|byte| *byte == 0)
}

/// Globs that can be used: what is none is found where it is read, not when a change is judged.
fn patterns<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let patterns = Vec::<String>::deserialize(deserializer)?;
    globs(patterns.iter().map(String::as_str)).map_err(serde::de::Error::custom)?;
    Ok(patterns)
}

fn globs<'a>(patterns: impl Iterator<Item = &'a str>) -> Result<GlobSet, globset::Error> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        // File systems that fold case would read `.GitHub` as `.github`.
        set.add(GlobBuilder::new(pattern).case_insensitive(true).literal_separator(true).build()?);
    }
    set.build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn added(path: &str, text: &str) -> FileChange {
        FileChange {
            path: path.to_owned(),
            mode_before: "000000".to_owned(),
            mode_after: "100644".to_owned(),
            bytes: text.len() as u64,
            before: Vec::new(),
            after: text.as_bytes().to_vec(),
        }
    }

    fn rules(change: FileChange) -> Vec<String> {
        let findings = Guard::default().judge(&[change]).unwrap();
        findings.into_iter().map(|finding| finding.rule).collect()
    }

    #[test]
    fn an_ordinary_change_passes() {
        assert!(rules(added("src/total.sh", "echo $((1 + 2))\n")).is_empty());
        assert!(rules(added("config/.env.example", "KEY=\n")).is_empty());
        assert!(rules(added(".gitignore", "target\n")).is_empty());
    }

    #[test]
    fn protected_paths_are_refused_in_any_case_and_depth() {
        for path in [
            ".github/workflows/ci.yml",
            ".GitHub/workflows/ci.yml",
            ".gitmodules",
            "docs/CODEOWNERS",
            ".env",
            "app/.env.production",
            "deploy/key.pem",
            "home/.ssh/config",
            "AGENTS.md",
            ".claude/settings.json",
            "keys/id_rsa",
            "sub/.gitattributes",
        ] {
            assert_eq!(rules(added(path, "x")), ["protected_path"], "{path}");
        }
        let guard = Guard { allow: vec![".github/workflows/*".to_owned()], ..Guard::default() };
        assert!(guard.judge(&[added(".github/workflows/ci.yml", "x")]).unwrap().is_empty());
    }

    #[test]
    fn links_nested_repositories_and_binaries_are_refused() {
        let with = |mode: &str| FileChange { mode_after: mode.to_owned(), ..added("x", "y") };
        assert_eq!(rules(with("120000")), ["symlink"]);
        assert_eq!(rules(with("160000")), ["nested_repository"]);
        assert_eq!(rules(added("logo.png", "\u{0}PNG")), ["binary"]);
        assert_eq!(rules(added("a/.GIT/config", "x")), ["bad_path"]);
    }

    #[test]
    fn secrets_are_found_where_they_are_new() {
        let token = format!("token = ghp_{}", "a1B2".repeat(9));
        assert_eq!(rules(added("x.txt", &token)), ["secret"]);
        let kept =
            FileChange { before: token.clone().into_bytes(), ..added("x.txt", &format!("{token}\nmore")) };
        assert!(rules(kept).is_empty());
    }

    #[test]
    fn a_secret_in_a_path_is_found_and_not_told() {
        let path = format!("notes/ghp_{}/x.txt", "a1B2".repeat(9));
        let findings = Guard::default().judge(&[added(&path, "x")]).unwrap();
        assert_eq!((findings.len(), findings[0].rule.as_str()), (1, "secret"));
        assert_eq!(findings[0].to_string(), "notes/[redacted]/x.txt: its name looks like a GitHub token");
        let kept = FileChange { mode_before: "100644".to_owned(), ..added(&path, "x") };
        assert!(rules(kept).is_empty(), "what was there before is not this change's");
    }

    #[test]
    fn paths_that_are_not_what_they_look_like_are_refused() {
        for path in [b"a/b\xff".as_slice(), b"a\nb", "a\u{200b}b".as_bytes(), "x\u{202e}sr.exe".as_bytes()] {
            let path = String::from_utf8_lossy(path);
            assert_eq!(rules(added(&path, "x")), ["bad_path"], "{path:?}");
        }
        assert!(rules(added("größe/東京.txt", "x")).is_empty());
    }

    #[test]
    fn a_change_is_bounded() {
        let many: Vec<_> = (0..101).map(|n| added(&format!("f{n}"), "x")).collect();
        assert_eq!(Guard::default().judge(&many).unwrap()[0].rule, "too_many_files");
        let large = FileChange { bytes: 5 << 20, ..added("f", "x") };
        assert_eq!(rules(large), ["too_large"]);
    }

    #[test]
    fn letters_that_reorder_text_are_refused() {
        assert_eq!(rules(added("x.rs", "let a = 1; \u{202e} // x")), ["hidden_text"]);
    }

    #[test]
    fn letters_that_nobody_sees_are_refused_where_they_are_new() {
        let hidden = "key = \"a\u{e0062}\u{e0063}\" // \u{200b}\n";
        assert_eq!(rules(added("x.rs", hidden)), ["hidden_text"]);
        let kept = FileChange { before: hidden.into(), ..added("x.rs", &format!("{hidden}more\n")) };
        assert!(rules(kept).is_empty());
        assert!(rules(added("x.cs", "\u{feff}// \u{2764}\u{fe0f}\n")).is_empty());
    }
}
