//! A workflow as it is run: names resolved, shapes checked, expressions still to be evaluated.
//!
//! This is also the form that a run freezes, so every field here is part of what is stored.

mod asking;
mod called;
pub(super) mod keys;
mod kinds;
mod makers;
mod needs;
mod read;
mod shell;
mod steps;
mod values;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::event::KindPattern;
use crate::spec::Who;

pub(super) use self::called::{Signatures, called_first, signature};
pub(super) use self::kinds::{TYPES, Type};
pub(super) use self::read::{World, read};

/// A workflow's checked definition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Workflow {
    /// Its file's stem: what triggers and commands call it.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// Its author's version.
    #[serde(default)]
    pub version: String,
    /// Lazy definitions, in the order written; each is evaluated at its first use and then stands.
    #[serde(default)]
    pub variables: Map<String, Value>,
    /// What it takes from its trigger.
    #[serde(default)]
    pub inputs: Vec<Input>,
    /// What must hold before the first step.
    #[serde(default)]
    pub prerequisites: Vec<Check>,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// What must hold after the last step.
    #[serde(default)]
    pub success_criteria: Vec<Check>,
    /// What is done once the outcome is known.
    #[serde(default)]
    pub post_execution: PostExecution,
    /// Seconds that the whole run may take.
    #[serde(default)]
    pub timeout: Option<u64>,
    /// What it gives to whoever had it run; evaluated when all steps are done.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub results: Map<String, Value>,
}

/// The system actions that say or keep something and reach nobody but who asked.
const QUIET: &[&str] = &["log", "log_success", "metric", "set", "reply"];

impl Workflow {
    /// Whether every step of it only says or keeps something: such a workflow can be run for people
    /// who may start nothing else.
    #[must_use]
    pub fn costs_nothing(&self) -> bool {
        let after = &self.post_execution;
        let lists = [&self.steps, &after.always, &after.on_success, &after.on_failure];
        lists.into_iter().flatten().all(Step::costs_nothing)
    }
}

impl Step {
    /// The lists of steps that are written within it: those of its kind, and those that take it back.
    #[must_use]
    pub fn lists(&self) -> Vec<&[Self]> {
        let mut lists = self.kind.inside();
        lists.extend(self.undo.as_deref());
        lists
    }

    fn costs_nothing(&self) -> bool {
        let is_quiet = match &self.kind {
            StepKind::System { action } => QUIET.contains(&action.as_str()),
            StepKind::Condition { .. }
            | StepKind::Parallel { .. }
            | StepKind::Loop(_)
            | StepKind::Wait(_) => true,
            StepKind::Action { .. }
            | StepKind::Ai { .. }
            | StepKind::Agent { .. }
            | StepKind::Approval(_)
            | StepKind::Shell(_)
            | StepKind::Workflow { .. } => false,
        };
        is_quiet && self.lists().into_iter().flatten().all(Self::costs_nothing)
    }
}

/// An input that a trigger or a person gives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// Its name.
    pub name: String,
    /// What values it takes.
    pub kind: super::Kind,
    /// Whether it must be given.
    pub required: bool,
    /// What it is otherwise.
    #[serde(default)]
    pub default: Option<Value>,
    /// What it is for.
    #[serde(default)]
    pub description: String,
}

/// A condition with the sentence that people read when it does not hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// An expression (`${…}`).
    pub condition: String,
    /// What to say.
    #[serde(default)]
    pub message: String,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Its name, unique among its siblings.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// An expression; the step is skipped where it is false.
    #[serde(default)]
    pub condition: Option<String>,
    /// What it does.
    pub kind: StepKind,
    /// What it is given; values may hold expressions.
    #[serde(default)]
    pub inputs: Map<String, Value>,
    /// Where its results go: result field → run-global path, which may have dots.
    #[serde(default)]
    pub outputs: Vec<(String, String)>,
    /// What a failure means.
    #[serde(default)]
    pub on_error: OnError,
    /// Seconds that one attempt may take.
    #[serde(default)]
    pub timeout: Option<u64>,
    /// How what it did is taken back, in place of the way that its action declares; an empty list leaves it as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<Vec<Self>>,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// `plugin_action`: an action of a capability.
    Action {
        /// `task_management`, `version_control`, ….
        capability: String,
        /// `create_branch`, ….
        action: String,
    },
    /// `ai_action`: a role works with a prompt; its answer has the fields that `needs` lists.
    Ai {
        /// The role: `development` unless given.
        role: String,
        /// The prompt's path from the project root, or none for the generic one.
        prompt: Option<String>,
        /// The fields that its answer must have: those of `outputs` and those that later steps use, as
        /// (result field, field within it).
        needs: Vec<AnswerField>,
    },
    /// `agent`: the same role and prompt, as the step that changes the code.
    Agent {
        /// The role.
        role: String,
        /// The prompt's path from the project root, or none for the generic one.
        prompt: Option<String>,
        /// The fields that its answer must have.
        needs: Vec<AnswerField>,
    },
    /// `condition`: one of two lists of steps.
    Condition {
        /// The expression that decides.
        test: String,
        /// The steps where it holds.
        then: Vec<Step>,
        /// The steps where it does not.
        otherwise: Vec<Step>,
    },
    /// `parallel`: all at once.
    Parallel {
        /// The steps.
        steps: Vec<Step>,
    },
    /// `loop`: the same steps for each item of a list.
    Loop(Box<Loop>),
    /// `workflow`: the steps of another workflow, which see the step's inputs and none of the names around them.
    Workflow {
        /// The workflow's id.
        workflow: String,
    },
    /// `wait`: nothing, until a moment (`for` a span of time or `until` a date, which are among the inputs), or until
    /// an event.
    Wait(Option<Box<EventWait>>),
    /// `approval`: a person is asked, with the `message` that is among the inputs, and decides.
    Approval(Box<Approval>),
    /// `shell`: a script runs in the sandbox on the run's files; its variables are among the inputs.
    Shell(Box<Shell>),
    /// `system`: something Ostler does itself: `log`, `metric`, `emit`, `set`, `reply`, and the built-in
    /// `cleanup`, `log_success`, `send_alert`.
    System {
        /// Which.
        action: String,
    },
}

