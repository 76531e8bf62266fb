//! What expressions do with text.

use minijinja::{Error, Value};

use super::functions::built_in;
use super::given::{Given, Growing, defined, number, plain, shown};
use super::object::attribute;
use super::word::{Answer, MORE, Word};

/// Letters that a slug may have.
const SLUG: usize = 50;
/// Letters that a text may be padded to.
const WIDEST: usize = 10_000;
/// Blanks that a line may be indented by.
const DEEPEST: usize = 100;

/// The words of this module.
pub(super) const WORDS: &[Word] = &[
    Word::filter("upper", &[], |given| Ok(Value::from(given.text(0)?.to_uppercase()))),
    Word::filter("lower", &[], |given| Ok(Value::from(given.text(0)?.to_lowercase()))),
    Word::filter("title", &[], |given| built_in("title", &[Value::from(given.text(0)?)])),
    Word::filter("capitalize", &[], |given| built_in("capitalize", &[Value::from(given.text(0)?)])),
    Word::filter("trim", &["chars"], trim),
    Word::filter("removeprefix", &["prefix"], remove_prefix),
    Word::filter("removesuffix", &["suffix"], remove_suffix),
    Word::filter("replace", &["from", "to"], replace),
    Word::filter("split", &["separator", "maxsplits"], split),
    Word::filter("lines", &[], |given| Ok(given.text(0)?.lines().map(Value::from).collect())),
    Word::filter("join", &["separator", "attribute"], join),
    Word::filter("slug", &[], |given| Ok(Value::from(slug(given.text(0)?)))),
    Word::filter("truncate", &["length", "end"], truncate),
    Word::filter("indent", &["width", "first", "blank"], indent),
    Word::filter("padstart", &["width", "fill"], |given| pad(given, true)),
    Word::filter("padend", &["width", "fill"], |given| pad(given, false)),
    Word::filter("format", &[MORE], format),
    Word::filter("string", &[], |given| Ok(Value::from(plain(given.value(0)?)?))),
    Word::test("startswith", &["text"], |given| Ok(given.text(0)?.starts_with(given.text(1)?).into())),
    Word::test("endswith", &["text"], |given| Ok(given.text(0)?.ends_with(given.text(1)?).into())),
];

fn trim(given: &Given) -> Answer {
    let text = given.text(0)?;
    Ok(Value::from(match given.maybe(1, Given::text)? {
        Some(chars) => text.trim_matches(|letter| chars.contains(letter)),
        None => text.trim(),
    }))
}

fn remove_prefix(given: &Given) -> Answer {
    let text = given.text(0)?;
    Ok(Value::from(text.strip_prefix(given.text(1)?).unwrap_or(text)))
}

fn remove_suffix(given: &Given) -> Answer {
    let text = given.text(0)?;
    Ok(Value::from(text.strip_suffix(given.text(1)?).unwrap_or(text)))
}

fn replace(given: &Given) -> Answer {
    let (text, from, to) = (given.text(0)?, given.text(1)?, given.text(2)?);
    joined(text.split(from), to)
}

fn split(given: &Given) -> Answer {
    let text = given.text(0)?;
    let Some(separator) = given.maybe(1, Given::text)? else {
        return match given.any(2) {
            Some(_) => Err(given.refuse("needs a `separator` where it is given `maxsplits`")),
            None => Ok(text.split_whitespace().map(Value::from).collect()),
        };
    };
    if separator.is_empty() {
        return Err(given.wrong(1, "text that is not empty"));
    }
    let most = given.maybe(2, |given, at| given.count(at, usize::MAX))?.unwrap_or(usize::MAX);
    Ok(text.splitn(most.saturating_add(1), separator).map(Value::from).collect())
}

fn join(given: &Given) -> Answer {
    let items = given.list(0)?;
    let separator = given.maybe(1, Given::text)?.unwrap_or_default();
    let path = given.maybe(2, Given::text)?;
    let parts = items.iter().map(|item| match path {
        Some(path) => plain(&attribute(given, item, path)?),
        None => plain(item),
    });
    let parts = parts.collect::<Result<Vec<_>, _>>()?;
    joined(parts.iter().map(String::as_str), separator)
}

