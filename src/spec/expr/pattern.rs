//! What expressions do with regular expressions, which take time in proportion to the text and bounded room.

use std::cell::RefCell;

use minijinja::{Error, Value};
use regex::{Captures, Regex, RegexBuilder};

use super::given::{Given, Growing};
use super::word::{Answer, Word};

/// Bytes that a compiled pattern may take.
const LARGEST: usize = 1 << 20;
/// Brackets that a pattern may have within each other.
const DEEPEST: u32 = 50;

/// The words of this module.
pub(super) const WORDS: &[Word] = &[
    Word::test("matches", &["pattern"], |given| Ok(pattern(given)?.is_match(given.text(0)?).into())),
    Word::filter("regex_search", &["pattern"], search),
    Word::filter("regex_findall", &["pattern"], find_all),
    Word::filter("regex_replace", &["pattern", "to"], replace),
];

thread_local! {
    /// The pattern that was used last: a list is gone through with the same one for each item.
    static LAST: RefCell<Option<Regex>> = const { RefCell::new(None) };
}

fn pattern(given: &Given) -> Result<Regex, Error> {
    let text = given.text(1)?;
    if let Some(last) = LAST.with_borrow(|last| last.clone().filter(|last| last.as_str() == text)) {
        return Ok(last);
    }
    let built =
        RegexBuilder::new(text).size_limit(LARGEST).dfa_size_limit(LARGEST).nest_limit(DEEPEST).build();
    let pattern = built.map_err(|error| {
        let error = error.to_string();
        let why = error.lines().last().unwrap_or_default().trim_start_matches("error: ");
        given.wrong(1, &format!("a regular expression ({why})"))
    })?;
    LAST.set(Some(pattern.clone()));
    Ok(pattern)
}

fn search(given: &Given) -> Answer {
    let found = pattern(given)?.captures(given.text(0)?).map(|found| told(&found));
    Ok(found.unwrap_or_else(|| Value::from(())))
}

fn find_all(given: &Given) -> Answer {
    Ok(pattern(given)?.captures_iter(given.text(0)?).map(|found| told(&found)).collect())
}

/// What matched: the whole, or its one group, or the list of its groups.
fn told(found: &Captures<'_>) -> Value {
    let group = |at| found.get(at).map_or_else(|| Value::from(()), |group| Value::from(group.as_str()));
    match found.len() {
        1 => group(0),
        2 => group(1),
        groups => (1..groups).map(group).collect(),
    }
}

fn replace(given: &Given) -> Answer {
    let (text, to) = (given.text(0)?, given.text(2)?);
    let mut replaced = Growing::default();
    let mut end = 0;
    for found in pattern(given)?.captures_iter(text) {
        let mut piece = String::new();
        found.expand(to, &mut piece);
        let whole = found.get_match();
        replaced.push(&text[end..whole.start()])?;
        replaced.push(&piece)?;
        end = whole.end();
    }
    replaced.push(&text[end..])?;
    replaced.done()
}
