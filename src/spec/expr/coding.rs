//! What expressions write in the manner of others: JSON, addresses, base64, a shell's words; and digests.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minijinja::value::ValueKind;
use minijinja::{Error, Value};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::Serialize as _;
use serde_json::ser::{PrettyFormatter, Serializer};

use super::given::{Given, data, entries, plain, refuse, value_of};
use super::word::{Answer, Word};
use crate::id::Digest;

/// Blanks that each level of JSON may be indented by.
const DEEPEST: usize = 16;
/// What stands for itself in every part of an address.
const ADDRESS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The words of this module.
pub(super) const WORDS: &[Word] = &[
    Word::filter("tojson", &["indent"], to_json),
    Word::filter("fromjson", &[], from_json),
    Word::filter("urlencode", &[], url_encode),
    Word::filter("urldecode", &[], url_decode),
    Word::filter("b64encode", &[], |given| Ok(Value::from(STANDARD.encode(given.text(0)?)))),
    Word::filter("b64decode", &[], base64_decode),
    Word::filter("sha256", &[], |given| Ok(Value::from(Digest::of(given.text(0)?.as_bytes()).to_string()))),
    Word::filter("quote", &[], quote),
];

/// Plain JSON. The one that minijinja brings escapes for HTML, which nobody here reads.
fn to_json(given: &Given) -> Answer {
    let data = data(given.value(0)?)?;
    let Some(width) = given.maybe(1, |given, at| given.count(at, DEEPEST))? else {
        return Ok(Value::from(data.to_string()));
    };
    let blanks = " ".repeat(width);
    let mut json = Vec::new();
    let formatter = PrettyFormatter::with_indent(blanks.as_bytes());
    let written = data.serialize(&mut Serializer::with_formatter(&mut json, formatter));
    written.map_err(|error| refuse(format!("not JSON: {error}")))?;
    Ok(Value::from(String::from_utf8_lossy(&json)))
}

fn from_json(given: &Given) -> Answer {
    let read: Result<serde_json::Value, _> = serde_json::from_str(given.text(0)?);
    let data = read.map_err(|error| given.wrong(0, &format!("JSON ({error})")))?;
    Ok(value_of(&data))
}

/// A text for any part of an address, or an object as its query.
fn url_encode(given: &Given) -> Answer {
    let value = given.value(0)?;
    let Some(entries) = entries(value)? else { return Ok(Value::from(encoded(given, value)?)) };
    let pair =
        |(key, value): &(Value, Value)| Ok(format!("{}={}", encoded(given, key)?, encoded(given, value)?));
    let pairs: Result<Vec<String>, Error> = entries.iter().map(pair).collect();
    Ok(Value::from(pairs?.join("&")))
}

fn encoded(given: &Given, value: &Value) -> Result<String, Error> {
    match value.kind() {
        ValueKind::String | ValueKind::Number | ValueKind::Bool => {
            Ok(utf8_percent_encode(&plain(value)?, ADDRESS).to_string())
        }
        _ => Err(given.wrong(0, "text, a number, a boolean, or an object of these")),
    }
}

fn url_decode(given: &Given) -> Answer {
    let decoded = percent_decode_str(given.text(0)?).decode_utf8();
    decoded.map(Value::from).map_err(|_| given.wrong(0, "an encoded text"))
}

fn base64_decode(given: &Given) -> Answer {
    let bytes = STANDARD.decode(given.text(0)?.trim()).map_err(|_| given.wrong(0, "base64"))?;
    String::from_utf8(bytes).map(Value::from).map_err(|_| given.wrong(0, "base64 of text"))
}

/// One word for a POSIX shell, whatever is in it.
fn quote(given: &Given) -> Answer {
    let value = given.value(0)?;
    let text = match value.kind() {
        ValueKind::String | ValueKind::Number => plain(value)?,
        _ => return Err(given.wrong(0, "text or a number")),
    };
    if text.contains('\0') {
        return Err(given.wrong(0, "text without null characters"));
    }
    let is_safe = |letter: char| letter.is_ascii_alphanumeric() || "@%+=:,./_-".contains(letter);
    let stands = !text.is_empty() && text.chars().all(is_safe);
    Ok(Value::from(if stands { text } else { format!("'{}'", text.replace('\'', r"'\''")) }))
}
