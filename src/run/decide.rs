//! What is to be done next.
//!
//! [`decide`] walks the workflow from the top and stops at the first step that is not settled: what is said
//! there is either a fact to record (then it wants to be asked again), attempts to perform, or a moment to
//! wait for. It remembers nothing between calls; what it needs to know is in the [`Run`].

mod walk;

use jiff::{RoundMode, SignedDurationRound, Timestamp, Unit};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use self::walk::Walk;
use super::hearing::{Awaited, Decision};
use super::record::{Ending, Record, Wait};
use super::state::{Run, StepState};
use super::{place, undo};
use crate::id::StepPath;
use crate::spec::workflow::{AnswerField, Shell};
use crate::spec::{Step, StepKind, Who};

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
    /// What an action did is taken back (`@undo/…`). The job's inputs are what is known of the step: `step`, its
    /// path; `inputs` and `outputs`, what it was given and gave; `facts`, what it remembered.
    Undo {
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
    /// A person is asked, or what one decided is looked at.
    Approval(Box<Asking>),
    /// A script runs on the run's files; its variables are the job's inputs.
    Shell(Box<Shell>),
    /// Something Ostler does itself.
    System {
        /// Which.
        action: String,
    },
}

/// What is asked of people, or what one of them decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Asking {
    /// Who may decide; without it whoever may start runs here.
    pub who: Option<Who>,
    /// Whether a no is no failure.
    pub continue_on_reject: bool,
    /// What was decided; nothing as long as it is to be asked.
    pub decision: Option<Decision>,
}

/// How long an approval stands that was asked for, and where the decision is listened for.
#[must_use]
pub fn approval_wait(run: &Run, path: &StepPath, places: Vec<String>) -> Wait {
    let step = place::find(run, path);
    let attempt = match run.step(path) {
        Some(StepState::Running(attempt)) => Some(attempt),
        _ => None,
    };
    let until = step.zip(attempt).and_then(|(step, attempt)| place::deadline(step, attempt));
    Wait { until, awaited: Some(Awaited::Decision), places }
}

/// What is to be done next with a run.
///
/// Either one [`Effect::Record`], after which this is to be asked again, or any number of attempts
/// to perform and moments to wake at. Nothing at all means that attempts are under way, or that the
/// run has ended or is parked.
#[must_use]
pub fn decide(run: &Run, now: Timestamp) -> Vec<Effect> {
    if run.started().is_none() || run.ended() || run.parked().is_some() {
        return Vec::new();
    }
    if let Some(reason) = run.cancelled() {
        return cancel(run, reason);
    }
    if run.paused().is_some() {
        return Vec::new();
    }
    let mut walk = Walk::new(run, now);
    match run.conclusion() {
        None => walk.main(),
        Some(conclusion) => walk.post(conclusion),
    }
}

/// A run that is to stop concludes once nothing is under way any more.
fn cancel(run: &Run, reason: &str) -> Vec<Effect> {
    if run.under_way().next().is_some() {
        return Vec::new();
    }
    let (reason, results) = (Some(reason.to_owned()), Map::new());
    vec![Effect::Record(Record::Concluded { ending: Ending::Cancelled, reason, results, rollback: false })]
}

/// The attempts that were under way when the run was last seen, to be performed again as they were.
#[must_use]
pub fn resume(run: &Run, now: Timestamp) -> Vec<Job> {
    let again = run.under_way();
    again.filter_map(|(path, attempt)| job(run, path, attempt.number, &attempt.inputs, now)).collect()
}

/// The attempt as the engine performs it; nothing for a step that only holds others.
fn job(run: &Run, path: &StepPath, attempt: u32, inputs: &Value, now: Timestamp) -> Option<Job> {
    let step = place::find(run, path);
    let kind = match step.map(|step| &step.kind) {
        None => undo::job(run, path).unwrap_or(JobKind::Start),
        Some(StepKind::Action { capability, action }) => {
            JobKind::Action { capability: capability.clone(), action: action.clone() }
        }
        Some(StepKind::Ai { role, prompt, needs } | StepKind::Agent { role, prompt, needs }) => {
            JobKind::Agent { role: role.clone(), prompt: prompt.clone(), needs: needs.clone() }
        }
        Some(StepKind::System { action }) => JobKind::System { action: action.clone() },
        Some(StepKind::Shell(shell)) => JobKind::Shell(shell.clone()),
        Some(StepKind::Approval(approval)) => JobKind::Approval(Box::new(Asking {
            who: approval.who.clone(),
            continue_on_reject: approval.continue_on_reject,
            decision: hearing(run, path),
        })),
        Some(_) => return None,
    };
    let inputs = match &kind {
        JobKind::Undo { .. } => undo::known(run, path)?,
        _ => inputs.clone(),
    };
    Some(Job {
        step: path.clone(),
        attempt,
        kind,
        description: step.map(|step| step.description.clone()).unwrap_or_default(),
        inputs: inputs.as_object().cloned().unwrap_or_default(),
        timeout: allowed(run, path, step, now),
    })
}

/// What a step that asks has turned to.
fn hearing(run: &Run, path: &StepPath) -> Option<Decision> {
    match run.step(path) {
        Some(StepState::Running(attempt) | StepState::Waiting { attempt, .. }) => attempt.hearing.clone(),
        _ => None,
    }
}

/// The seconds that an attempt may take: the step's own, and no more than the run, and each step that holds it, has
/// left.
fn allowed(run: &Run, path: &StepPath, step: Option<&Step>, now: Timestamp) -> Option<u64> {
    let own = step.and_then(|step| step.timeout);
    if run.conclusion().is_some() {
        return own;
    }
    let ends = place::deadlines(run, path).chain(run.deadline());
    own.into_iter().chain(ends.map(|deadline| whole_seconds(deadline, now))).min()
}

fn whole_seconds(deadline: Timestamp, now: Timestamp) -> u64 {
    let left = deadline.duration_since(now);
    let up = SignedDurationRound::new().smallest(Unit::Second).mode(RoundMode::Ceil);
    u64::try_from(left.round(up).unwrap_or(left).as_secs()).unwrap_or(0)
}
