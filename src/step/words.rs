//! Texts that leave the house: whatever a model or a stranger put into them notifies nobody, commands
//! nobody, loads nothing from elsewhere and holds no secret.

use std::sync::LazyLock;

use regex::Regex;

use crate::workspace::guard::secrets;

/// Bytes that a comment, message or description may have; the services' own limits are higher.
const LONGEST: usize = 30_000;

/// What breaks a mention or a command, and is not seen.
const JOINER: char = '\u{200b}';

static IMAGE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"!\[([^\]]*)\]\s*(?:\([^)]*\)|\[[^\]]*\])").expect("a constant that the tests use")
});
static TAG: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?is)<!--.*?(?:-->|$)|</?(?:img|picture|source|video|audio|iframe|object|embed|script|style|link|svg)\b[^>]*>")
        .expect("a constant that the tests use")
});
static MENTION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(^|[^A-Za-z0-9_`/.])@([A-Za-z0-9])").expect("a constant that the tests use")
});
static COMMAND: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?im)(^|[^A-Za-z0-9_/.-])/(ostler)\b").expect("a constant that the tests use")
});

/// A text as it may be posted.
pub(super) fn outgoing(text: &str) -> String {
    let text = secrets::redacted(text);
    let text = TAG.replace_all(&text, "");
    let text = IMAGE.replace_all(&text, "$1");
    let text = MENTION.replace_all(&text, format!("${{1}}@{JOINER}${{2}}"));
    let text = COMMAND.replace_all(&text, format!("${{1}}/{JOINER}${{2}}"));
    bounded(&text, LONGEST)
}

/// A text as one line of at most so many letters.
pub(super) fn line(text: &str, most: usize) -> String {
    let clean = outgoing(text);
    let words = clean.split_whitespace().collect::<Vec<_>>().join(" ");
    let words: String = words.chars().filter(|c| !c.is_control()).collect();
    match words.char_indices().nth(most) {
        None => words,
        Some(_) => words.chars().take(most.saturating_sub(1)).chain(['…']).collect(),
    }
}

fn bounded(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let cut = text.floor_char_boundary(most);
    format!("{}\n\n… ({} bytes left out)", &text[..cut], text.len() - cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_notified_or_commanded() {
        assert_eq!(outgoing("thanks @ada, see a@b.org"), "thanks @\u{200b}ada, see a@b.org");
        assert_eq!(outgoing("do\n/ostler implement"), "do\n/\u{200b}ostler implement");
        assert_eq!(outgoing("`x` (/Ostler fix)"), "`x` (/\u{200b}Ostler fix)");
        let link = "https://github.com/acme/ostler/pull/7";
        assert_eq!(outgoing(link), link);
    }

    #[test]
    fn nothing_is_loaded_and_nothing_hidden() {
        assert_eq!(outgoing("a ![x](https://evil.example/?q=1) b"), "a x b");
        assert_eq!(outgoing("a <img src=x> <!-- ostler:key=1 --> b"), "a   b");
        assert_eq!(outgoing("a <!-- open"), "a ");
    }

    #[test]
    fn secrets_are_blacked_out_and_lengths_are_bounded() {
        assert_eq!(outgoing(&format!("ghp_{}", "a".repeat(36))), "[redacted]");
        assert!(outgoing(&"x".repeat(100_000)).len() < 31_000);
        assert_eq!(line("a\n  b\u{7}", 10), "a b");
        assert_eq!(line("abcdef", 4), "abc…");
    }
}
