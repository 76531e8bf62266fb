//! The months that budgets are for.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// A calendar month (UTC), written `2026-11`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Month(Date);

impl Month {
    /// The month of a moment.
    #[must_use]
    pub fn of(now: Timestamp) -> Self {
        Self::of_day(now.to_zoned(TimeZone::UTC).date())
    }

    pub(super) fn of_day(day: Date) -> Self {
        Self(day.first_of_month())
    }

    /// Where the book has what the month has come to.
    pub(super) fn page(self) -> String {
        format!("ledger/month/{self}")
    }

    /// How many seconds of the month are over, and how many it has; nothing where the moment is in no part of it.
    pub(super) fn elapsed(self, now: Timestamp) -> Option<(i64, i64)> {
        let start = self.0.to_zoned(TimeZone::UTC).ok()?.timestamp();
        let all = i64::from(self.0.days_in_month()) * DAY;
        let over = now.as_second() - start.as_second();
        (0..all).contains(&over).then_some((over, all))
    }
}

/// Seconds of a day.
pub(super) const DAY: i64 = 24 * 60 * 60;

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.0.year(), self.0.month())
    }
}

impl FromStr for Month {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let first = format!("{text}-01").parse::<Date>().ok().filter(|_| text.len() == 7);
        first.map(Self).ok_or_else(|| format!("`{text}` is no month: one is written `2026-11`"))
    }
}

impl From<Month> for String {
    fn from(month: Month) -> Self {
        month.to_string()
    }
}

impl TryFrom<String> for Month {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}
