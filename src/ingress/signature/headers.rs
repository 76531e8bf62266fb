//! What a scheme needs of the headers: each there once, as text, in its form.

use http::HeaderMap;
use jiff::Timestamp;

use super::Refusal;
use crate::plugin::scheme::Header;

/// The moment of judging, and the seconds that a timestamp may be off it, either way.
pub(super) type Window = (Timestamp, u64);

/// How many entries of a list are looked at; a sender has one for each secret that it knows. Whoever sends
/// more wants to see us reckon.
pub(super) const MOST: usize = 16;

/// A header's text, if it is there exactly once and is text.
pub(super) fn only<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, Refusal> {
    let owned = || Header::from(name.to_owned());
    let mut values = headers.get_all(name).iter();
    let value = values.next().ok_or_else(|| Refusal::Missing(owned()))?;
    if values.next().is_some() {
        return Err(Refusal::Repeated(owned()));
    }
    value.to_str().map_err(|_| malformed(name))
}

/// A timestamp's text in whole seconds, if it lies within the window, both ends included.
pub(super) fn recent<'a>(headers: &'a HeaderMap, name: &str, window: Window) -> Result<&'a str, Refusal> {
    let text = only(headers, name)?;
    // `parse` would also take a sign.
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds: Option<i64> = digits.then(|| text.parse().ok()).flatten();
    let (now, width) = window;
    let off = now.as_second().abs_diff(seconds.ok_or_else(|| malformed(name))?);
    if off <= width { Ok(text) } else { Err(Refusal::Stale) }
}

/// The header does not have its form.
pub(super) fn malformed(name: &str) -> Refusal {
    Refusal::Malformed(Header::from(name.to_owned()))
}
