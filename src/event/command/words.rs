//! Splitting a command's text into words, leniently.

use std::iter::Peekable;
use std::str::Chars;

/// One word, unquoted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// Its text.
    pub(super) text: String,
    /// Whether it began with a quote: then it is never a flag.
    quoted: bool,
}

impl Word {
    /// The name, and the value behind `=`, of a word that is a flag. `--` alone has no name.
    pub(super) fn flag(&self) -> Option<(&str, Option<&str>)> {
        if self.quoted {
            return None;
        }
        let body = self.text.strip_prefix("--").or_else(|| self.text.strip_prefix('—'))?;
        Some(body.split_once('=').map_or((body, None), |(name, value)| (name, Some(value))))
    }
}

/// The words of a text. A quote opens where a word or a flag's value begins, so that the apostrophe in
/// `don't` is one; left open, it reaches to the end.
pub(super) fn split(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(&first) = chars.peek() {
        if first.is_whitespace() {
            chars.next();
        } else {
            words.push(word(&mut chars));
        }
    }
    words
}

fn word(chars: &mut Peekable<Chars<'_>>) -> Word {
    let mut word = Word { text: String::new(), quoted: false };
    let mut opens = true;
    while let Some(c) = chars.next_if(|c| !c.is_whitespace()) {
        match closing(c).filter(|_| opens) {
            Some(close) => {
                word.quoted |= word.text.is_empty();
                quoted(chars, close, &mut word.text);
                opens = false;
            }
            None => {
                word.text.push(c);
                // Behind the first `=` of a flag its value may be quoted.
                opens = c == '=' && word.flag().is_some_and(|(_, value)| value == Some(""));
            }
        }
    }
    word
}

fn quoted(chars: &mut Peekable<Chars<'_>>, close: char, text: &mut String) {
    while let Some(c) = chars.next() {
        if c == close {
            return;
        }
        let escaped = (c == '\\' && close == '"').then(|| chars.next_if(|next| matches!(next, '"' | '\\')));
        text.push(escaped.flatten().unwrap_or(c));
    }
}

/// The quote that closes what this one opens.
fn closing(open: char) -> Option<char> {
    match open {
        '"' | '\'' => Some(open),
        '“' => Some('”'),
        '‘' => Some('’'),
        _ => None,
    }
}
