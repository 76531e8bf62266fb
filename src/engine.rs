//! The engine: leases runs that are due, decides, performs, commits.
//!
//! One task, the lead, leases what the store gives out, which bounds how much that is, and gives each run a course of
//! its own. A course loads the run's journal, folds it, and then goes round:
//! what is decided is recorded or performed, what came of it is recorded, until nothing is left or there is
//! only something to wait for. The outcome of one step and the start of the next are one commit, and nothing
//! is performed before the record of its start is durable.
//!
//! A course that fails fails alone: a step's panic is that step's failure, a journal that cannot be read
//! parks its run, and a lease that was lost ends the course without a further trace. A run that was taken up
//! again ten times without coming any further is parked: it may be what ends the process.

mod course;
mod handle;
mod journal;
mod lead;
pub mod mirror;
mod perform;
mod scrub;
pub mod signal;
mod stops;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;

pub use self::handle::Handle;
use self::handle::Shared;
pub use self::signal::SignalError;
use crate::clock::Clock;
use crate::step::Step;
use crate::store::Store;

/// How the engine works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// Seconds after which the store is asked for due runs even if nobody said that there are any.
    pub poll_seconds: u64,
    /// Seconds that a step is given to wind up once it was told to stop.
    pub grace_seconds: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { poll_seconds: 1, grace_seconds: 10 }
    }
}

impl Options {
    fn poll(&self) -> Duration {
        Duration::from_secs(self.poll_seconds.max(1))
    }

    fn grace(&self) -> Duration {
        Duration::from_secs(self.grace_seconds)
    }
}

/// What the engine works with.
#[derive(Clone)]
pub struct Parts {
    /// Where runs are kept.
    pub store: Arc<dyn Store>,
    /// What performs steps.
    pub step: Arc<dyn Step>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts")
            .field("store", &self.store)
            .field("clock", &self.clock)
            .finish_non_exhaustive()
    }
}

/// What drives runs to their end.
#[derive(Debug)]
pub struct Engine;

impl Engine {
    /// Starts driving whatever is due, in the background of the present runtime. It stops when it is told to
    /// [`drain`](Handle::drain).
    #[must_use]
    pub fn start(options: Options, parts: Parts) -> (Handle, JoinHandle<()>) {
        let shared = Arc::new(Shared::new(options, parts));
        let lead = tokio::spawn(lead::lead(Arc::clone(&shared)));
        (Handle::new(shared), lead)
    }
}

#[cfg(test)]
mod tests;
