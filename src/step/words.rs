//! Texts that leave the house: whatever a model or a stranger put into them notifies nobody, commands
//! nobody, loads nothing from elsewhere and holds no secret.

use std::sync::LazyLock;

use regex::Regex;

use crate::workspace::guard::secrets;

/// Bytes that a comment, message or description may have; the services' own limits are higher.
const LONGEST: usize = 30_000;

/// How often what may not be there is taken out of a text.
const PASSES: u32 = 16;

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
    Regex::new(r"(^|[^A-Za-z0-9])(?:@|&#0*64;|&#[xX]0*40;|&commat;)([A-Za-z0-9])")
        .expect("a constant that the tests use")
});
static COMMAND: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?im)(^|[^A-Za-z0-9_/.-])/(ostler)\b").expect("a constant that the tests use")
});
/// What closes an issue of a forge when the text is merged: which task is done is not a model's to say.
static CLOSING: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b((?:clos(?:e[sd]?|ing)|fix(?:e[sd]|ing)?|resolv(?:e[sd]?|ing)|implement(?:s|ed|ing)?):?\s+(?:issues?\s+)?(?:[\w.-]+(?:/[\w.-]+)+)?)(#|GH-|https?://[^\s/]+/[\w./-]+/issues/)([0-9])")
        .expect("a constant that the tests use")
});

/// A text as it may be posted.
pub(super) fn outgoing(text: &str) -> String {
    let text = stripped(text);
    // After what may have stood in the middle of one is gone.
    let text = secrets::redacted(&text);
    // What is left of an image, however it is nested, is none.
    let text = text.replace("![", &format!("!{JOINER}["));
    let text = MENTION.replace_all(&text, format!("${{1}}@{JOINER}${{2}}"));
    let text = COMMAND.replace_all(&text, format!("${{1}}/{JOINER}${{2}}"));
    let text = CLOSING.replace_all(&text, format!("${{1}}${{2}}{JOINER}${{3}}"));
    bounded(&text, LONGEST)
}

/// The text without images and tags that load something or hide something: taken out until none is left,
/// for what stood around one may become another. One that is nested deeper than people write is disarmed.
fn stripped(text: &str) -> String {
    let mut text = bounded(text, 2 * LONGEST);
    for _ in 0..PASSES {
        let next = IMAGE.replace_all(TAG.replace_all(&text, "").as_ref(), "$1").into_owned();
        if next == text {
            return text;
        }
        text = next;
    }
    text.replace('<', "&lt;")
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
    fn a_mention_hides_behind_no_sign_around_it() {
        for text in
            ["`@ada", "/@ada", ".@ada", "_@ada_", "&#64;ada", "&#x40;ada", "x &commat;ada", "@<!-- -->ada"]
        {
            let said = outgoing(text);
            assert!(said.contains("@\u{200b}ada"), "{text}: {said}");
        }
    }

    #[test]
    fn no_issue_is_closed() {
        for text in [
            "Fixes #12",
            "closes: acme/shop#3",
            "Resolved GH-4",
            "fix https://x.test/a/b/issues/5",
            "Implements #12",
            "closing issue acme/tools/shop#3",
            "Resolving https://x.test/a/b/c/-/issues/5",
        ] {
            assert!(outgoing(text).contains('\u{200b}'), "{text}");
        }
        assert_eq!(outgoing("see #12, fix the 3 bugs"), "see #12, fix the 3 bugs");
    }

    #[test]
    fn what_is_taken_out_leaves_nothing_of_its_kind() {
        let nested = outgoing("<im<img>g src=http://evil.example/x>");
        assert!(!nested.contains("<img"), "{nested}");
        for image in [
            "![![a](x)](http://e/x)",
            "![a[b](http://e/x)",
            "![x]\n\n[x]: http://e/x",
            "!![a](x)[b](http://e/x)",
        ] {
            assert!(!outgoing(image).contains("!["), "{image}");
        }
        let deep = format!("{}<img>{}", "<im".repeat(5_000), "g src=x>".repeat(5_000));
        assert!(!outgoing(&deep).contains('<'));
        let split = format!("ghp_{}<!-- -->{}", "a".repeat(20), "b".repeat(20));
        assert_eq!(outgoing(&split), "[redacted]");
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
