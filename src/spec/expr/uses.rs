//! Which names an expression uses, and where.

use std::collections::BTreeSet;

use minijinja::Expression;

use super::explain::list;
use super::scan::Code;
use super::{ENVIRONMENT, ExprError};
use crate::spec::near::nearest;

/// A name that an expression uses, with the attributes that it asks of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// `["task", "id"]` for `${task.id}`.
    pub path: Vec<String>,
    /// Where it stands in its text, in bytes.
    pub offset: usize,
    /// Whether the expression says what to do where it is absent (`| default(…)`, `is defined`).
    pub optional: bool,
    /// The expression that uses it.
    pub expression: String,
}

impl Use {
    /// The name at the root.
    #[must_use]
    pub fn root(&self) -> &str {
        self.path.first().map_or("", String::as_str)
    }

    /// The whole path with its dots.
    #[must_use]
    pub fn dotted(&self) -> String {
        self.path.join(".")
    }
}

/// Everything that an expression uses, in the order written.
pub(super) fn uses_within(code: &Code<'_>, expression: &Expression<'_, '_>) -> Result<Vec<Use>, ExprError> {
    check_filters(code)?;
    let globals: BTreeSet<&str> = ENVIRONMENT.globals().map(|(name, _)| name).collect();
    let mut uses: Vec<Use> = expression
        .undeclared_variables(true)
        .into_iter()
        .filter(|path| !globals.contains(path.as_str()))
        .map(|path| locate(code, &path))
        .collect();
    uses.sort_by(|a, b| (a.offset, &a.path).cmp(&(b.offset, &b.path)));
    Ok(uses)
}

/// Where a path stands in its expression, and whether it may be absent there.
fn locate(code: &Code<'_>, path: &str) -> Use {
    let places: Vec<usize> = code
        .text
        .match_indices(path)
        .map(|(at, _)| at)
        .filter(|at| stands_alone(code.text, *at, path.len()))
        .collect();
    let optional = !places.is_empty() && places.iter().all(|at| is_optional(&code.text[at + path.len()..]));
    Use {
        path: path.split('.').map(str::to_owned).collect(),
        offset: code.offset + places.first().copied().unwrap_or(0),
        optional,
        expression: code.text.to_owned(),
    }
}

/// Whether `text[at..at + length]` is a whole path: not within a longer word, path or quotes.
fn stands_alone(text: &str, at: usize, length: usize) -> bool {
    let before = text[..at].bytes().next_back();
    let after = text[at + length..].bytes().next();
    let inside = |byte: u8| is_word(byte) || byte == b'.';
    !before.is_some_and(inside) && !after.is_some_and(inside) && !in_quotes(text, at)
}

fn in_quotes(text: &str, end: usize) -> bool {
    let mut quote = None;
    let mut bytes = text.as_bytes()[..end].iter();
    while let Some(byte) = bytes.next() {
        match (quote, byte) {
            (Some(_), b'\\') => {
                bytes.next();
            }
            (Some(open), _) if open == byte => quote = None,
            (None, b'\'' | b'"') => quote = Some(byte),
            _ => {}
        }
    }
    quote.is_some()
}

pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

/// Whether what follows a path says what to do where it is undefined.
fn is_optional(after: &str) -> bool {
    let after = after.trim_start();
    if let Some(filter) = after.strip_prefix('|') {
        return matches!(first_word(filter.trim_start()), "default" | "d");
    }
    let Some(test) = after.strip_prefix("is ") else { return false };
    let test = test.trim_start();
    let test = test.strip_prefix("not ").unwrap_or(test).trim_start();
    matches!(first_word(test), "defined" | "undefined")
}

fn first_word(text: &str) -> &str {
    &text[..text.bytes().position(|byte| !is_word(byte)).unwrap_or(text.len())]
}

/// minijinja looks filters up only when it comes to them; a misspelt one is to be told before anything runs.
fn check_filters(code: &Code<'_>) -> Result<(), ExprError> {
    for (at, _) in code.text.match_indices('|').filter(|(at, _)| !in_quotes(code.text, *at)) {
        let name = first_word(code.text[at + 1..].trim_start());
        if name.is_empty() || FILTERS.contains(&name) {
            continue;
        }
        let hint = match nearest(name, FILTERS.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are {}", list(FILTERS.iter().copied())),
        };
        return Err(code.error(format!("there is no filter `{name}`; {hint}")));
    }
    Ok(())
}

/// The filters that expressions may use.
#[rustfmt::skip]
pub(super) const FILTERS: &[&str] = &[
    "abs", "attr", "batch", "bool", "capitalize", "chain", "count", "d", "default", "dictsort", "first",
    "float", "format", "groupby", "indent", "int", "items", "join", "last", "length", "lines", "list",
    "lower", "map", "max", "min", "reject", "rejectattr", "replace", "reverse", "round", "select",
    "selectattr", "slice", "slug", "sort", "split", "string", "sum", "title", "tojson", "trim", "truncate",
    "unique", "upper", "zip",
];
