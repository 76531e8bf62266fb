//! The words and signs of an expression. What minijinja would not read is no matter here: it says so itself.

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name or a keyword.
    Word,
    /// Text in quotes.
    Text,
    /// A number.
    Number,
    /// Everything else.
    Sign,
}

/// A piece of an expression that stands for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'a> {
    /// What it is.
    pub(super) kind: Kind,
    /// As it is written.
    pub(super) text: &'a str,
    /// Where it begins, in bytes.
    pub(super) at: usize,
}

impl Token<'_> {
    /// Whether it is this sign or word.
    pub(super) fn is(&self, text: &str) -> bool {
        matches!(self.kind, Kind::Sign | Kind::Word) && self.text == text
    }

    /// Whether it is one of these signs or words.
    pub(super) fn is_any(&self, texts: &[&str]) -> bool {
        matches!(self.kind, Kind::Sign | Kind::Word) && texts.contains(&self.text)
    }
}

/// Signs of two characters.
const PAIRS: [&str; 6] = ["==", "!=", "<=", ">=", "//", "**"];

/// The tokens of an expression, in order.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    each(text).collect()
}

/// The tokens of a text one by one, for who does not know yet where an expression ends.
pub(super) fn each(text: &str) -> impl Iterator<Item = Token<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        at += text[at..].len() - text[at..].trim_start().len();
        let rest = &text[at..];
        let first = rest.chars().next()?;
        let (kind, length) = match first {
            '\'' | '"' => (Kind::Text, quoted(rest, first)),
            _ if first.is_ascii_digit() => (Kind::Number, digits(rest)),
            _ if is_word(first) => (Kind::Word, rest.find(|letter| !is_word(letter)).unwrap_or(rest.len())),
            _ if PAIRS.iter().any(|pair| rest.starts_with(pair)) => (Kind::Sign, 2),
            _ => (Kind::Sign, first.len_utf8()),
        };
        let token = Token { kind, text: &rest[..length], at };
        at += length;
        Some(token)
    })
}

/// Whether a token is the name of an attribute, a filter or a test: what is written as `task.in`, `x | in` and
/// `x is in(…)` is no keyword.
pub(super) fn is_attached(tokens: &[Token<'_>], at: usize) -> bool {
    let before = |back: usize, text: &str| at.checked_sub(back).is_some_and(|at| tokens[at].is(text));
    let tested = before(1, "is") || (before(1, "not") && before(2, "is"));
    tokens[at].kind == Kind::Word && (before(1, ".") || before(1, "|") || (tested && !tokens[at].is("not")))
}

/// Whether a character belongs to a name.
pub(super) fn is_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_' || !letter.is_ascii()
}

fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, letter) in text.char_indices().skip(1) {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if letter == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn digits(text: &str) -> usize {
    let bytes = text.as_bytes();
    let digit_at = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let exponent = matches!(byte, b'e' | b'E') && matches!(bytes.get(at + 1), Some(b'+' | b'-'));
        at += match byte {
            _ if exponent && digit_at(at + 2) => 2,
            b'.' if digit_at(at + 1) => 1,
            b'_' => 1,
            _ if byte.is_ascii_alphanumeric() => 1,
            _ => break,
        };
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<&str> {
        tokens(text).iter().map(|token| token.text).collect()
    }

    #[test]
    fn an_expression_is_cut_where_its_words_and_signs_end() {
        assert_eq!(words("a.b|upper<=1.5e-3-2"), ["a", ".", "b", "|", "upper", "<=", "1.5e-3", "-", "2"]);
        assert_eq!(words(r#"'a \' < b' ~ "'""#), [r"'a \' < b'", "~", "\"'\""]);
        assert_eq!(words("x[1:]//y ** Größe"), ["x", "[", "1", ":", "]", "//", "y", "**", "Größe"]);
        assert_eq!(words("'open"), ["'open"]);
    }
}
