//! Whether the filters, tests and functions that an expression names are there: minijinja looks for them only
//! when it comes to them, and a misspelt one is to be told before anything runs.

use minijinja::Error;

use super::ExprError;
use super::explain::list;
use super::functions::words;
use super::given::refuse;
use super::scan::Code;
use super::tokens::{Kind, Token};
use super::word::{Role, Word};
use crate::spec::near::nearest;

/// Words of the language that may stand before a bracket.
const KEYWORDS: [&str; 7] = ["and", "or", "not", "in", "is", "if", "else"];

/// Says of the first name that is not there what may have been meant.
pub(super) fn check(code: &Code<'_>, tokens: &[Token<'_>]) -> Result<(), ExprError> {
    for at in 0..tokens.len() {
        let Some((role, name)) = named(tokens, at) else { continue };
        match role {
            Some(role) => {
                known(role, name).map_err(|error| code.error(error.detail().unwrap_or_default()))?
            }
            None => return Err(code.error(method(name))),
        }
    }
    Ok(())
}

/// What a token names: a filter, a test, a function, or with no role a method.
fn named<'a>(tokens: &[Token<'a>], at: usize) -> Option<(Option<Role>, &'a str)> {
    let token = tokens[at];
    let is = |back: usize, text: &str| at.checked_sub(back).is_some_and(|at| tokens[at].is(text));
    let called = tokens.get(at + 1).is_some_and(|next| next.is("("));
    match token.kind {
        Kind::Word if is(1, "|") => Some((Some(Role::Filter), token.text)),
        Kind::Word if is(1, ".") => called.then_some((None, token.text)),
        Kind::Word if is(1, "is") && token.text != "not" => Some((Some(Role::Test), token.text)),
        Kind::Word if is(1, "not") && is(2, "is") => Some((Some(Role::Test), token.text)),
        Kind::Word if called && !KEYWORDS.contains(&token.text) => Some((Some(Role::Function), token.text)),
        Kind::Text => quoted(tokens, at),
        _ => None,
    }
}

/// What a text names where it is given to a filter that uses another by its name.
fn quoted<'a>(tokens: &[Token<'a>], at: usize) -> Option<(Option<Role>, &'a str)> {
    let role = match &tokens[..at] {
        [.., pipe, word, open] if pipe.is("|") && open.is("(") && word.is("map") => Role::Filter,
        [.., pipe, word, open] if pipe.is("|") && open.is("(") && word.is_any(&["select", "reject"]) => {
            Role::Test
        }
        [.., word, open, attribute, comma]
            if open.is("(") && attribute.kind == Kind::Text && comma.is(",") =>
        {
            word.is_any(&["selectattr", "rejectattr"]).then_some(Role::Test)?
        }
        _ => return None,
    };
    let text = tokens[at].text;
    let name = text.get(1..text.len().checked_sub(1)?)?;
    (!name.contains('\\')).then_some((Some(role), name))
}

/// The filters and tests of a template's tag that are not there, with what to say of each. Functions may be
/// macros of the template's own.
pub(super) fn unknown(tokens: &[Token<'_>]) -> Vec<(usize, usize, String)> {
    let mut found = Vec::new();
    for at in 0..tokens.len() {
        let Some((Some(role @ (Role::Filter | Role::Test)), name)) = named(tokens, at) else { continue };
        if let Err(error) = known(role, name) {
            found.push((tokens[at].at, tokens[at].text.len(), error.detail().unwrap_or_default().to_owned()));
        }
    }
    found
}

/// Says of a name that is not there what may have been meant.
pub(super) fn known(role: Role, name: &str) -> Result<(), Error> {
    if words().any(|word| word.role == role && word.name == name) {
        return Ok(());
    }
    let what = match role {
        Role::Filter => "filter",
        Role::Test => "test",
        Role::Function => "function",
    };
    Err(refuse(format!("there is no {what} `{name}`; {}", hint(role, name))))
}

fn hint(role: Role, name: &str) -> String {
    if let Some(foreign) = foreign(name) {
        return foreign.to_owned();
    }
    let same = words().find(|word| folded(word.name) == folded(name));
    if let Some(other) = same.filter(|word| word.role != role) {
        return elsewhere(other);
    }
    let offered = || words().filter(|word| word.role == role).map(|word| word.name);
    match same.map(|word| word.name).or_else(|| nearest(name, offered())) {
        Some(near) => format!("did you mean `{near}`?"),
        None => {
            let mut offered: Vec<_> = offered().collect();
            offered.sort_unstable();
            format!("there are {}", list(offered.into_iter()))
        }
    }
}

/// A name without what differs from language to language: `startsWith`, `starts_with`.
fn folded(name: &str) -> String {
    name.chars().filter(|letter| *letter != '_').flat_map(char::to_lowercase).collect()
}

fn elsewhere(word: &Word) -> String {
    match word.role {
        Role::Filter => format!("it is a filter: `value {}`", word.spelled()),
        Role::Test => format!("it is a test: `value {}`", word.spelled()),
        Role::Function => format!("it is a function: `{}`", word.spelled()),
    }
}

fn method(name: &str) -> String {
    let same = words().find(|word| folded(word.name) == folded(name));
    let hint = same.map_or_else(String::new, |word| format!("; {}", elsewhere(word)));
    format!("a value has no methods, and so no `{name}()`{hint}")
}

/// What to use instead of what other languages have under a name that is not near to any of ours.
fn foreign(name: &str) -> Option<&'static str> {
    Some(match folded(name).as_str() {
        "now" | "today" | "utcnow" => {
            "an expression reads no clock: `event.time` and `run.started_at` are moments"
        }
        "random" | "shuffle" | "uuid" => {
            "an expression knows no chance: what is evaluated again gives the same"
        }
        "env" | "environ" | "getenv" | "secrets" => "an expression does not see the environment",
        "count" | "len" | "size" => "did you mean `length`?",
        "d" => "did you mean `default`?",
        "attr" => "did you mean `get`?",
        "combine" | "chain" => "did you mean `merge`?",
        "strftime" | "datetimeformat" => "did you mean `dateformat`?",
        "equalto" | "sameas" => "did you mean `eq`?",
        "lessthan" => "did you mean `lt`?",
        "greaterthan" => "did you mean `gt`?",
        "null" | "nil" => "did you mean `none`?",
        "list" => "what gives several values gives a list already; `keys` gives those of an object",
        _ => return None,
    })
}
