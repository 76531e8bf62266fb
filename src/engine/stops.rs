//! People who want a run stopped: whether it is theirs to want is found out beside whatever the run does.
//!
//! What they said stays with the store until it is found out, so that neither a crash nor a shutdown loses it.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::task::JoinSet;
use tracing::Instrument as _;

use super::handle::Shared;
use crate::run::StepError;
use crate::run::hearing::Words;
use crate::step::Context;

/// How many are looked into in one course; more could not matter.
const MOST: usize = 16;
/// How often it is tried to find one out, and how long is waited before the second time; then twice as long each time.
const TRIES: u32 = 6;
const PAUSE: Duration = Duration::from_secs(1);

/// Those that are being looked into.
#[derive(Debug, Default)]
pub(super) struct Stops {
    asked: BTreeSet<u64>,
    asking: JoinSet<Verdict>,
}

/// What was found out.
#[derive(Debug)]
pub(super) struct Verdict {
    /// The signal's number.
    pub(super) number: u64,
    pub(super) words: Words,
    /// Whether the run is to stop; nothing where the process is to.
    pub(super) stops: Option<bool>,
}

impl Stops {
    /// Whether a signal is looked into already.
    pub(super) fn knows(&self, number: u64) -> bool {
        self.asked.contains(&number)
    }

    /// Whether something is being found out.
    pub(super) fn is_asking(&self) -> bool {
        !self.asking.is_empty()
    }

    /// Begins to find one out; false where there were enough.
    pub(super) fn ask(
        &mut self,
        shared: &Arc<Shared>,
        context: Context,
        (number, words): (u64, Words),
    ) -> bool {
        if self.asked.len() >= MOST {
            return false;
        }
        self.asked.insert(number);
        let shared = Arc::clone(shared);
        let span = tracing::info_span!("stop", number);
        let found_out = async move {
            let stops = tokio::select! {
                () = context.cancel.cancelled() => None,
                stops = find_out(&shared, &context, &words) => Some(stops),
            };
            Verdict { number, words, stops }
        };
        self.asking.spawn(found_out.instrument(span));
        true
    }

    /// The next that is found out; nothing where none is asked about.
    pub(super) async fn next(&mut self) -> Option<Verdict> {
        match self.asking.join_next().await? {
            Ok(verdict) => {
                // Its number is another's once it is forgotten.
                self.asked.remove(&verdict.number);
                Some(verdict)
            }
            Err(error) => {
                tracing::error!(%error, "it is not found out whether the run is to stop");
                None
            }
        }
    }
}

/// Whether the run is to stop. What cannot be found out is a no.
async fn find_out(shared: &Shared, context: &Context, words: &Words) -> bool {
    let mut pauses = (0..TRIES - 1).map(|tried| PAUSE * 2_u32.pow(tried));
    loop {
        let asked = AssertUnwindSafe(async { shared.parts.step.stop(context, words).await }).catch_unwind();
        let error = match asked.await {
            Ok(Ok(stops)) => return stops,
            Ok(Err(error)) => error,
            Err(_) => StepError::fatal(StepError::PANICKED, "it panicked"),
        };
        match pauses.next().filter(|_| error.retryable) {
            Some(pause) => shared.parts.clock.sleep(pause).await,
            None => {
                tracing::warn!(%error, "it cannot be found out whether whoever wants the run stopped may");
                return false;
            }
        }
    }
}
