//! `search`: lines that match a regular expression, in the repository's files.

use std::fmt::Write as _;
use std::path::Path;

use globset::{GlobBuilder, GlobMatcher};
use regex::{Regex, RegexBuilder};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Given, RESULT_BYTES, ToolError};
use crate::agent::context;
use crate::workspace::inside::Spot;

/// What to look for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Search {
    /// The expression.
    regex: String,
    /// Which files: `*.rs` (in any directory) or `src/**/*.ts`.
    #[serde(default)]
    glob: Option<String>,
}

pub(super) const ABOUT: &str = "Looks for a regular expression (Rust syntax, matched line by line) in the \
    repository's text files, without those it ignores. Gives `path:line:text`, sorted by path.";

/// Larger files are passed over.
const FILE_BYTES: u64 = 1_000_000;
/// Bytes of one line that are shown.
const LINE_BYTES: usize = 240;

impl Search {
    pub(super) fn run(&self, root: &Path) -> Given {
        let regex = self.pattern()?;
        let glob = self.glob()?;
        let mut found = Found::default();
        for entry in context::files(root) {
            let path = entry.path().strip_prefix(root).unwrap_or(entry.path());
            if glob.as_ref().is_none_or(|glob| glob.is_match(path)) {
                found.look(root, path, &regex);
            }
        }
        Ok(found.told())
    }

    fn pattern(&self) -> Result<Regex, ToolError> {
        let built = RegexBuilder::new(&self.regex).size_limit(1 << 20).build();
        built.map_err(|error| ToolError::Told(format!("Not a regular expression: {error}")))
    }

    fn glob(&self) -> Result<Option<GlobMatcher>, ToolError> {
        let Some(glob) = &self.glob else { return Ok(None) };
        let glob = super::local(glob);
        // A bare name is meant for every directory, as git and ripgrep take it.
        let glob = if glob.contains('/') { glob.to_owned() } else { format!("**/{glob}") };
        let built = GlobBuilder::new(&glob).literal_separator(true).build();
        let built = built.map_err(|error| ToolError::Told(format!("Not a glob: {error}")))?;
        Ok(Some(built.compile_matcher()))
    }
}

#[derive(Debug, Default)]
struct Found {
    text: String,
    shown: usize,
    hidden: usize,
}

impl Found {
    fn look(&mut self, root: &Path, path: &Path, regex: &Regex) {
        // Neither a file that is too large, nor what was a file a moment ago and leads elsewhere now.
        let Ok(bytes) = Spot::new(root, path).read(FILE_BYTES) else { return };
        if bytes.contains(&0) {
            return;
        }
        let text = String::from_utf8_lossy(&bytes);
        for (number, line) in (1..).zip(text.lines()) {
            if regex.is_match(line) {
                self.add(path, number, line);
            }
        }
    }

    fn add(&mut self, path: &Path, number: usize, line: &str) {
        if self.text.len() + LINE_BYTES + 200 > RESULT_BYTES {
            self.hidden += 1;
            return;
        }
        self.shown += 1;
        _ = writeln!(self.text, "{}:{number}:{}", path.display(), super::clip(line, LINE_BYTES));
    }

    fn told(self) -> String {
        match (self.shown, self.hidden) {
            (0, _) => "[no matches]".to_owned(),
            (_, 0) => self.text,
            (_, hidden) => format!("{}[{hidden} more matches; narrow the search]", self.text),
        }
    }
}
