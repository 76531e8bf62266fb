//! As much of a map as fits into so many tokens.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{Place, Source};

/// Bytes that a token of source code has, as a rule.
const TOKEN_BYTES: usize = 4;

/// The map of as many of the best definitions as fit. The file with the best comes first; within one, they stand in
/// its order.
pub(super) fn fit(sources: &[Source], best: &[Place], tokens: usize) -> String {
    let room = tokens.saturating_mul(TOKEN_BYTES);
    let mut fitting = String::new();
    let (mut low, mut high) = (0, best.len());
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        let map = render(sources, &best[..middle]);
        if map.len() <= room {
            fitting = map;
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    fitting
}

fn render(sources: &[Source], chosen: &[Place]) -> String {
    let mut order = Vec::new();
    let mut files: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (file, at) in chosen {
        let places = files.entry(*file).or_default();
        if places.is_empty() {
            order.push(*file);
        }
        places.push(*at);
    }
    let mut map = String::new();
    for file in order {
        let source = &sources[file];
        _ = writeln!(map, "{}", source.path.replace(char::is_control, " "));
        let mut places = files.remove(&file).unwrap_or_default();
        places.sort_unstable();
        for definition in places.into_iter().map(|at| &source.definitions[at]) {
            _ = writeln!(map, "  {}: {}", definition.line, definition.head);
        }
    }
    map
}
