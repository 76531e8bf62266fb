//! Whether changed files can still be parsed, judged by looking: no model, no command, no I/O.
//!
//! No grammar is without gaps, and some files are broken on purpose. A file that could be parsed before and cannot
//! now is a finding, where its grammar is known to be sure: it has shown that it reads the project's dialect. A new
//! one is no more than a reason to hold back, and in a place for samples not even that. What could not be parsed
//! before never counts.

use serde::de::IgnoredAny;

#[cfg(feature = "symbols")]
use super::grammar::{Grammar, Word};
use super::guard::{FileChange, Finding};

/// The first place where a text cannot be parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Its line, from 1.
    pub line: usize,
    /// As what it was read.
    pub language: &'static str,
    /// Whether that parser is as good as never wrong.
    pub is_sure: bool,
}

/// What speaks against a change.
#[derive(Debug, Default)]
pub(super) struct Judged {
    /// Files that could be parsed before, for certain.
    pub(super) broken: Vec<Finding>,
    /// New files, and those of which it is not certain.
    pub(super) unsure: Vec<Finding>,
}

/// Directories whose files may be wrong on purpose, or become right only when they are filled in.
const SAMPLES: &[&str] = &[
    "__fixtures__",
    "bad",
    "broken",
    "cassettes",
    "compile-fail",
    "compile_fail",
    "corpus",
    "errors",
    "fixture",
    "fixtures",
    "golden",
    "invalid",
    "samples",
    "snapshots",
    "template",
    "templates",
    "test-data",
    "test_data",
    "testcases",
    "testdata",
    "ui",
];

/// JSON files by whose names comments are expected in them: beginnings.
const COMMENTED: &[&str] =
    &["tsconfig", "jsconfig", ".eslintrc", ".babelrc", "devcontainer", "settings", "launch"];

/// The first place where a file cannot be parsed; nothing where it can, or where its language is not known well
/// enough to say so.
#[must_use]
pub fn fault(path: &str, text: &[u8]) -> Option<Fault> {
    let text = std::str::from_utf8(text).ok()?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let name = path.rsplit('/').next().unwrap_or(path);
    let (_, ending) = name.rsplit_once('.')?;
    match ending {
        "json" if COMMENTED.iter().any(|start| name.starts_with(start)) => None,
        "json" => json(text),
        "toml" => toml(text),
        _ => source(path, text),
    }
}

/// What speaks against these changes.
pub(super) fn judge(changes: &[FileChange]) -> Judged {
    let mut judged = Judged::default();
    for change in changes.iter().filter(|change| is_file(&change.mode_after)) {
        let Some(Fault { line, language, is_sure }) = new_fault(change) else { continue };
        let is_new = !is_file(&change.mode_before);
        let before = if is_new { "" } else { "; before, the file could be" };
        let finding = Finding {
            rule: "syntax".to_owned(),
            path: Some(change.path.clone()),
            message: format!("line {line} cannot be parsed as {language}{before}"),
        };
        match is_new {
            false if is_sure => judged.broken.push(finding),
            true if is_sample(&change.path) => {}
            _ => judged.unsure.push(finding),
        }
    }
    judged
}

/// The fault of a file that had none before.
fn new_fault(change: &FileChange) -> Option<Fault> {
    let FileChange { path, before, after, .. } = change;
    let found = fault(path, after)?;
    let was_sound = !is_file(&change.mode_before) || fault(path, before).is_none();
    was_sound.then_some(found)
}

fn is_file(mode: &str) -> bool {
    mode.starts_with("100")
}

fn is_sample(path: &str) -> bool {
    let path = path.to_lowercase();
    let (directories, _) = path.rsplit_once('/').unwrap_or_default();
    directories.split('/').any(|directory| SAMPLES.contains(&directory) || directory.contains("{{"))
}

fn json(text: &str) -> Option<Fault> {
    let error = serde_json::from_str::<IgnoredAny>(text).err()?;
    // What is missing at the end is missing in the last line.
    let line = error.line().min(text.lines().count()).max(1);
    Some(Fault { line, language: "JSON", is_sure: true })
}

fn toml(text: &str) -> Option<Fault> {
    let error = toml::from_str::<IgnoredAny>(text).err()?;
    let at = error.span().map_or(0, |span| span.start);
    let line = 1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count();
    Some(Fault { line, language: "TOML", is_sure: true })
}

#[cfg(feature = "symbols")]
fn source(path: &str, text: &str) -> Option<Fault> {
    let grammar = Grammar::of(path).filter(|grammar| grammar.word != Word::None)?;
    let tree = grammar.parse(text)?;
    let line = first_error(tree.root_node())?;
    Some(Fault { line, language: grammar.name, is_sure: grammar.word == Word::Sure })
}

#[cfg(not(feature = "symbols"))]
fn source(_: &str, _: &str) -> Option<Fault> {
    None
}

/// The line of the first node that is wrong or missing.
#[cfg(feature = "symbols")]
fn first_error(root: tree_sitter::Node<'_>) -> Option<usize> {
    let mut node = root.has_error().then_some(root)?;
    // Down the first branch that has an error in it: no more than the tree is deep.
    loop {
        if node.is_error() || node.is_missing() {
            return Some(node.start_position().row + 1);
        }
        let mut cursor = node.walk();
        let next = node.children(&mut cursor).find(|child| child.has_error() || child.is_missing());
        match next {
            Some(child) => node = child,
            None => return Some(node.start_position().row + 1),
        }
    }
}

#[cfg(test)]
mod tests;
