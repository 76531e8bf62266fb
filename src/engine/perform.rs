//! Performing one attempt: bounded in time, stoppable, and never taking more than its step down.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;

use super::handle::Shared;
use crate::money::Money;
use crate::run::StepError;
use crate::step::{Context, Outcome};

/// What came of an attempt.
#[derive(Debug)]
pub(super) enum Came {
    /// It succeeded or failed by itself.
    Of(Box<Result<Outcome, StepError>>),
    /// It was told to stop and did not get to its end; this is what it says it has cost.
    Interrupted(Money),
}

/// Performs an attempt. A panic becomes a failure; so does running out of time, after a grace in
/// which the step can wind up.
pub(super) async fn perform(shared: &Shared, context: &Context) -> Came {
    let clock = &shared.parts.clock;
    let timeout = context.job.timeout;
    let performed = AssertUnwindSafe(async { shared.parts.step.perform(context).await }).catch_unwind();
    let mut performed = std::pin::pin!(performed);
    let time_is_up = async {
        match timeout {
            Some(seconds) => clock.sleep(Duration::from_secs(seconds)).await,
            None => std::future::pending().await,
        }
    };
    let interrupted = tokio::select! {
        biased;
        result = &mut performed => return came(caught(result), context),
        () = context.cancel.cancelled() => true,
        () = time_is_up => false,
    };
    context.cancel.cancel();
    let wound_up = tokio::select! {
        biased;
        result = performed => Some(caught(result)),
        () = clock.sleep(shared.options.grace()) => None,
    };
    let cost = match wound_up {
        // It was so near its end that it came to it.
        Some(Ok(outcome)) => return Came::Of(Box::new(Ok(outcome))),
        Some(Err(error)) => error.cost(),
        None => Money::ZERO,
    };
    if interrupted {
        return Came::Interrupted(cost);
    }
    Came::Of(Box::new(Err(out_of_time(timeout.unwrap_or_default()).costing(cost))))
}

/// A failure after the word to stop, or to rest, is taken for the answer to it, not for a failure of the step.
fn came(result: Result<Outcome, StepError>, context: &Context) -> Came {
    match result {
        Err(error) if context.cancel.is_cancelled() || context.rest.is_cancelled() => {
            Came::Interrupted(error.cost())
        }
        result => Came::Of(Box::new(result)),
    }
}

fn out_of_time(seconds: u64) -> StepError {
    StepError::passing(StepError::TIMEOUT, format!("it took longer than {seconds} s"))
}

fn caught(result: Result<Result<Outcome, StepError>, Box<dyn Any + Send>>) -> Result<Outcome, StepError> {
    result.unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let said = said.or_else(|| panic.downcast_ref::<String>().cloned());
        let message = format!("the step panicked: {}", said.unwrap_or_default());
        Err(StepError::fatal(StepError::PANICKED, message))
    })
}
