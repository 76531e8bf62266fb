//! Forgetting what is old, in portions, so that the writer is never busy with it for long.

use jiff::Timestamp;
use serde::de::IgnoredAny;

use super::desk::Desk;
use crate::id::RunId;
use crate::spec::Period;
use crate::store::kept::{self, Outcome, Placed};
use crate::store::keys::{self, Key};
use crate::store::shelf::{Look as _, Pair, Shelf, Span};
use crate::store::{StoreError, codec};

/// How many runs, events or identities one portion looks at.
const PORTION: usize = 256;

/// What is forgotten by age.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) enum Old {
    /// Finished runs; first, because events stay as long as their runs do.
    Runs,
    Events,
    Identities,
    /// What guards know, a week after they learned it: no guard looks back further.
    Guards,
}

/// What a portion did.
#[derive(Debug)]
pub(in crate::store) struct Portion {
    /// How many values went.
    pub gone: u64,
    /// What is left to look at.
    pub rest: Option<Span>,
}

impl Old {
    /// Where things from before a moment are.
    pub(in crate::store) fn span(self, before: Timestamp) -> Span {
        match self {
            Self::Runs => keys::runs_older(before),
            Self::Events => keys::events_older(before),
            Self::Identities => keys::identities_older(before),
            Self::Guards => keys::all_guarded(),
        }
    }
}

/// Forgets what is old in the first portion of a span.
pub(in crate::store) fn portion<S: Shelf>(
    desk: &mut Desk<S>,
    old: Old,
    span: Span,
    before: Timestamp,
) -> Result<Portion, StoreError> {
    let page = desk.scan(&span, PORTION)?;
    let mut gone = 0;
    for pair in &page {
        let forgotten = match old {
            Old::Runs => forget_run(desk, pair, before),
            Old::Events => forget_event(desk, pair),
            Old::Identities => forget_identities(desk, pair),
            Old::Guards => forget_guarded(desk, pair, before),
        };
        match forgotten {
            Ok(count) => gone += count,
            // What cannot be read is kept for whoever wants to repair it, and must not keep the rest.
            Err(StoreError::Corrupt(what)) => tracing::warn!(%what, "not pruned"),
            Err(error) => return Err(error),
        }
    }
    let rest = page.last().filter(|_| page.len() == PORTION).map(|(reached, _)| span.behind(reached));
    Ok(Portion { gone, rest })
}

fn forget_run<S: Shelf>(desk: &mut Desk<S>, head: &Pair, before: Timestamp) -> Result<u64, StoreError> {
    let kept: kept::Head = kept::read(head)?;
    if !kept.is_finished() || kept.summary.updated_at >= before {
        return Ok(0);
    }
    let id = kept.summary.id;
    let definitions = || [Some(kept.summary.definition), kept.answering].into_iter().flatten();
    let mut keys = vec![head.0.clone()];
    keys.extend(definitions().map(|definition| keys::definition_use(definition, id)));
    keys.extend(desk.scan(&keys::signals(id), usize::MAX)?.into_iter().map(|(key, _)| key));
    for pair in desk.scan(&keys::entries(id), usize::MAX)? {
        // A record that cannot be read leaves its place behind, which readers pass over.
        if let Ok(placed) = kept::read::<Placed<IgnoredAny>>(&pair) {
            keys.push(keys::progress(placed.progress));
        }
        keys.push(pair.0);
    }
    desk.tally.census.runs -= 1;
    let mut gone = delete_all(desk, &keys)?;
    for definition in definitions() {
        if desk.scan(&keys::definition_users(definition), 1)?.is_empty() {
            gone += u64::from(desk.delete(&keys::definition(definition))?);
        }
    }
    Ok(gone)
}

fn forget_event<S: Shelf>(desk: &mut Desk<S>, pair: &Pair) -> Result<u64, StoreError> {
    let Some(event) = keys::event_of(&pair.0) else { return Ok(0) };
    let outcome: Option<Outcome> = kept::json(desk, &keys::outcome(event))?;
    let missing = || StoreError::Corrupt(format!("the outcome of {event} is missing"));
    let Outcome { progress, runs, .. } = outcome.ok_or_else(missing)?;
    for run in runs {
        if has_run(desk, run)? {
            return Ok(0);
        }
    }
    desk.tally.census.events -= 1;
    delete_all(desk, &[pair.0.clone(), keys::outcome(event), keys::progress(progress)])
}

fn forget_identities<S: Shelf>(desk: &mut Desk<S>, (by_age, stored): &Pair) -> Result<u64, StoreError> {
    let mut keys: Vec<Key> = keys::identities_in(&codec::decode(by_age, stored)?).collect();
    desk.tally.census.identities -= keys.len() as u64;
    keys.push(by_age.clone());
    delete_all(desk, &keys)
}

fn forget_guarded<S: Shelf>(desk: &mut Desk<S>, pair: &Pair, before: Timestamp) -> Result<u64, StoreError> {
    let kept: kept::Guarded<IgnoredAny> = kept::read(pair)?;
    if Period::LONGEST.after(kept.touched) >= before {
        return Ok(0);
    }
    delete_all(desk, std::slice::from_ref(&pair.0))
}

fn has_run<S: Shelf>(desk: &Desk<S>, run: RunId) -> Result<bool, StoreError> {
    Ok(desk.get(&keys::run(run))?.is_some())
}

fn delete_all<S: Shelf>(desk: &mut Desk<S>, keys: &[Key]) -> Result<u64, StoreError> {
    let mut gone = 0;
    for key in keys {
        gone += u64::from(desk.delete(key)?);
    }
    Ok(gone)
}
