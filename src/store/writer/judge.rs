//! What the writer does for each command: look whether it is right, and change what it changes.
//!
//! All of this runs on the writer's thread, one command at a time, so a look and the change after it cannot
//! be parted.

use std::collections::BTreeSet;

use super::desk::Desk;
use super::lanes::Lane;
use super::waits::{self, Waking};
use super::{admission, begin, guard, signal};
use crate::id::{EventId, RunId};
use crate::router::guard::{Guard, told};
use crate::router::{self, Reasons};
use crate::run::{Entry, Frozen, Record};
use crate::store::codec;
use crate::store::kept::{self, Head, KeptDelivery, KeptIdentity, Outcome, Placed, Pointer};
use crate::store::keys::{self, Key, Stand};
use crate::store::shelf::{Look as _, Shelf};
use crate::store::{Accepted, Due, Intake, Lease, Named, NewRun, StoreError, Values};

/// A delivery with everything done that does not need the writer.
#[derive(Debug)]
pub(in crate::store) struct Prepared {
    /// Their keys, each once.
    identities: BTreeSet<Key>,
    event: EventId,
    /// What it may be waited for by.
    waking: Waking,
    /// What is kept of it, ready to be written.
    delivery: Vec<u8>,
    /// The reasons, for when there is more to say.
    reasons: Reasons,
    runs: Vec<PreparedRun>,
    values: Values,
    answering: Option<Frozen>,
}

/// A run that is checked and ready to begin.
#[derive(Debug)]
pub(super) struct PreparedRun {
    pub id: RunId,
    pub first: Entry,
    pub head: Head,
    pub definition: Frozen,
    pub guard: Option<Box<Guard>>,
    pub lane: Lane,
}

impl Prepared {
    /// Compresses what is large and checks that each run begins as a run must.
    pub(in crate::store) fn new(intake: Intake) -> Result<Self, StoreError> {
        let Intake { identities, event, payload, reasons, runs, values, answering } = intake;
        Ok(Self {
            identities: identities.iter().map(|identity| keys::identity(identity)).collect(),
            delivery: codec::encode(&KeptDelivery::to_bytes(&event, &reasons, &payload)?),
            event: event.id,
            waking: Waking::of(&event),
            reasons,
            runs: runs.into_iter().map(PreparedRun::new).collect::<Result<_, _>>()?,
            values,
            answering,
        })
    }
}

impl PreparedRun {
    pub(super) fn new(run: NewRun) -> Result<Self, StoreError> {
        let NewRun { id, first, definition, guard } = run;
        let wrong = |what: &str| StoreError::Failed(format!("{id} cannot begin so: {what}"));
        let (Some(head), Record::Started(started)) = (Head::begin(id, &first), &first.record) else {
            return Err(wrong("its first record is not a start"));
        };
        if definition.digest() != head.summary.definition {
            return Err(wrong("its record names another definition"));
        }
        let answers = router::only_answers(&started.trigger);
        let lane = Lane::of(started, answers && definition.costs_nothing());
        Ok(Self { id, first, head, definition, guard, lane })
    }
}

/// Takes in a delivery, or says what it became when it was here before.
pub(in crate::store) fn accept<S: Shelf>(
    desk: &mut Desk<S>,
    intake: Prepared,
) -> Result<Accepted, StoreError> {
    for identity in &intake.identities {
        if let Some(first) = kept::identity(desk, identity)? {
            return Ok(Accepted::Duplicate { event: first.event, runs: first.runs });
        }
    }
    let event = intake.event;
    if desk.get(&keys::outcome(event))?.is_some() {
        return Err(StoreError::Conflict);
    }
    let progress = desk.place(Pointer::Event(event));
    let (woken, decided) = waits::wake(desk, &intake.waking, &intake.delivery, &keys::event(event))?;
    let mut begun = begin::all(desk, intake.runs, intake.answering, (&woken, decided))?;
    begun.signalled.extend(woken);
    let runs = begun.runs;
    let identity = KeptIdentity { event, runs: runs.clone() }.to_bytes();
    desk.tally.census.identities += intake.identities.len() as u64;
    desk.put(keys::identities_of(event), &keys::digests_in(intake.identities.iter()));
    for name in intake.identities {
        desk.put(name, &identity);
    }
    desk.insert(keys::event(event), intake.delivery);
    let mut reasons = intake.reasons;
    let reasons = (!begun.told.is_empty()).then(|| {
        told::amend(&mut reasons, &begun.told, begun.starts);
        reasons
    });
    desk.put_json(keys::outcome(event), &Outcome { progress, runs: runs.clone(), reasons })?;
    desk.tally.census.events += 1;
    values(desk, &intake.values.expect, &intake.values.put)?;
    Ok(Accepted::Fresh { event, runs, told: begun.told, signalled: begun.signalled, decided })
}

