//! Where each value stands: one ordered tree, a letter in front for what it is, numbers big-endian so that
//! they sort as numbers.
//!
//! A key's shape is part of what is stored: a change needs a migration, like a change of the values.

use jiff::Timestamp;

use super::shelf::Span;
use crate::id::{Digest, EventId, RunId, StepPath};
use crate::spec::Priority;

/// A key's bytes.
pub(super) type Key = Vec<u8>;

const META: u8 = b'm';
const IDENTITY: u8 = b'i';
const IDENTITIES_BY_AGE: u8 = b'j';
const EVENT: u8 = b'e';
const OUTCOME: u8 = b'c';
const RUN: u8 = b'r';
const ENTRY: u8 = b'l';
const DUE: u8 = b'd';
const DEFINITION: u8 = b'f';
const DEFINITION_USE: u8 = b'u';
const PROGRESS: u8 = b's';
const VALUE: u8 = b'v';
const DUE_HIGH: u8 = b'h';
const DUE_LOW: u8 = b'o';
const SEAT: u8 = b'g';
const MEMBER: u8 = b'n';
const GUARDED: u8 = b'k';
const SIGNAL: u8 = b'w';
const WAIT: u8 = b'q';
const OPEN: u8 = b'p';

/// The letters of due times: the one for what has no priority of its own is the oldest.
const DUES: [(u8, Priority); 3] =
    [(DUE_HIGH, Priority::High), (DUE, Priority::Normal), (DUE_LOW, Priority::Low)];

/// Where a run stands in the order of due times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stand {
    pub priority: Priority,
    pub at: Timestamp,
}

/// Where a run is in its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// It is under way or due.
    Holding,
    /// It waits, behind all of a higher priority.
    Waiting(Priority),
}

fn key(letter: u8, parts: &[&[u8]]) -> Key {
    let mut key = vec![letter];
    for part in parts {
        key.extend_from_slice(part);
    }
    key
}

/// How often this store was opened.
pub(super) fn node() -> Key {
    key(META, &[b"node"])
}

/// Counts of what is kept.
pub(super) fn tally() -> Key {
    key(META, &[b"tally"])
}

/// The number of the newest batch that a database durably has: its own affair, so behind everything that is scanned.
pub(super) fn settled() -> Key {
    vec![u8::MAX]
}

/// What a delivery identity became.
pub(super) fn identity(identity: &str) -> Key {
    key(IDENTITY, &[Digest::of(identity.as_bytes()).as_bytes()])
}

/// Which identities an event has, by its age.
pub(super) fn identities_of(event: EventId) -> Key {
    key(IDENTITIES_BY_AGE, &[event.as_bytes()])
}

/// What stands at [`identities_of`]: the digests in these identities' keys.
pub(super) fn digests_in<'a>(identities: impl Iterator<Item = &'a Key>) -> Vec<u8> {
    identities.flat_map(|identity| identity.iter().skip(1).copied()).collect()
}

/// The identities' keys of what stands at [`identities_of`].
pub(super) fn identities_in(digests: &[u8]) -> impl Iterator<Item = Key> {
    digests.chunks(32).map(|digest| key(IDENTITY, &[digest]))
}

/// An event, with why it was wanted or not, and its body.
pub(super) fn event(event: EventId) -> Key {
    key(EVENT, &[event.as_bytes()])
}

/// What became of an event.
pub(super) fn outcome(event: EventId) -> Key {
    key(OUTCOME, &[event.as_bytes()])
}

/// The event whose key this is.
pub(super) fn event_of(key: &[u8]) -> Option<EventId> {
    Some(EventId::from_bytes(key.get(1..)?.try_into().ok()?))
}

/// A run's head.
pub(super) fn run(run: RunId) -> Key {
    key(RUN, &[run.as_bytes()])
}

/// The run whose head's key this is.
pub(super) fn run_of(key: &[u8]) -> Option<RunId> {
    Some(RunId::from_bytes(key.get(1..)?.try_into().ok()?))
}

/// A run's record.
pub(super) fn entry(run: RunId, seq: u64) -> Key {
    key(ENTRY, &[run.as_bytes(), &seq.to_be_bytes()])
}

/// A run in the order of due times.
pub(super) fn due(stand: Stand, run: RunId) -> Key {
    let letter = DUES.iter().find(|(_, priority)| *priority == stand.priority);
    key(letter.map_or(DUE, |(letter, _)| *letter), &[&moment(stand.at), run.as_bytes()])
}

