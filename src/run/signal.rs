//! What is said to a run from outside, while it goes on or after it came to a stop.
//!
//! A signal is kept beside the run until the run has taken it into its journal, so that it is neither lost nor
//! taken twice, whether or not anybody has the run in hand when it comes.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::hearing::{Awaited, Decision, Words};
use super::place;
use super::record::Ending;
use super::scope::Scope;
use super::state::{Run, StepState};
use crate::event::Event;
use crate::id::StepPath;
use crate::spec::StepKind;

/// How much a step keeps that it was told and has not turned to.
const HEARD: usize = 16;

/// A signal on its way to a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sent {
    /// When it was sent.
    pub at: Timestamp,
    /// Who sent it, for people; nobody where Ostler did it itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// What it says.
    pub signal: Signal,
}

/// What a signal says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// Stop what is under way, conclude, and do only what the workflow always does at the end.
    Cancel {
        /// Why, for people.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// A person wants the run cancelled. Whether it is theirs to want is found out before the run hears of it: this never
    /// comes into a journal, what it leads to does.
    Stop {
        /// Why, in their words, and who they are.
        words: Words,
    },
    /// Begin nothing further; what is under way comes to its end.
    Pause {
        /// Why, for people.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Go on: after a pause, or after the run was parked.
    Resume,
    /// Try again what failed, in a run that failed or was cancelled. What is done stays done.
    Retry,
    /// A person's decision about a step that asked for it.
    Decide {
        /// The step; without it the one that asks, or the first of several.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<StepPath>,
        /// What they decided.
        decision: Decision,
    },
    /// Words for an agent at work, which it reads before it goes on.
    Tell {
        /// The step; without it the one that works, or the first of several.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<StepPath>,
        /// What is said.
        words: Words,
    },
    /// An event of a kind that a step waits for.
    Event {
        /// The step.
        step: StepPath,
        /// The event.
        event: Box<Event>,
    },
}

/// Why a signal means nothing to a run as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Pointless {
    /// The run is over, or its outcome is known.
    #[error("the run is over already")]
    Over,
    /// The run neither pauses nor is parked.
    #[error("the run goes on as it is")]
    GoesOn,
    /// The run pauses, or is to be cancelled, already.
    #[error("the run was told so already")]
    Twice,
    /// The run has neither failed nor been cancelled.
    #[error("only a run that failed or was cancelled can be tried again, and only once it is over")]
    NotFailed,
    /// What the run did was taken back.
    #[error("what the run did was taken back: nothing of it could stay done")]
    TakenBack,
    /// No step asks for a decision, or not that one, or not any more.
    #[error("nothing in this run waits for a decision now")]
    NotAsked,
    /// So much was said to the step already that more of it could not matter.
    #[error("more was said to the step already than it needs")]
    Enough,
    /// No agent works in the run, or not in that step.
    #[error("no agent is at work in this run now")]
    NotAtWork,
    /// The event is not the one that the step waits for.
    #[error("the event is not one that the step waits for")]
    NotMeant,
}

impl Signal {
    /// What it is called in lists.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Cancel { .. } => "cancel",
            Self::Stop { .. } => "stop",
            Self::Pause { .. } => "pause",
            Self::Resume => "resume",
            Self::Retry => "retry",
            Self::Decide { decision, .. } if decision.approved => "approve",
            Self::Decide { .. } => "reject",
            Self::Tell { .. } => "tell",
            Self::Event { .. } => "event",
        }
    }

    /// Whether it means something to a run as it stands.
    ///
    /// # Errors
    /// Says why it does not. Such a signal changes nothing: a second click, or one that comes too late.
    pub fn fits(&self, run: &Run) -> Result<(), Pointless> {
        let over = run.conclusion().is_some();
        match self {
            Self::Cancel { .. } | Self::Stop { .. } if over => Err(Pointless::Over),
            Self::Cancel { .. } | Self::Stop { .. } if run.is_cancelled() => Err(Pointless::Twice),
            Self::Pause { .. } if over => Err(Pointless::Over),
            Self::Pause { .. } if run.paused().is_some() => Err(Pointless::Twice),
            Self::Resume if run.paused().is_none() && run.parked().is_none() => Err(Pointless::GoesOn),
            Self::Retry => fits_retry(run),
            Self::Decide { .. } | Self::Tell { .. } | Self::Event { .. } if over => Err(Pointless::Over),
            Self::Decide { step, .. } => has_room(run, run.asking(step.as_ref()), Pointless::NotAsked),
            Self::Tell { step, .. } => has_room(run, run.working(step.as_ref()), Pointless::NotAtWork),
            Self::Event { step, event } => fits_event(run, step, event),
            _ => Ok(()),
        }
    }
}

/// Whether a step is there to be told something, and has not been told too much already.
fn has_room(run: &Run, step: Option<&StepPath>, nobody: Pointless) -> Result<(), Pointless> {
    let heard = match step.and_then(|path| run.step(path)) {
        Some(
            StepState::Running(attempt)
            | StepState::Waiting { attempt, .. }
            | StepState::Standing { attempt, .. },
        ) => attempt.heard.len(),
        _ => return Err(nobody),
    };
    if heard < HEARD { Ok(()) } else { Err(Pointless::Enough) }
}

/// Whether a step waits for this very event: one that is told already waits for no second one.
fn fits_event(run: &Run, path: &StepPath, event: &Event) -> Result<(), Pointless> {
    let Some(StepState::Standing { attempt, wait }) = run.step(path) else { return Err(Pointless::NotMeant) };
    let Some(Awaited::Event { kinds }) = &wait.awaited else { return Err(Pointless::NotMeant) };
    let Some(StepKind::Wait(Some(awaited))) = place::find(run, path).map(|step| &step.kind) else {
        return Err(Pointless::NotMeant);
    };
    let kind_fits = kinds.iter().any(|kind| kind.matches(&event.kind));
    let holds = || match &awaited.condition {
        None => true,
        Some(condition) => {
            let received = serde_json::to_value(event).unwrap_or_default();
            let mut scope = Scope::of(run, place::frames(run, path));
            scope.add("received", received);
            // What cannot be told of this event may be told of the next one.
            scope.test(condition).unwrap_or(false)
        }
    };
    if attempt.heard.is_empty() && kind_fits && holds() { Ok(()) } else { Err(Pointless::NotMeant) }
}

fn fits_retry(run: &Run) -> Result<(), Pointless> {
    let Some(conclusion) = run.conclusion() else { return Err(Pointless::NotFailed) };
    if conclusion.rollback {
        return Err(Pointless::TakenBack);
    }
    let is_over = run.ended() || run.parked().is_some();
    match conclusion.ending {
        Ending::Failed | Ending::Cancelled if is_over => Ok(()),
        _ => Err(Pointless::NotFailed),
    }
}
