//! Answering questions from what is on the shelf.
//!
//! Readers do not wait for the writer. Records are only ever added, heads say how many there are, so a
//! reader that comes between two batches sees a whole that was.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use serde::de::IgnoredAny;

use super::kept::{self, Head, KeptDelivery, Outcome, Placed, Pointer, Tally};
use super::keys;
use super::shelf::{Look, Pair, Span};
use super::writer::lease::Leases;
use super::{
    Accepted, Damage, Found, Happening, Journal, Progress, Query, RunSummary, Scrubbed, StoreError, codec,
    waits,
};
use crate::id::{Digest, EventId, RunId};
use crate::router::Reasons;
use crate::run::{Definition, Entry, Record, Sent};

/// The definitions of runs in hand: read once for however many run the same.
#[derive(Debug, Default)]
pub(super) struct Definitions(Mutex<HashMap<Digest, Weak<Definition>>>);

/// A run's whole journal.
pub(super) fn load(
    look: &impl Look,
    definitions: &Definitions,
    run: RunId,
) -> Result<Option<Journal>, StoreError> {
    let Some(head) = kept::head(look, run)? else { return Ok(None) };
    match journal(look, definitions, &head) {
        // It may have been pruned while it was read.
        Err(StoreError::Corrupt(_)) if look.get(&keys::run(run))?.is_none() => Ok(None),
        read => read.map(Some),
    }
}

fn journal(look: &impl Look, definitions: &Definitions, head: &Head) -> Result<Journal, StoreError> {
    let RunSummary { id: run, records, .. } = head.summary;
    let mut entries = Vec::new();
    let limit = usize::try_from(records).unwrap_or(usize::MAX);
    for pair in look.scan(&keys::entries(run), limit)? {
        let seq = entries.len() as u64;
        if seq >= records || pair.0 != keys::entry(run, seq) {
            break;
        }
        let Placed { what, more, .. } = kept::read::<Placed<Entry>>(&pair)?;
        for (entry, seq) in std::iter::once(what).chain(more).zip(seq..) {
            if entry.seq != seq {
                return Err(StoreError::Corrupt(format!(
                    "record {seq} of {run} says that it is {}",
                    entry.seq
                )));
            }
            entries.push(entry);
        }
    }
    if entries.len() as u64 != records {
        return Err(StoreError::Corrupt(format!("record {} of {run} is missing", entries.len())));
    }
    let Some(Record::Started(started)) = entries.first().map(|entry| &entry.record) else {
        return Err(StoreError::Corrupt(format!("{run} does not begin with its start")));
    };
    let definition = definitions.get(look, started.definition)?;
    Ok(Journal { definition, entries, signals: signals(look, run)?, put_off: head.put_off.is_some() })
}

impl Definitions {
    fn get(&self, look: &impl Look, digest: Digest) -> Result<Arc<Definition>, StoreError> {
        // A poisoned lock only says that somebody panicked: each holder makes one change.
        let known = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(definition) = known().get(&digest).and_then(Weak::upgrade) {
            return Ok(definition);
        }
        let definition = Arc::new(definition(look, digest)?);
        let mut known = known();
        known.retain(|_, definition| definition.strong_count() > 0);
        known.insert(digest, Arc::downgrade(&definition));
        Ok(definition)
    }
}

/// What was said to a run and is not in its journal yet.
fn signals(look: &impl Look, run: RunId) -> Result<Vec<(u64, Sent)>, StoreError> {
    let pairs = look.scan(&keys::signals(run), usize::MAX)?;
    let numbered = |pair: &Pair| Ok((keys::number_of(&pair.0).unwrap_or_default(), kept::read(pair)?));
    pairs.iter().map(numbered).collect()
}

/// The definition of a digest.
pub(super) fn definition(look: &impl Look, digest: Digest) -> Result<Definition, StoreError> {
    let wrong = |what: String| StoreError::Corrupt(format!("definition {digest} {what}"));
    let text = kept::bytes(look, &keys::definition(digest))?;
    let text = text.ok_or_else(|| wrong("is missing".to_owned()))?;
    if Digest::of(&text) != digest {
        return Err(wrong("is not what was written".to_owned()));
    }
    serde_json::from_slice(&text).map_err(|error| wrong(format!("cannot be read: {error}")))
}

