//! What expressions do with moments and days. All of them come from values: nothing here reads a clock, the
//! host's time zone or the host's time zone database.

use std::sync::LazyLock;

use jiff::civil::Date;
use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Span, Timestamp, Zoned};
use minijinja::{Error, Value};

use super::given::{Given, Number, number};
use super::word::{Answer, Word};

/// What a moment may be given as.
const MOMENT: &str = "a moment (`2026-03-01T12:00:00Z`, a day like `2026-03-01`, or seconds since 1970)";
/// What a span of time may be given as.
const SPAN: &str = "a span of time like `2h30m`, `7d` or `1mo`, or seconds";

/// Time zones as they come with this version, so that every host says the same.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// The words of this module.
pub(super) const WORDS: &[Word] = &[
    Word::filter("date", &["timezone"], |given| Ok(Value::from(zoned(given, 1)?.date().to_string()))),
    Word::filter("datetime", &["timezone"], |given| Ok(Value::from(spelled(&zoned(given, 1)?)))),
    Word::filter("dateformat", &["pattern", "timezone"], format),
    Word::filter("dateadd", &["period", "timezone"], |given| moved(given, 1)),
    Word::filter("datesub", &["period", "timezone"], |given| moved(given, -1)),
    Word::filter("datediff", &["earlier", "unit"], difference),
    Word::filter("timestamp", &[], |given| Ok(seconds(moment(given, 0)?.as_nanosecond()).into())),
    Word::test("before", &["other"], |given| Ok((moment(given, 0)? < moment(given, 1)?).into())),
    Word::test("after", &["other"], |given| Ok((moment(given, 0)? > moment(given, 1)?).into())),
];

/// Nanoseconds in a second.
const SECOND: i128 = 1_000_000_000;

fn moment(given: &Given, at: usize) -> Result<Timestamp, Error> {
    let value = given.value(at)?;
    let read = match value.as_str() {
        Some(text) => read(text),
        None => number(value).and_then(since_1970),
    };
    read.ok_or_else(|| given.wrong(at, MOMENT))
}

fn read(text: &str) -> Option<Timestamp> {
    if let Ok(moment) = text.parse() {
        return Some(moment);
    }
    // jiff would take the day of a text with a time and no offset as well, and forget the time.
    let day: Date = text.parse().ok().filter(|_| text.len() == "2026-03-01".len())?;
    day.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

fn since_1970(number: Number) -> Option<Timestamp> {
    let nanoseconds = match number {
        Number::Whole(seconds) => seconds.checked_mul(SECOND)?,
        // Microseconds are what a floating number of seconds is good for.
        Number::Float(seconds) => {
            i128::try_from(Value::from((seconds * 1e6).round())).ok()?.checked_mul(1000)?
        }
    };
    Timestamp::from_nanosecond(nanoseconds).ok()
}

/// The moment in the time zone that stands at a place, in UTC where none does.
fn zoned(given: &Given, zone: usize) -> Result<Zoned, Error> {
    let name = given.maybe(zone, Given::text)?.unwrap_or("UTC");
    let found =
        ZONES.get(name).map_err(|_| given.wrong(zone, "the name of a time zone like `Europe/Berlin`"))?;
    Ok(moment(given, 0)?.to_zoned(found))
}

/// RFC 3339, with `Z` in UTC.
fn spelled(zoned: &Zoned) -> String {
    if zoned.time_zone() == &TimeZone::UTC {
        return zoned.timestamp().to_string();
    }
    zoned.timestamp().display_with_offset(zoned.offset()).to_string()
}

fn format(given: &Given) -> Answer {
    let pattern = given.text(1)?;
    let written = BrokenDownTime::from(&zoned(given, 2)?).to_string(pattern);
    written
        .map(Value::from)
        .map_err(|error| given.wrong(1, &format!("a pattern like `%Y-%m-%d %H:%M` ({error})")))
}

fn moved(given: &Given, sign: i64) -> Answer {
    let (span, zoned) = (span(given)?, zoned(given, 2)?);
    let moved = span.checked_mul(sign).and_then(|span| zoned.checked_add(span));
    let moved = moved.map_err(|_| given.wrong(1, "a span that stays within the calendar"))?;
    Ok(Value::from(spelled(&moved)))
}

fn span(given: &Given) -> Result<Span, Error> {
    let value = given.value(1)?;
    let span = match (value.as_str(), number(value)) {
        (Some(text), _) => text.parse().ok(),
        (None, Some(Number::Whole(seconds))) => {
            i64::try_from(seconds).ok().and_then(|seconds| Span::new().try_seconds(seconds).ok())
        }
        _ => None,
    };
    span.ok_or_else(|| given.wrong(1, SPAN))
}

fn difference(given: &Given) -> Answer {
    let unit = match given.maybe(2, Given::text)?.unwrap_or("seconds") {
        "seconds" => 1,
        "minutes" => 60,
        "hours" => 3_600,
        "days" => 86_400,
        "weeks" => 604_800,
        _ => return Err(given.wrong(2, "`seconds`, `minutes`, `hours`, `days` or `weeks`")),
    };
    let nanoseconds = moment(given, 0)?.as_nanosecond() - moment(given, 1)?.as_nanosecond();
    Ok(parts(nanoseconds, unit * SECOND).into())
}

fn seconds(nanoseconds: i128) -> Number {
    parts(nanoseconds, SECOND)
}

/// How often a unit is in a number, whole where that is exact.
fn parts(number: i128, unit: i128) -> Number {
    if number % unit == 0 {
        return Number::Whole(number / unit);
    }
    Number::Float(Number::Whole(number).float() / Number::Whole(unit).float())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_zones_are_those_of_this_version_and_not_of_the_host() {
        assert_eq!(format!("{:?}", *ZONES), "TimeZoneDatabase(Bundled(available))");
    }
}
