//! Finds `${…}` in text. Quotes and braces inside an expression do not end it; `$${` stands for `${`.

use super::ExprError;

/// A part of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// Text that stands for itself.
    Text(&'a str),
    /// An expression.
    Code(Code<'a>),
}

/// An expression as it stands in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Code<'a> {
    /// What is between `${` and `}`, without the blanks around it.
    pub(super) text: &'a str,
    /// Where that begins, in bytes.
    pub(super) offset: usize,
}

impl<'a> Code<'a> {
    /// The expression in `text[from..to]`.
    fn within(text: &'a str, from: usize, to: usize) -> Self {
        let inner = &text[from..to];
        let leading = inner.len() - inner.trim_start().len();
        Self { text: inner.trim(), offset: from + leading }
    }

    /// An error about this expression.
    pub(super) fn error(&self, message: impl Into<String>) -> ExprError {
        ExprError { expression: self.text.to_owned(), message: message.into(), offset: self.offset }
    }
}

/// Splits a text into what stands for itself and what is to be evaluated.
pub(super) fn pieces(text: &str) -> Result<Vec<Piece<'_>>, ExprError> {
    let mut pieces = Vec::new();
    let (mut start, mut at) = (0, 0);
    while let Some(found) = text[at..].find('$') {
        at += found;
        let rest = &text[at..];
        if rest.starts_with("$${") {
            push_text(&mut pieces, &text[start..at]);
            // The second dollar sign and the brace stay; the first was only there to say so.
            start = at + 1;
            at += 3;
        } else if rest.starts_with("${") {
            push_text(&mut pieces, &text[start..at]);
            let end = end_of(text, at + 2)?;
            pieces.push(Piece::Code(Code::within(text, at + 2, end)));
            start = end + 1;
            at = start;
        } else {
            at += 1;
        }
    }
    push_text(&mut pieces, &text[start..]);
    Ok(pieces)
}

/// A condition's one expression, with or without `${` and `}` around it.
pub(super) fn condition(text: &str) -> Result<Code<'_>, ExprError> {
    let leading = text.len() - text.trim_start().len();
    let trimmed = text.trim();
    if let Ok([Piece::Code(code)]) = pieces(trimmed).as_deref() {
        return Ok(Code { text: code.text, offset: code.offset + leading });
    }
    let whole = Code { text: trimmed, offset: leading };
    if trimmed.contains("${") {
        return Err(
            whole.error("a condition is one expression: write `${…}` around all of it, or leave it out")
        );
    }
    Ok(whole)
}

fn push_text<'a>(pieces: &mut Vec<Piece<'a>>, text: &'a str) {
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
}

/// Where the `}` is that ends the expression which begins at `start`.
fn end_of(text: &str, start: usize) -> Result<usize, ExprError> {
    let mut depth = 0_usize;
    let mut quote = None;
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(start) {
        match (quote, byte) {
            _ if escaped => escaped = false,
            (Some(_), b'\\') => escaped = true,
            (Some(open), _) if open == byte => quote = None,
            (Some(_), _) => {}
            (None, b'\'' | b'"') => quote = Some(byte),
            (None, b'{') => depth += 1,
            (None, b'}') if depth == 0 => return Ok(at),
            (None, b'}') => depth -= 1,
            (None, _) => {}
        }
    }
    let what = if quote.is_some() { "a quote in it is not closed" } else { "its `}` is missing" };
    Err(Code::within(text, start, text.len()).error(format!("the expression does not end: {what}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str, offset: usize) -> Piece<'_> {
        Piece::Code(Code { text, offset })
    }

    #[test]
    fn text_and_expressions_come_in_order() {
        let found = pieces("feature/${ task.id }-${n}!").unwrap();
        let wanted =
            [Piece::Text("feature/"), code("task.id", 11), Piece::Text("-"), code("n", 23), Piece::Text("!")];
        assert_eq!(found, wanted);
    }

    #[test]
    fn quotes_and_braces_inside_do_not_end_an_expression() {
        assert_eq!(pieces("${ {'a': {'b': 1}} }").unwrap(), [code("{'a': {'b': 1}}", 3)]);
        assert_eq!(pieces(r#"${"}" ~ '\'}'}"#).unwrap(), [code(r#""}" ~ '\'}'"#, 2)]);
    }

    #[test]
    fn two_dollar_signs_stand_for_the_text_itself() {
        assert_eq!(pieces("$${HOME} $5").unwrap(), [Piece::Text("${HOME} $5")]);
        assert_eq!(pieces("a $${b} ${c}").unwrap(), [Piece::Text("a "), Piece::Text("${b} "), code("c", 10)]);
    }

    #[test]
    fn an_expression_that_does_not_end_is_an_error() {
        assert_eq!(pieces("x ${task.id").unwrap_err().offset, 4);
        assert!(pieces("${'a}").unwrap_err().message.contains("quote"));
    }

    #[test]
    fn a_condition_may_do_without_its_braces() {
        assert_eq!(condition(" ${ a == 1 } ").unwrap(), Code { text: "a == 1", offset: 4 });
        assert_eq!(condition(" a == 1").unwrap(), Code { text: "a == 1", offset: 1 });
        assert!(condition("${a} and ${b}").is_err());
    }
}