/// Where a [`due`] key's run stands, and the run.
pub(super) fn due_of(key: &[u8]) -> Option<(Stand, RunId)> {
    let (_, priority) = DUES.iter().find(|(letter, _)| key.first() == Some(letter))?;
    let nanos = u128::from_be_bytes(key.get(1..17)?.try_into().ok()?);
    let at = Timestamp::from_nanosecond((nanos ^ SIGN).cast_signed()).ok()?;
    Some((Stand { priority: *priority, at }, RunId::from_bytes(key.get(17..)?.try_into().ok()?)))
}

/// A run's seat in its group: those that hold the group come first, then those that wait, the higher priority
/// before the lower, the older before the newer.
pub(super) fn seat(group: &str, place: Place, since: Timestamp, run: RunId) -> Key {
    let place = match place {
        Place::Holding => 0,
        Place::Waiting(Priority::High) => 1,
        Place::Waiting(Priority::Normal) => 2,
        Place::Waiting(Priority::Low) => 3,
    };
    key(SEAT, &[Digest::of(group.as_bytes()).as_bytes(), &[place], &moment(since), run.as_bytes()])
}

/// The place and the run of a [`seat`] key.
pub(super) fn place_of(seat: &[u8]) -> Option<(Place, RunId)> {
    let place = match seat.get(SEAT_PLACE)? {
        0 => Place::Holding,
        1 => Place::Waiting(Priority::High),
        2 => Place::Waiting(Priority::Normal),
        _ => Place::Waiting(Priority::Low),
    };
    Some((place, RunId::from_bytes(seat.get(SEAT_PLACE + 17..)?.try_into().ok()?)))
}

/// The run of a key, if it is a seat in which it waits for its turn.
pub(super) fn queued_of(key: &[u8]) -> Option<RunId> {
    let seat = Some(key).filter(|key| key.first() == Some(&SEAT))?;
    place_of(seat).filter(|(place, _)| matches!(place, Place::Waiting(_))).map(|(_, run)| run)
}

/// Where in a [`seat`] key the place stands: behind the letter and the group's digest.
const SEAT_PLACE: usize = 33;

/// The same seat, of a run that now holds the group.
pub(super) fn held_from(waiting: &[u8]) -> Key {
    let mut seat = waiting.to_vec();
    if let Some(place) = seat.get_mut(SEAT_PLACE) {
        *place = 0;
    }
    seat
}

/// All seats of a group.
pub(super) fn seats_of(group: &str) -> Span {
    Span::under(key(SEAT, &[Digest::of(group.as_bytes()).as_bytes()]))
}

/// All seats of the group that a seat is in.
pub(super) fn seats_beside(seat: &[u8]) -> Span {
    Span::under(seat.get(..SEAT_PLACE).unwrap_or_default().to_vec())
}

/// All seats of all groups.
pub(super) fn all_seats() -> Span {
    Span::under(vec![SEAT])
}

/// Which seat a run has.
pub(super) fn member(run: RunId) -> Key {
    key(MEMBER, &[run.as_bytes()])
}

/// What a guard knows under a name of several parts.
pub(super) fn guarded(parts: &[&str]) -> Key {
    let whole = parts.iter().map(|part| format!("{}:{part}", part.len())).collect::<String>();
    key(GUARDED, &[Digest::of(whole.as_bytes()).as_bytes()])
}

/// Everything that guards know.
pub(super) fn all_guarded() -> Span {
    Span::under(vec![GUARDED])
}

/// That a step waits for something that comes from a place.
pub(super) fn wait(place: &str, run: RunId, step: &StepPath) -> Key {
    let place = Digest::of(place.as_bytes());
    key(WAIT, &[place.as_bytes(), run.as_bytes(), step.as_str().as_bytes()])
}

/// All that wait for something from a place.
pub(super) fn waits(place: &str) -> Span {
    Span::under(key(WAIT, &[Digest::of(place.as_bytes()).as_bytes()]))
}

/// All that wait for something.
pub(super) fn all_waits() -> Span {
    Span::under(vec![WAIT])
}