/// Writes records that follow each other, together.
pub(super) fn append<S: Shelf>(desk: &mut Desk<S>, run: RunId, entries: &[Entry]) -> Result<(), StoreError> {
    let Some((first, more)) = entries.split_first() else { return Ok(()) };
    let count = u32::try_from(entries.len()).map_err(|error| StoreError::Failed(error.to_string()))?;
    let progress = desk.place(Pointer::Records(run, first.seq, count));
    desk.put_json(keys::entry(run, first.seq), &Placed { progress, what: first, more: more.iter().collect() })
}

/// Appends to a run's journal.
pub(in crate::store) fn commit<S: Shelf>(
    desk: &mut Desk<S>,
    lease: &Lease,
    entries: &[Entry],
    due: Due,
) -> Result<(), StoreError> {
    let stood = desk.leases.check(lease)?;
    if !entries.is_empty() {
        let head = extend(desk, lease.run, entries)?;
        if due == Due::Held {
            desk.keep_head(lease.run, head);
        }
    }
    let due = match due {
        Due::Admitted(now) => admission::judge(desk, lease.run, now)?,
        due => due,
    };
    // The run's head is not needed for this: one that is damaged can be put aside all the same.
    if due != Due::Held {
        desk.delete(&keys::due(stood.stand, lease.run))?;
    }
    let moment = match due {
        Due::At(moment) => Some(moment),
        _ => None,
    };
    // What was said meanwhile is heard at once, whatever the run came to.
    let unheard = due != Due::Held && signal::waits(desk, lease.run)?;
    if let Some(moment) = if unheard { Some(stood.stand.at) } else { moment } {
        let stand = Stand { at: moment, ..stood.stand };
        desk.put_json(keys::due(stand, lease.run), &stood.lane)?;
    }
    // One that is to hear something keeps its turn: what it hears may take it up again.
    if !unheard && matches!(due, Due::Ended | Due::Parked) {
        guard::release(desk, lease.run)?;
    }
    if due != Due::Held {
        desk.leases.release(lease);
    }
    Ok(())
}

/// Appends records to a run; to one that is finished only what opens it again. Gives its head.
pub(super) fn extend<S: Shelf>(
    desk: &mut Desk<S>,
    run: RunId,
    entries: &[Entry],
) -> Result<Head, StoreError> {
    let mut head = desk.take_head(run)?.ok_or(StoreError::Fenced(run))?;
    let opens_again = matches!(entries.first(), Some(Entry { record: Record::Signalled { .. }, .. }));
    if head.is_finished() && !opens_again {
        return Err(StoreError::Conflict);
    }
    let (was_open, was_finished) = (head.is_open(), head.is_finished());
    for entry in entries {
        let again = matches!(entry.record, Record::Started(_));
        if entry.seq != head.summary.records || again {
            return Err(StoreError::Conflict);
        }
        waits::note(desk, &mut head, entry)?;
        head.add(entry);
    }
    append(desk, run, entries)?;
    let census = &mut desk.tally.census;
    census.open_runs = census.open_runs + u64::from(head.is_open()) - u64::from(was_open);
    if head.is_finished() != was_finished {
        waits::follow(desk, &head)?;
    }
    desk.put_json(keys::run(run), &head)?;
    Ok(head)
}

/// Writes named values if others are as expected.
pub(in crate::store) fn values<S: Shelf>(
    desk: &mut Desk<S>,
    expect: &[Named],
    put: &[Named],
) -> Result<(), StoreError> {
    for (name, expected) in expect {
        if kept::bytes(desk, &keys::value(name))? != *expected {
            return Err(StoreError::Conflict);
        }
    }
    for (name, value) in put {
        let key = keys::value(name);
        match value {
            Some(value) => desk.put(key, value),
            None => drop(desk.delete(&key)?),
        }
    }
    Ok(())
}