/// Answers a question.
pub(super) fn answer(
    look: &impl Look,
    (leases, last): (&Leases, u64),
    query: Query,
) -> Result<Found, StoreError> {
    let found = match query {
        Query::Event(event) => event_of(look, event)?,
        Query::Payload(event) => {
            delivery(look, event, |_, delivery| Ok(delivery.body.to_vec()))?.map(Found::Bytes)
        }
        Query::Identity(name) => match kept::identity(look, &keys::identity(&name))? {
            Some(kept) => event_of(look, kept.event)?,
            None => None,
        },
        Query::Reasons(event) => reasons(look, event)?.map(|reasons| Found::Reasons(Box::new(reasons))),
        Query::Events { before, limit } => {
            Some(Found::Events(readable(look, keys::events_before(before), limit, kept::event)?))
        }
        Query::Records { run, from, limit } => {
            Some(Found::Progress(records(look, run, from, (last, limit))?))
        }
        Query::Signals(run) => Some(Found::Signals(signals(look, run)?)),
        Query::Run(run) => kept::head(look, run)?.map(|head| Found::Run(Box::new(head.summary))),
        Query::Runs { before, limit } => {
            let heads: Vec<Head> = readable(look, keys::runs_before(before), limit, kept::read)?;
            Some(Found::Runs(heads.into_iter().map(|head| head.summary).collect()))
        }
        Query::Waits { runs, now } => Some(Found::Waits(waits::all(look, leases, &runs, now)?)),
        Query::Identities(identities) => known(look, &identities)?,
        Query::NextDue => leases.next_due().map(Found::Moment),
        Query::Value(name) => kept::bytes(look, &keys::value(&name))?.map(Found::Bytes),
        Query::Values(prefix) => Some(Found::Values(values(look, &prefix)?)),
        Query::Census => {
            let tally: Option<Tally> = kept::json(look, &keys::tally())?;
            Some(Found::Census(tally.unwrap_or_default().census))
        }
    };
    Ok(found.unwrap_or(Found::Nothing))
}