/// The run and the step of a [`wait`] key.
pub(super) fn waiting(key: &[u8]) -> Option<(RunId, StepPath)> {
    let (run, step) = key.get(33..)?.split_first_chunk::<16>()?;
    Some((RunId::from_bytes(*run), StepPath::root(std::str::from_utf8(step).ok()?)))
}

/// Something that was said to a run.
pub(super) fn signal(run: RunId, number: u64) -> Key {
    key(SIGNAL, &[run.as_bytes(), &number.to_be_bytes()])
}

/// Everything that was said to a run, in order.
pub(super) fn signals(run: RunId) -> Span {
    Span::under(key(SIGNAL, &[run.as_bytes()]))
}

/// The number of a [`signal`] key.
pub(super) fn number_of(key: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(key.get(17..)?.try_into().ok()?))
}

/// A definition's text.
pub(super) fn definition(digest: Digest) -> Key {
    key(DEFINITION, &[digest.as_bytes()])
}

/// That a run uses a definition.
pub(super) fn definition_use(digest: Digest, run: RunId) -> Key {
    key(DEFINITION_USE, &[digest.as_bytes(), run.as_bytes()])
}

/// A place among everything that ever happened.
pub(super) fn progress(seq: u64) -> Key {
    key(PROGRESS, &[&seq.to_be_bytes()])
}

/// The place of a [`progress`] key.
pub(super) fn progress_of(key: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(key.get(1..)?.try_into().ok()?))
}

/// A named value.
pub(super) fn value(name: &str) -> Key {
    key(VALUE, &[name.as_bytes()])
}

/// The name of a [`value`] key.
pub(super) fn value_of(key: &[u8]) -> String {
    String::from_utf8_lossy(key.get(1..).unwrap_or_default()).into_owned()
}

/// All runs that use a definition.
pub(super) fn definition_users(digest: Digest) -> Span {
    Span::under(key(DEFINITION_USE, &[digest.as_bytes()]))
}

/// A run's records, in order.
pub(super) fn entries(run: RunId) -> Span {
    Span::under(key(ENTRY, &[run.as_bytes()]))
}

/// A run's records up to and with one of them, the last one first.
pub(super) fn entries_up_to(run: RunId, seq: u64) -> Span {
    Span { start: entry(run, 0), end: entry(run, seq.saturating_add(1)), newest_first: true }
}

/// All values whose names begin so.
pub(super) fn values(prefix: &str) -> Span {
    Span::under(value(prefix))
}

/// All events.
pub(super) fn events() -> Span {
    Span::under(vec![EVENT])
}

/// All runs.
pub(super) fn runs() -> Span {
    Span::under(vec![RUN])
}

/// All delivery identities.
pub(super) fn identities() -> Span {
    Span::under(vec![IDENTITY])
}

/// Everything that happened, newest first.
pub(super) fn newest_progress() -> Span {
    newest(PROGRESS, None)
}

/// All keys that there are, behind one that was reached.
pub(super) fn everything(behind: Option<&[u8]>) -> Span {
    let all = Span { start: Vec::new(), end: vec![u8::MAX], newest_first: false };
    match behind {
        Some(reached) => all.behind(reached),
        None => all,
    }
}

/// The run of a key, if it is a run's head.
pub(super) fn head_of(key: &[u8]) -> Option<RunId> {
    if key.first() == Some(&RUN) { run_of(key) } else { None }
}

/// A run that is not over, by where people talk about it.
pub(super) fn open(place: &str, run: RunId) -> Key {
    key(OPEN, &[Digest::of(place.as_bytes()).as_bytes(), run.as_bytes()])
}

/// All runs that are not over and that people talk about in one place.
pub(super) fn open_at(place: &str) -> Span {
    Span::under(key(OPEN, &[Digest::of(place.as_bytes()).as_bytes()]))
}

/// The run of an [`open`] key.
pub(super) fn open_of(key: &[u8]) -> Option<RunId> {
    Some(RunId::from_bytes(key.get(33..)?.try_into().ok()?))
}

/// The run whose head or record's key this is.
pub(super) fn run_concerned(key: &[u8]) -> Option<RunId> {
    let (letter, rest) = key.split_first()?;
    let id = rest.first_chunk::<16>()?;
    matches!(*letter, RUN | ENTRY).then(|| RunId::from_bytes(*id))
}

/// Everything that waits for a moment, by priority, in order.
pub(super) fn all_due() -> [Span; 3] {
    DUES.map(|(letter, _)| Span::under(vec![letter]))
}

