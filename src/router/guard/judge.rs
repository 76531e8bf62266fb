//! Whether a run starts now, later, or not. Pure: the guard, what is known, and the moment decide.

use jiff::Timestamp;

use super::{Group, Guard, Known, Limit, Member};
use crate::id::RunId;
use crate::spec::{Guards, Period, Rate, WhenBusy};

/// How many runs may stand between an event and people.
pub const HOPS: u32 = 3;

/// How many runs of a group may wait.
pub const QUEUE: usize = 100;

/// How many times its debounce a run can be put off.
const PUT_OFF: i32 = 10;

/// A run that is taken on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitted {
    /// When it is to start.
    pub at: Timestamp,
    /// Since when it counts as waiting.
    pub since: Timestamp,
    /// Its place in the queue of its group, where it must wait there.
    pub queued: Option<Queued>,
    /// The runs in whose place it comes.
    pub instead_of: Vec<RunId>,
    /// Whether it is one more start, not one that was counted and is put off.
    pub counts: bool,
}

/// A place in a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queued {
    /// The run right before.
    pub behind: RunId,
    /// Its place, from 1.
    pub position: usize,
}

/// Why a run is not taken on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// Its group is busy with this run.
    Busy(RunId),
    /// So many runs of its group wait already.
    Full(usize),
    /// It was started a short while ago.
    Cooling {
        /// Until then.
        until: Timestamp,
    },
    /// It was started too often for somebody or somewhere.
    Often {
        /// The limit.
        limit: Limit,
        /// Until then.
        until: Timestamp,
    },
    /// It was started too often about one subject.
    Tripped {
        /// How often it may.
        rate: Rate,
        /// Until then.
        until: Timestamp,
        /// Whether this is the first run that is not taken on for it.
        first: bool,
    },
    /// Too many runs stand between the event and people.
    Circling {
        /// How many.
        hops: u32,
        /// Until when nobody is told again.
        until: Timestamp,
        /// Whether somebody is to be told.
        first: bool,
    },
}

/// Judges a run.
///
/// # Errors
/// Why it is not taken on.
pub fn judge(guard: &Guard, known: &Known, now: Timestamp) -> Result<Admitted, Held> {
    circles(guard, known, now)?;
    if let (Some(rate), Some(until)) = (guard.breaker, known.breaker.tripped)
        && now < until
    {
        return Err(Held::Tripped { rate, until, first: false });
    }
    let pending = known.pace.pending.as_ref();
    if pending.is_none() {
        not_too_often(guard, known, now)?;
    }
    let debounce = guard.pacing.as_ref().and_then(|pacing| pacing.debounce);
    let since = pending.map_or(now, |pending| pending.first);
    let at = debounce.map_or(now, |debounce| put_off(debounce, since, now));
    let (queued, replaced) = match &guard.group {
        Some(group) => place(group, guard, known)?,
        None => (None, Vec::new()),
    };
    let mut instead_of: Vec<RunId> = pending.map(|pending| pending.run).into_iter().collect();
    instead_of.extend(replaced);
    Ok(Admitted { at, since, queued, instead_of, counts: pending.is_none() })
}

fn circles(guard: &Guard, known: &Known, now: Timestamp) -> Result<(), Held> {
    if known.hops <= HOPS {
        return Ok(());
    }
    let told = known.breaker.circling.filter(|until| now < *until);
    let rate = guard.breaker.or(Guards::default().breaker);
    let until = told.unwrap_or_else(|| rate.map_or(now, |rate| rate.per.after(now)));
    Err(Held::Circling { hops: known.hops, until, first: told.is_none() })
}

fn not_too_often(guard: &Guard, known: &Known, now: Timestamp) -> Result<(), Held> {
    let cooldown = guard.pacing.as_ref().and_then(|pacing| pacing.cooldown);
    if let Some(until) = cooldown.zip(known.pace.newest).map(|(cooldown, newest)| cooldown.after(newest))
        && now < until
    {
        return Err(Held::Cooling { until });
    }
    for (limit, window) in guard.limits.iter().zip(&known.windows) {
        if let Some(until) = window.full_until(limit.rate, now) {
            return Err(Held::Often { limit: limit.clone(), until });
        }
    }
    match guard.breaker {
        Some(rate) if known.breaker.starts.full_until(rate, now).is_some() => {
            Err(Held::Tripped { rate, until: rate.per.after(now), first: true })
        }
        _ => Ok(()),
    }
}

/// When a run starts that waits for quiet since `first`.
fn put_off(debounce: Period, first: Timestamp, now: Timestamp) -> Timestamp {
    debounce.after(now).min(debounce.times(PUT_OFF).after(first)).max(now)
}

/// A place in the group, and the runs that make room for it.
fn place(group: &Group, guard: &Guard, known: &Known) -> Result<(Option<Queued>, Vec<RunId>), Held> {
    // Its own forerunner makes room, whatever the group does when it is busy.
    let forerunner = known.pace.pending.as_ref().map(|pending| pending.run);
    let others = |members: &'_ [Member]| -> Vec<Member> {
        members.iter().filter(|member| Some(member.run) != forerunner).cloned().collect()
    };
    let (holding, waiting) = (others(&known.holding), others(&known.waiting));
    let Some(foremost) = holding.first().filter(|_| holding.len() >= group.limit).or(waiting.first()) else {
        return Ok((None, Vec::new()));
    };
    match group.when_busy {
        WhenBusy::Skip => Err(Held::Busy(foremost.run)),
        WhenBusy::Queue if waiting.len() >= QUEUE => Err(Held::Full(waiting.len())),
        WhenBusy::Queue => {
            let before: Vec<_> = waiting.iter().filter(|one| one.priority >= guard.priority).collect();
            let behind = before.last().map_or(foremost.run, |last| last.run);
            Ok((Some(Queued { behind, position: before.len() + 1 }), Vec::new()))
        }
        WhenBusy::Replace => Ok(replace(group, &holding, &waiting)),
    }
}

/// Whoever waits makes room, and of those that hold the group as many of the oldest as are in the way.
fn replace(group: &Group, holding: &[Member], waiting: &[Member]) -> (Option<Queued>, Vec<RunId>) {
    let in_the_way = (holding.len() + 1).saturating_sub(group.limit);
    let leaving = &holding[..in_the_way.min(holding.len())];
    // What has begun is stopped in good order, which takes a while.
    let slow = leaving.iter().find(|member| member.begun);
    let queued = slow.map(|member| Queued { behind: member.run, position: 1 });
    (queued, waiting.iter().chain(leaving).map(|member| member.run).collect())
}

#[cfg(test)]
mod tests;
