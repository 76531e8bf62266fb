//! What a run would do: decided as it will be decided, with nothing performed.
//!
//! [`decide`](super::decide::decide) is asked as for any other run, and each step that would be performed gives values
//! that are [not known](crate::spec::expr::unknown). What depends on them is open: both branches are gone into, and a
//! loop over something that is not known is gone into once.

mod planner;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use self::planner::Planner;
use super::definition::Definition;
use super::illegal::Illegal;
use super::record::{Ending, Entry};
use crate::event::SourceName;
use crate::id::{RunId, StepPath};
use crate::spec::{Repeat, Undo};

/// What a run would do.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The workflow.
    pub workflow: String,
    /// The trigger that wants it.
    pub trigger: String,
    /// What the workflow is given.
    pub inputs: Map<String, Value>,
    /// The steps, in the order in which they would begin.
    pub steps: Vec<Planned>,
    /// How it would end if every step succeeds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ending: Option<Ending>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What it would give.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub results: Map<String, Value>,
    /// What is taken to hold, of the prerequisites and the success criteria: it cannot be judged before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assumed: Vec<String>,
    /// Whether there is more than is shown.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
}

/// What would become of a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Planned {
    /// The step.
    pub step: StepPath,
    /// What it would do.
    #[serde(flatten)]
    pub does: Does,
    /// What it would be given.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub inputs: Value,
    /// The steps by which its author has it taken back, in the place of how that is done otherwise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undone_by: Vec<String>,
    /// Why it is not known whether it is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open: Option<String>,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "does", rename_all = "snake_case")]
pub enum Does {
    /// The run's first act: whether the person may is asked, and what the run is about is read.
    Begin,
    /// Something outside is read.
    Read {
        /// The capability's action.
        action: String,
        /// Who serves it.
        provider: Option<SourceName>,
    },
    /// Something outside is changed.
    Act {
        /// The capability's action.
        action: String,
        /// Who serves it.
        provider: Option<SourceName>,
        /// How it may be repeated.
        effect: Repeat,
        /// How it is taken back.
        undo: Undo,
        /// Whether it pushes what agents left, if it is the first to do so.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        publishes: bool,
    },
    /// Something is said where the run was asked for, or where its team talks.
    Say {
        /// Ostler's own action.
        action: String,
    },
    /// An agent works, or answers.
    Agent {
        /// Its role.
        role: String,
        /// Its prompt.
        prompt: Option<String>,
    },
    /// A person is asked.
    Ask {
        /// Who may decide.
        who: String,
    },
    /// A script runs on the run's files.
    Run {
        /// The script.
        script: String,
        /// Whether it asks for the network.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        network: bool,
    },
    /// Ostler does something that reaches nobody.
    Within {
        /// Ostler's own action.
        action: String,
    },
    /// Nothing, until something happens.
    Wait,
    /// One of two branches is gone into.
    Choose {
        /// The test.
        test: String,
        /// Whether it holds; nothing where that is open.
        taken: Option<bool>,
    },
    /// Steps at once.
    Together,
    /// Steps for each item of a list.
    Each,
    /// Another workflow's steps.
    Call {
        /// The workflow.
        workflow: String,
    },
    /// It is passed over.
    Skip {
        /// Why.
        reason: String,
    },
    /// It cannot begin.
    Fail {
        /// Why.
        reason: String,
    },
}

/// The plan of a run that begins so.
///
/// # Errors
/// When a run cannot begin so.
pub fn plan(id: RunId, definition: Arc<Definition>, first: &Entry) -> Result<Plan, Illegal> {
    let mut planner = Planner::begin(id, definition, first)?;
    planner.go_on(None)?;
    Ok(planner.into_plan())
}