/// Events before one, newest first.
pub(super) fn events_before(before: Option<EventId>) -> Span {
    newest(EVENT, before.as_ref().map(EventId::as_bytes))
}

/// Runs before one, newest first.
pub(super) fn runs_before(before: Option<RunId>) -> Span {
    newest(RUN, before.as_ref().map(RunId::as_bytes))
}

/// Runs of events from before a moment, oldest first.
pub(super) fn runs_older(than: Timestamp) -> Span {
    older(RUN, than)
}

/// Events from before a moment, oldest first.
pub(super) fn events_older(than: Timestamp) -> Span {
    older(EVENT, than)
}

/// Identities of events from before a moment, oldest first.
pub(super) fn identities_older(than: Timestamp) -> Span {
    older(IDENTITIES_BY_AGE, than)
}

/// What stands from a place up to and with another.
pub(super) fn progress_between(first: u64, last: u64) -> Span {
    Span { start: progress(first), end: progress(last.saturating_add(1)), newest_first: false }
}

/// What stands up to and with a place, newest first.
pub(super) fn progress_up_to(last: u64) -> Span {
    Span { newest_first: true, ..progress_between(0, last) }
}

/// What a key names, for people.
pub(super) fn describe(key: &[u8]) -> String {
    let rest = key.get(1..).unwrap_or_default();
    let event =
        || rest.try_into().map_or_else(|_| hex::encode(rest), |id| EventId::from_bytes(id).to_string());
    match key.first().copied() {
        Some(EVENT) => event(),
        Some(OUTCOME) => format!("the outcome of {}", event()),
        Some(RUN) => run_of(key).map_or_else(|| hex::encode(rest), |run| run.to_string()),
        Some(ENTRY) => describe_entry(rest),
        Some(DEFINITION) => format!("definition {}", hex::encode(rest)),
        Some(VALUE) => format!("value `{}`", value_of(key)),
        Some(META) => format!("`{}`", String::from_utf8_lossy(rest)),
        Some(letter) => format!("{}/{}", char::from(letter), hex::encode(rest)),
        None => "the empty key".to_owned(),
    }
}

fn describe_entry(rest: &[u8]) -> String {
    let parts = rest.split_first_chunk::<16>().and_then(|(run, seq)| Some((run, seq.try_into().ok()?)));
    match parts {
        Some((run, seq)) => format!("record {} of {}", u64::from_be_bytes(seq), RunId::from_bytes(*run)),
        None => hex::encode(rest),
    }
}

const SIGN: u128 = 1 << 127;

/// A moment as bytes that sort by time, before 1970 too.
fn moment(at: Timestamp) -> [u8; 16] {
    (at.as_nanosecond().cast_unsigned() ^ SIGN).to_be_bytes()
}

fn newest(letter: u8, before: Option<&[u8; 16]>) -> Span {
    let mut span = Span::under(vec![letter]);
    span.newest_first = true;
    if let Some(before) = before {
        span.end = key(letter, &[before]);
    }
    span
}

/// Ids begin with 48 bits of milliseconds, so age is a range of keys.
fn older(letter: u8, than: Timestamp) -> Span {
    let millis = u64::try_from(than.as_millisecond()).unwrap_or(0);
    let mut span = Span::under(vec![letter]);
    span.end = key(letter, &[&millis.to_be_bytes()[2..]]);
    span
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn due_keys_sort_by_time_and_read_back() {
        let run = RunId::from_bytes([7; 16]);
        let moments = [-5, -1, 0, 1, 1_700_000_000_000_000_001_i128];
        let stand = |priority, nanos| Stand { priority, at: Timestamp::from_nanosecond(nanos).unwrap() };
        for (_, priority) in DUES {
            let keys = moments.map(|nanos| due(stand(priority, nanos), run));
            assert!(keys.is_sorted());
            assert_eq!(due_of(&keys[0]), Some((stand(priority, -5), run)));
        }
    }

    #[test]
    fn a_damaged_value_is_named_so_that_people_find_it() {
        let run = RunId::from_bytes([1; 16]);
        assert_eq!(describe(&entry(run, 3)), format!("record 3 of {run}"));
        assert_eq!(describe(&value("ledger/x")), "value `ledger/x`");
    }
}
