//! Paying for a model call: reserved at its worst before it is made, settled at its price after.

use std::fmt::Debug;
use std::time::Duration;

use futures_util::future::BoxFuture;

use super::{Agent, AgentError, Forgotten, Reason};
use crate::id::Digest;
use crate::ledger::{Ledger, LedgerError, Purpose, Reservation};
use crate::money::{Limits, Money, Price, Usage};
use crate::plugin::model::{Answer, Request};
use crate::plugin::{PluginError, Problem};

/// What calls are paid from.
pub trait Purse: Debug + Send + Sync {
    /// Sets money aside for one call.
    fn reserve(&self, amount: Money) -> BoxFuture<'_, Result<Reservation, LedgerError>>;

    /// Books what a call really cost in place of what was set aside for it.
    fn settle(
        &self,
        reservation: Reservation,
        cost: Money,
        usage: Usage,
    ) -> BoxFuture<'_, Result<(), LedgerError>>;
}

/// A run's part of the ledger.
#[derive(Debug, Clone)]
pub struct RunPurse {
    /// The book.
    pub ledger: Ledger,
    /// Who spends, and for what.
    pub purpose: Purpose,
    /// Where the lines are.
    pub limits: Limits,
}

impl Purse for RunPurse {
    fn reserve(&self, amount: Money) -> BoxFuture<'_, Result<Reservation, LedgerError>> {
        Box::pin(self.ledger.reserve(&self.purpose, amount, &self.limits))
    }

    fn settle(
        &self,
        reservation: Reservation,
        cost: Money,
        usage: Usage,
    ) -> BoxFuture<'_, Result<(), LedgerError>> {
        Box::pin(self.ledger.settle(reservation, cost, usage))
    }
}

/// Why a call gave no answer.
#[derive(Debug)]
pub(super) enum CallError {
    /// The agent is to stop for this reason; no call was made.
    Stop(Reason, String),
    /// Something failed.
    Failed(AgentError),
}

impl From<AgentError> for CallError {
    fn from(error: AgentError) -> Self {
        Self::Failed(error)
    }
}

impl From<PluginError> for CallError {
    fn from(error: PluginError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<Forgotten> for CallError {
    fn from(error: Forgotten) -> Self {
        Self::Failed(error.into())
    }
}

/// One turn's budget.
pub(super) struct Budget<'a> {
    /// Who spends.
    pub(super) agent: &'a Agent<'a>,
    /// What the agent has spent so far.
    pub(super) spent: Money,
    /// Which turn it is.
    pub(super) turn: usize,
}

/// A call that was made and is to be settled.
#[derive(Debug)]
#[must_use = "a call that is not settled counts at its worst"]
pub(super) struct Paid {
    reservation: Reservation,
    cost: Money,
    usage: Usage,
}

impl Paid {
    pub(super) fn cost(&self) -> Money {
        self.cost
    }

    /// Books the call. Where that fails its reservation stays spent, which is too much and never too
    /// little, so the work goes on.
    pub(super) async fn settle(self, purse: &dyn Purse) {
        if let Err(error) = purse.settle(self.reservation, self.cost, self.usage).await {
            tracing::warn!(%error, "a model call stays booked at its worst case");
        }
    }
}

/// Calls for one answer, the first included, while the provider's trouble may pass.
const TRIES: u32 = 4;
/// The wait after the first failed call; each further one is four times as long.
const FIRST_WAIT: Duration = Duration::from_secs(2);
/// The longest wait that a provider's `Retry-After` is followed for within a step.
const LONGEST_WAIT: Duration = Duration::from_secs(120);

impl Budget<'_> {
    /// Lets the model answer, with some patience for trouble that passes: what was said so far is worth
    /// more than the wait.
    pub(super) async fn call(&self, request: &Request) -> Result<(Paid, Answer), CallError> {
        let worst = worst_case(request, &self.agent.assignment.price);
        let mut tries = 1;
        loop {
            let reservation = self.reserve(worst).await?;
            let answer = tokio::select! {
                answer = self.agent.model.answer(request) => answer,
                () = self.agent.cancel.cancelled() => return Err(AgentError::Interrupted.into()),
            };
            let error = match answer {
                Ok(answer) => return Ok((self.paid(reservation, &answer), answer)),
                Err(error) => error,
            };
            self.release(reservation, &error).await;
            if !error.is_passing() || tries == TRIES {
                return Err(error.into());
            }
            let wait = self.wait_after(&error, tries)?;
            tracing::info!(%error, tries, "the model is asked again");
            tokio::select! {
                () = self.agent.clock.sleep(wait) => {}
                () = self.agent.rest.cancelled() => return Err(AgentError::Interrupted.into()),
                () = self.agent.cancel.cancelled() => return Err(AgentError::Interrupted.into()),
            }
            tries += 1;
        }
    }

    async fn reserve(&self, worst: Money) -> Result<Reservation, CallError> {
        let limit = self.agent.assignment.limits.cost;
        if self.spent + worst > limit {
            let why = format!(
                "the agent may spend {limit}; {} is spent and the next call may cost {worst}",
                self.spent
            );
            return Err(CallError::Stop(Reason::Budget, why));
        }
        self.agent.purse.reserve(worst).await.map_err(|error| match error {
            LedgerError::Store(error) => CallError::Failed(AgentError::Ledger(error)),
            line => CallError::Stop(Reason::Budget, line.to_string()),
        })
    }

    fn paid(&self, reservation: Reservation, answer: &Answer) -> Paid {
        Paid { reservation, cost: self.agent.assignment.price.of(&answer.usage), usage: answer.usage }
    }

    /// A failed call that was certainly not billed gives its money back; any other stays spent.
    async fn release(&self, reservation: Reservation, error: &PluginError) {
        if was_not_billed(error.problem) {
            let nothing = Paid { reservation, cost: Money::ZERO, usage: Usage::default() };
            nothing.settle(self.agent.purse).await;
        }
    }

    /// The wait before the next try: what the provider asked for, else longer each time, spread so that
    /// agents which failed together do not come back together.
    fn wait_after(&self, error: &PluginError, tries: u32) -> Result<Duration, CallError> {
        match error.retry_after {
            Some(wait) if wait > LONGEST_WAIT => Err(error.clone().into()),
            Some(wait) => Ok(wait),
            None => {
                let wait = FIRST_WAIT * 4_u32.pow(tries - 1);
                let seed = format!("{}/{}/{tries}", self.agent.assignment.seed, self.turn);
                let spread = u32::from(Digest::of(seed.as_bytes()).as_bytes()[0]);
                Ok(wait + wait * spread / 1_024)
            }
        }
    }
}

fn was_not_billed(problem: Problem) -> bool {
    match problem {
        Problem::Unknown | Problem::BadAnswer => false,
        Problem::NotFound
        | Problem::Denied
        | Problem::Invalid
        | Problem::Conflict
        | Problem::RateLimited
        | Problem::Unavailable
        | Problem::NotOffered
        | Problem::Exhausted => true,
    }
}

/// What a call may cost at the most: a token has three bytes or more, all input is paid at the dearest
/// rate, and the answer is as long as it may be.
#[must_use]
pub fn worst_case(request: &Request, price: &Price) -> Money {
    let bytes = serde_json::to_vec(request).map_or(u64::MAX / 4, |bytes| bytes.len() as u64);
    let tokens = bytes.div_ceil(3);
    let output = u64::from(request.max_tokens);
    let fresh = Usage { input: tokens, output, ..Usage::default() };
    let cached = Usage { cache_write: tokens, output, ..Usage::default() };
    price.of(&fresh).max(price.of(&cached))
}
