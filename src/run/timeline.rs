//! A journal as people read it: each step with its state, attempts, times and cost.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::error::StepError;
use super::record::{Entry, Next, Record, Work};
use super::signal::Signal;
use super::undo::Account;
use crate::id::StepPath;
use crate::money::Money;

/// What a run has done, step by step, in the order in which the steps began.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Timeline {
    /// The steps that began or were passed over.
    pub steps: Vec<StepLine>,
    /// What the run has made.
    pub work: Work,
    /// What it has cost.
    pub cost: Money,
    /// What was taken back after it failed, and what had to be left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_back: Option<Account>,
    /// What its workflow gave, once it has concluded.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub results: Map<String, Value>,
}

/// One step of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepLine {
    /// Where it stands in the workflow.
    pub step: StepPath,
    /// The kind of step, once it has begun.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// What it does.
    pub state: StepPhase,
    /// The newest attempt's number.
    pub attempt: u32,
    /// When the first attempt began, or the step was passed over.
    pub began_at: Timestamp,
    /// When it was settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled_at: Option<Timestamp>,
    /// What all its attempts cost.
    pub cost: Money,
    /// Why the newest attempt failed, or why the step was passed over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Its result.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub outputs: Value,
}

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepPhase {
    /// An attempt is being made.
    Running,
    /// It waits, or its next attempt does.
    Waiting,
    /// It succeeded.
    Succeeded,
    /// It failed.
    Failed,
    /// It was passed over.
    Skipped,
}

impl Timeline {
    /// The timeline of a journal.
    #[must_use]
    pub fn of(entries: &[Entry]) -> Self {
        let mut timeline = Self::default();
        for entry in entries {
            timeline.add(entry);
        }
        timeline
    }

    /// Takes in the next entry.
    pub fn add(&mut self, entry: &Entry) {
        match &entry.record {
            Record::StepStarted { step, kind, attempt, .. } => {
                let line = self.line(step, entry.at);
                kind.clone_into(&mut line.kind);
                line.attempt = *attempt;
                line.state = StepPhase::Running;
            }
            Record::StepSucceeded { step, outputs, work, cost, .. } => {
                self.work.merge(work);
                let line = self.settle(step, entry.at, *cost, StepPhase::Succeeded);
                line.outputs = outputs.clone();
                line.reason = None;
            }
            Record::StepFailed { step, error, next, cost, .. } => {
                let state =
                    if matches!(next, Next::Retry { .. }) { StepPhase::Waiting } else { StepPhase::Failed };
                self.settle(step, entry.at, *cost, state).reason = Some(StepError::to_string(error));
            }
            Record::TakenBack { account } => self.taken_back = Some(account.clone()),
            Record::StepHeard { step, .. } => self.line(step, entry.at).state = StepPhase::Running,
            Record::StepWaits { step, wait, .. } => {
                let line = self.line(step, entry.at);
                line.state = StepPhase::Waiting;
                line.reason = Some(wait.to_string());
            }
            Record::StepSkipped { step, reason, .. } => {
                self.settle(step, entry.at, Money::ZERO, StepPhase::Skipped).reason = Some(reason.clone());
            }
            Record::Concluded { results, .. } => self.results.clone_from(results),
            // It has not concluded any more, and what it gave is not what it will give.
            Record::Signalled { signal: Signal::Retry, .. } => self.results.clear(),
            _ => {}
        }
    }

    fn line(&mut self, step: &StepPath, at: Timestamp) -> &mut StepLine {
        let place = self.steps.iter().position(|line| line.step == *step).unwrap_or_else(|| {
            self.steps.push(StepLine::new(step.clone(), at));
            self.steps.len() - 1
        });
        &mut self.steps[place]
    }

    fn settle(&mut self, step: &StepPath, at: Timestamp, cost: Money, state: StepPhase) -> &mut StepLine {
        self.cost = self.cost + cost;
        let line = self.line(step, at);
        line.cost = line.cost + cost;
        line.state = state;
        line.settled_at = Some(at);
        line
    }
}

impl StepLine {
    fn new(step: StepPath, began_at: Timestamp) -> Self {
        Self {
            step,
            kind: String::new(),
            state: StepPhase::Running,
            attempt: 0,
            began_at,
            settled_at: None,
            cost: Money::ZERO,
            reason: None,
            outputs: Value::Null,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Ending;

    fn entry(seq: u64, record: Record) -> Entry {
        Entry { seq, at: Timestamp::from_second(i64::try_from(seq).unwrap()).unwrap(), record }
    }

    #[test]
    fn results_stand_from_the_conclusion_until_the_run_is_taken_up_again() {
        let results = Map::from_iter([("url".to_owned(), Value::from("https://acme.example/1"))]);
        let concluded = Record::Concluded {
            ending: Ending::Failed,
            reason: None,
            results: results.clone(),
            rollback: false,
        };
        let retried = Record::Signalled { by: None, signal: Signal::Retry };
        let entries = [entry(0, concluded), entry(1, Record::Ended), entry(2, retried)];

        assert_eq!(Timeline::of(&entries[..2]).results, results);
        assert_eq!(Timeline::of(&entries).results, Map::new());
    }

    #[test]
    fn attempts_of_a_step_are_one_line_and_their_costs_add_up() {
        let step = StepPath::root("write");
        let started = |attempt| Record::StepStarted {
            step: step.clone(),
            kind: "agent".to_owned(),
            attempt,
            inputs: Value::Null,
            variables: serde_json::Map::new(),
        };
        let failed = Record::StepFailed {
            step: step.clone(),
            attempt: 1,
            error: StepError::passing("unavailable", "down"),
            next: Next::Retry { at: Timestamp::UNIX_EPOCH },
            cost: Money::micros(2),
        };
        let succeeded = Record::StepSucceeded {
            step: step.clone(),
            attempt: 2,
            outputs: Value::from(1),
            work: Work { branch: Some("b".to_owned()), ..Work::default() },
            cost: Money::micros(3),
        };
        let entries = [entry(0, started(1)), entry(1, failed), entry(2, started(2)), entry(3, succeeded)];

        let halfway = Timeline::of(&entries[..2]);
        assert_eq!(halfway.steps[0].state, StepPhase::Waiting);
        assert_eq!(halfway.steps[0].reason.as_deref(), Some("down (unavailable)"));

        let whole = Timeline::of(&entries);
        assert_eq!(whole.steps.len(), 1);
        assert_eq!(whole.steps[0].state, StepPhase::Succeeded);
        assert_eq!((whole.steps[0].attempt, whole.cost), (2, Money::micros(5)));
        assert_eq!(whole.work.branch.as_deref(), Some("b"));
    }
}
