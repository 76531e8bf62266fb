//! What runs that are not over wait for, as people are told it.

use jiff::Timestamp;
use serde::Serialize;

use super::kept::{self, Head};
use super::keys::{self, Place};
use super::shelf::Look;
use super::writer::guard::GROUP_MOST;
use super::writer::lanes::order::{Full, Turn};
use super::writer::lease::Leases;
use super::{RunStatus, StoreError};
use crate::id::RunId;
use crate::run::hearing::Awaited;

/// What a run waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Waits {
    /// The kind of what it waits for.
    #[serde(rename = "for")]
    pub what: Awaits,
    /// Since when.
    pub since: Timestamp,
    /// When it goes on, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<Timestamp>,
    /// Its place among those that wait for the same, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<usize>,
    /// How many those are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<usize>,
    /// All of it for people.
    pub sentence: String,
}

/// The kind of what a run waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Awaits {
    /// A slot: as many runs are at work as may be.
    Slot,
    /// Its turn in its concurrency group.
    Group,
    /// A moment: its next attempt, a deadline, or quiet.
    Moment,
    /// A person.
    Person,
    /// An event.
    Event,
}

/// What each of these runs waits for at a moment; nothing for one that is at work, over, or not there.
pub(super) fn all(
    look: &impl Look,
    leases: &Leases,
    runs: &[RunId],
    now: Timestamp,
) -> Result<Vec<(RunId, Waits)>, StoreError> {
    let turns = leases.turns(runs, now);
    let mut all = Vec::new();
    for run in runs {
        // A list is not kept back by one run of which something is damaged.
        let Ok(Some(head)) = kept::head(look, *run) else { continue };
        let waits = match in_group(look, &head)? {
            None => one(look, &head, turns.get(run))?,
            waits => waits,
        };
        all.extend(waits.map(|waits| (*run, waits)));
    }
    Ok(all)
}

fn one(look: &impl Look, head: &Head, turn: Option<&Turn>) -> Result<Option<Waits>, StoreError> {
    let since = head.summary.updated_at;
    Ok(match (head.summary.status, turn) {
        (_, Some(Turn::InHand)) => None,
        (_, Some(Turn::Due { since, position, of, full })) => {
            Some(due(*since, (*position, *of), full.as_ref()))
        }
        (RunStatus::Parked, None) => Some(person(since, head.summary.reason.as_deref())),
        (RunStatus::Open, turn) => Some(standing(look, head, turn)?),
        _ => None,
    })
}

/// A run that is due.
fn due(since: Timestamp, (position, of): (usize, usize), full: Option<&Full>) -> Waits {
    let sentence = match full {
        Some(full) => in_turn(position, of, full),
        None => format!("It is about to go on, as number {position} of {of}."),
    };
    let (position, of) = (Some(position), Some(of));
    Waits { what: Awaits::Slot, since, next: None, position, of, sentence }
}

/// What is told of a run that a cap keeps from its turn.
pub(super) fn in_turn(position: usize, of: usize, full: &Full) -> String {
    format!("It waits for a slot, as number {position} of {of}: {full}.")
}

fn person(since: Timestamp, why: Option<&str>) -> Waits {
    let sentence = match why {
        Some(why) => format!("It waits for a person: {why}"),
        None => "It waits for a person.".to_owned(),
    };
    Waits { what: Awaits::Person, since, next: None, position: None, of: None, sentence }
}

/// A run that goes on at a moment, or once it is told something.
fn standing(look: &impl Look, head: &Head, turn: Option<&Turn>) -> Result<Waits, StoreError> {
    let since = head.summary.updated_at;
    let next = match turn {
        Some(Turn::Until(next)) => Some(*next),
        _ => None,
    };
    if let Some(why) = &head.summary.reason
        && next.is_none()
    {
        return Ok(person(since, Some(why)));
    }
    let by = next.map(|next| format!(", until {} at the most", moment(next))).unwrap_or_default();
    let (what, sentence) = match (awaited(look, head)?, next) {
        (Some(Awaited::Decision), _) => (Awaits::Person, format!("It waits for somebody's decision{by}.")),
        (Some(Awaited::Event { kinds }), _) => {
            let kinds: Vec<_> = kinds.iter().map(ToString::to_string).collect();
            (Awaits::Event, format!("It waits for {}{by}.", kinds.join(" or ")))
        }
        (_, Some(next)) => (Awaits::Moment, format!("It goes on at {}.", moment(next))),
        (_, None) => (Awaits::Event, "It waits to be told something.".to_owned()),
    };
    Ok(Waits { what, since, next, position: None, of: None, sentence })
}

/// What the first of a run's steps that wait for something waits for.
fn awaited(look: &impl Look, head: &Head) -> Result<Option<Awaited>, StoreError> {
    for (step, places) in &head.waits {
        let Some(place) = places.first() else { continue };
        match kept::json(look, &keys::wait(place, head.summary.id, step))? {
            Some(Awaited::Words) | None => {}
            awaited => return Ok(awaited),
        }
    }
    Ok(None)
}

/// Where a run stands that waits for its turn in a group.
fn in_group(look: &impl Look, head: &Head) -> Result<Option<Waits>, StoreError> {
    let run = head.summary.id;
    let Some(seat) = kept::bytes(look, &keys::member(run))? else { return Ok(None) };
    if !matches!(keys::place_of(&seat), Some((Place::Waiting(_), _))) {
        return Ok(None);
    }
    let seats = look.scan(&keys::seats_beside(&seat), GROUP_MOST)?;
    let seated: Vec<_> = seats.iter().filter_map(|(key, _)| keys::place_of(key)).collect();
    let (holding, waiting): (Vec<_>, Vec<_>) =
        seated.into_iter().partition(|(place, _)| *place == Place::Holding);
    let Some(index) = waiting.iter().position(|(_, other)| *other == run) else { return Ok(None) };
    let before = index.checked_sub(1).map_or(holding.last(), |before| waiting.get(before));
    let behind = before.map(|(_, before)| format!(" behind {before},")).unwrap_or_default();
    let (position, of) = (index + 1, waiting.len());
    let sentence = format!("It waits for its turn in its group{behind} as number {position} of {of}.");
    let since = head.summary.updated_at;
    Ok(Some(Waits {
        what: Awaits::Group,
        since,
        next: None,
        position: Some(position),
        of: Some(of),
        sentence,
    }))
}

fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}
