//! What follows from a failed attempt.
//!
//! - `on_error: retry` tries again as often as it says, whatever failed, unless trying again cannot help (an
//!   expression, the budget, a refusal, a gate, work that changed nothing).
//! - Every other step, and a run's first act, is tried up to [`TRIES`] times in all when the failure may pass
//!   by itself ([`StepError::retryable`]: the network, a rate limit, a timeout).
//! - What takes something back is tried [`UNDO_TRIES`] times then: nobody comes after it.
//! - Between tries is 2 s, doubled each time, at most 5 min, give or take a quarter; never less than the
//!   other side asked for. A try that would begin after the run's time is up is not made.

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};

use super::error::StepError;
use super::record::Next;
use super::{Run, place, undo};
use crate::id::{RunId, StepPath};
use crate::spec::OnError;

/// How often a step is tried in all when failures may pass and `on_error` does not say.
pub const TRIES: u32 = 3;
/// How often taking something back is tried in all when failures may pass: for about eight minutes.
pub const UNDO_TRIES: u32 = 8;
const BASE: SignedDuration = SignedDuration::from_secs(2);
const LONGEST: SignedDuration = SignedDuration::from_mins(5);

/// What follows from the failure of an attempt at a step.
#[must_use]
pub fn after_failure(run: &Run, step: &StepPath, attempt: u32, error: &StepError, now: Timestamp) -> Next {
    let policy = place::on_error(run, step);
    let usual = tries(policy, error);
    let tries = if undo::is_part(step) && error.retryable { usual.max(UNDO_TRIES) } else { usual };
    let again = (attempt < tries).then(|| now.saturating_add(wait(run.id(), step, attempt, error)));
    let again = again.and_then(Result::ok);
    let in_time = |at: &Timestamp| run.conclusion().is_some() || run.deadline().is_none_or(|end| *at < end);
    again.filter(in_time).map_or_else(|| given_up(policy), |at| Next::Retry { at })
}

/// What follows when a step is not tried again.
#[must_use]
pub fn given_up(policy: OnError) -> Next {
    match policy {
        OnError::Fail | OnError::Retry(_) => Next::Fail,
        OnError::Continue => Next::Continue,
        OnError::Rollback => Next::Rollback,
    }
}

fn tries(policy: OnError, error: &StepError) -> u32 {
    match policy {
        OnError::Retry(again) if !is_final(&error.code) => again.saturating_add(1),
        OnError::Retry(_) => 1,
        _ if error.retryable => TRIES,
        _ => 1,
    }
}

/// Failures that another try would only repeat.
fn is_final(code: &str) -> bool {
    let own =
        [StepError::EXPRESSION, StepError::REFUSED, StepError::CANCELLED, "budget", "nothing_to_publish"];
    own.contains(&code) || code.starts_with("gate")
}

/// How long to wait before the attempt after this one.
fn wait(run: RunId, step: &StepPath, attempt: u32, error: &StepError) -> SignedDuration {
    let doubled = 2_i32.saturating_pow(attempt.saturating_sub(1));
    let even = BASE.saturating_mul(doubled).min(LONGEST);
    let asked = i64::try_from(error.retry_after.unwrap_or(0)).unwrap_or(i64::MAX);
    jittered(even, run, step, attempt).max(SignedDuration::from_secs(asked))
}

/// A span within a quarter of `even`: the same one for the same attempt, another one for its neighbours, so
/// that runs which failed together do not come back together.
fn jittered(even: SignedDuration, run: RunId, step: &StepPath, attempt: u32) -> SignedDuration {
    let hash = Sha256::new().chain_update(run.as_bytes()).chain_update(step.as_str());
    let hash = hash.chain_update(attempt.to_be_bytes()).finalize();
    let share = i128::from(u16::from_be_bytes([hash[0], hash[1]]));
    let millis = even.as_millis();
    let shifted = millis * 3 / 4 + millis / 2 * share / i128::from(u16::MAX);
    SignedDuration::from_millis(i64::try_from(shifted).unwrap_or(i64::MAX))
}
