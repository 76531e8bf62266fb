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
    /// Where people say it.
    conversations: Vec<String>,
}

impl Waking {
    pub(in crate::store) fn of(event: &Event) -> Self {
        let kind = event.kind.clone();
        // What is replayed was said to what waited then: nobody decides or says anything by it now.
        if event.replays.is_some() {
            return Self {
                kind,
                places: Vec::new(),
                decided: None,
                telling: None,
                stopping: None,
                conversations: Vec::new(),
            };
        }
        let (decided, telling, stopping) = (Decided::of(event), Telling::of(event), Stopping::of(event));
        Self {
            kind,
            places: event.places(),
            decided,
            telling,
            stopping,
            conversations: event.conversations(),
        }
    }

    /// The run that a decision, or what is said, is for, where it is named.
    fn target(&self) -> Option<(RunId, Option<StepPath>)> {
        let decided = self.decided.as_ref().and_then(|decided| decided.target.clone());
        decided.or_else(|| Some((self.telling.as_ref()?.target?, None)))
    }

    /// Whether a person answers whatever asks where they are.
    fn decides_here(&self) -> bool {
        self.decided.as_ref().is_some_and(|decided| decided.target.is_none())
    }

    /// Whether a person speaks to whatever works where they are.
    fn tells_here(&self) -> bool {
        self.telling.as_ref().is_some_and(|telling| telling.target.is_none())
    }

    /// What a person's event says to a run.
    fn signal(&self, step: Option<StepPath>, event: &Event) -> Option<Signal> {
        let event = Some(Box::new(event.clone()));
        if let Some(Decided { approved, comment, .. }) = self.decided.clone() {
            let decision = Decision { approved, comment, event, by: None };
            return Some(Signal::Decide { step, decision });
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
    if let Some(stopping) = &waking.stopping {
        return stop(desk, (waking, stopping), delivery, key);
    }
    if desk.tally.waits == 0 {
        return Ok((Vec::new(), false));
    }
    let (mut listening, mut asking) = (Vec::new(), named(desk, waking)?);
    for place in &waking.places {
        for (key, stored) in desk.scan(&keys::waits(place), MOST)? {
            let Some((run, step)) = keys::waiting(&key) else { continue };
            match serde_json::from_slice(&codec::decode(&key, &stored)?) {
                Ok(Awaited::Event { kinds }) if kinds.iter().any(|kind| kind.matches(&waking.kind)) => {
                    listening.push((run, step));
                }
                Ok(Awaited::Decision) if waking.decides_here() => asking.push((run, Some(step))),
                Ok(Awaited::Words) if waking.tells_here() => asking.push((run, Some(step))),
                _ => {}
            }
        }
    }
    // Several places may lead to one step.
    (listening, asking) = (once(listening), once(asking));
    if listening.is_empty() && asking.is_empty() {
        return Ok((Vec::new(), false));
    }
    let event = kept::KeptDelivery::from_bytes(key, &codec::decode(key, delivery)?)?.event(key)?;
    let decided = !asking.is_empty();
    tell(desk, waking, &event, (listening, asking)).map(|told| (told, decided))
}

/// Tells runs that somebody wants them stopped: the one that is named, or all that were asked for where they are.
fn stop<S: Shelf>(
    desk: &mut Desk<S>,
    (waking, stopping): (&Waking, &Stopping),
    delivery: &[u8],
    key: &[u8],
) -> Result<(Vec<RunId>, bool), StoreError> {
    let runs = match stopping.target {
        Some(run) => {
            let is_there = kept::head(desk, run)?.is_some_and(|head| !head.is_finished());
            is_there.then_some(run).into_iter().collect()
        }
        None => open_at(desk, &waking.conversations)?,
    };
    if runs.is_empty() {
        return Ok((runs, false));
    }
    let event = kept::KeptDelivery::from_bytes(key, &codec::decode(key, delivery)?)?.event(key)?;
    let by = event.actor.as_ref().map(|actor| actor.name.clone());
    let (at, text) = (event.time, stopping.reason.clone().unwrap_or_default());
    let words = Words { text, event: Some(Box::new(event)), by: None };
    for run in &runs {
        let signal = Signal::Stop { words: words.clone() };
        signal::send(desk, *run, &Sent { at, by: by.clone(), signal })?;
    }
    Ok((runs, true))
}

fn once<T: Ord>(found: Vec<T>) -> Vec<T> {
    found.into_iter().collect::<BTreeSet<_>>().into_iter().collect()
}

/// The runs that are not over and that people talk about in one of these places.
fn open_at<S: Shelf>(desk: &Desk<S>, places: &[String]) -> Result<Vec<RunId>, StoreError> {
    let mut runs = BTreeSet::new();
    for place in places {
        let open = desk.scan(&keys::open_at(place), MOST)?;
        runs.extend(open.iter().filter_map(|(key, _)| keys::open_of(key)));
    }
    Ok(runs.into_iter().collect())
}

/// The run that a person names, if it is there.
fn named<S: Shelf>(desk: &Desk<S>, waking: &Waking) -> Result<Vec<(RunId, Option<StepPath>)>, StoreError> {
    let Some((run, step)) = waking.target() else { return Ok(Vec::new()) };
    let asks = kept::head(desk, run)?.is_some_and(|head| !head.waits.is_empty());
    Ok(asks.then_some((run, step)).into_iter().collect())
}

type Found = (Vec<(RunId, StepPath)>, Vec<(RunId, Option<StepPath>)>);

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
