//! Judging runs by their guards, at the moment of writing: what is known under their names is looked up and
//! changed in the batch that begins them.
//!
//! A run holds its group's slot from the batch that takes it on until the one that gives up its lease for
//! good: ended or parked. A parked run waits for people, who may take days, so it gives its slot up. What
//! waits for a slot is durable and not due; whoever frees the slot makes the next one due in the same batch.

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::desk::Desk;
use super::{judge, signal};
use crate::id::RunId;
use crate::router::guard::judge::Admitted;
use crate::router::guard::{Guard, Held, Known, Limit, Member, Pending, Per, Window, judge as admit};
use crate::run::{Ending, Entry, Record, Sent, Signal};
use crate::spec::Priority;
use crate::store::kept::{self, Guarded, Seat};
use crate::store::keys::{self, Key, Place, Stand};
use crate::store::shelf::{Look as _, Shelf};
use crate::store::{RunSummary, StoreError};

/// How many of a group are looked at: more never hold it or wait.
pub(in crate::store) const GROUP_MOST: usize = 1024;

/// A run that was taken on, with where it is to stand.
#[derive(Debug)]
pub(super) struct Taken {
    pub admitted: Admitted,
    /// How many runs stand between it and people.
    pub hops: u32,
    /// The runs under way that are to stop for it.
    pub stopped: Vec<RunId>,
}

/// Judges a run and, where it is taken on, changes what is known.
pub(super) fn take_on<S: Shelf>(
    desk: &mut Desk<S>,
    run: RunId,
    guard: &Guard,
    now: Timestamp,
) -> Result<Result<Taken, Held>, StoreError> {
    let known = known(desk, guard)?;
    let admitted = match admit(guard, &known, now) {
        Ok(admitted) => admitted,
        Err(held) => {
            remember_trip(desk, guard, &known, &held, now)?;
            return Ok(Err(held));
        }
    };
    if guard.asks {
        // Nobody makes room for whom the forge may not let in.
        remember_start(desk, (run, now), guard, known.clone(), &admitted)?;
        return Ok(Ok(Taken { admitted, hops: known.hops, stopped: Vec::new() }));
    }
    let mut stopped = Vec::new();
    for before in &admitted.instead_of {
        if make_room(desk, *before, run, now)? {
            stopped.push(*before);
        }
    }
    if let Some(group) = &guard.group {
        let seat = Seat { limit: group.limit, at: admitted.at, priority: guard.priority };
        let place = if admitted.queued.is_some() { Place::Waiting(guard.priority) } else { Place::Holding };
        sit(desk, keys::seat(&group.name, place, admitted.since, run), run, &seat)?;
    }
    remember_start(desk, (run, now), guard, known.clone(), &admitted)?;
    Ok(Ok(Taken { admitted, hops: known.hops, stopped }))
}

/// Whether a run waits for its turn in a group.
pub(super) fn is_queued<S: Shelf>(desk: &Desk<S>, run: RunId) -> Result<bool, StoreError> {
    let seat = kept::bytes(desk, &keys::member(run))?;
    Ok(seat.is_some_and(|seat| matches!(keys::place_of(&seat), Some((Place::Waiting(_), _)))))
}

/// Frees what a run held and makes the next of its group due.
pub(in crate::store) fn release<S: Shelf>(desk: &mut Desk<S>, run: RunId) -> Result<(), StoreError> {
    match leave(desk, run)? {
        Some(seat) => promote(desk, &seat),
        None => Ok(()),
    }
}

