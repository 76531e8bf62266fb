//! Letters that nobody sees, or that make others stand where they are not: counted in changes, and shown as what they
//! are to whoever reads a text that somebody else wrote.
//!
//! Some of them belong to ordinary writing: what joins an emoji, turns one into a flag, tells Persian letters apart,
//! or gives a sign its form. Those are left alone where they do that, and nowhere else.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The most letters that name the region of a flag.
const REGION: usize = 6;

/// How many such letters a text has.
#[must_use]
pub fn count(text: &str) -> usize {
    hidden(text).count()
}

/// The text with each such letter written out: `<U+202E>`.
#[must_use]
pub fn shown(text: &str) -> Cow<'_, str> {
    let mut shown = String::new();
    let mut done = 0;
    for (at, letter) in hidden(text) {
        shown.push_str(&text[done..at]);
        // Writing into a `String` cannot fail.
        _ = write!(shown, "<U+{:04X}>", u32::from(letter));
        done = at + letter.len_utf8();
    }
    if done == 0 {
        return Cow::Borrowed(text);
    }
    shown.push_str(&text[done..]);
    Cow::Owned(shown)
}

/// The letters that hide something, with their places.
fn hidden(text: &str) -> impl Iterator<Item = (usize, char)> {
    let plain = text.is_ascii();
    let letters = text.char_indices().filter(move |_| !plain);
    letters.filter(|(at, letter)| is_hidden(*letter, &text[..*at], &text[at + letter.len_utf8()..]))
}

fn is_hidden(letter: char, before: &str, after: &str) -> bool {
    let (last, next) = (before.chars().next_back(), after.chars().next());
    match letter {
        // Reordering, invisible operators and marks, fillers that look like nothing, annotations.
        '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{180e}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{3164}'
        | '\u{ffa0}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{1d173}'..='\u{1d17a}' => true,
        '\u{feff}' => last.is_some(),
        // These stand between letters of scripts that need them, and between emoji.
        '\u{200b}'..='\u{200d}' => !(last.is_some_and(is_foreign) && next.is_some_and(is_foreign)),
        '\u{200e}' | '\u{200f}' | '\u{061c}' => ![last, next].into_iter().flatten().any(is_leftward),
        '\u{180b}'..='\u{180d}' | '\u{180f}' => {
            !last.is_some_and(|last| matches!(last, '\u{1800}'..='\u{18af}'))
        }
        '\u{fe00}'..='\u{fe0f}' => {
            let is_form_of = |last| matches!(last, '0'..='9' | '#' | '*' | '©' | '®') || is_foreign(last);
            !last.is_some_and(|last| last != '\u{fe0f}' && is_form_of(last))
        }
        '\u{e0100}'..='\u{e01ef}' => !last.is_some_and(is_ideograph),
        '\u{e0000}'..='\u{e007f}' => !is_in_flag(before, after),
        _ => false,
    }
}

/// Whether a letter can be seen and is not one of those that code is written in.
fn is_foreign(letter: char) -> bool {
    // What follows a sign to give it a form or colour is a part of it.
    let is_form = letter == '\u{fe0f}';
    is_form || (letter >= '\u{300}' && !is_invisible(letter))
}

fn is_invisible(letter: char) -> bool {
    matches!(letter,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{3164}'
        | '\u{180b}'..='\u{180f}' | '\u{fe00}'..='\u{fe0f}' | '\u{115f}' | '\u{1160}' | '\u{ffa0}' | '\u{61c}'
        | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e01ef}')
}

/// Whether a letter is of a script that is written from right to left.
fn is_leftward(letter: char) -> bool {
    matches!(letter, '\u{590}'..='\u{61b}' | '\u{61d}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}')
}

fn is_ideograph(letter: char) -> bool {
    matches!(letter, '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// Whether a tag between these is a part of a region's flag: a black flag, a few tags, and the one that ends them.
fn is_in_flag(before: &str, after: &str) -> bool {
    let is_tag = |letter: &char| matches!(letter, '\u{e0030}'..='\u{e0039}' | '\u{e0061}'..='\u{e007a}');
    let earlier = before.chars().rev().take(REGION + 1).take_while(is_tag).count();
    let is_begun = before.chars().rev().nth(earlier) == Some('\u{1f3f4}');
    let later = after.chars().take(REGION + 1).take_while(is_tag).count();
    // The last letter of a flag is not one of those that name the region.
    let is_last = after.chars().next().is_none_or(|next| !matches!(next, '\u{e0000}'..='\u{e007f}'));
    let is_ended = is_last || after.chars().nth(later) == Some('\u{e007f}');
    is_begun && is_ended && earlier + later <= REGION
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hides_is_counted() {
        for (text, many) in [
            ("let a = 1; \u{202e} // x", 1),
            ("pass\u{200b}word", 1),
            ("a\u{200d}\u{200c}\u{200d}b", 3),
            ("ö\u{200d}\u{200c}\u{200d}ö", 3),
            ("\u{feff}a\u{feff}", 1),
            ("const \u{3164} = x", 1),
            ("a\u{2060}b\u{2063}c\u{180e}", 3),
            ("hello\u{e0069}\u{e0067}\u{e006e}", 3),
            ("\u{1f600}\u{fe0f}\u{fe01}\u{fe02}", 2),
            ("a\u{e0101}\u{e0102}", 2),
            ("x\u{fe0e}", 1),
            ("a\u{200f}b", 1),
        ] {
            assert_eq!(count(text), many, "{text:?}");
        }
        let flag = format!("\u{1f3f4}{}\u{e007f}", "\u{e0061}".repeat(40));
        assert!(count(&flag) >= 35, "{}", count(&flag));
    }

    #[test]
    fn ordinary_writing_is_left_alone() {
        for text in [
            "plain\ttext\r\n",
            "\u{feff}with a mark at its beginning",
            "größe, naïve, 東京, ελληνικά",
            "\u{1f469}\u{200d}\u{1f469}\u{200d}\u{1f467} \u{2764}\u{fe0f}\u{200d}\u{1f525} 1\u{fe0f}\u{20e3} ©\u{fe0f}",
            "\u{1f469}\u{1f3fd}\u{200d}\u{1f4bb}",
            "\u{1f3f4}\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}!",
            "می\u{200c}خواهم",
            "क्\u{200d}ष",
            "葛\u{e0100}城",
            "שלום\u{200f}!",
        ] {
            assert_eq!(count(text), 0, "{text:?}");
            assert!(matches!(shown(text), Cow::Borrowed(_)));
        }
    }

    #[test]
    fn what_hides_is_written_out() {
        assert_eq!(shown("a\u{202e}b\u{e0041}"), "a<U+202E>b<U+E0041>");
    }
}
