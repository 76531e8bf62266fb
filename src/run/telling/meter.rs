//! How far a run has come, by its steps.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::id::StepPath;
use crate::money::Money;
use crate::run::definition::Definition;
use crate::run::record::{Entry, Next, Record};
use crate::run::signal::Signal;

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stand {
    /// Of the steps at the top of its workflow and the first act, how many in a hundred are over. What stands inside a
    /// step counts with it.
    pub percent: u8,
    /// What the run has cost so far.
    pub cost: Money,
}

/// Counts a run's steps as they are settled.
#[derive(Debug, Clone)]
pub struct Meter {
    total: usize,
    settled: BTreeSet<StepPath>,
    cost: Money,
    concluded: bool,
    ended: bool,
}

impl Meter {
    /// A meter for runs of a definition, at their beginning.
    #[must_use]
    pub fn of(definition: &Definition) -> Self {
        Self {
            total: definition.workflow.steps.len() + 1,
            settled: BTreeSet::new(),
            cost: Money::ZERO,
            concluded: false,
            ended: false,
        }
    }

    /// Takes in the next record, and says how far the run has come with it.
    pub fn take(&mut self, entry: &Entry) -> Stand {
        self.ended = false;
        match &entry.record {
            Record::StepStarted { step, .. } => {
                self.settled.remove(step);
            }
            Record::StepSucceeded { step, cost, .. } => self.settle(step, *cost),
            Record::StepSkipped { step, .. } => self.settle(step, Money::ZERO),
            Record::StepFailed { step, next, cost, .. } => {
                self.cost = self.cost + *cost;
                if !matches!(next, Next::Retry { .. }) {
                    self.settle(step, Money::ZERO);
                }
            }
            Record::Concluded { .. } => self.concluded = true,
            Record::Signalled { signal: Signal::Retry, .. } => self.concluded = false,
            Record::Ended => self.ended = true,
            _ => {}
        }
        self.stand()
    }

    /// Whether nothing is left to do in the run.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    fn settle(&mut self, step: &StepPath, cost: Money) {
        self.cost = self.cost + cost;
        if !step.as_str().contains('/') {
            self.settled.insert(step.clone());
        }
    }

    fn stand(&self) -> Stand {
        let share = self.settled.len() * 100 / self.total.max(1);
        // Until it has concluded something may still go wrong.
        let most = if self.concluded { 100 } else { 99 };
        let percent = u8::try_from(share).unwrap_or(100).min(most);
        Stand { percent: if self.ended { 100 } else { percent }, cost: self.cost }
    }
}
