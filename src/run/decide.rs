//! What is to be done next.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::record::Record;
use crate::id::StepPath;
use crate::spec::workflow::AnswerField;

/// Something for the engine to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Journal this fact and ask again: nothing has to be performed for it.
    Record(Record),
    /// Journal the start of an attempt, then perform it.
    Perform {
        /// The record of the start.
        record: Record,
        /// What to perform.
        job: Job,
    },
    /// Look again at this moment.
    Wake(Timestamp),
}

/// One attempt at a step, ready to be performed: nothing in it is left to evaluate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// The step.
    pub step: StepPath,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// What to do.
    pub kind: JobKind,
    /// What the step is for, for prompts.
    pub description: String,
    /// What it is given.
    pub inputs: Map<String, Value>,
    /// Seconds that it may take.
    pub timeout: Option<u64>,
}

/// What a job does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// The run's first act (`@start`): may this person, which task, which pull request.
    Start,
    /// An action of a capability.
    Action {
        /// The capability.
        capability: String,
        /// The action.
        action: String,
    },
    /// A role works on the code, or answers.
    Agent {
        /// The role.
        role: String,
        /// The prompt's path, or none for the generic one.
        prompt: Option<String>,
        /// The fields that its answer must have.
        needs: Vec<AnswerField>,
    },
    /// Something Ostler does itself.
    System {
        /// Which.
        action: String,
    },
}