impl StepKind {
    /// The kind's name in YAML: a run remembers it, and a replay compares it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Action { .. } => "plugin_action",
            Self::Ai { .. } => "ai_action",
            Self::Agent { .. } => "agent",
            Self::Condition { .. } => "condition",
            Self::Parallel { .. } => "parallel",
            Self::Loop(_) => "loop",
            Self::Workflow { .. } => "workflow",
            Self::Wait(_) => "wait",
            Self::Approval(_) => "approval",
            Self::Shell(_) => "shell",
            Self::System { .. } => "system",
        }
    }

    /// The lists of steps within it. Those of a sub-workflow are not: they belong to that workflow.
    #[must_use]
    pub fn inside(&self) -> Vec<&[Step]> {
        match self {
            Self::Condition { then, otherwise, .. } => vec![then, otherwise],
            Self::Parallel { steps } => vec![steps],
            Self::Loop(each) => vec![&each.steps],
            _ => Vec::new(),
        }
    }

    /// The same lists, to be changed.
    fn inside_mut(&mut self) -> Vec<&mut [Step]> {
        match self {
            Self::Condition { then, otherwise, .. } => vec![then, otherwise],
            Self::Parallel { steps } => vec![steps],
            Self::Loop(each) => vec![&mut each.steps],
            _ => Vec::new(),
        }
    }
}

/// What a `loop` goes over, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Loop {
    /// The list, or an expression that gives one.
    pub over: Value,
    /// What an item is called in the steps; its number, from 0, is `index`.
    pub item: String,
    /// How many items are in hand at once.
    pub concurrency: u32,
    /// What each item gives to the loop's `results`; without it, what its steps put somewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collect: Option<Value>,
    /// The steps. What they put somewhere is known to the steps of the same item only.
    pub steps: Vec<Step>,
}

/// Which event a `wait` step waits for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventWait {
    /// The kinds of event.
    pub kinds: Vec<KindPattern>,
    /// What must hold of it; it is called `received` there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// What it means that none came in the step's time.
    #[serde(default)]
    pub on_timeout: OnTimeout,
}

/// How a person is asked.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Approval {
    /// Who may decide; without it whoever may start runs here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<Who>,
    /// What it means that nobody decided in the step's time.
    #[serde(default)]
    pub on_timeout: OnTimeout,
    /// Whether the run goes on after a no, which the step then only gives.
    #[serde(default)]
    pub continue_on_reject: bool,
}

/// A script and what is allowed to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shell {
    /// What `sh` is given, as it stands: nothing in it is evaluated.
    pub run: String,
    /// Whether it has the host's network, where the configuration lets it.
    #[serde(default)]
    pub network: bool,
    /// Whether an exit code other than 0 is no failure.
    #[serde(default)]
    pub allow_failure: bool,
}

/// What it means that nothing came in a step's time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnTimeout {
    /// The step has failed.
    #[default]
    Fail,
    /// The step is done, and says that its time was up.
    Continue,
    /// It counts as a yes; only for an `approval`.
    Approve,
}

/// A field that an AI step's answer must have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AnswerField {
    /// The answer's own field (`implementation`).
    pub field: String,
    /// The fields that later steps use of it (`pr_description`, `documentation`).
    #[serde(default)]
    pub members: Vec<String>,
}

/// What a step's failure means for the run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnError {
    /// The run fails.
    #[default]
    Fail,
    /// The step is tried again so many times, then the run fails.
    Retry(u32),
    /// The run goes on as if the step had been skipped.
    Continue,
    /// The finished steps are undone in reverse order, and the run fails.
    Rollback,
}

/// Steps for after the outcome is known.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PostExecution {
    /// Whatever the outcome.
    #[serde(default)]
    pub always: Vec<Step>,
    /// After success.
    #[serde(default)]
    pub on_success: Vec<Step>,
    /// After failure.
    #[serde(default)]
    pub on_failure: Vec<Step>,
}

#[cfg(test)]
mod tests;
