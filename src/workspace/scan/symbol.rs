//! A map of a repository's symbols: those that matter most, as many as fit.

mod fit;
mod rank;
mod read;

use std::collections::{BTreeMap, BTreeSet};

use super::base::{self, BaseFile};
use crate::workspace::grammar::Grammar;

/// A file's symbols.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Source {
    path: String,
    /// What it defines, in its order.
    definitions: Vec<Definition>,
    /// The names that it mentions, and how often.
    mentions: BTreeMap<String, u32>,
}

/// A definition.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Definition {
    name: String,
    line: usize,
    /// Its head, on one line.
    head: String,
}

/// A definition's place: of which file, and which of it.
type Place = (usize, usize);

/// Files that are read.
const MOST_FILES: usize = 3_000;
/// Bytes of a file that is read.
const FILE_BYTES: u64 = 200 << 10;
/// Bytes of all of them: what one process may read of git, and a few seconds' parsing.
const ALL_BYTES: u64 = 24 << 20;
/// Letters that a word of the task has at least.
const WORD: usize = 4;

/// The files that are read for a map: those nearest to the root first, where there are too many.
pub(super) fn wanted(all: &[BaseFile]) -> Vec<&BaseFile> {
    let is_source = |file: &&BaseFile| {
        Grammar::of(&file.path).is_some() && file.bytes <= FILE_BYTES && !base::is_foreign(&file.path)
    };
    let mut wanted: Vec<&BaseFile> = all.iter().filter(is_source).collect();
    wanted.sort_by_key(|file| (file.path.matches('/').count(), &file.path));
    let mut bytes = 0_u64;
    let mut fits = |file: &&BaseFile| {
        bytes = bytes.saturating_add(file.bytes);
        bytes <= ALL_BYTES
    };
    wanted.into_iter().take(MOST_FILES).take_while(&mut fits).collect()
}

/// The map of these texts in so many tokens; none where nothing is defined in them.
pub(super) fn map(texts: &[(String, String)], task: &str, tokens: usize) -> Option<String> {
    let mut sources: Vec<Source> = texts.iter().filter_map(|(path, text)| read::source(path, text)).collect();
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    let best = rank::best_first(&sources, &words(task));
    let map = fit::fit(&sources, &best, tokens);
    (!map.is_empty()).then_some(map)
}

/// The words of a task that may be names.
fn words(task: &str) -> BTreeSet<&str> {
    let words = task.split(|c: char| !c.is_alphanumeric() && c != '_');
    words.filter(|word| word.len() >= WORD).collect()
}

#[cfg(test)]
mod tests;
