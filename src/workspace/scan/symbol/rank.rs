//! Which definitions matter: those that much is built on, and much of what the task speaks of.
//!
//! A file passes its weight on to the files that define what it mentions, again and again, as a reader would
//! follow names from file to file; now and then the reader starts anew, most often where the task points to.
//! All sums are taken in one order, so that the outcome is the same to the last bit.

use std::collections::{BTreeMap, BTreeSet};

use super::{Place, Source};

/// How likely it is that the reader follows a name, rather than starting anew.
const FOLLOW: f64 = 0.85;
/// How often weight is passed on.
const ROUNDS: usize = 30;
/// Names that more files define say nothing of what is meant.
const MOST_DEFINERS: usize = 8;
/// How much more a name counts that the task names.
const NAMED: f64 = 10.0;
/// How much more a name counts that is hardly there by chance.
const DISTINCT: f64 = 5.0;
/// How much less a name counts that is one plain word: most mentions of it mean something else.
const PLAIN: f64 = 0.2;
/// How much less a name counts that says of itself that it is not for others.
const PRIVATE: f64 = 0.2;
/// How much more often the reader starts at a file that the task points to.
const POINTED_AT: f64 = 30.0;

/// A file that mentions what another one defines.
#[derive(Debug)]
struct Link<'a> {
    from: usize,
    to: usize,
    name: &'a str,
    weight: f64,
}

/// All definitions, the one that matters most first.
pub(super) fn best_first(sources: &[Source], words: &BTreeSet<&str>) -> Vec<Place> {
    let links = links(sources, words);
    let weights = weights(sources, &links, words);
    let sums = sums(sources.len(), &links);
    let mut scores: BTreeMap<(usize, &str), f64> = BTreeMap::new();
    for link in &links {
        *scores.entry((link.to, link.name)).or_default() +=
            weights[link.from] * link.weight / sums[link.from];
    }
    let mut all = Vec::new();
    for (file, source) in sources.iter().enumerate() {
        for (at, definition) in source.definitions.iter().enumerate() {
            let name = definition.name.as_str();
            // All weights together are one: what the task calls by its name stands before all others.
            let named = if words.contains(name) && has_parts(name) { 1.0 } else { 0.0 };
            let score = named + scores.get(&(file, name)).copied().unwrap_or_default();
            all.push((score, weights[file], (file, at)));
        }
    }
    // Stable, and begun in the order of paths and lines: equals stay in it.
    all.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.total_cmp(&a.1)));
    all.into_iter().map(|(_, _, place)| place).collect()
}

fn links<'a>(sources: &'a [Source], words: &BTreeSet<&str>) -> Vec<Link<'a>> {
    let mut definers: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    for (file, source) in sources.iter().enumerate() {
        for definition in &source.definitions {
            definers.entry(&definition.name).or_default().insert(file);
        }
    }
    definers.retain(|_, files| files.len() <= MOST_DEFINERS);
    let mut links = Vec::new();
    for (from, source) in sources.iter().enumerate() {
        for (name, count) in &source.mentions {
            let Some((name, files)) = definers.get_key_value(name.as_str()) else { continue };
            // Whoever defines a name means its own.
            if files.contains(&from) {
                continue;
            }
            let weight = f64::from(*count).sqrt() * worth(name, files.len(), words) / files.len() as f64;
            links.extend(files.iter().map(|to| Link { from, to: *to, name, weight }));
        }
    }
    links
}

/// How much a mention of a name counts that so many files define.
fn worth(name: &str, definers: usize, words: &BTreeSet<&str>) -> f64 {
    let mut worth = 1.0;
    if words.contains(name) {
        worth *= NAMED;
    }
    if !has_parts(name) {
        worth *= PLAIN;
    } else if name.len() >= 8 && definers == 1 {
        worth *= DISTINCT;
    }
    if name.starts_with('_') {
        worth *= PRIVATE;
    }
    worth
}

/// Whether a name has several parts, as no word of people's has: `total_of`, `ShoppingCart`.
fn has_parts(name: &str) -> bool {
    let is_mixed = name.chars().skip(1).any(char::is_uppercase) && name.chars().any(char::is_lowercase);
    is_mixed || name.trim_matches('_').contains('_')
}

/// What each file passes on altogether.
fn sums(files: usize, links: &[Link<'_>]) -> Vec<f64> {
    let mut sums = vec![0.0; files];
    for link in links {
        sums[link.from] += link.weight;
    }
    sums
}

/// How much each file matters.
fn weights(sources: &[Source], links: &[Link<'_>], words: &BTreeSet<&str>) -> Vec<f64> {
    let starts = starts(sources, words);
    let sums = sums(sources.len(), links);
    let mut weights = starts.clone();
    for _ in 0..ROUNDS {
        // Who refers to nobody lets the reader start anew.
        let ended: f64 =
            weights.iter().zip(&sums).filter(|(_, sum)| **sum == 0.0).map(|(weight, _)| weight).sum();
        let anew = 1.0 - FOLLOW + FOLLOW * ended;
        let mut next: Vec<f64> = starts.iter().map(|start| start * anew).collect();
        for link in links {
            next[link.to] += FOLLOW * weights[link.from] * link.weight / sums[link.from];
        }
        weights = next;
    }
    weights
}

/// Where a reader starts, how often: at the files that the task names, or whose definitions it does.
fn starts(sources: &[Source], words: &BTreeSet<&str>) -> Vec<f64> {
    let points_at = |source: &Source| {
        let parts = source.path.split(['/', '.']);
        parts.into_iter().any(|part| words.contains(part))
            || source.definitions.iter().any(|definition| words.contains(definition.name.as_str()))
    };
    let start = |source: &Source| if points_at(source) { POINTED_AT } else { 1.0 };
    let starts: Vec<f64> = sources.iter().map(start).collect();
    let all: f64 = starts.iter().sum();
    starts.into_iter().map(|start| start / all).collect()
}
