//! When a request may be sent again, and after how long.

use std::time::Duration;

use http::HeaderMap;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

/// When a request may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Whenever it failed: doing it twice is doing it once.
    Always,
    /// When the service said that it failed, but not when the answer was lost (a paid answer of a model).
    IfFailed,
    /// Only when it was provably not done: no connection, too many requests, refused with a time to
    /// come back.
    IfRefused,
}

/// The first wait, the longest one, and how much of a wait is left to chance.
const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(8);
const JITTER_PERCENT: u32 = 25;

/// How long to wait before attempt `attempt` + 1: doubling, and up to a quarter shorter, by a hash of what is
/// called, so that many callers do not come back at once and a test sees the same waits each time.
#[must_use]
pub fn backoff(what: &str, attempt: u32) -> Duration {
    let full = FIRST.saturating_mul(2_u32.saturating_pow(attempt)).min(LONGEST);
    let mut hash = crc32fast::Hasher::new();
    hash.update(what.as_bytes());
    hash.update(&attempt.to_be_bytes());
    full - full * (hash.finalize() % JITTER_PERCENT) / 100
}

/// How long the service asks to be left alone: `retry-after-ms`, `Retry-After` in seconds or as a date, or
/// the reset of a limit that is used up.
#[must_use]
pub fn asked_wait(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let until = |moment: Timestamp| Duration::try_from(moment.duration_since(now)).unwrap_or_default();
    if let Some(millis) = text("retry-after-ms").and_then(|value| value.parse().ok()) {
        return Some(Duration::from_millis(millis));
    }
    if let Some(value) = text("retry-after") {
        let seconds = value.parse().ok().map(Duration::from_secs);
        return seconds.or_else(|| http_date(value).map(until));
    }
    let used_up = text("x-ratelimit-remaining") == Some("0");
    text("x-ratelimit-reset").filter(|_| used_up).and_then(reset_moment).map(until)
}

fn http_date(value: &str) -> Option<Timestamp> {
    DateTimeParser::new().parse_timestamp(value).ok()
}

/// A reset is seconds since 1970 with some services and a timestamp with others.
fn reset_moment(value: &str) -> Option<Timestamp> {
    let seconds = value.parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    seconds.or_else(|| value.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(pairs: &[(&'static str, &str)]) -> Option<Duration> {
        let headers = pairs.iter().map(|(name, value)| {
            (http::HeaderName::from_static(name), http::HeaderValue::from_str(value).unwrap())
        });
        asked_wait(&headers.collect(), Timestamp::from_second(784_111_770).unwrap())
    }

    #[test]
    fn every_spelling_of_a_wait_is_understood() {
        assert_eq!(asked(&[("retry-after", "7")]), Some(Duration::from_secs(7)));
        assert_eq!(
            asked(&[("retry-after-ms", "250"), ("retry-after", "7")]),
            Some(Duration::from_millis(250))
        );
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        assert_eq!(asked(&[("retry-after", date)]), Some(Duration::from_secs(7)));
        let reset = ("x-ratelimit-reset", "784111780");
        assert_eq!(asked(&[("x-ratelimit-remaining", "0"), reset]), Some(Duration::from_secs(10)));
        assert_eq!(asked(&[("x-ratelimit-remaining", "12"), reset]), None);
        let iso = ("x-ratelimit-reset", "1994-11-06T08:49:40Z");
        assert_eq!(asked(&[("x-ratelimit-remaining", "0"), iso]), Some(Duration::from_secs(10)));
    }

    #[test]
    fn waits_double_up_to_a_bound_and_are_never_far_below() {
        for attempt in 0..12 {
            let full = FIRST.saturating_mul(2_u32.pow(attempt)).min(LONGEST);
            let wait = backoff("/x", attempt);
            assert!(wait <= full && wait >= full * 3 / 4, "{attempt}: {wait:?}");
        }
    }
}
