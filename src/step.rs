//! Performing one step: the only place where a run meets the world.
//!
//! A step is given a [`Context`] and gives an [`Outcome`] or a [`StepError`]. Whatever it must remember
//! across a crash it tells its [`Journal`], which the engine keeps: first what it is about to do, then what
//! came of it. A step that is performed again finds there what it had already done.

pub mod agent;
mod about;
mod action;
mod approval;
mod branch;
mod checkout;
pub mod journal;
mod perform;
mod publish;
mod reply;
#[cfg(test)]
mod scene;
mod shell;
mod start;
pub mod status;
mod stop;
mod system;
#[cfg(test)]
mod tests;
mod undo;
mod words;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

pub use self::journal::{Journal, JournalLost};
pub use self::perform::Steps;
use crate::clock::Clock;
use crate::id::RunId;
use crate::money::Money;
use crate::run::decide::Job;
use crate::run::hearing::Words;
use crate::run::{Definition, Started, StepError, Work};

/// One of the things that a step can be.
pub trait Step: Send + Sync {
    /// Does it, or finds that it was done.
    fn perform<'a>(&'a self, context: &'a Context) -> BoxFuture<'a, Result<Outcome, StepError>>;

    /// Whether a run is to stop because somebody said so. The context is that of no step: nothing that this does is in
    /// the journal, so it is done again after a crash.
    fn stop<'a>(&'a self, context: &'a Context, words: &'a Words) -> BoxFuture<'a, Result<bool, StepError>> {
        let _ = (context, words);
        Box::pin(async { Ok(true) })
    }
}

/// What a step knows.
#[derive(Debug, Clone)]
pub struct Context {
    /// The run.
    pub run: RunId,
    /// What is to be done.
    pub job: Job,
    /// What the run froze at its start.
    pub definition: Arc<Definition>,
    /// What the run started with.
    pub started: Arc<Started>,
    /// The ambient names: `task`, `task_id`, `change`, `person`, … as expressions see them.
    pub ambient: Arc<Map<String, Value>>,
    /// What the run has made so far.
    pub work: Work,
    /// What the run has spent so far.
    pub spent: Money,
    /// Where to remember.
    pub journal: Arc<dyn Journal>,
    /// Cancelled when the step is to stop: timeout, cancellation, shutdown.
    pub cancel: CancellationToken,
    /// Cancelled when Ostler is about to stop: a step that can be taken up where it stands begins nothing further.
    pub rest: CancellationToken,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

/// What a step gave.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outcome {
    /// Its result: an object, or null.
    pub outputs: Value,
    /// What it made.
    pub work: Work,
    /// What it cost.
    pub cost: Money,
    /// For a step that is not over but waits for a decision: where that may come from.
    pub waits: Option<Vec<String>>,
}
