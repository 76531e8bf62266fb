//! `edit`: one text in a file replaced by another.

use schemars::JsonSchema;
use serde::Deserialize;
use similar::TextDiff;

use super::document::{self, Change, Document};
use super::seek::{self, Shift};
use super::{Given, ToolError};
use crate::agent::bench::Bench;

/// A replacement.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// The file, from the repository's root.
    path: String,
    /// The text that is there now, without line numbers.
    old: String,
    /// The text that is to be there instead.
    new: String,
    /// How often `old` is there; all are replaced. 1 unless given.
    #[serde(default)]
    #[schemars(range(min = 1))]
    expect_count: Option<usize>,
}

pub(super) const ABOUT: &str = "Replaces `old` by `new` in a text file. `old` must be there exactly once (or \
    `expect_count` times): give enough lines around the change. White space at the ends of lines may differ. \
    An empty `old` makes a new file. Nothing is changed unless all of it fits.";

impl Edit {
    pub(super) fn run(self, bench: &dyn Bench) -> Given {
        if self.old.is_empty() {
            let made = [Change::create(bench, &self.path, &self.new)?];
            document::write(&made)?;
            return Ok(format!("Made `{}`.{}", self.path, document::faults(&made)));
        }
        let document = Document::open(bench, &self.path)?;
        let after = self.replace(&document.text)?;
        if after == document.text {
            return Err(ToolError::Told("`old` and `new` are the same; nothing was changed.".to_owned()));
        }
        let told = format!("Changed `{}`:\n{}", document.path(), hunks(&document.text, &after));
        let changed = [document.with(&after)];
        document::write(&changed)?;
        Ok(told + &document::faults(&changed))
    }

    fn replace(&self, text: &str) -> Result<String, ToolError> {
        let old = self.old.replace("\r\n", "\n");
        let new = self.new.replace("\r\n", "\n");
        let expected = self.expect_count.unwrap_or(1).max(1);
        let exact: Vec<usize> = text.match_indices(&old).map(|(at, _)| line_of(text, at)).collect();
        if exact.is_empty() {
            return replace_lines(text, &old, &new, expected);
        }
        check_count(&exact, expected)?;
        Ok(text.replace(&old, &new))
    }
}

/// Replaces whole lines on the looser rungs of the ladder.
fn replace_lines(text: &str, old: &str, new: &str, expected: usize) -> Result<String, ToolError> {
    let lines: Vec<&str> = text.split('\n').collect();
    let whole = old.strip_suffix('\n');
    let wanted: Vec<&str> = whole.unwrap_or(old).split('\n').collect();
    let put: Vec<&str> = match whole {
        Some(_) if new.is_empty() => Vec::new(),
        Some(_) => new.strip_suffix('\n').unwrap_or(new).split('\n').collect(),
        None => new.split('\n').collect(),
    };
    let (places, rung) = seek::seek(&lines, &wanted, 0);
    if places.is_empty() {
        let near = seek::nearest(&lines, &wanted);
        return Err(ToolError::Told(format!("`old` is not in the file; nothing was changed.{near}")));
    }
    check_count(&places, expected)?;
    let mut after: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
    for place in places.into_iter().rev() {
        let found = &lines[place..place + wanted.len()];
        let shift = Shift::between(&wanted, found, rung);
        let indented = put.iter().map(|line| match &shift {
            Some(shift) => shift.apply(line),
            None => (*line).to_owned(),
        });
        after.splice(place..place + wanted.len(), indented);
    }
    Ok(after.join("\n"))
}

fn check_count(places: &[usize], expected: usize) -> Result<(), ToolError> {
    if places.len() == expected {
        return Ok(());
    }
    Err(ToolError::Told(format!(
        "`old` is in the file {} times, at lines {}; expected {expected}. Nothing was changed. Give more of \
         the lines around it, or `expect_count`.",
        places.len(),
        seek::numbers(places)
    )))
}

fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count()
}

/// What changed, as a unified diff.
pub(super) fn hunks(before: &str, after: &str) -> String {
    TextDiff::from_lines(before, after).unified_diff().context_radius(3).to_string()
}
