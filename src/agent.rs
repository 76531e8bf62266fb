//! An agent: a role that works in a checkout until it says that it is done, or a limit says so.
//!
//! What comes next is a pure decision ([`decide::next`]) over the [`Transcript`]; this module only carries
//! it out: asks the [`Model`], runs the [`tool`]s on the [`Bench`], and tells its [`Memory`] each turn before
//! it goes on. A recorded answer is never paid for again; an interrupted tool is run again on the files as
//! they were recorded before it.

pub mod bench;
pub mod budget;
pub mod cassette;
pub mod condense;
pub mod context;
pub mod decide;
pub mod ears;
mod handover;
pub mod memory;
pub mod rebuild;
pub mod tool;
pub mod trajectory;
pub mod turn;

use futures_util::future::BoxFuture;
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

pub use self::bench::Bench;
pub use self::budget::Purse;
use self::budget::{Bought, Budget, CallError};
use self::context::{Brief, Known};
pub use self::decide::{Decision, Limits, Reason};
pub use self::ears::Ears;
use self::memory::Start;
pub use self::memory::{Forgotten, Memory};
pub use self::turn::Transcript;
use self::turn::{Answered, Condensed, Ran, ToolCall, ToolResult};
use crate::clock::Clock;
use crate::failpoint;
use crate::money::{Money, Price};
use crate::plugin::model::Request;
use crate::plugin::{Model, PluginError};
use crate::run::StepError;
use crate::spec::workflow::AnswerField;
use crate::store::StoreError;
use crate::workspace::WorkspaceError;

/// An agent at work: what it is to do, and everything that it may touch.
#[derive(Debug, Clone, Copy)]
pub struct Agent<'a> {
    /// What it is to do.
    pub assignment: &'a Assignment,
    /// Who answers: the first one that can.
    pub candidates: &'a [Candidate<'a>],
    /// Where its tools work.
    pub bench: &'a dyn Bench,
    /// Where its turns are recorded.
    pub memory: &'a dyn Memory,
    /// What its calls are paid from.
    pub purse: &'a dyn Purse,
    /// What people say to it while it works.
    pub ears: &'a dyn Ears,
    /// What time it is.
    pub clock: &'a dyn Clock,
    /// Cancelled when it is to stop.
    pub cancel: &'a CancellationToken,
    /// Cancelled when it is to begin no further turn.
    pub rest: &'a CancellationToken,
}

/// A model that may be asked.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it costs.
    pub price: Price,
    /// Who has it.
    pub provider: &'a dyn Model,
}

/// What an agent is to do, and how far it may go.
#[derive(Debug, Clone, PartialEq)]
pub struct Assignment {
    /// The model that is asked first.
    pub model: String,
    /// How far it may go.
    pub limits: Limits,
    /// The tools that it is offered; `finish` always is.
    pub tools: Vec<String>,
    /// The fields that its answer must have.
    pub needs: Vec<AnswerField>,
    /// What it is told.
    pub brief: Brief,
    /// The words of its task, by which it is shown what matters.
    pub task: String,
    /// What tells it from every other agent at work: run, step and attempt.
    pub seed: String,
    /// The commit that the files were taken from.
    pub base: String,
    /// The tree that the work starts from, where an earlier agent left one.
    pub tree: Option<String>,
}

/// An agent that has stopped.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    /// Why.
    pub reason: Reason,
    /// The same for people.
    pub why: String,
    /// Its answer, when it finished.
    pub answer: Option<Map<String, Value>>,
    /// The files as it left them.
    pub tree: String,
    /// What its recorded turns cost.
    pub cost: Money,
}