fn joined<'a>(parts: impl Iterator<Item = &'a str>, separator: &str) -> Answer {
    let mut text = Growing::default();
    for (at, part) in parts.enumerate() {
        if at > 0 {
            text.push(separator)?;
        }
        text.push(part)?;
    }
    text.done()
}

/// Lower case, with one `-` for everything that is neither letter nor digit: fit for a branch or a file.
fn slug(text: &str) -> String {
    let mut slug = String::new();
    for letter in text.chars().flat_map(char::to_lowercase) {
        if letter.is_alphanumeric() {
            slug.push(letter);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.chars().take(SLUG).collect::<String>().trim_end_matches('-').to_owned()
}

/// The text, or as much of it as leaves room for the mark that it was cut.
fn truncate(given: &Given) -> Answer {
    let text = given.text(0)?;
    let length = given.maybe(1, |given, at| given.count(at, usize::MAX))?.unwrap_or(255);
    let end = given.maybe(2, Given::text)?.unwrap_or("…");
    if text.chars().count() <= length {
        return Ok(Value::from(text));
    }
    let room = length.saturating_sub(end.chars().count());
    let kept: String = text.chars().take(room).chain(end.chars()).collect();
    Ok(Value::from(kept))
}

fn indent(given: &Given) -> Answer {
    let text = given.text(0)?;
    let width = given.maybe(1, |given, at| given.count(at, DEEPEST))?.unwrap_or(4);
    let (first, blank) = (given.yes(2)?, given.yes(3)?);
    built_in("indent", &[text.into(), width.into(), first.into(), blank.into()])
}

fn pad(given: &Given, start: bool) -> Answer {
    let text = text_or_number(given, 0)?;
    let width = given.count(1, WIDEST)?;
    let fill = given.maybe(2, Given::text)?.unwrap_or(" ");
    if fill.chars().count() != 1 {
        return Err(given.wrong(2, "one letter"));
    }
    let padding = fill.repeat(width.saturating_sub(text.chars().count()));
    Ok(Value::from(if start { padding + &text } else { text + &padding }))
}

fn text_or_number(given: &Given, at: usize) -> Result<String, Error> {
    let value = given.value(at)?;
    if is_text_or_number(value) { plain(value) } else { Err(given.wrong(at, "text or a number")) }
}

fn is_text_or_number(value: &Value) -> bool {
    value.as_str().is_some() || number(value).is_some()
}

/// minijinja's `printf`, which by itself knows neither bounds nor JSON.
fn format(given: &Given) -> Answer {
    let pattern = given.text(0)?;
    if is_wide(pattern) {
        return Err(given.wrong(0, "a pattern with widths of at most three digits"));
    }
    let mut arguments = vec![Value::from(pattern)];
    for value in given.more() {
        if !is_text_or_number(defined(value)?) {
            return Err(given.refuse(&format!("takes text and numbers, not {}", shown(value))));
        }
        arguments.push(value.clone());
    }
    built_in("format", &arguments)
}

/// Whether what stands between a `%` and its letter makes more than a line of text.
fn is_wide(pattern: &str) -> bool {
    let pattern = pattern.replace("%%", "");
    pattern.split('%').skip(1).any(|rest| {
        let options = rest.split(char::is_alphabetic).next().unwrap_or_default();
        options.contains('*')
            || options.split(|letter: char| !letter.is_ascii_digit()).any(|run| run.len() > 3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_is_fit_for_a_branch() {
        assert_eq!(slug("github:acme/shop#12"), "github-acme-shop-12");
        assert_eq!(slug("  --Fix: the totals!  "), "fix-the-totals");
        assert_eq!(slug(&"ab ".repeat(40)).len(), 50);
        assert_eq!(slug(&format!("{} b", "a".repeat(49))), "a".repeat(49));
    }
}
