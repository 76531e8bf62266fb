//! What is known under the names that a run is judged by. Kept by the store, as JSON.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::RunId;
use crate::spec::{Priority, Rate};

/// Everything that is known when a run is judged.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Known {
    /// How many runs stand between the event and people: none, unless a run of Ostler's wrote it.
    pub hops: u32,
    /// The group's runs that are under way or may begin, in the order in which they came.
    pub holding: Vec<Member>,
    /// The group's runs that wait, in the order in which they will begin.
    pub waiting: Vec<Member>,
    /// How the trigger has paced itself.
    pub pace: Pace,
    /// When it started, for each of the guard's limits in their order.
    pub windows: Vec<Window>,
    /// When it started about the subject.
    pub breaker: Breaker,
}

/// A run of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Which.
    pub run: RunId,
    /// Whether anything was done in it.
    pub begun: bool,
    /// Its priority.
    pub priority: Priority,
}

/// How a trigger has paced itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Pace {
    /// When its newest run started or is to start.
    pub newest: Option<Timestamp>,
    /// The run that waits for quiet.
    pub pending: Option<Pending>,
}

/// A run that waits for quiet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// Which.
    pub run: RunId,
    /// When the first event of the flurry came.
    pub first: Timestamp,
}

/// The moments of the newest starts, as many as its rate counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Window(pub Vec<Timestamp>);

/// Starts about one subject, and whether they were taken for a loop.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Breaker {
    /// The starts.
    pub starts: Window,
    /// Until when nothing is started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tripped: Option<Timestamp>,
    /// Until when nobody is told again that something goes in circles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub circling: Option<Timestamp>,
}

impl Window {
    /// Until when a rate allows no more, where it does not now.
    #[must_use]
    pub fn full_until(&self, rate: Rate, now: Timestamp) -> Option<Timestamp> {
        let counted = self.0.len().checked_sub(rate.count as usize)?;
        let free = rate.per.after(*self.0.get(counted)?);
        (now < free).then_some(free)
    }

    /// Takes a start in and forgets those that no longer count.
    pub fn add(&mut self, rate: Rate, now: Timestamp) {
        self.0.push(now);
        // Deliveries need not come in the order of their clocks.
        self.0.sort_unstable();
        let from = rate.per.before(now);
        let surplus = self.0.len().saturating_sub(rate.count as usize);
        let old = self.0.partition_point(|start| *start <= from);
        self.0.drain(..surplus.max(old));
    }
}