/// What is known under a guard's names.
fn known<S: Shelf>(desk: &Desk<S>, guard: &Guard) -> Result<Known, StoreError> {
    let mut known = Known::default();
    if let Some(head) = guard.origin.map(|origin| kept::head(desk, origin)).transpose()?.flatten() {
        known.hops = head.hops.saturating_add(1);
    }
    if let Some(group) = &guard.group {
        for (key, _) in desk.scan(&keys::seats_of(&group.name), GROUP_MOST)? {
            let Some((place, run)) = keys::place_of(&key) else { continue };
            let begun = begun(desk, run);
            match place {
                Place::Holding => known.holding.push(Member { run, begun, priority: Priority::Normal }),
                Place::Waiting(priority) => known.waiting.push(Member { run, begun, priority }),
            }
        }
    }
    if let Some(pacing) = &guard.pacing {
        known.pace = recall(desk, &keys::guarded(&["pace", &guard.trigger, &pacing.scope]))?;
        known.pace.pending = known.pace.pending.filter(|pending| !begun(desk, pending.run));
    }
    for limit in &guard.limits {
        known.windows.push(recall(desk, &keys::guarded(&[limit.per.key(), &guard.trigger, &limit.whose]))?);
    }
    if guard.breaker.is_some() || known.hops > 0 {
        known.breaker = recall(desk, &breaker(guard))?;
    }
    Ok(known)
}

fn breaker(guard: &Guard) -> Key {
    keys::guarded(&["breaker", &guard.trigger, &guard.subject])
}

/// Whether anything was done in a run. What cannot be read is left alone like what has begun.
fn begun<S: Shelf>(desk: &Desk<S>, run: RunId) -> bool {
    let untouched = |head: kept::Head| head.is_untouched();
    desk.leases.holds(run) || !kept::head(desk, run).is_ok_and(|head| head.is_some_and(untouched))
}

/// What was remembered under a key. What is damaged is begun anew: it must not keep deliveries out.
fn recall<S: Shelf, T: DeserializeOwned + Default>(desk: &Desk<S>, key: &Key) -> Result<T, StoreError> {
    match kept::json::<Guarded<T>>(desk, key) {
        Err(StoreError::Corrupt(what)) => {
            tracing::error!(%what, "a guard forgets what it knew");
            Ok(T::default())
        }
        found => Ok(found?.map(|guarded| guarded.what).unwrap_or_default()),
    }
}

fn remember<S: Shelf, T: Serialize>(
    desk: &mut Desk<S>,
    key: Key,
    what: T,
    now: Timestamp,
) -> Result<(), StoreError> {
    // Written small and without a blob, so whatever stood there is only overwritten.
    desk.put_json(key, &Guarded { touched: now, what })
}

fn remember_start<S: Shelf>(
    desk: &mut Desk<S>,
    (run, now): (RunId, Timestamp),
    guard: &Guard,
    mut known: Known,
    admitted: &Admitted,
) -> Result<(), StoreError> {
    if let Some(pacing) = guard.pacing.as_ref().filter(|_| !guard.asks) {
        known.pace.newest = Some(admitted.at);
        known.pace.pending = pacing.debounce.map(|_| Pending { run, first: admitted.since });
        remember(desk, keys::guarded(&["pace", &guard.trigger, &pacing.scope]), known.pace, now)?;
    }
    if !admitted.counts {
        return Ok(());
    }
    let counts = |(limit, _): &(&Limit, Window)| !guard.asks || limit.per == Per::Actor;
    for (limit, mut window) in guard.limits.iter().zip(known.windows).filter(counts) {
        window.add(limit.rate, now);
        remember(desk, keys::guarded(&[limit.per.key(), &guard.trigger, &limit.whose]), window, now)?;
    }
    if let Some(rate) = guard.breaker {
        known.breaker.starts.add(rate, now);
        remember(desk, breaker(guard), known.breaker, now)?;
    }
    Ok(())
}

fn remember_trip<S: Shelf>(
    desk: &mut Desk<S>,
    guard: &Guard,
    known: &Known,
    held: &Held,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut state = known.breaker.clone();
    match held {
        Held::Tripped { until, first: true, .. } => {
            state.tripped = Some(*until);
            // After the silence it is counted anew.
            state.starts.0.clear();
        }
        Held::Circling { until, first: true, .. } => state.circling = Some(*until),
        _ => return Ok(()),
    }
    remember(desk, breaker(guard), state, now)
}

