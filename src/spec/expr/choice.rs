//! What expressions do where a value may be missing, and what they ask about values.

use minijinja::Value;
use minijinja::value::ValueKind;

use super::given::{Given, entries, list, number, plain};
use super::word::{Answer, MORE, Word};

/// The words of this module.
pub(super) const WORDS: &[Word] = &[
    Word::filter("default", &["value", "empty"], default),
    Word::function("coalesce", &[MORE], coalesce),
    Word::filter("bool", &[], boolean),
    Word::test("defined", &[], |given| Ok(given.any(0).is_some_and(|value| !value.is_undefined()).into())),
    Word::test("undefined", &[], |given| Ok(given.any(0).is_some_and(Value::is_undefined).into())),
    Word::test("none", &[], |given| Ok(given.value(0)?.is_none().into())),
    Word::test("empty", &[], empty),
    Word::test("true", &[], |given| is_boolean(given, true)),
    Word::test("false", &[], |given| is_boolean(given, false)),
    Word::test("boolean", &[], |given| is_kind(given, &[ValueKind::Bool])),
    Word::test("number", &[], |given| is_kind(given, &[ValueKind::Number])),
    Word::test("integer", &[], |given| {
        Ok((number(given.value(0)?).is_some() && given.value(0)?.is_integer()).into())
    }),
    Word::test("string", &[], |given| is_kind(given, &[ValueKind::String])),
    Word::test("sequence", &[], |given| is_kind(given, &[ValueKind::Seq, ValueKind::Iterable])),
    Word::test("mapping", &[], |given| is_kind(given, &[ValueKind::Map])),
    Word::test("eq", &["other"], |given| Ok((given.value(0)? == given.value(1)?).into())),
    Word::test("ne", &["other"], |given| Ok((given.value(0)? != given.value(1)?).into())),
];

/// Another value for what is undefined, or where that is asked for also for what is empty.
fn default(given: &Given) -> Answer {
    let empty = given.yes(2)?;
    let value = given.any(0).filter(|value| !value.is_undefined() && (!empty || value.is_true()));
    match value {
        Some(value) => Ok(value.clone()),
        None => given.value(1).cloned(),
    }
}

/// The first that is neither undefined nor null.
fn coalesce(given: &Given) -> Answer {
    let found = given.more().iter().find(|value| !value.is_undefined() && !value.is_none());
    Ok(found.cloned().unwrap_or_else(|| Value::from(())))
}

/// A boolean as people write it: commands and forms give nothing but text.
fn boolean(given: &Given) -> Answer {
    let value = given.value(0)?;
    let spelled = match value.kind() {
        ValueKind::Bool | ValueKind::Number | ValueKind::String => plain(value)?.trim().to_lowercase(),
        _ => String::new(),
    };
    match spelled.as_str() {
        "true" | "yes" | "on" | "1" => Ok(true.into()),
        "false" | "no" | "off" | "0" => Ok(false.into()),
        _ => Err(given.wrong(0, "a boolean, or `true`, `yes`, `on`, `1`, `false`, `no`, `off`, `0`")),
    }
}

fn empty(given: &Given) -> Answer {
    let value = given.value(0)?;
    if let Some(text) = value.as_str() {
        return Ok(text.is_empty().into());
    }
    match (list(value)?, entries(value)?) {
        (Some(items), _) => Ok(items.is_empty().into()),
        (None, Some(entries)) => Ok(entries.is_empty().into()),
        (None, None) if value.is_none() => Ok(true.into()),
        (None, None) => Err(given.wrong(0, "text, a list, an object or null")),
    }
}

fn is_boolean(given: &Given, wanted: bool) -> Answer {
    let value = given.value(0)?;
    Ok((value.kind() == ValueKind::Bool && value.is_true() == wanted).into())
}

fn is_kind(given: &Given, kinds: &[ValueKind]) -> Answer {
    Ok(kinds.contains(&given.value(0)?.kind()).into())
}
