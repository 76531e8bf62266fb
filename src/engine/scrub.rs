//! The scrub: everything that is kept is read again from time to time, so that damage is found while what is
//! needed to repair it may still be there, and not on the day on which a run is due.

use std::sync::Arc;
use std::time::Duration;

use super::handle::Shared;

/// How many values are read at once, and the rest after them: some 60 values a second at the most.
const PORTION: usize = 64;
const PAUSE: Duration = Duration::from_secs(1);
/// The rest after everything was read.
const REST: Duration = Duration::from_secs(6 * 60 * 60);

/// Reads everything again and again, slowly, until the engine is told to drain.
pub(super) async fn scrub(shared: Arc<Shared>) {
    let mut round = Round::default();
    loop {
        let pause = round.portion(&shared).await;
        tokio::select! {
            () = shared.draining.cancelled() => return,
            () = shared.parts.clock.sleep(pause) => {}
        }
    }
}

/// One time through everything.
#[derive(Debug, Default)]
struct Round {
    after: Option<Vec<u8>>,
    checked: u64,
    damaged: usize,
}

impl Round {
    /// Reads a portion; gives the pause until the next one.
    async fn portion(&mut self, shared: &Shared) -> Duration {
        let now = shared.parts.clock.now();
        let scrubbed = match shared.parts.store.scrub(self.after.clone(), PORTION, now).await {
            Ok(scrubbed) => scrubbed,
            Err(error) => {
                tracing::warn!(%error, "what is kept cannot be checked now");
                return PAUSE;
            }
        };
        self.checked += scrubbed.checked;
        self.damaged += scrubbed.damaged.len();
        self.after = scrubbed.next;
        if self.after.is_some() {
            return PAUSE;
        }
        let Self { checked, damaged, .. } = std::mem::take(self);
        if damaged == 0 {
            tracing::debug!(checked, "everything that is kept reads back");
        } else {
            tracing::error!(checked, damaged, "not everything that is kept reads back");
        }
        REST
    }
}