/// Why an agent could not go on; what is recorded stands, and it can be continued.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The model's provider failed, also after some patience.
    #[error(transparent)]
    Model(#[from] PluginError),
    /// The checkout failed.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    /// The ledger's store failed.
    #[error(transparent)]
    Ledger(#[from] StoreError),
    /// What was to be recorded could not be, or what is recorded cannot be read.
    #[error(transparent)]
    Memory(#[from] Forgotten),
    /// It could not be found out whose words are to be read.
    #[error(transparent)]
    Ears(StepError),
    /// It was told to stop.
    #[error("the agent was told to stop")]
    Interrupted,
}

impl Agent<'_> {
    /// Works from the first unrecorded turn to the end.
    ///
    /// # Errors
    /// When something that the agent stands on fails, or it is told to stop.
    pub async fn work(&self) -> Result<Ended, AgentError> {
        let start = self.start().await?;
        let mut transcript = Transcript::recall(self.memory)?;
        let mut tree = transcript.tree().unwrap_or(&start.tree).to_owned();
        self.bench.restore(&tree).await?;
        loop {
            if self.cancel.is_cancelled() || self.rest.is_cancelled() {
                return Err(AgentError::Interrupted);
            }
            match decide::next(&transcript, &self.assignment.limits, self.clock.now()) {
                Decision::CallModel => {
                    if let Err((reason, why)) = self.ask_or_condense(&start, &mut transcript).await? {
                        return Ok(ended((reason, why), None, &transcript, &tree));
                    }
                }
                Decision::Condense(covers) => {
                    let condensed = self.condense(&start, &mut transcript, covers).await;
                    if let Err((reason, why)) = stopped(condensed)? {
                        return Ok(ended((reason, why), None, &transcript, &tree));
                    }
                }
                Decision::RunTools(calls) => {
                    let ran = self.run(calls, &transcript, (&start.tree, &tree)).await?;
                    tree.clone_from(&ran.tree);
                    transcript.ran(ran);
                }
                Decision::Finish(reason, answer) => {
                    return Ok(ended((reason, reason.to_string()), answer, &transcript, &tree));
                }
            }
        }
    }

    /// What the agent was told at its start: the same bytes whenever it is continued.
    async fn start(&self) -> Result<Start, AgentError> {
        if let Some(start) = Start::recall(self.memory)? {
            return Ok(start);
        }
        // Conventions come from the base: an agent before us may have rewritten the file in its tree.
        self.bench.restore(&self.assignment.base).await?;
        let conventions = context::conventions(self.bench);
        if let Some(tree) = &self.assignment.tree {
            self.bench.restore(tree).await?;
        }
        let overview = self.bench.overview(&self.assignment.task).await?;
        let known = Known { overview, listing: context::listing(self.bench) };
        let start = Start {
            model: self.assignment.model.clone(),
            base: self.assignment.base.clone(),
            tree: self.bench.snapshot().await?,
            system: self.assignment.brief.system(),
            opening: self.assignment.brief.opening(&conventions, &known),
        };
        start.remember(self.memory).await?;
        Ok(start)
    }

    /// Adds the next answer. Where the conversation is too long for the model its older turns are condensed instead.
    async fn ask_or_condense(
        &self,
        start: &Start,
        transcript: &mut Transcript,
    ) -> Result<Result<(), (Reason, String)>, AgentError> {
        let asked = self.ask(start, transcript).await.map(|answered| transcript.answered(answered));
        match (stopped(asked)?, condense::covers(transcript, &self.assignment.limits)) {
            (Err((Reason::ContextFull, _)), Some(covers)) if !transcript.is_condensed_now() => {
                stopped(self.condense(start, transcript, covers).await)
            }
            (asked, _) => Ok(asked),
        }
    }

    /// Adds an account of the turns up to one.
    async fn condense(
        &self,
        start: &Start,
        transcript: &mut Transcript,
        covers: usize,
    ) -> Result<(), CallError> {
        let request = condense::request(self.assignment, start, transcript, covers);
        let Bought { paid, answer, .. } = self.buy(&request, transcript).await?;
        let Some(account) = condense::account(&answer.content, transcript, covers) else {
            paid.settle(self.purse).await;
            let why = "the conversation is longer than it may be, and no shorter account of it was given";
            return Err(CallError::Stop(Reason::ContextFull, why.to_owned()));
        };
        let (at_turn, cost, at) = (transcript.turns.len(), paid.cost(), self.clock.now());
        let condensed = Condensed { covers, at_turn, account, usage: answer.usage, cost, at };
        memory::remember_condensed(self.memory, transcript.condensed.len() + 1, &condensed).await?;
        failpoint::hit("after_turn");
        paid.settle(self.purse).await;
        tracing::info!(covers, at_turn, "the older turns of the conversation were condensed");
        transcript.condense(condensed);
        Ok(())
    }

    async fn ask(&self, start: &Start, transcript: &Transcript) -> Result<Answered, CallError> {
        let heard = self.ears.heard().await.map_err(CallError::Failed)?;
        let told = heard.into_iter().skip(transcript.heard()).collect::<Vec<_>>();
        let request = context::request(self.assignment, start, transcript, &told);
        let Bought { paid, answer, by } = self.buy(&request, transcript).await?;
        let by = (by.name != self.assignment.model).then(|| by.name.to_owned());
        let answered = Answered { answer, by, cost: paid.cost(), at: self.clock.now(), told };
        // Recorded before it is settled: a crash between the two books too much, never pays twice.
        memory::remember_answer(self.memory, transcript.next_turn(), &answered).await?;
        failpoint::hit("after_turn");
        paid.settle(self.purse).await;
        Ok(answered)
    }

    /// Pays for an answer, of whoever is to be asked first or of the next that can give one.
    async fn buy(&self, request: &Request, transcript: &Transcript) -> Result<Bought<'_>, CallError> {
        let budget = Budget { agent: self, spent: transcript.cost(), turn: transcript.next_turn() };
        budget.call(request, self.first_to_ask(transcript)).await
    }

    /// Whoever answered last: a conversation stays with it, whose cache knows it.
    fn first_to_ask(&self, transcript: &Transcript) -> usize {
        let last = transcript.turns.last().and_then(|turn| turn.said.by.as_deref());
        let place = last.and_then(|name| self.candidates.iter().position(|candidate| candidate.name == name));
        place.unwrap_or(0)
    }

    async fn run(
        &self,
        calls: Vec<ToolCall>,
        transcript: &Transcript,
        (start, before): (&str, &str),
    ) -> Result<Ran, AgentError> {
        let mut results: Vec<ToolResult> = Vec::with_capacity(calls.len());
        let room = tool::Room {
            bench: self.bench,
            needs: &self.assignment.needs,
            offered: &self.assignment.tools,
            left: decide::time_left(transcript, &self.assignment.limits, self.clock.now()),
        };
        for call in calls {
            let failed_before = results.iter().any(|result| result.is_error);
            let working: BoxFuture<'_, _> = Box::pin(tool::run(&room, call, failed_before));
            let result = tokio::select! {
                result = working => result?,
                () = self.cancel.cancelled() => return Err(AgentError::Interrupted),
            };
            results.push(result);
        }
        let tree = match self.bench.snapshot().await {
            Ok(tree) => tree,
            Err(error) => self.undone(&error, &mut results, before).await?,
        };
        self.hand_over(&mut results, (start, &tree), transcript).await?;
        let ran = Ran { results, tree, at: self.clock.now() };
        memory::remember_results(self.memory, transcript.turns.len(), &ran).await?;
        failpoint::hit("after_turn");
        Ok(ran)
    }

    /// What a turn left cannot be recorded: the files are put back, and every result says so, so that the
    /// model can do otherwise.
    async fn undone(
        &self,
        why: &WorkspaceError,
        results: &mut [ToolResult],
        before: &str,
    ) -> Result<String, WorkspaceError> {
        self.bench.restore(before).await?;
        let told = format!("Undone: the files are again as before this turn's calls. {why}");
        for result in results {
            let malformed = result.malformed;
            let (id, content) = (result.id.clone(), tool::clip(&told, tool::RESULT_BYTES));
            *result = ToolResult { id, content, is_error: true, malformed, answer: None };
        }
        Ok(before.to_owned())
    }
}

/// How the work ended. What was handed over and given back is better than nothing where nothing better came.
fn ended(
    (reason, why): (Reason, String),
    answer: Option<Map<String, Value>>,
    transcript: &Transcript,
    tree: &str,
) -> Ended {
    let before = transcript.handed_over().filter(|_| answer.is_none());
    let tree = before.map_or(tree, |(_, tree)| tree).to_owned();
    let answer = answer.or_else(|| before.map(|(answer, _)| answer.clone()));
    Ended { reason, why, answer, tree, cost: transcript.cost() }
}

/// Tells an agent that is to stop from one that failed.
fn stopped<T>(done: Result<T, CallError>) -> Result<Result<T, (Reason, String)>, AgentError> {
    match done {
        Ok(done) => Ok(Ok(done)),
        Err(CallError::Stop(reason, why)) => Ok(Err((reason, why))),
        Err(CallError::Failed(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests;