/// Ends a run that has not begun, or has one that is under way stopped; says whether it is one of those.
fn make_room<S: Shelf>(
    desk: &mut Desk<S>,
    run: RunId,
    by: RunId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let reason = format!("replaced by {by}");
    if begun(desk, run) {
        let signal = Signal::Cancel { reason: Some(reason) };
        signal::send(desk, run, &Sent { at: now, by: None, signal })?;
        return Ok(true);
    }
    leave(desk, run)?;
    let head = kept::head(desk, run)?.ok_or(StoreError::Fenced(run))?;
    if let Some(stand) = head.stand() {
        desk.delete(&keys::due(stand, run))?;
    }
    end(desk, &head.summary, reason, now)?;
    Ok(false)
}

/// Ends a run in which nothing is under way.
pub(super) fn end<S: Shelf>(
    desk: &mut Desk<S>,
    run: &RunSummary,
    reason: String,
    now: Timestamp,
) -> Result<(), StoreError> {
    let concluded = Record::Concluded {
        ending: Ending::Cancelled,
        reason: Some(reason),
        results: Default::default(),
        rollback: false,
    };
    let records = [concluded, Record::Ended].into_iter().zip(run.records..);
    let entries: Vec<_> = records.map(|(record, seq)| Entry { seq, at: now, record }).collect();
    judge::extend(desk, run.id, &entries).map(drop)
}

pub(super) fn sit<S: Shelf>(desk: &mut Desk<S>, key: Key, run: RunId, seat: &Seat) -> Result<(), StoreError> {
    desk.put(keys::member(run), &key);
    desk.put_json(key, seat)
}

/// Takes a run out of its group; gives the key of the seat that it had.
fn leave<S: Shelf>(desk: &mut Desk<S>, run: RunId) -> Result<Option<Key>, StoreError> {
    let seat = match kept::bytes(desk, &keys::member(run)) {
        Err(StoreError::Corrupt(what)) => {
            tracing::error!(%what, "the run's group is looked for");
            seat_by_search(desk, run)?
        }
        seat => seat?,
    };
    let Some(seat) = seat else { return Ok(None) };
    desk.delete(&keys::member(run))?;
    desk.delete(&seat)?;
    Ok(Some(seat))
}

fn seat_by_search<S: Shelf>(desk: &Desk<S>, run: RunId) -> Result<Option<Key>, StoreError> {
    let all = desk.scan(&keys::all_seats(), usize::MAX)?;
    let is_its = |key: &Key| keys::place_of(key).is_some_and(|(_, other)| other == run);
    Ok(all.into_iter().map(|(key, _)| key).find(is_its))
}

/// Makes the next runs of a seat's group due, as many as there is room for.
fn promote<S: Shelf>(desk: &mut Desk<S>, freed: &Key) -> Result<(), StoreError> {
    loop {
        let seats = desk.scan(&keys::seats_beside(freed), GROUP_MOST)?;
        let is_waiting = |key: &Key| matches!(keys::place_of(key), Some((Place::Waiting(_), _)));
        let held = seats.iter().filter(|(key, _)| !is_waiting(key)).count();
        let Some(next) = seats.iter().find(|(key, _)| is_waiting(key)) else { return Ok(()) };
        let Some((_, run)) = keys::place_of(&next.0) else { return Ok(()) };
        // A seat that cannot be read must not keep its run waiting for ever.
        let seat: Seat = kept::read(next).unwrap_or_default();
        if held >= seat.limit {
            return Ok(());
        }
        desk.delete(&next.0)?;
        desk.delete(&keys::member(run))?;
        sit(desk, keys::held_from(&next.0), run, &seat)?;
        // One that is cancelled while it waits is due already.
        if desk.leases.spot(run).is_none() {
            let stand = Stand { priority: seat.priority, at: seat.at };
            desk.put_json(keys::due(stand, run), &kept::lane_of(desk, run))?;
        }
        if let Ok(Some(mut head)) = kept::head(desk, run) {
            head.summary.reason = None;
            head.stand = Some((seat.priority, seat.at));
            desk.put_json(keys::run(run), &head)?;
        }
    }
}
