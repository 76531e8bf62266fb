//! Who is inside, and who has to make room when it is full.
//!
//! Whoever has not got a whole request to us yet costs us a connection and has given us nothing: the one that has
//! taken longest over it goes first, once it has had time enough for an honest one. Then go those that only
//! rest after an answer. Nobody goes whose request is being answered.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

/// How long a request may take to arrive whole before its connection has to make room. Senders of webhooks need
/// milliseconds; a flood of new connections must not sweep them out while they do.
const ARRIVAL: SignedDuration = SignedDuration::from_secs(1);

/// How long a connection may rest after an answer before it has to make room: its client may be about to
/// send the next request.
const REST: SignedDuration = SignedDuration::from_secs(5);

/// All guests, by the order in which they came.
#[derive(Debug, Clone, Default)]
pub(super) struct Guests(Arc<Mutex<Inside>>);

#[derive(Debug, Default)]
struct Inside {
    came: u64,
    guests: BTreeMap<u64, Guest>,
}

/// One connection, as those who serve it see it.
#[derive(Debug, Clone)]
pub(in crate::http) struct Guest(Arc<Seat>);

#[derive(Debug)]
struct Seat {
    state: AtomicU8,
    /// When that began, in milliseconds since 1970.
    since: AtomicI64,
    leave: CancellationToken,
}

/// It has not got a whole request to us yet.
const ARRIVING: u8 = 0;
/// Its request is being answered.
const SERVED: u8 = 1;
/// It was answered and has not begun anew.
const RESTING: u8 = 2;

impl Guests {
    /// Lets a connection in.
    pub(super) fn admit(&self, now: Timestamp) -> (u64, Guest) {
        let seat = Seat {
            state: AtomicU8::new(ARRIVING),
            since: AtomicI64::new(now.as_millisecond()),
            leave: CancellationToken::new(),
        };
        let guest = Guest(Arc::new(seat));
        let mut inside = self.lock();
        inside.came += 1;
        let number = inside.came;
        inside.guests.insert(number, guest.clone());
        (number, guest)
    }

    /// A connection has ended.
    pub(super) fn gone(&self, number: u64) {
        self.lock().guests.remove(&number);
    }

    /// Sends the one away that can be done without most easily; says whether there was one.
    pub(super) fn make_room(&self, now: Timestamp) -> bool {
        let mut inside = self.lock();
        let longest = |state, at_least| {
            let guests = inside.guests.iter().filter(|(_, guest)| guest.is(state));
            let (number, guest) = guests.min_by_key(|(_, guest)| guest.since())?;
            (now.duration_since(guest.since()) >= at_least).then_some(*number)
        };
        let leaving = longest(ARRIVING, ARRIVAL).or_else(|| longest(RESTING, REST));
        let Some(guest) = leaving.and_then(|number| inside.guests.remove(&number)) else {
            return false;
        };
        guest.0.leave.cancel();
        true
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Guest {
    /// Its request has arrived whole: from now on it is not sent away.
    pub(in crate::http) fn arrived(&self) {
        self.0.state.store(SERVED, Ordering::Relaxed);
    }

    /// Its next request begins.
    pub(super) fn begins(&self, now: Timestamp) {
        self.turns(ARRIVING, now);
    }

    /// It has been answered.
    pub(super) fn answered(&self, now: Timestamp) {
        self.turns(RESTING, now);
    }

    fn turns(&self, state: u8, now: Timestamp) {
        self.0.since.store(now.as_millisecond(), Ordering::Relaxed);
        self.0.state.store(state, Ordering::Relaxed);
    }

    /// Resolves when it has to leave.
    pub(super) async fn must_leave(&self) {
        self.0.leave.cancelled().await;
    }

    fn is(&self, state: u8) -> bool {
        self.0.state.load(Ordering::Relaxed) == state
    }

    fn since(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.since.load(Ordering::Relaxed)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn has_to_leave(guest: &Guest) -> bool {
        guest.0.leave.is_cancelled()
    }

    #[test]
    fn who_has_taken_longest_over_a_request_goes_first() {
        let guests = Guests::default();
        let all: Vec<Guest> = (0..3).map(|second| guests.admit(at(second)).1).collect();
        all[0].arrived();
        assert!(guests.make_room(at(10)));
        let left: Vec<bool> = all.iter().map(has_to_leave).collect();
        assert_eq!(left, [false, true, false], "the first is being answered");
    }

    #[test]
    fn who_has_only_just_come_is_given_time() {
        let guests = Guests::default();
        let (_, guest) = guests.admit(at(7));
        assert!(!guests.make_room(at(7)) && !has_to_leave(&guest));
        assert!(guests.make_room(at(8)) && has_to_leave(&guest));
    }

    #[test]
    fn who_rests_goes_only_after_a_while_and_who_is_served_never() {
        let guests = Guests::default();
        let (served, resting) = (guests.admit(at(0)).1, guests.admit(at(0)).1);
        served.arrived();
        resting.answered(at(100));
        assert!(!guests.make_room(at(104)));
        assert!(guests.make_room(at(105)));
        assert!(has_to_leave(&resting) && !has_to_leave(&served));
        assert!(!guests.make_room(at(1_000)));
    }

    #[test]
    fn who_is_gone_is_not_sent_away() {
        let guests = Guests::default();
        let (number, _) = guests.admit(at(0));
        guests.gone(number);
        assert!(!guests.make_room(at(100)));
    }
}
