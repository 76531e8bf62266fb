//! What others hold of the engine.

use std::sync::Arc;

use dashmap::DashMap;
use jiff::Timestamp;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::signal::{self, SignalError};
use super::{Options, Parts};
use crate::id::RunId;
use crate::run::Sent;

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

    /// Says something to a run, which hears of it now.
    ///
    /// # Errors
    /// As [`signal::send`].
    pub async fn signal(&self, run: RunId, sent: Sent) -> Result<(), SignalError> {
        signal::send(&*self.shared.parts.store, run, sent).await?;
        self.signalled(run);
        Ok(())
    }

    /// Hints that the store has a signal for a run. One that is in hand hears of it now, any other is due.
    pub fn signalled(&self, run: RunId) {
        if let Some(news) = self.shared.in_hand.get(&run) {
            news.notify_one();
        }
        self.poke();
    }

    /// Takes no further run in hand, and begins nothing further in those that are. Steps may come to their end until
    /// `finish`; then they are told to stop. Returns when every run is laid down, or when those that are not at the
    /// deadline are dropped. What was interrupted stays due and is performed again, under the same attempt.
    pub async fn drain(&self, finish: Timestamp, deadline: Timestamp) {
        self.shared.draining.cancel();
        let clock = &self.shared.parts.clock;
        tokio::select! {
            () = self.shared.stopped.cancelled() => return,
            () = clock.sleep_until(finish) => self.shared.halting.cancel(),
        }
        tokio::select! {
            () = self.shared.stopped.cancelled() => return,
            () = clock.sleep_until(deadline) => {}
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
    /// Runs in hand, each with what wakes it when there is a signal for it.
    pub(super) in_hand: DashMap<RunId, Arc<Notify>>,
    /// Nothing further is leased, and nothing further is begun.
    pub(super) draining: CancellationToken,
    /// Steps stop.
    pub(super) halting: CancellationToken,
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
            draining: CancellationToken::new(),
            halting: CancellationToken::new(),
            dropping: CancellationToken::new(),
            stopped: CancellationToken::new(),
        }
    }

    /// Hints that the store may have a signal for whichever run.
    pub(super) fn all_signalled(&self) {
        self.in_hand.iter().for_each(|news| news.notify_one());
    }

    /// What wakes a run from now on when there is a signal for it.
    pub(super) fn take_in_hand(&self, run: RunId) -> Arc<Notify> {
        Arc::clone(&self.in_hand.entry(run).or_default())
    }
}
