//! `apply_patch`: several files changed at once, by a patch in the V4A format.
//!
//! The whole patch is parsed, then every place is found, then everything is written; before that nothing is.

mod parse;

use schemars::JsonSchema;
use serde::Deserialize;

use self::parse::{FileChange, Hunk, Line};
use super::document::{self, Change, Document};
use super::seek::{self, Rung, Shift};
use super::{Given, ToolError, edit};
use crate::agent::bench::Bench;

/// A patch.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApplyPatch {
    /// The patch, from `*** Begin Patch` on.
    patch: String,
}

pub(super) const ABOUT: &str = "Changes several files at once, all or none. The patch begins with \
    `*** Begin Patch` and ends with `*** End Patch`. Between them stand `*** Add File: <path>` (then lines \
    beginning with `+`), `*** Delete File: <path>`, and `*** Update File: <path>`: then hunks, each begun by \
    `@@` or `@@ <a line above it, such as a function's head>`, with three lines of context before and after; \
    lines begin with a space (stays), `-` (goes) or `+` (comes). `*** End of File` after a hunk ties it to \
    the file's end.";

impl ApplyPatch {
    pub(super) fn run(self, bench: &dyn Bench) -> Given {
        let files = parse::parse(&self.patch).map_err(|error| ToolError::Malformed(error.to_string()))?;
        let mut changes = Vec::new();
        let mut told = Vec::new();
        for file in files {
            let (change, what) = prepare(bench, file)?;
            changes.push(change);
            told.push(what);
        }
        document::write(&changes)?;
        Ok(told.join("\n") + &document::faults(&changes))
    }
}

fn prepare(bench: &dyn Bench, file: FileChange) -> Result<(Change, String), ToolError> {
    match file {
        FileChange::Add { path, text } => {
            Ok((Change::create(bench, &path, &text)?, format!("Made `{path}`.")))
        }
        FileChange::Delete { path } => {
            Ok((Document::open(bench, &path)?.without(), format!("Deleted `{path}`.")))
        }
        FileChange::Update { path, hunks } => {
            let document = Document::open(bench, &path)?;
            let after = updated(&document.text, &hunks).map_err(|error| {
                ToolError::Told(format!("`{path}`: {error} Nothing was changed, in no file."))
            })?;
            let told = format!("Changed `{path}`:\n{}", edit::hunks(&document.text, &after));
            Ok((document.with(&after), told))
        }
    }
}

/// The text with all hunks applied, each after the one before it.
fn updated(text: &str, hunks: &[Hunk]) -> Result<String, String> {
    let lines: Vec<&str> = text.split('\n').collect();
    let mut after: Vec<String> = Vec::with_capacity(lines.len());
    let mut done = 0;
    for hunk in hunks {
        let old = hunk.old();
        let (place, rung) = place(&lines, hunk, &old, done)?;
        after.extend(lines[done..place].iter().map(|line| (*line).to_owned()));
        let found = &lines[place..place + old.len()];
        put(&mut after, hunk, found, Shift::between(&old, found, rung).as_ref());
        done = place + old.len();
    }
    after.extend(lines[done..].iter().map(|line| (*line).to_owned()));
    Ok(after.join("\n"))
}

/// Where a hunk belongs, at or after `from`.
fn place(lines: &[&str], hunk: &Hunk, old: &[&str], from: usize) -> Result<(usize, Rung), String> {
    let mut from = from;
    for anchor in &hunk.anchors {
        let (places, _) = seek::seek(lines, &[anchor], from);
        let near = || format!("there is no line `{anchor}` here.{}", seek::nearest(lines, &[anchor]));
        from = places.first().ok_or_else(near)? + 1;
    }
    // Behind a final newline `split` leaves one empty line, which is none of the file's.
    let end = if lines.last() == Some(&"") { lines.len() - 1 } else { lines.len() };
    if old.is_empty() {
        let is_anchored = !hunk.anchors.is_empty() && !hunk.at_end;
        return Ok((if is_anchored { from } else { end.max(from) }, Rung::Exact));
    }
    let (mut places, rung) = seek::seek(lines, old, from);
    if hunk.at_end {
        places.retain(|place| place + old.len() == end);
    }
    match places.as_slice() {
        [] => Err(format!("the lines of a hunk are not there.{}", seek::nearest(lines, old))),
        [place] => Ok((*place, rung)),
        [place, ..] if !hunk.anchors.is_empty() => Ok((*place, rung)),
        many => Err(format!(
            "the lines of a hunk are there {} times, at lines {}: give more context, or an `@@` line.",
            many.len(),
            seek::numbers(many)
        )),
    }
}

/// Appends what a hunk makes of the lines that it was found at. Lines that stay keep their own bytes.
fn put(after: &mut Vec<String>, hunk: &Hunk, found: &[&str], shift: Option<&Shift>) {
    let mut found = found.iter();
    for line in &hunk.lines {
        match line {
            Line::Keep(_) => after.extend(found.next().map(|line| (*line).to_owned())),
            Line::Cut(_) => _ = found.next(),
            Line::Put(text) => after.push(shift.map_or_else(|| text.clone(), |shift| shift.apply(text))),
        }
    }
}
