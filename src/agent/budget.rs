//! Paying for a model call: reserved at its worst before it is made, settled at its price after.

use std::fmt::Debug;
use std::time::Duration;

use futures_util::future::BoxFuture;

use super::{Agent, AgentError, Candidate, Forgotten, Reason};
use crate::id::Digest;
use crate::ledger::{Ledger, LedgerError, Purpose, Reservation};
use crate::money::{Limits, Money, Price, Usage};
use crate::plugin::model::{Answer, Request};
use crate::plugin::{PluginError, Problem};

/// What calls are paid from.
pub trait Purse: Debug + Send + Sync {
    /// Sets money aside for one call of a model.
    fn reserve<'a>(
        &'a self,
        amount: Money,
        model: &'a str,
    ) -> BoxFuture<'a, Result<Reservation, LedgerError>>;

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
    fn reserve<'a>(
        &'a self,
        amount: Money,
        model: &'a str,
    ) -> BoxFuture<'a, Result<Reservation, LedgerError>> {
        let purpose = Purpose { model: model.to_owned(), ..self.purpose.clone() };
        Box::pin(async move { self.ledger.reserve(&purpose, amount, &self.limits).await })
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

/// An answer that was paid for.
pub(super) struct Bought<'a> {
    pub(super) paid: Paid,
    pub(super) answer: Answer,
    /// Who gave it.
    pub(super) by: &'a Candidate<'a>,
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

impl<'a> Budget<'a> {
    /// Lets a model answer, with some patience for trouble that passes: what was said so far is worth more than the
    /// wait. Where one cannot answer the next one is asked, beginning with the one at `first`.
    pub(super) async fn call(&self, request: &Request, first: usize) -> Result<Bought<'a>, CallError> {
        let mut tries = 1;
        loop {
            let error = match self.ask_each(request, first).await? {
                Ok(bought) => return Ok(bought),
                Err(error) => error,
            };
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

    /// Asks one after the other until one answers.
    async fn ask_each(
        &self,
        request: &Request,
        first: usize,
    ) -> Result<Result<Bought<'a>, PluginError>, CallError> {
        let mut failures: Vec<PluginError> = Vec::new();
        for by in self.agent.candidates.iter().skip(first) {
            match self.ask(request, by).await {
                Ok(Ok(bought)) => return Ok(Ok(bought)),
                Ok(Err(error)) if error.problem == Problem::TooLong => {
                    return Err(CallError::Stop(Reason::ContextFull, error.to_string()));
                }
                // Another one would only hide that the cassette is of another conversation.
                Ok(Err(error)) if error.problem == Problem::NotRecorded => return Err(error.into()),
                Ok(Err(error)) => failures.push(error),
                // One that is too dear is not asked; another one may be there again soon.
                Err(CallError::Stop(Reason::Budget, why)) if !failures.is_empty() => {
                    failures.push(PluginError::new(by.name, Problem::Exhausted, why));
                }
                Err(error) => return Err(error),
            }
            tracing::warn!(model = by.name, error = ?failures.last(), "a model gave no answer");
        }
        Ok(Err(all_of(failures)))
    }

    async fn ask(
        &self,
        request: &Request,
        by: &'a Candidate<'a>,
    ) -> Result<Result<Bought<'a>, PluginError>, CallError> {
        let reservation = self.reserve(worst_case(request, &by.price), by.name).await?;
        let request = Request { model: by.name.to_owned(), ..request.clone() };
        let answer = tokio::select! {
            answer = by.provider.answer(&request) => answer,
            () = self.agent.cancel.cancelled() => return Err(AgentError::Interrupted.into()),
        };
        match answer {
            Ok(answer) => {
                let usage = answer.paid();
                let cost = by.price.of(&usage);
                Ok(Ok(Bought { paid: Paid { reservation, cost, usage }, answer, by }))
            }
            Err(error) => {
                self.release(reservation, &error).await;
                Ok(Err(error))
            }
        }
    }

    async fn reserve(&self, worst: Money, model: &str) -> Result<Reservation, CallError> {
        let limit = self.agent.assignment.limits.cost;
        if self.spent + worst > limit {
            let why = format!(
                "the agent may spend {limit}; {} is spent and the next call may cost {worst}",
                self.spent
            );
            return Err(CallError::Stop(Reason::Budget, why));
        }
        self.agent.purse.reserve(worst, model).await.map_err(|error| match error {
            LedgerError::Store(error) => CallError::Failed(AgentError::Ledger(error)),
            line => CallError::Stop(Reason::Budget, line.to_string()),
        })
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

/// What several failures come to: the first that may pass, else the first, with what all of them say.
fn all_of(failures: Vec<PluginError>) -> PluginError {
    let told: Vec<String> = failures.iter().skip(1).map(ToString::to_string).collect();
    let passing = failures.iter().position(PluginError::is_passing);
    let kind = failures.get(passing.unwrap_or(0)).cloned();
    let first = failures.into_iter().next();
    let none = || PluginError::new("models", Problem::NotOffered, "there is none to be asked");
    let (mut error, kind) = first.zip(kind).unwrap_or_else(|| (none(), none()));
    (error.problem, error.retry_after) = (kind.problem, kind.retry_after);
    for told in told {
        error.message = format!("{}; then {told}", error.message);
    }
    error
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
        | Problem::Exhausted
        | Problem::TooLong
        | Problem::NotRecorded => true,
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
