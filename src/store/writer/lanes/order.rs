//! In which order those that are due will have their turns, and what keeps them from it: for people who wait.

use std::collections::HashMap;
use std::fmt;

use jiff::Timestamp;

use super::{Lane, Lanes};
use crate::event::{Account, RepositoryName};
use crate::id::RunId;
use crate::store::Caps;

/// How a run stands that is in hand or has a due key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) enum Turn {
    /// It is at work.
    InHand,
    /// It is due, and so many are.
    Due {
        since: Timestamp,
        /// From 1.
        position: usize,
        of: usize,
        /// What keeps it from its turn now.
        full: Option<Full>,
    },
    /// It is not due before this moment.
    Until(Timestamp),
}

/// A cap that is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) enum Full {
    All(usize),
    Repository(RepositoryName, usize),
    User(Account, usize),
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All(cap) => write!(f, "as many runs are at work as may be ({cap})"),
            Self::Repository(name, cap) => write!(f, "as many runs of {name} are at work as may be ({cap})"),
            Self::User(user, cap) => write!(f, "as many runs for {user} are at work as may be ({cap})"),
        }
    }
}

impl Lanes {
    /// How these runs stand at a moment.
    ///
    /// The order is the one in which they would be given out now if slots came free one after the other: what comes
    /// meanwhile has its turns too.
    pub(in crate::store) fn turns(mut self, runs: &[RunId], now: Timestamp) -> HashMap<RunId, Turn> {
        let mut turns = HashMap::new();
        let mut due = HashMap::new();
        for run in runs {
            if self.in_hand.contains_key(run) {
                turns.insert(*run, Turn::InHand);
            } else if let Some(spot) = self.spots.get(run) {
                if spot.stand.at <= now {
                    due.insert(*run, self.full(&spot.lane));
                } else {
                    turns.insert(*run, Turn::Until(spot.stand.at));
                }
            }
        }
        self.wake(now);
        let briefs = self.brief.len();
        let others = self.spots.len() - self.asleep.len() - self.risen.len() - self.in_hand.len() - briefs;
        self.caps = Caps::NONE;
        let (mut brief, mut other) = (0, 0);
        while !due.is_empty()
            && let Some((run, spot)) = self.take(now)
        {
            // Those that only answer take no slot from the others.
            let (place, of) = if spot.lane.brief { (&mut brief, briefs) } else { (&mut other, others) };
            *place += 1;
            let position = *place;
            if let Some(full) = due.remove(&run) {
                turns.insert(run, Turn::Due { since: spot.stand.at, position, of, full });
            }
        }
        turns
    }

    /// The cap that keeps a lane's runs from their turns.
    pub(in crate::store) fn full(&self, lane: &Lane) -> Option<Full> {
        let Caps { all, per_repository, per_user, brief } = self.caps;
        if lane.brief {
            return (self.busy.brief >= brief).then_some(Full::All(brief));
        }
        if self.busy.all >= all {
            return Some(Full::All(all));
        }
        if let Some(name) = &lane.repository
            && self.queues.get(&lane.repository).is_some_and(|queue| !self.has_room_in(Some(name), queue))
        {
            return Some(Full::Repository(name.clone(), per_repository));
        }
        let user = lane.user.as_ref().filter(|user| !self.has_room_for(Some(user)))?;
        Some(Full::User(user.clone(), per_user))
    }
}
