//! Spans of time and rates as people write them: `30s`, `10m`, `2h`, `5/1h`.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The longest span that a trigger may name: what is kept for it is forgotten after that.
const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The longest span that a step may wait.
const YEAR: SignedDuration = SignedDuration::from_hours(366 * 24);

/// The most that a rate may count: so many moments are kept for it.
const MOST: u32 = 1000;

/// A span of time from a second to a week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Period(SignedDuration);

/// So often in so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rate {
    /// How often, from 1 to 1000.
    pub count: u32,
    /// In how long.
    pub per: Period,
}

/// Text that is no period or rate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {expected}")]
pub struct BadPeriod {
    text: String,
    expected: &'static str,
}

impl Period {
    /// The longest one.
    pub const LONGEST: Self = Self(WEEK);

    /// The span of so many seconds, if it is one from a second to a week.
    #[must_use]
    pub fn seconds(seconds: i64) -> Option<Self> {
        let span = SignedDuration::from_secs(seconds);
        (SignedDuration::from_secs(1)..=WEEK).contains(&span).then_some(Self(span))
    }

    /// The span of a text: `30s`, `10m`, `2h`, `1h 30m`.
    ///
    /// # Errors
    /// When it is no span, or none from a second to a week.
    pub fn parse(text: &str) -> Result<Self, BadPeriod> {
        let expected = "a span of time from `1s` to `168h`, like `30s`, `10m` or `2h`";
        let bad = || BadPeriod { text: text.to_owned(), expected };
        let span: SignedDuration = text.parse().map_err(|_| bad())?;
        if span.subsec_nanos() != 0 {
            return Err(bad());
        }
        Self::seconds(span.as_secs()).ok_or_else(bad)
    }

    /// The moment this long after another.
    #[must_use]
    pub fn after(self, moment: Timestamp) -> Timestamp {
        moment.saturating_add(self.0).unwrap_or(Timestamp::MAX)
    }

    /// The moment this long before another.
    #[must_use]
    pub fn before(self, moment: Timestamp) -> Timestamp {
        moment.saturating_sub(self.0).unwrap_or(Timestamp::MIN)
    }

    /// The span so many times over.
    #[must_use]
    pub fn times(self, factor: i32) -> Self {
        Self(self.0.checked_mul(factor).map_or(WEEK, |span| span.min(WEEK)))
    }
}

/// How long a step waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pause {
    /// For a span of time, up to a year.
    For(SignedDuration),
    /// Until a moment; one that has passed is no wait.
    Until(Timestamp),
}

/// A value that does not say how long to wait.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{value} is not {expected}")]
pub struct BadPause {
    value: String,
    expected: &'static str,
}

impl Pause {
    /// What stands under `for` (seconds, or a text like `30m`) or `until` (a date with a time and its offset).
    ///
    /// # Errors
    /// When it is none of these, or a span that is negative or longer than a year.
    pub fn read(key: &str, value: &Value) -> Result<Self, BadPause> {
        if key == "until" {
            let expected = "a moment, like `2026-03-01T09:00:00Z`";
            let moment = value.as_str().and_then(|text| text.parse().ok());
            return moment.map(Self::Until).ok_or_else(|| BadPause { value: value.to_string(), expected });
        }
        let expected = "a span of time up to a year: seconds, or like `30s`, `10m` or `2h`";
        let span = match value {
            Value::Number(seconds) => seconds.as_i64().map(SignedDuration::from_secs),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        let fits = |span: &SignedDuration| (SignedDuration::ZERO..=YEAR).contains(span);
        span.filter(fits).map(Self::For).ok_or_else(|| BadPause { value: value.to_string(), expected })
    }

    /// When a wait that began at `from` is over.
    #[must_use]
    pub fn end(self, from: Timestamp) -> Timestamp {
        match self {
            Self::For(span) => from.saturating_add(span).unwrap_or(Timestamp::MAX),
            Self::Until(moment) => moment,
        }
    }
}

impl Rate {
    /// The rate of a text: `5/1h`.
    ///
    /// # Errors
    /// When it is none, or counts not from 1 to 1000.
    pub fn parse(text: &str) -> Result<Self, BadPeriod> {
        let expected = "a rate: a number from 1 to 1000 and a span of time, like `5/1h`";
        let bad = || BadPeriod { text: text.to_owned(), expected };
        let (count, per) = text.split_once('/').ok_or_else(bad)?;
        let count = count.trim().parse().map_err(|_| bad())?;
        let per = Period::parse(per.trim()).map_err(|_| bad())?;
        if (1..=MOST).contains(&count) { Ok(Self { count, per }) } else { Err(bad()) }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.0)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.count, self.per)
    }
}

impl TryFrom<String> for Period {
    type Error = BadPeriod;
    fn try_from(text: String) -> Result<Self, BadPeriod> {
        Self::parse(&text)
    }
}

impl From<Period> for String {
    fn from(span: Period) -> Self {
        span.to_string()
    }
}

impl TryFrom<String> for Rate {
    type Error = BadPeriod;
    fn try_from(text: String) -> Result<Self, BadPeriod> {
        Self::parse(&text)
    }
}

impl From<Rate> for String {
    fn from(rate: Rate) -> Self {
        rate.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_rates_read_back_what_they_write() {
        for text in ["1s", "30s", "10m", "2h", "1h 30m", "168h"] {
            let span = Period::parse(text).unwrap();
            assert_eq!(span.to_string(), text);
            assert_eq!(Period::try_from(String::from(span)), Ok(span));
        }
        let rate = Rate::parse("5 / 1h").unwrap();
        assert_eq!(
            (rate.count, rate.per, rate.to_string().as_str()),
            (5, Period::parse("60m").unwrap(), "5/1h")
        );
    }

    #[test]
    fn what_is_no_span_or_rate_says_what_would_be() {
        for text in ["", "30", "0s", "-5m", "169h", "500ms", "1.5s", "a while", "2 months"] {
            let error = Period::parse(text).unwrap_err().to_string();
            assert!(error.starts_with(&format!("`{text}` is not a span")), "{error}");
        }
        for text in ["5", "/1h", "0/1h", "1001/1h", "5/", "5/h", "-1/1h", "5/1h/2"] {
            let error = Rate::parse(text).unwrap_err().to_string();
            assert!(error.starts_with(&format!("`{text}` is not a rate")), "{error}");
        }
    }

    #[test]
    fn moments_do_not_leave_the_calendar() {
        let week = Period::parse("168h").unwrap();
        assert_eq!(
            (week.after(Timestamp::MAX), week.before(Timestamp::MIN)),
            (Timestamp::MAX, Timestamp::MIN)
        );
        assert_eq!(week.times(10), week);
    }
}
