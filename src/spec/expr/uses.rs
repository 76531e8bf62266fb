//! Which names an expression uses, and where.

use super::scan::Code;
use super::tokens::{Kind, Token, is_attached, tokens};
use super::{ExprError, names};

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

/// Names that stand for themselves, and words between names.
#[rustfmt::skip]
const RESERVED: [&str; 13] = [
    "and", "or", "not", "in", "is", "if", "else", "true", "false", "none", "True", "False", "None",
];

/// Everything that an expression uses, in the order written.
pub(super) fn uses_within(code: &Code<'_>) -> Result<Vec<Use>, ExprError> {
    let tokens = tokens(code.text);
    names::check(code, &tokens)?;
    let mut uses: Vec<Use> = Vec::new();
    for at in (0..tokens.len()).filter(|at| is_root(&tokens, *at)) {
        let path = path_at(&tokens, at);
        let end = at + 2 * path.len() - 1;
        let optional = is_optional(&tokens[..at], &tokens[end..]);
        match uses.iter_mut().find(|used| used.path == path) {
            Some(used) => used.optional &= optional,
            None => {
                let offset = code.offset + tokens[at].at;
                uses.push(Use { path, offset, optional, expression: code.text.to_owned() });
            }
        }
    }
    Ok(uses)
}

/// Whether a token is a name that has to be defined.
fn is_root(tokens: &[Token<'_>], at: usize) -> bool {
    let token = tokens[at];
    let next = |sign| tokens.get(at + 1).is_some_and(|next| next.is(sign));
    // What is called is a function, and what is given by its name is named by whoever takes it.
    let is_other = RESERVED.contains(&token.text) || next("(") || next("=");
    token.kind == Kind::Word && !is_attached(tokens, at) && !is_other
}

/// The names with dots between them that begin at a token. A method, as there is none, is not part of them.
fn path_at(tokens: &[Token<'_>], at: usize) -> Vec<String> {
    let attributes =
        tokens[at + 1..].chunks_exact(2).take_while(|pair| pair[0].is(".") && pair[1].kind == Kind::Word);
    std::iter::once(&tokens[at])
        .chain(attributes.map(|pair| &pair[1]))
        .map(|token| token.text.to_owned())
        .collect()
}

/// Whether what is around a path says what to do where it is undefined.
fn is_optional(before: &[Token<'_>], after: &[Token<'_>]) -> bool {
    match after {
        [pipe, filter, ..] if pipe.is("|") => filter.is("default"),
        [is, not, test, ..] if is.is("is") && not.is("not") => test.is_any(&["defined", "undefined"]),
        [is, test, ..] if is.is("is") => test.is_any(&["defined", "undefined"]),
        [next, ..] if next.is_any(&[",", ")"]) => is_choice(before),
        _ => false,
    }
}

/// Whether what follows is a value of its own in the brackets of `coalesce`.
fn is_choice(before: &[Token<'_>]) -> bool {
    if !before.last().is_some_and(|token| token.is_any(&["(", ","])) {
        return false;
    }
    let mut closed = 0_usize;
    let open = before.iter().rposition(|token| {
        let opens = token.is_any(&["(", "[", "{"]);
        let opened = opens && closed == 0;
        closed = (closed + usize::from(token.is_any(&[")", "]", "}"]))).saturating_sub(usize::from(opens));
        opened
    });
    open.and_then(|open| open.checked_sub(1)).is_some_and(|name| before[name].is("coalesce"))
}