/// Something of a delivery, if it is kept.
fn delivery<T>(
    look: &impl Look,
    event: EventId,
    read: impl FnOnce(&[u8], KeptDelivery<'_>) -> Result<T, StoreError>,
) -> Result<Option<T>, StoreError> {
    let key = keys::event(event);
    let Some(bytes) = kept::bytes(look, &key)? else { return Ok(None) };
    read(&key, KeptDelivery::from_bytes(&key, &bytes)?).map(Some)
}

fn event_of(look: &impl Look, event: EventId) -> Result<Option<Found>, StoreError> {
    let found = delivery(look, event, |key, delivery| delivery.event(key))?;
    Ok(found.map(|event| Found::Event(Box::new(event))))
}

fn reasons(look: &impl Look, event: EventId) -> Result<Option<Reasons>, StoreError> {
    let outcome: Option<Outcome> = kept::json(look, &keys::outcome(event))?;
    match outcome.and_then(|outcome| outcome.reasons) {
        Some(reasons) => Ok(Some(reasons)),
        None => delivery(look, event, |key, delivery| delivery.reasons(key)),
    }
}

/// What the first delivery with one of these identities became, as its second one is told.
fn known(look: &impl Look, identities: &[String]) -> Result<Option<Found>, StoreError> {
    for identity in identities {
        if let Some(first) = kept::identity(look, &keys::identity(identity))? {
            return Ok(Some(Found::Accepted(Accepted::Duplicate { event: first.event, runs: first.runs })));
        }
    }
    Ok(None)
}

/// The first `limit` values of a span; one that is damaged is told of and left out, so that it does not
/// hide the others.
fn readable<T>(
    look: &impl Look,
    mut span: Span,
    limit: usize,
    read: impl Fn(&Pair) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut found = Vec::new();
    loop {
        let wanted = limit - found.len();
        let page = look.scan(&span, wanted)?;
        for pair in &page {
            found.extend(unless_damaged(read(pair))?);
        }
        match page.last() {
            Some((reached, _)) if page.len() == wanted && found.len() < limit => span = span.behind(reached),
            _ => return Ok(found),
        }
    }
}

fn unless_damaged<T>(read: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match read {
        Err(StoreError::Corrupt(what)) => {
            tracing::error!(%what, "left out");
            Ok(None)
        }
        read => read.map(Some),
    }
}

fn values(look: &impl Look, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
    let named = |(key, stored): Pair| codec::decode(&key, &stored).map(|value| (keys::value_of(&key), value));
    look.scan(&keys::values(prefix), usize::MAX)?.into_iter().map(named).collect()
}

/// What happened after `after` up to and with `last`. What was pruned is passed over.
pub(super) fn tail(
    look: &impl Look,
    after: u64,
    last: u64,
    limit: usize,
) -> Result<Vec<Progress>, StoreError> {
    // What was written together stands at the first one's place, which may be before.
    let before = look.scan(&keys::progress_up_to(after), 1)?;
    let first = before.first().and_then(|(key, _)| keys::progress_of(key)).unwrap_or(0);
    let mut told: Vec<Progress> = Vec::new();
    let mut span = keys::progress_between(first, last);
    loop {
        let wanted = limit.saturating_sub(told.len()).max(1);
        let page = look.scan(&span, wanted)?;
        for pair in &page {
            let happened = unless_damaged(happened(look, pair))?.unwrap_or_default();
            told.extend(happened.into_iter().filter(|progress| progress.seq > after));
        }
        match page.last() {
            Some((reached, _)) if page.len() == wanted && told.len() < limit => span = span.behind(reached),
            _ => break,
        }
    }
    told.truncate(limit);
    Ok(told)
}

/// A run's records from one on, as far as they are durable.
fn records(
    look: &impl Look,
    run: RunId,
    from: u64,
    (last, limit): (u64, usize),
) -> Result<Vec<Progress>, StoreError> {
    // What was written together stands at the first one's key, which may be before.
    let before = look.scan(&keys::entries_up_to(run, from), 1)?;
    let start = before.into_iter().next().map_or_else(|| keys::entry(run, from), |(key, _)| key);
    let mut told = Vec::new();
    for pair in look.scan(&Span { start, ..keys::entries(run) }, limit)? {
        let Placed { progress, what, more } = kept::read::<Placed<Entry>>(&pair)?;
        let placed = std::iter::once(what).chain(more).zip(progress..);
        let wanted = placed.filter(|(entry, seq)| entry.seq >= from && *seq <= last);
        told.extend(wanted.map(|(entry, seq)| Progress { seq, what: Happening::Record { run, entry } }));
    }
    told.truncate(limit);
    Ok(told)
}

/// What happened at a place and those behind it that were written together.
fn happened(look: &impl Look, (key, stored): &Pair) -> Result<Vec<Progress>, StoreError> {
    let damaged = || StoreError::Corrupt(keys::describe(key));
    let pointer = Pointer::from_bytes(&codec::decode(key, stored)?).ok_or_else(damaged)?;
    let place = keys::progress_of(key).ok_or_else(damaged)?;
    let what = match pointer {
        Pointer::Event(event) => vec![Happening::Event { event }],
        Pointer::Records(run, record, _) => {
            let kept: Option<Placed<Entry>> = kept::json(look, &keys::entry(run, record))?;
            let entries = kept.into_iter().flat_map(|kept| std::iter::once(kept.what).chain(kept.more));
            entries.map(|entry| Happening::Record { run, entry }).collect()
        }
    };
    Ok(what.into_iter().zip(place..).map(|(what, seq)| Progress { seq, what }).collect())
}

/// Reads what is stored behind a key, as far as `limit` values go, and says what does not read back.
pub(super) fn scrub(look: &impl Look, after: Option<&[u8]>, limit: usize) -> Result<Scrubbed, StoreError> {
    let page = look.scan(&keys::everything(after), limit)?;
    let mut damaged = Vec::new();
    for pair in &page {
        match checked(look, pair) {
            Err(StoreError::Corrupt(what)) => {
                damaged.push(Damage { run: keys::run_concerned(&pair.0), what });
            }
            checked => checked?,
        }
    }
    let next = page.last().filter(|_| page.len() == limit).map(|(reached, _)| reached.clone());
    Ok(Scrubbed { checked: page.len() as u64, damaged, next })
}

/// Whether a value reads back. A run's head is compared with its records: one that is missing has
/// no bytes to check.
fn checked(look: &impl Look, (key, stored): &Pair) -> Result<(), StoreError> {
    // It may have been overwritten or pruned since the page was read.
    let damaged = match codec::decode(key, stored) {
        Err(StoreError::Corrupt(_)) => look.get(key)?.is_some_and(|now| now == *stored),
        decoded => decoded.map(|_| false)?,
    };
    if damaged {
        return codec::decode(key, stored).map(drop);
    }
    match keys::head_of(key) {
        Some(run) => gap(look, run),
        None => Ok(()),
    }
}

fn gap(look: &impl Look, run: RunId) -> Result<(), StoreError> {
    let Ok(Some(head)) = kept::head(look, run) else { return Ok(()) };
    let records = head.summary.records;
    let limit = usize::try_from(records).unwrap_or(usize::MAX);
    let mut reached = 0;
    for pair in look.scan(&keys::entries(run), limit)? {
        if reached >= records || pair.0 != keys::entry(run, reached) {
            break;
        }
        // One that does not read back is told of by itself.
        let Ok(placed) = kept::read::<Placed<IgnoredAny>>(&pair) else { return Ok(()) };
        reached += 1 + placed.more.len() as u64;
    }
    if reached == records || look.get(&keys::run(run))?.is_none() {
        return Ok(());
    }
    Err(StoreError::Corrupt(format!("{run} does not have all of its {records} records")))
}
