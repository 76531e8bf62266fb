//! What happens in a run, as whoever watches it is told. Programs rely on these shapes: `docs/live.md` has them.

mod log;
mod meter;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub(super) use self::log::short;
pub use self::meter::{Meter, Stand};
use super::record::{Ending, Entry, Next, Record, Work};
use super::undo::Line;
use crate::id::{EventId, RunId, StepPath};
use crate::money::Money;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Telling {
    /// Its place among everything that ever happened here: who has come so far asks for what is behind it.
    pub seq: u64,
    /// When it was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// The run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// What it was.
    #[serde(flatten)]
    pub what: What,
    /// How far the run has come, for whoever watches it alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<Stand>,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
#[expect(missing_docs, reason = "docs/live.md says of each field what it is; here they are only named")]
pub enum What {
    /// An event was taken in.
    #[serde(rename = "event.received")]
    EventReceived { event: EventId },
    /// A run began.
    #[serde(rename = "run.started")]
    RunStarted {
        workflow: String,
        trigger: String,
        subject: String,
        event: EventId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rerun_of: Option<RunId>,
    },
    /// Somebody said something to the run.
    #[serde(rename = "run.signalled")]
    RunSignalled {
        signal: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
    /// The outcome is known.
    #[serde(rename = "run.concluded")]
    RunConcluded {
        ending: Ending,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        results: Map<String, Value>,
    },
    /// What the run did was taken back, as far as it could be.
    #[serde(rename = "run.taken_back")]
    RunTakenBack { effects: Vec<Line> },
    /// Nothing is left to do.
    #[serde(rename = "run.ended")]
    RunEnded,
    /// A person is needed.
    #[serde(rename = "run.parked")]
    RunParked { reason: String },
    /// An attempt at a step began.
    #[serde(rename = "step.started")]
    StepStarted { step: StepPath, kind: String, attempt: u32 },
    /// A step remembers something: what an agent said or did, or an effect that is made.
    #[serde(rename = "step.log")]
    StepLog {
        step: StepPath,
        name: String,
        #[serde(default, skip_serializing_if = "String::is_empty")]
        message: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cost: Option<Money>,
    },
    /// A step succeeded.
    #[serde(rename = "step.succeeded")]
    StepSucceeded {
        step: StepPath,
        attempt: u32,
        cost: Money,
        #[serde(default, skip_serializing_if = "Work::is_empty")]
        work: Work,
    },
    /// An attempt failed; where there is another one, at that moment.
    #[serde(rename = "step.failed")]
    StepFailed {
        step: StepPath,
        attempt: u32,
        message: String,
        cost: Money,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        again_at: Option<Timestamp>,
    },
    /// A step was passed over.
    #[serde(rename = "step.skipped")]
    StepSkipped { step: StepPath, message: String },
    /// A branch was chosen.
    #[serde(rename = "step.chosen")]
    StepChosen { step: StepPath, taken: bool },
    /// A step stands still until something happens.
    #[serde(rename = "step.waits")]
    StepWaits { step: StepPath, message: String },
    /// A step that stood still turns to what it was told.
    #[serde(rename = "step.heard")]
    StepHeard { step: StepPath },
    /// Whoever reads was so slow that more had come than is told at once; it goes on with what is kept.
    #[serde(rename = "lagged")]
    Lagged,
}

impl Telling {
    /// What a record tells.
    #[must_use]
    pub fn of(seq: u64, run: RunId, entry: &Entry) -> Self {
        Self { seq, at: Some(entry.at), run: Some(run), what: What::of(&entry.record), progress: None }
    }

    /// That an event was taken in.
    #[must_use]
    pub fn of_event(seq: u64, event: EventId) -> Self {
        Self { seq, at: None, run: None, what: What::EventReceived { event }, progress: None }
    }

    /// That whoever reads from here on was slow.
    #[must_use]
    pub fn lagged(seq: u64, run: Option<RunId>) -> Self {
        Self { seq, at: None, run, what: What::Lagged, progress: None }
    }

    /// What programs tell it by: `step.started`.
    #[must_use]
    pub fn name(&self) -> String {
        let told = serde_json::to_value(&self.what).unwrap_or_default();
        told["type"].as_str().unwrap_or_default().to_owned()
    }
}

impl What {
    fn of(record: &Record) -> Self {
        match record {
            Record::Started(started) => Self::RunStarted {
                workflow: started.workflow.clone(),
                trigger: started.trigger.clone(),
                subject: started.event.subject.to_string(),
                event: started.event.id,
                rerun_of: started.rerun_of,
            },
            Record::Signalled { by, signal } => {
                Self::RunSignalled { signal: signal.name().to_owned(), by: by.clone() }
            }
            Record::Concluded { ending, reason, results, .. } => {
                Self::RunConcluded { ending: *ending, reason: reason.clone(), results: results.clone() }
            }
            Record::TakenBack { account } => Self::RunTakenBack { effects: account.effects.clone() },
            Record::Ended => Self::RunEnded,
            Record::Parked { reason } => Self::RunParked { reason: reason.clone() },
            Record::StepStarted { step, kind, attempt, .. } => {
                Self::StepStarted { step: step.clone(), kind: kind.clone(), attempt: *attempt }
            }
            Record::Fact { step, name, value } => {
                let (message, cost) = (log::message(value), log::cost(value));
                Self::StepLog { step: step.clone(), name: name.clone(), message, cost }
            }
            Record::StepSucceeded { step, attempt, work, cost, .. } => {
                Self::StepSucceeded { step: step.clone(), attempt: *attempt, cost: *cost, work: work.clone() }
            }
            Record::StepFailed { step, attempt, error, next, cost } => Self::StepFailed {
                step: step.clone(),
                attempt: *attempt,
                message: error.to_string(),
                cost: *cost,
                again_at: if let Next::Retry { at } = next { Some(*at) } else { None },
            },
            Record::StepSkipped { step, reason, .. } => {
                Self::StepSkipped { step: step.clone(), message: reason.clone() }
            }
            Record::BranchChosen { step, taken, .. } => {
                Self::StepChosen { step: step.clone(), taken: *taken }
            }
            Record::StepWaits { step, wait, .. } => {
                Self::StepWaits { step: step.clone(), message: wait.to_string() }
            }
            Record::StepHeard { step, .. } => Self::StepHeard { step: step.clone() },
        }
    }

    /// The step, and what there is to say of it to people.
    #[must_use]
    pub fn said(&self) -> (Option<&StepPath>, String) {
        match self {
            Self::EventReceived { event } => (None, event.to_string()),
            Self::RunStarted { workflow, trigger, subject, rerun_of, .. } => {
                let again = rerun_of.map(|of| format!(", again {of}")).unwrap_or_default();
                (None, format!("{workflow} by {trigger} for {subject}{again}"))
            }
            Self::RunSignalled { signal, by } => {
                (None, signal.clone() + &by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default())
            }
            Self::RunConcluded { ending, reason, .. } => {
                let reason = reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
                (None, format!("{ending}{reason}"))
            }
            Self::RunTakenBack { effects } => {
                (None, effects.iter().map(|line| line.effect.as_str()).collect::<Vec<_>>().join(", "))
            }
            Self::RunEnded | Self::Lagged => (None, String::new()),
            Self::RunParked { reason } => (None, reason.clone()),
            Self::StepStarted { step, kind, attempt } if *attempt > 1 => {
                (Some(step), format!("{kind}, attempt {attempt}"))
            }
            Self::StepStarted { step, kind, .. } => (Some(step), kind.clone()),
            Self::StepLog { step, name, message, .. } => (Some(step), format!("{name} {message}")),
            Self::StepSucceeded { step, cost, .. } if *cost == Money::ZERO => (Some(step), String::new()),
            Self::StepSucceeded { step, cost, .. } => (Some(step), cost.to_string()),
            Self::StepFailed { step, message, again_at: Some(at), .. } => {
                (Some(step), format!("{message}; again at {at:.0}"))
            }
            Self::StepFailed { step, message, .. }
            | Self::StepSkipped { step, message }
            | Self::StepWaits { step, message } => (Some(step), message.clone()),
            Self::StepChosen { step, taken } => (Some(step), taken.to_string()),
            Self::StepHeard { step } => (Some(step), String::new()),
        }
    }
}
