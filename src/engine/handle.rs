//! What others hold of the engine.

use std::sync::Arc;

use dashmap::DashMap;
use jiff::Timestamp;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{Options, Parts};
use crate::id::RunId;

/// The engine's handle; cheap to clone.
#[derive(Debug, Clone)]
pub struct Handle {
    shared: Arc<Shared>,
}

impl Handle {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Hints that a run became due. Without it the run is found a little later.
    pub fn poke(&self) {
        self.shared.poked.notify_one();
    }

    /// Asks for a run to be cancelled: its steps are stopped, it concludes as cancelled and does what its
    /// workflow always does at the end. A run that is not in hand now is cancelled when its turn comes.
    ///
    /// The request lives as long as the process, unless the store has it too.
    pub fn cancel(&self, run: RunId, reason: &str) {
        self.shared.unwanted.insert(run, reason.to_owned());
        if let Some(halt) = self.shared.in_hand.get(&run) {
            halt.cancel();
        }
        self.poke();
    }

    /// Takes no further run in hand, tells running steps to stop, and waits until every run in hand
    /// is laid down or the deadline has passed. What was interrupted stays due and is performed
    /// again, under the same attempt.
    pub async fn drain(&self, deadline: Timestamp) {
        self.shared.draining.cancel();
        tokio::select! {
            () = self.shared.stopped.cancelled() => return,
            () = self.shared.parts.clock.sleep_until(deadline) => {}
        }
        tracing::warn!(
            "runs were still in hand at the deadline; they are dropped and will be taken up again"
        );
        self.shared.dropping.cancel();
        self.shared.stopped.cancelled().await;
    }

    /// How many runs are in hand.
    #[must_use]
    pub fn in_hand(&self) -> usize {
        self.shared.in_hand.len()
    }
}

/// What the handle, the lead and the courses share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) options: Options,
    pub(super) parts: Parts,
    /// Something became due, or a course ended.
    pub(super) poked: Notify,
    /// Runs in hand, with what stops their steps.
    pub(super) in_hand: DashMap<RunId, CancellationToken>,
    /// Runs that are to be cancelled, and why.
    pub(super) unwanted: DashMap<RunId, String>,
    /// Nothing further is leased; steps stop.
    pub(super) draining: CancellationToken,
    /// Courses are dropped where they stand.
    pub(super) dropping: CancellationToken,
    /// The lead has ended.
    pub(super) stopped: CancellationToken,
}

impl Shared {
    pub(super) fn new(options: Options, parts: Parts) -> Self {
        Self {
            options,
            parts,
            poked: Notify::new(),
            in_hand: DashMap::new(),
            unwanted: DashMap::new(),
            draining: CancellationToken::new(),
            dropping: CancellationToken::new(),
            stopped: CancellationToken::new(),
        }
    }

    /// What stops the steps of a run from now on.
    pub(super) fn take_in_hand(&self, run: RunId) -> CancellationToken {
        let halt = self.draining.child_token();
        self.in_hand.insert(run, halt.clone());
        halt
    }

    pub(super) fn is_unwanted(&self, run: RunId) -> bool {
        self.unwanted.contains_key(&run)
    }
}
