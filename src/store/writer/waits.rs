//! What runs wait for, found by where it comes from, so that a delivery and what it wakes are one batch.

use std::collections::BTreeSet;

use super::desk::Desk;
use super::signal;
use crate::event::{Event, EventKind};
use crate::id::{RunId, StepPath};
use crate::router::decision::Decided;
use crate::router::stopping::Stopping;
use crate::router::telling::Telling;
use crate::run::hearing::{Awaited, Decision, Words};
use crate::run::{Entry, Record, Sent, Signal, place};
use crate::store::kept::{self, Head};
use crate::store::keys;
use crate::store::shelf::{Look as _, Shelf};
use crate::store::{StoreError, codec};

/// How many of those that wait at one place are looked at.
const MOST: usize = 1024;

/// What an event may be waited for by.
#[derive(Debug)]
pub(in crate::store) struct Waking {
    pub kind: EventKind,
    pub places: Vec<String>,
    pub decided: Option<Decided>,
    pub telling: Option<Telling>,
    pub stopping: Option<Stopping>,
}

impl Waking {
    pub(in crate::store) fn of(event: &Event) -> Self {
        let kind = event.kind.clone();
        // What is replayed was said to what waited then: nobody decides or says anything by it now.
        if event.replays.is_some() {
            return Self { kind, places: Vec::new(), decided: None, telling: None, stopping: None };
        }
        let (decided, telling, stopping) = (Decided::of(event), Telling::of(event), Stopping::of(event));
        Self { kind, places: event.places(), decided, telling, stopping }
    }

    /// The run that a decision, or what is said, is for, where it is named.
    fn target(&self) -> Option<(RunId, Option<StepPath>)> {
        let decided = self.decided.as_ref().and_then(|decided| decided.target.clone());
        let told = || self.telling.as_ref().and_then(|telling| telling.target);
        let stopped = || self.stopping.as_ref().and_then(|stopping| stopping.target);
        decided.or_else(|| Some((told().or_else(stopped)?, None)))
    }

    /// Whether a person answers whatever asks where they are.
    fn decides_here(&self) -> bool {
        self.decided.as_ref().is_some_and(|decided| decided.target.is_none())
    }

    /// Whether a person speaks to whatever works where they are.
    fn tells_here(&self) -> bool {
        self.telling.as_ref().is_some_and(|telling| telling.target.is_none())
    }

    /// Whether a person stops whatever is not over where they are.
    fn stops_here(&self) -> bool {
        self.stopping.as_ref().is_some_and(|stopping| stopping.target.is_none())
    }

    /// What a person's event says to a run.
    fn signal(&self, step: Option<StepPath>, event: &Event) -> Option<Signal> {
        let event = Some(Box::new(event.clone()));
        if let Some(Decided { approved, comment, .. }) = self.decided.clone() {
            let decision = Decision { approved, comment, event, by: None };
            return Some(Signal::Decide { step, decision });
        }
        if let Some(Stopping { reason, .. }) = self.stopping.clone() {
            let words = Words { text: reason.unwrap_or_default(), event, by: None };
            return Some(Signal::Stop { words });
        }
        let text = self.telling.as_ref()?.text.clone();
        Some(Signal::Tell { step, words: Words { text, event, by: None } })
    }
}

/// Keeps in mind what a run begins or ceases to wait for by one more record.
pub(super) fn note<S: Shelf>(desk: &mut Desk<S>, head: &mut Head, entry: &Entry) -> Result<(), StoreError> {
    let run = head.summary.id;
    match &entry.record {
        Record::StepStarted { step, kind, .. } if place::has_agent(kind) => {
            forget(desk, head, step)?;
            let places = head.conversations();
            for place in &places {
                desk.put_json(keys::wait(place, run, step), &Awaited::Words)?;
            }
            desk.tally.waits += places.len() as u64;
            head.waits.insert(step.clone(), places);
        }
        Record::StepWaits { step, wait, .. } => {
            forget(desk, head, step)?;
            let Some(awaited) = &wait.awaited else { return Ok(()) };
            for place in &wait.places {
                desk.put_json(keys::wait(place, run, step), awaited)?;
            }
            desk.tally.waits += wait.places.len() as u64;
            head.waits.insert(step.clone(), wait.places.clone());
        }
        Record::StepSucceeded { step, .. } | Record::StepFailed { step, .. } if !head.waits.is_empty() => {
            forget(desk, head, step)?;
        }
        Record::Concluded { .. } => {
            while let Some(step) = head.waits.keys().next().cloned() {
                forget(desk, head, &step)?;
            }
        }
        _ => {}
    }
    Ok(())
}

