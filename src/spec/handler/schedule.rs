//! When a trigger that goes by the clock fires.

use cronexpr::{Crontab, MakeTimestamp};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::spec::near::nearest;

/// The time zone where none is given.
const UTC: &str = "UTC";

/// A schedule in the five fields of cron, in a time zone.
///
/// A time that a change of clocks leaves out comes that much later on that day; one that it brings twice counts the
/// first time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// Minute, hour, day of the month, month, day of the week.
    cron: String,
    /// A name of the time zone database.
    timezone: String,
}

impl Schedule {
    /// The schedule that is written so.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub fn new(cron: &str, timezone: Option<&str>) -> Result<Self, String> {
        let timezone = timezone.unwrap_or(UTC);
        if !is_timezone(timezone) {
            return Err(format!("`{timezone}` is no time zone"));
        }
        if cron.split_whitespace().count() != 5 {
            return Err(format!("`{cron}` is no schedule: it has five fields (`0 9 * * 1-5`)"));
        }
        let schedule = Self { cron: cron.to_owned(), timezone: timezone.to_owned() };
        schedule.crontab().map_err(|error| format!("`{cron}` is no schedule: {}", reason(&error)))?;
        Ok(schedule)
    }

    /// The first tick after a moment; none where there is never one.
    #[must_use]
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let (crontab, zone) = (self.crontab().ok()?, TimeZone::get(&self.timezone).ok()?);
        // Cron counts what the clock on the wall shows; only then is it asked which moment that is.
        let mut shown = zone.to_datetime(after).to_zoned(TimeZone::UTC).ok()?;
        loop {
            shown = crontab.find_next(MakeTimestamp(shown.timestamp())).ok()?;
            let tick = zone.to_ambiguous_zoned(shown.datetime()).compatible().ok()?.timestamp();
            if tick > after {
                return Some(tick);
            }
        }
    }

    /// The last tick after one moment up to another, and how many came before it.
    #[must_use]
    pub fn missed(&self, after: Timestamp, until: Timestamp) -> Option<(Timestamp, usize)> {
        let ticks = std::iter::successors(self.next(after), |tick| self.next(*tick));
        ticks.take_while(|tick| *tick <= until).enumerate().last().map(|(older, tick)| (tick, older))
    }

    fn crontab(&self) -> Result<Crontab, cronexpr::Error> {
        cronexpr::parse_crontab(&format!("{} {UTC}", self.cron))
    }
}

/// Whether there is a time zone of this name.
pub(super) fn is_timezone(name: &str) -> bool {
    TimeZone::get(name).is_ok()
}

/// The time zone that was probably meant.
pub(super) fn meant(timezone: &str) -> String {
    let known: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
    match nearest(timezone, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "like `timezone: Europe/Berlin`".to_owned(),
    }
}

/// What is wrong, without the drawing of where: it stands behind the sign that points there.
fn reason(error: &cronexpr::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    last.split_once("^ ").map_or(last, |(_, reason)| reason).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn ticks(cron: &str, timezone: &str, after: &str, count: usize) -> Vec<String> {
        let schedule = Schedule::new(cron, Some(timezone)).unwrap();
        let ticks = std::iter::successors(schedule.next(at(after)), |tick| schedule.next(*tick));
        ticks.take(count).map(|tick| tick.to_string()).collect()
    }

    #[test]
    fn working_days_at_nine() {
        let fridays = ticks("0 9 * * 1-5", "UTC", "2026-11-27T09:00:00Z", 2);
        assert_eq!(fridays, ["2026-11-30T09:00:00Z", "2026-12-01T09:00:00Z"]);
    }

    #[test]
    fn a_schedule_keeps_its_hour_when_the_clocks_change() {
        let ticks = |after| ticks("0 9 * * *", "Europe/Berlin", after, 2);
        assert_eq!(ticks("2026-03-28T00:00:00Z"), ["2026-03-28T08:00:00Z", "2026-03-29T07:00:00Z"]);
        assert_eq!(ticks("2026-10-24T00:00:00Z"), ["2026-10-24T07:00:00Z", "2026-10-25T08:00:00Z"]);
    }

    #[test]
    fn an_hour_that_comes_twice_counts_once() {
        let ticks = ticks("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 2);
        assert_eq!(ticks, ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]);
    }

    #[test]
    fn an_hour_that_is_left_out_is_not_forgotten() {
        let ticks = ticks("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", 2);
        assert_eq!(ticks, ["2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z"]);
    }

    #[test]
    fn of_what_was_missed_the_last_is_told_with_the_number_of_the_others() {
        let hourly = Schedule::new("0 * * * *", None).unwrap();
        let missed = |until| hourly.missed(at("2026-11-27T09:00:00Z"), at(until));
        assert_eq!(missed("2026-11-27T09:59:59Z"), None);
        assert_eq!(missed("2026-11-27T10:00:00Z"), Some((at("2026-11-27T10:00:00Z"), 0)));
        assert_eq!(missed("2026-11-27T14:30:00Z"), Some((at("2026-11-27T14:00:00Z"), 4)));
    }

    #[test]
    fn what_is_no_schedule_is_said() {
        let wrong = |cron: &str, timezone| Schedule::new(cron, timezone).unwrap_err();
        assert!(wrong("0 9 * *", None).contains("five fields"));
        assert!(wrong("0 9 * * 1-5 UTC", None).contains("five fields"));
        assert!(wrong("61 9 * * *", None).contains("61 9 * * *"));
        assert!(wrong("0 9 * * *", Some("Mars/Base")).contains("`Mars/Base`"));
    }
}
