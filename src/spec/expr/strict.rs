//! Operators that are as strict as the filters.
//!
//! minijinja orders values of different types by their type, looks for a number in a text, and joins with `~`
//! what Python would write. An expression with `<`, `in` or `~` is therefore written anew, with our tests and
//! `join` in the place of these operators.

use super::tokens::{Kind, Token, is_attached};

/// What stands between two operands of a comparison.
const COMPARISONS: [&str; 7] = ["==", "!=", "<", "<=", ">", ">=", "in"];
const CLOSING: [&str; 3] = [")", "]", "}"];
/// What ends an operand and begins another, and is no comparison.
const SEPARATORS: [&str; 8] = [",", ":", "=", "and", "or", "not", "if", "else"];

/// The expression with strict operators, if it has any that are not.
pub(super) fn rewritten(tokens: &[Token<'_>]) -> Option<String> {
    let lax = |token: &Token<'_>| token.is_any(&["<", "<=", ">", ">=", "in", "~"]);
    (tokens.iter().any(lax) && is_balanced(tokens)).then(|| sequence(tokens))
}

fn is_balanced(tokens: &[Token<'_>]) -> bool {
    let mut open = Vec::new();
    tokens.iter().all(|token| match closing(token) {
        Some(closing) => {
            open.push(closing);
            true
        }
        None => !token.is_any(&CLOSING) || open.pop() == Some(token.text),
    }) && open.is_empty()
}

fn closing(token: &Token<'_>) -> Option<&'static str> {
    match token.text {
        _ if token.kind != Kind::Sign => None,
        "(" => Some(")"),
        "[" => Some("]"),
        "{" => Some("}"),
        _ => None,
    }
}

/// The places of tokens that are neither within brackets nor names.
fn outer(tokens: &[Token<'_>]) -> Vec<usize> {
    let mut depth = 0_usize;
    let mut places = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        if token.is_any(&CLOSING) {
            depth = depth.saturating_sub(1);
        }
        if depth == 0 && !is_attached(tokens, at) {
            places.push(at);
        }
        depth += usize::from(closing(token).is_some());
    }
    places
}

/// Whether the `not` at a place belongs to `is not` or `not in`, and is no operator of its own.
fn is_part(tokens: &[Token<'_>], at: usize) -> bool {
    let before = at.checked_sub(1).is_some_and(|at| tokens[at].is("is"));
    let after = tokens.get(at + 1).is_some_and(|next| next.is("in"));
    tokens[at].is("not") && (before || after)
}

/// Operands with what separates them: the whole of an expression, or what is within brackets.
fn sequence(tokens: &[Token<'_>]) -> String {
    let mut text = String::new();
    let mut start = 0;
    for at in outer(tokens) {
        if tokens[at].is_any(&SEPARATORS) && !is_part(tokens, at) {
            text.push_str(&comparison(&tokens[start..at]));
            text.push_str(&format!(" {} ", tokens[at].text));
            start = at + 1;
        }
    }
    text + &comparison(&tokens[start..])
}

/// Operands with comparisons between them: each pair is compared, and all are to hold.
fn comparison(tokens: &[Token<'_>]) -> String {
    let signs: Vec<usize> = outer(tokens).into_iter().filter(|at| tokens[*at].is_any(&COMPARISONS)).collect();
    let Some(first) = signs.first() else { return sum(tokens) };
    let end =
        |sign: usize| sign - usize::from(sign > 0 && tokens[sign].is("in") && tokens[sign - 1].is("not"));
    let mut left = sum(&tokens[..end(*first)]);
    let mut pairs = Vec::new();
    for (place, sign) in signs.iter().enumerate() {
        let stop = signs.get(place + 1).map_or(tokens.len(), |next| end(*next));
        let right = sum(&tokens[sign + 1..stop]);
        let negated = end(*sign) < *sign;
        pairs.push(pair(&left, tokens[*sign].text, &right, negated));
        left = right;
    }
    format!("({})", pairs.join(" and "))
}

fn pair(left: &str, sign: &str, right: &str, negated: bool) -> String {
    let test = match sign {
        "<" => "lt",
        "<=" => "le",
        ">" => "gt",
        ">=" => "ge",
        "in" if negated => "not in",
        "in" => "in",
        equality => return format!("({left}) {equality} ({right})"),
    };
    format!("({left}) is {test}({right})")
}

/// Terms with `+` and `-` between them.
fn sum(tokens: &[Token<'_>]) -> String {
    let mut text = String::new();
    let mut start = 0;
    for at in outer(tokens) {
        if tokens[at].is_any(&["+", "-"]) && ends_operand(&tokens[..at]) {
            text.push_str(&chain(&tokens[start..at]));
            text.push_str(&format!(" {} ", tokens[at].text));
            start = at + 1;
        }
    }
    text + &chain(&tokens[start..])
}

/// Whether an operand ends here, so that a sign after it stands between two.
fn ends_operand(tokens: &[Token<'_>]) -> bool {
    let Some((last, before)) = tokens.split_last() else { return false };
    // The name of a test takes what follows it: `x is eq -1`.
    let is_test =
        is_attached(tokens, before.len()) && !before.last().is_some_and(|token| token.is_any(&[".", "|"]));
    last.kind != Kind::Sign && !is_test || last.is_any(&CLOSING)
}

/// What is joined with `~`.
fn chain(tokens: &[Token<'_>]) -> String {
    let mut parts = Vec::new();
    let mut start = 0;
    for at in outer(tokens).into_iter().filter(|at| tokens[*at].is("~")) {
        parts.push(verbatim(&tokens[start..at]));
        start = at + 1;
    }
    parts.push(verbatim(&tokens[start..]));
    if parts.len() == 1 { parts.remove(0) } else { format!("([{}] | join)", parts.join(", ")) }
}

/// Tokens as they stand, but for what is within their brackets.
fn verbatim(tokens: &[Token<'_>]) -> String {
    let mut text = String::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        text.push_str(token.text);
        at += 1;
        if closing(token).is_some() {
            let length = inside(&tokens[at..]);
            text.push_str(&sequence(&tokens[at..at + length]));
            at += length;
        } else {
            text.push(' ');
        }
    }
    text.trim_end().to_owned()
}

/// How many tokens are within a bracket that was opened just before them.
fn inside(tokens: &[Token<'_>]) -> usize {
    let mut depth = 0_usize;
    let ends = |token: &Token<'_>| {
        let closes = token.is_any(&CLOSING);
        let ends = closes && depth == 0;
        depth = (depth + usize::from(closing(token).is_some())).saturating_sub(usize::from(closes));
        ends
    };
    tokens.iter().position(ends).unwrap_or(tokens.len())
}

#[cfg(test)]
mod tests;