fn forget<S: Shelf>(desk: &mut Desk<S>, head: &mut Head, step: &StepPath) -> Result<(), StoreError> {
    for place in head.waits.remove(step).unwrap_or_default() {
        desk.delete(&keys::wait(&place, head.summary.id, step))?;
        desk.tally.waits = desk.tally.waits.saturating_sub(1);
    }
    Ok(())
}

/// Tells whoever waits for an event; gives the runs that were told, and whether what a person said found one that
/// hears it.
pub(super) fn wake<S: Shelf>(
    desk: &mut Desk<S>,
    waking: &Waking,
    delivery: &[u8],
    key: &[u8],
) -> Result<(Vec<RunId>, bool), StoreError> {
    if desk.tally.waits == 0 && waking.stopping.is_none() {
        return Ok((Vec::new(), false));
    }
    // Several places may lead to one step, or one run.
    let (mut listening, mut asking) = (BTreeSet::new(), BTreeSet::from_iter(named(desk, waking)?));
    for place in &waking.places {
        if waking.stops_here() {
            let open = desk.scan(&keys::open_at(place), MOST)?;
            asking.extend(open.iter().filter_map(|(key, _)| Some((keys::open_of(key)?, None))));
        }
        for (key, stored) in desk.scan(&keys::waits(place), MOST)? {
            let Some((run, step)) = keys::waiting(&key) else { continue };
            match serde_json::from_slice(&codec::decode(&key, &stored)?) {
                Ok(Awaited::Event { kinds }) if kinds.iter().any(|kind| kind.matches(&waking.kind)) => {
                    listening.insert((run, step));
                }
                Ok(Awaited::Decision) if waking.decides_here() => _ = asking.insert((run, Some(step))),
                Ok(Awaited::Words) if waking.tells_here() => _ = asking.insert((run, Some(step))),
                _ => {}
            }
        }
    }
    if listening.is_empty() && asking.is_empty() {
        return Ok((Vec::new(), false));
    }
    let event = kept::KeptDelivery::from_bytes(key, &codec::decode(key, delivery)?)?.event(key)?;
    let decided = !asking.is_empty();
    tell(desk, waking, &event, (listening, asking)).map(|told| (told, decided))
}

/// The run that a person names, if it is there.
fn named<S: Shelf>(desk: &Desk<S>, waking: &Waking) -> Result<Option<(RunId, Option<StepPath>)>, StoreError> {
    let Some((run, step)) = waking.target() else { return Ok(None) };
    let stops = waking.stopping.is_some();
    let hears = |head: Head| if stops { !head.is_finished() } else { !head.waits.is_empty() };
    Ok(kept::head(desk, run)?.is_some_and(hears).then_some((run, step)))
}

/// Keeps in mind where people talk about a run, for as long as it is not over.
pub(super) fn follow<S: Shelf>(desk: &mut Desk<S>, head: &Head) -> Result<(), StoreError> {
    for place in head.conversations() {
        let key = keys::open(&place, head.summary.id);
        if head.is_finished() {
            desk.delete(&key)?;
        } else {
            desk.put(key, &[]);
        }
    }
    Ok(())
}

type Found = (BTreeSet<(RunId, StepPath)>, BTreeSet<(RunId, Option<StepPath>)>);

fn tell<S: Shelf>(
    desk: &mut Desk<S>,
    waking: &Waking,
    event: &Event,
    (listening, asking): Found,
) -> Result<Vec<RunId>, StoreError> {
    let mut told = Vec::new();
    let at = event.time;
    for (run, step) in listening {
        let signal = Signal::Event { step, event: Box::new(event.clone()) };
        signal::send(desk, run, &Sent { at, by: None, signal })?;
        told.push(run);
    }
    for (run, step) in asking {
        let Some(signal) = waking.signal(step, event) else { continue };
        let by = event.actor.as_ref().map(|actor| actor.name.clone());
        signal::send(desk, run, &Sent { at, by, signal })?;
        told.push(run);
    }
    told.dedup();
    Ok(told)
}
