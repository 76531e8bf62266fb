//! `read`: a file's lines with their numbers.

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::Deserialize;

use super::document::Document;
use super::{Given, RESULT_BYTES, ToolError};
use crate::agent::bench::Bench;

/// What to read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Read {
    /// The file, from the repository's root.
    path: String,
    /// The first line.
    #[serde(default)]
    #[schemars(range(min = 1))]
    from: Option<usize>,
    /// The last line.
    #[serde(default)]
    #[schemars(range(min = 1))]
    to: Option<usize>,
}

pub(super) const ABOUT: &str = "Reads a text file, or lines `from` to `to` of it (both counted from 1 and \
    included). Each line is given as `number<tab>text`; number and tab are not part of the file.";

/// Bytes of one line that are shown.
const LINE_BYTES: usize = 2_000;

impl Read {
    pub(super) fn run(self, bench: &dyn Bench) -> Given {
        let document = Document::open(bench, &self.path)?;
        let lines: Vec<&str> = document.text.lines().collect();
        let from = self.from.unwrap_or(1).max(1);
        let to = self.to.unwrap_or(lines.len()).min(lines.len());
        if lines.is_empty() {
            return Ok("[the file is empty]".to_owned());
        }
        if from > to {
            return Err(ToolError::Told(format!("The file has {} lines.", lines.len())));
        }
        Ok(numbered(&lines[from - 1..to], from, lines.len()))
    }
}

/// As many lines as fit, with a note of where to read on.
fn numbered(lines: &[&str], from: usize, all: usize) -> String {
    let mut text = String::new();
    for (number, line) in (from..).zip(lines) {
        if text.len() + line.len().min(LINE_BYTES) + 100 > RESULT_BYTES {
            _ = write!(text, "[the file has {all} lines; read on from line {number}]");
            return text;
        }
        _ = writeln!(text, "{number}\t{}", super::clip(line, LINE_BYTES));
    }
    if from + lines.len() <= all {
        _ = write!(text, "[the file has {all} lines]");
    }
    text
}
