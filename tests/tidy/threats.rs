//! `docs/threat-model.md` says what is so: every case has its row, and every test that a row names is there.

use std::collections::BTreeSet;
use std::fs;

use crate::source;

/// The document.
const PAGE: &str = "docs/threat-model.md";

/// How many cases have numbers.
const CASES: usize = 44;

#[test]
fn every_case_has_its_row_and_names_tests_that_are_there() {
    let page = fs::read_to_string(source::root().join(PAGE)).unwrap();
    let (known, mut column) = (tests(), None);
    let (mut numbers, mut broken) = (Vec::new(), Vec::new());
    for (at, line) in (1..).zip(page.lines()) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let header = cells.iter().position(|cell| *cell == "Tests");
        column = header.or(column.filter(|_| line.starts_with('|')));
        let Some(place) = column.filter(|_| header.is_none() && !line.starts_with("|---")) else { continue };
        numbers.extend(cells[1].parse::<usize>().ok());
        let names: Vec<&str> = cells[place].split('`').skip(1).step_by(2).collect();
        let strange = names.iter().filter(|name| !known.contains(**name));
        broken.extend(strange.map(|name| format!("{PAGE}:{at}: there is no test `{name}`")));
        if names.is_empty() && cells[place + 1].is_empty() {
            broken.push(format!("{PAGE}:{at}: it names no test and does not say that there is none"));
        }
    }
    crate::hold(&broken);
    assert!(numbers.iter().copied().eq(1..=CASES), "{PAGE} has the cases {numbers:?}");
}

/// The names of all tests, and of the promises that every store is held to.
fn tests() -> BTreeSet<String> {
    let mut files = Vec::new();
    for folder in ["src", "tests"] {
        source::collect(&source::root().join(folder), &mut files);
    }
    files.retain(|file| file.extension().is_some_and(|extension| extension == "rs"));
    let mut names = BTreeSet::new();
    for file in files {
        let (mut is_test, mut is_promise) = (false, false);
        for line in fs::read_to_string(file).unwrap().lines().map(str::trim) {
            is_test |= line == "#[test]" || line.starts_with("#[tokio::test");
            is_promise = line == "promises! {" || (is_promise && line != "}");
            let function = line.strip_prefix("async fn ").or_else(|| line.strip_prefix("fn "));
            let name = function.and_then(|rest| rest.split('(').next());
            names.extend(name.filter(|_| is_test).or(is_promise.then_some(line)).map(str::to_owned));
            is_test &= name.is_none();
        }
    }
    names
}
