//! How many runs there is something to do in: those that are in hand or due, and those that wait for their turn in a
//! group. One that waits for a moment, for an event or for people is none of them.

use std::collections::HashSet;

use jiff::Timestamp;

use super::Lanes;
use crate::id::RunId;

/// The runs that wait for their turn in a group.
#[derive(Debug, Clone, Default)]
pub(super) struct Queued {
    all: HashSet<RunId>,
    /// Those of them that have a due key all the same: they are to be cancelled.
    called: HashSet<RunId>,
}

impl Lanes {
    /// A run waits for its turn in a group from now on.
    pub(in crate::store) fn queue(&mut self, run: RunId) {
        self.queued.all.insert(run);
        self.note_called(run);
    }

    /// A run does not wait for its turn in a group any more.
    pub(in crate::store) fn unqueue(&mut self, run: RunId) {
        self.queued.all.remove(&run);
        self.note_called(run);
    }

    /// Takes note of whether a run that waits in a group has a due key now.
    pub(super) fn note_called(&mut self, run: RunId) {
        if self.queued.all.contains(&run) && self.spots.contains_key(&run) {
            self.queued.called.insert(run);
        } else {
            self.queued.called.remove(&run);
        }
    }

    /// In how many runs there is something to do at a moment.
    pub(in crate::store) fn backlog(&mut self, now: Timestamp) -> usize {
        self.rise(now);
        let awake = self.spots.len() - self.asleep.len();
        let twice = self.queued.called.iter().filter(|run| self.is_awake(**run)).count();
        awake + self.queued.all.len() - twice
    }

    /// Whether a run is in hand, or was due when anybody last looked.
    fn is_awake(&self, run: RunId) -> bool {
        self.spots.get(&run).is_some_and(|spot| !self.asleep.contains(&(spot.stand.at, run)))
    }

    /// Has those rise that have come to be due, or will by a moment that somebody counts for. They do not queue up
    /// before a run is taken out, so that what comes to be due while nobody takes any is still told as what comes next.
    pub(super) fn rise(&mut self, now: Timestamp) {
        while let Some(place) = self.asleep.first().copied().filter(|(at, _)| *at <= now) {
            self.asleep.remove(&place);
            self.risen.insert(place);
        }
    }
}
