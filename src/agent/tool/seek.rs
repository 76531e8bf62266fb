//! Finding the lines that a model meant.
//!
//! Three rungs, and no further: exact, without trailing white space, without any white space at the
//! ends. A looser match could replace the wrong lines; what is absent or ambiguous is an error that
//! says where to look.

use std::collections::BTreeSet;
use std::fmt::Write as _;

/// How closely lines were matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rung {
    /// Byte for byte.
    Exact,
    /// Without trailing white space.
    RightTrimmed,
    /// Without white space at either end: what is put there must be indented anew.
    Trimmed,
}

/// The places, as indices of their first lines, at which `wanted` stands at or after `from`: those of the
/// closest rung that has any. They do not overlap.
#[must_use]
pub fn seek<L: AsRef<str>, W: AsRef<str>>(lines: &[L], wanted: &[W], from: usize) -> (Vec<usize>, Rung) {
    let is_blank = wanted.iter().all(|line| line.as_ref().trim().is_empty());
    for rung in [Rung::Exact, Rung::RightTrimmed, Rung::Trimmed] {
        let places = places(lines, wanted, from, rung);
        // Blank lines alone would match any others on the looser rungs.
        if !places.is_empty() || is_blank {
            return (places, rung);
        }
    }
    (Vec::new(), Rung::Trimmed)
}

fn places<L: AsRef<str>, W: AsRef<str>>(lines: &[L], wanted: &[W], from: usize, rung: Rung) -> Vec<usize> {
    let mut places = Vec::new();
    let mut at = from;
    while !wanted.is_empty() && at + wanted.len() <= lines.len() {
        let mut pairs = lines[at..].iter().zip(wanted);
        let fits = pairs.all(|(line, wanted)| rung.of(line.as_ref()) == rung.of(wanted.as_ref()));
        if fits {
            places.push(at);
        }
        at += if fits { wanted.len() } else { 1 };
    }
    places
}

impl Rung {
    fn of(self, line: &str) -> &str {
        match self {
            Self::Exact => line,
            Self::RightTrimmed => line.trim_end(),
            Self::Trimmed => line.trim(),
        }
    }
}

/// How far the lines of a file are indented otherwise than the model wrote them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shift {
    from: String,
    to: String,
}

impl Shift {
    /// The shift from what was wanted to what was found there; none unless it was found by trimming.
    #[must_use]
    pub fn between<L: AsRef<str>, W: AsRef<str>>(wanted: &[W], found: &[L], rung: Rung) -> Option<Self> {
        if rung != Rung::Trimmed {
            return None;
        }
        let mut pairs = wanted.iter().zip(found);
        let (wanted, found) = pairs.find(|(line, _)| !line.as_ref().trim().is_empty())?;
        Some(Self { from: indent(wanted.as_ref()).to_owned(), to: indent(found.as_ref()).to_owned() })
    }

    /// A line of the model's, indented as the file is.
    #[must_use]
    pub fn apply(&self, line: &str) -> String {
        match line.strip_prefix(&self.from) {
            Some(rest) if !rest.trim().is_empty() => format!("{}{rest}", self.to),
            _ => line.to_owned(),
        }
    }
}

fn indent(line: &str) -> &str {
    &line[..line.len() - line.trim_start().len()]
}

/// The places most like what was wanted, with line numbers, for the model to look at.
#[must_use]
pub fn nearest<L: AsRef<str>, W: AsRef<str>>(lines: &[L], wanted: &[W]) -> String {
    let first = wanted.iter().map(AsRef::as_ref).find(|line| !line.trim().is_empty()).unwrap_or_default();
    let wanted: BTreeSet<&str> = wanted.iter().map(|line| line.as_ref().trim()).collect();
    let score = |at: usize| {
        let window = lines[at..].iter().take(wanted.len());
        let same = window.filter(|line| {
            let line = line.as_ref().trim();
            !line.is_empty() && wanted.contains(line)
        });
        100 * same.count() + likeness(first, lines[at].as_ref())
    };
    let mut scored: Vec<_> =
        (0..lines.len()).map(|at| (score(at), at)).filter(|(score, _)| *score > 0).collect();
    scored.sort_by_key(|(score, at)| (std::cmp::Reverse(*score), *at));
    let mut text = String::new();
    for (_, at) in scored.into_iter().take(3) {
        _ = write!(text, "\n{}\t{}", at + 1, super::clip(lines[at].as_ref(), 200));
    }
    if text.is_empty() { text } else { format!(" The nearest places:{text}") }
}

/// How many of a hundred words two lines share.
fn likeness(one: &str, other: &str) -> usize {
    let words = |line: &str| -> BTreeSet<String> {
        let words = line.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
        words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
    };
    let (one, other) = (words(one), words(other));
    let all = one.union(&other).count();
    (100 * one.intersection(&other).count()).checked_div(all).unwrap_or(0)
}

/// Line numbers, from 1, of places.
#[must_use]
pub fn numbers(places: &[usize]) -> String {
    let numbers: Vec<_> = places.iter().take(20).map(|place| (place + 1).to_string()).collect();
    numbers.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closest_rung_that_matches_counts() {
        let lines = ["a", "  b ", "b", "a ", "b "];
        assert_eq!(seek(&lines, &["b"], 0), (vec![2], Rung::Exact));
        assert_eq!(seek(&lines, &["a", "b"], 1), (vec![3], Rung::RightTrimmed));
        assert_eq!(seek(&lines, &["a", "b", "b"], 0), (vec![0], Rung::Trimmed));
        assert_eq!(seek(&lines, &["c"], 0).0, Vec::<usize>::new());
    }

    #[test]
    fn blank_lines_match_only_exactly() {
        assert_eq!(seek(&["a", "  "], &[""], 0).0, Vec::<usize>::new());
    }

    #[test]
    fn lines_are_shifted_to_the_files_indent() {
        let shift = Shift::between(&["if x {"], &["\tif x {"], Rung::Trimmed).unwrap();
        assert_eq!(shift.apply("    go();"), "\t    go();");
        assert_eq!(shift.apply(""), "");
    }

    #[test]
    fn the_nearest_places_come_first() {
        let text =
            nearest(&["zebra", "let total = sum(items);", "let count = 1;"], &["let total = add(items);"]);
        assert!(text.starts_with(" The nearest places:\n2\t"), "{text}");
    }
}
