//! What is to be done next.
//!
//! [`decide`] walks the workflow from the top and stops at the first step that is not settled: what is said
//! there is either a fact to record (then it wants to be asked again), attempts to perform, or a moment to
//! wait for. It remembers nothing between calls; what it needs to know is in the [`Run`].

use jiff::{RoundMode, SignedDurationRound, Timestamp, Unit};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::error::StepError;
use super::record::{Ending, Next, Record};
use super::scope::Scope;
use super::state::{Conclusion, Run, StepState};
use super::{place, retry, undo};
use crate::id::StepPath;
use crate::spec::workflow::AnswerField;
use crate::spec::{Step, StepKind};

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

/// What is to be done next with a run.
///
/// Either one [`Effect::Record`], after which this is to be asked again, or any number of attempts to perform and
/// moments to wake at. Nothing at all means that attempts are under way, or that the run has ended or is parked.
#[must_use]
pub fn decide(run: &Run, now: Timestamp) -> Vec<Effect> {
    if run.started().is_none() || run.ended() || run.parked().is_some() {
        return Vec::new();
    }
    let mut walk = Walk { run, now, scope: Scope::of(run) };
    match run.conclusion() {
        None => walk.main(),
        Some(conclusion) => walk.post(conclusion),
    }
}

/// The attempts that were under way when the run was last seen, to be performed again as they were.
#[must_use]
pub fn resume(run: &Run, now: Timestamp) -> Vec<Job> {
    let again = run.under_way();
    again.filter_map(|(path, attempt)| job(run, path, attempt.number, &attempt.inputs, now)).collect()
}

/// A step's place in the walk.
enum Verdict {
    /// It is over, and the run goes on.
    Settled,
    /// It failed, and with it whatever holds it.
    Failed(StepError, Next),
    /// This is to be done, or waited for, first.
    Open(Vec<Effect>),
}

struct Walk<'a> {
    run: &'a Run,
    now: Timestamp,
    scope: Scope<'a>,
}

impl Walk<'_> {
    fn main(&mut self) -> Vec<Effect> {
        if let Some(deadline) = self.run.deadline().filter(|deadline| *deadline <= self.now) {
            return self.out_of_time(deadline);
        }
        let effects = match self.steps_to_conclusion() {
            Verdict::Open(effects) => effects,
            Verdict::Settled => vec![self.judge()],
            Verdict::Failed(error, next) => vec![self.conclude_failed(&error, &next)],
        };
        effects.into_iter().map(|effect| self.before_deadline(effect)).collect()
    }

    fn steps_to_conclusion(&mut self) -> Verdict {
        match self.first_act() {
            Verdict::Settled => {}
            verdict => return verdict,
        }
        // Once a step was touched the prerequisites have been judged: what they ask for may change after that.
        if self.run.steps().count() == 1
            && let Some(error) = self.missing_prerequisite()
        {
            return Verdict::Failed(error, Next::Fail);
        }
        let workflow = &self.run.definition().workflow;
        self.sequence(None, &workflow.steps)
    }

    fn first_act(&mut self) -> Verdict {
        let path = place::start();
        match self.run.step(&path) {
            None => self.perform(&path, 1, Value::Object(Map::new())),
            Some(state) => self.touched(&path, state),
        }
    }

    fn missing_prerequisite(&mut self) -> Option<StepError> {
        let checks = &self.run.definition().workflow.prerequisites;
        checks.iter().find_map(|check| {
            let message = said(&check.message, &check.condition);
            match self.scope.test(&check.condition) {
                Ok(true) => None,
                Ok(false) => Some(StepError::fatal("prerequisite", message)),
                Err(error) => Some(StepError::fatal("prerequisite", format!("{message}: {error}"))),
            }
        })
    }

    fn sequence(&mut self, within: Option<&StepPath>, steps: &[Step]) -> Verdict {
        for step in steps {
            match self.step(&inside(within, step), step) {
                Verdict::Settled => {}
                verdict => return verdict,
            }
        }
        Verdict::Settled
    }

    fn step(&mut self, path: &StepPath, step: &Step) -> Verdict {
        match (self.run.step(path), &step.kind) {
            (None, _) => self.enter(path, step),
            (Some(StepState::Running(_)), StepKind::Parallel { steps }) => {
                let inside = self.all_at_once(path, steps);
                self.close(path, step, inside)
            }
            (Some(StepState::Running(attempt)), StepKind::Condition { then, otherwise, .. }) => {
                let steps = if attempt.taken == Some(true) { then } else { otherwise };
                let inside = self.sequence(Some(path), steps);
                self.close(path, step, inside)
            }
            (Some(state), _) => self.touched(path, state),
        }
    }

    /// A step that does something itself, or is over.
    fn touched(&mut self, path: &StepPath, state: &StepState) -> Verdict {
        match state {
            StepState::Running(_) => Verdict::Open(Vec::new()),
            StepState::Waiting { attempt, at } if *at <= self.now => {
                self.perform(path, attempt.number + 1, attempt.inputs.clone())
            }
            StepState::Waiting { at, .. } => Verdict::Open(vec![Effect::Wake(*at)]),
            StepState::Done | StepState::Skipped | StepState::Failed { next: Next::Continue, .. } => {
                Verdict::Settled
            }
            StepState::Failed { error, next } => {
                let message = told(path, error);
                Verdict::Failed(StepError { message, ..error.clone() }, next.clone())
            }
        }
    }

    fn enter(&mut self, path: &StepPath, step: &Step) -> Verdict {
        let entered = self.try_enter(path, step);
        entered.unwrap_or_else(|error| {
            let error = StepError::fatal(StepError::EXPRESSION, error.to_string());
            let next = retry::given_up(step.on_error);
            record(Record::StepFailed {
                step: path.clone(),
                attempt: 1,
                error,
                next,
                cost: Default::default(),
            })
        })
    }

    fn try_enter(&mut self, path: &StepPath, step: &Step) -> Result<Verdict, crate::spec::expr::ExprError> {
        if let Some(condition) = &step.condition
            && !self.scope.test(condition)?
        {
            let reason = format!("its condition does not hold: {condition}");
            let variables = self.scope.take_fresh();
            return Ok(record(Record::StepSkipped { step: path.clone(), reason, variables }));
        }
        match &step.kind {
            StepKind::Condition { test, .. } => {
                let taken = self.scope.test(test)?;
                let variables = self.scope.take_fresh();
                Ok(record(Record::BranchChosen { step: path.clone(), taken, variables }))
            }
            StepKind::Parallel { .. } => {
                let inputs = Value::Object(Map::new());
                Ok(record(self.started(path, step.kind.name(), 1, inputs)))
            }
            _ => {
                let inputs = self.scope.render(&Value::Object(step.inputs.clone()))?;
                Ok(self.perform(path, 1, inputs))
            }
        }
    }

    fn perform(&mut self, path: &StepPath, attempt: u32, inputs: Value) -> Verdict {
        let Some(job) = job(self.run, path, attempt, &inputs, self.now) else {
            return Verdict::Open(Vec::new());
        };
        let kind = place::find(self.run, path).map_or("start", |step| step.kind.name());
        let record = self.started(path, kind, attempt, inputs);
        Verdict::Open(vec![Effect::Perform { record, job }])
    }

    fn started(&mut self, path: &StepPath, kind: &str, attempt: u32, inputs: Value) -> Record {
        let variables = self.scope.take_fresh();
        Record::StepStarted { step: path.clone(), kind: kind.to_owned(), attempt, inputs, variables }
    }

    /// The steps of a `parallel` step: it is open while one of them is, and failed if one of them is.
    fn all_at_once(&mut self, within: &StepPath, steps: &[Step]) -> Verdict {
        let (mut open, mut failed) = (None::<Vec<Effect>>, None);
        for step in steps {
            match self.step(&inside(Some(within), step), step) {
                Verdict::Settled => {}
                Verdict::Failed(error, next) => failed = failed.or(Some((error, next))),
                Verdict::Open(effects)
                    if effects.iter().any(|effect| matches!(effect, Effect::Record(_))) =>
                {
                    return Verdict::Open(effects);
                }
                Verdict::Open(effects) => open.get_or_insert_default().extend(effects),
            }
        }
        match (open, failed) {
            (Some(effects), _) => Verdict::Open(effects),
            (None, Some((error, next))) => Verdict::Failed(error, next),
            (None, None) => Verdict::Settled,
        }
    }

    /// Records how a step that holds others came out, once they have.
    fn close(&mut self, path: &StepPath, step: &Step, inside: Verdict) -> Verdict {
        let path = path.clone();
        match inside {
            Verdict::Open(effects) => Verdict::Open(effects),
            Verdict::Settled => record(Record::StepSucceeded {
                step: path,
                attempt: 1,
                outputs: Value::Null,
                work: Default::default(),
                cost: Default::default(),
            }),
            Verdict::Failed(error, next) => {
                // What a step inside asked for stands, unless this one says that the run goes on.
                let next = match (retry::given_up(step.on_error), next) {
                    (Next::Fail, Next::Rollback) => Next::Rollback,
                    (own, _) => own,
                };
                let error = StepError { retryable: false, ..error };
                record(Record::StepFailed { step: path, attempt: 1, error, next, cost: Default::default() })
            }
        }
    }

    /// All steps are settled: whether that was enough.
    fn judge(&mut self) -> Effect {
        let criteria = &self.run.definition().workflow.success_criteria;
        let unmet = criteria.iter().find_map(|check| {
            let message = said(&check.message, &check.condition);
            match self.scope.test(&check.condition) {
                Ok(true) => None,
                Ok(false) => Some(format!("not met: {message}")),
                Err(error) => Some(format!("not met: {message}: {error}")),
            }
        });
        let ending = if unmet.is_some() { Ending::Failed } else { Ending::Succeeded };
        Effect::Record(Record::Concluded { ending, reason: unmet })
    }

    fn conclude_failed(&self, error: &StepError, next: &Next) -> Effect {
        let refused = matches!(self.run.step(&place::start()), Some(StepState::Failed { .. }))
            && error.code == StepError::REFUSED;
        let ending = if refused { Ending::Refused } else { Ending::Failed };
        let mut reason = if refused { error.message.clone() } else { error.to_string() };
        if *next == Next::Rollback {
            reason = format!("{reason}; {}", undo::outlook(self.run));
        }
        Effect::Record(Record::Concluded { ending, reason: Some(reason) })
    }

    /// The run's time is up: it concludes as soon as no attempt is under way; each of them has the same deadline.
    fn out_of_time(&self, deadline: Timestamp) -> Vec<Effect> {
        if self.run.under_way().next().is_some() {
            return Vec::new();
        }
        let reason = Some(format!("the run's time was up at {deadline} ({})", StepError::TIMEOUT));
        vec![Effect::Record(Record::Concluded { ending: Ending::Failed, reason })]
    }

    fn before_deadline(&self, effect: Effect) -> Effect {
        match (effect, self.run.deadline()) {
            (Effect::Wake(at), Some(deadline)) => Effect::Wake(at.min(deadline)),
            (effect, _) => effect,
        }
    }

    /// What `post_execution` asks for; nothing that fails here changes how the run ended.
    fn post(&mut self, conclusion: &Conclusion) -> Vec<Effect> {
        // A refused run runs nothing of the workflow's: whoever started it may not have it run.
        let sections: &[&str] = match conclusion.ending {
            Ending::Succeeded => &["on_success", "always"],
            Ending::Failed => &["on_failure", "always"],
            Ending::Cancelled => &["always"],
            Ending::Refused => &[],
        };
        for section in sections {
            for step in place::section(&self.run.definition().workflow.post_execution, section) {
                if let Verdict::Open(effects) = self.step(&place::post(section, &step.name), step) {
                    return effects;
                }
            }
        }
        vec![Effect::Record(Record::Ended)]
    }
}

/// Why a failed step stops what holds it. The first act speaks for itself: people do not know it as a step.
fn told(path: &StepPath, error: &StepError) -> String {
    if *path == place::start() {
        return error.message.clone();
    }
    format!("step `{path}` failed: {}", error.message)
}

fn record(record: Record) -> Verdict {
    Verdict::Open(vec![Effect::Record(record)])
}

fn inside(within: Option<&StepPath>, step: &Step) -> StepPath {
    within.map_or_else(|| StepPath::root(&step.name), |within| within.child(&step.name))
}

/// A check's sentence, or its condition where it has none.
fn said<'a>(message: &'a str, condition: &'a str) -> &'a str {
    if message.is_empty() { condition } else { message }
}

/// The attempt as the engine performs it; nothing for a step that only holds others.
fn job(run: &Run, path: &StepPath, attempt: u32, inputs: &Value, now: Timestamp) -> Option<Job> {
    let step = place::find(run, path);
    let kind = match step.map(|step| &step.kind) {
        None => JobKind::Start,
        Some(StepKind::Action { capability, action }) => {
            JobKind::Action { capability: capability.clone(), action: action.clone() }
        }
        Some(StepKind::Ai { role, prompt, needs } | StepKind::Agent { role, prompt, needs }) => {
            JobKind::Agent { role: role.clone(), prompt: prompt.clone(), needs: needs.clone() }
        }
        Some(StepKind::System { action }) => JobKind::System { action: action.clone() },
        Some(StepKind::Condition { .. } | StepKind::Parallel { .. }) => return None,
    };
    Some(Job {
        step: path.clone(),
        attempt,
        kind,
        description: step.map(|step| step.description.clone()).unwrap_or_default(),
        inputs: inputs.as_object().cloned().unwrap_or_default(),
        timeout: allowed(run, step, now),
    })
}

/// The seconds that an attempt may take: the step's own, and no more than the run has left.
fn allowed(run: &Run, step: Option<&Step>, now: Timestamp) -> Option<u64> {
    let own = step.and_then(|step| step.timeout);
    if run.conclusion().is_some() {
        return own;
    }
    let left = run.deadline().map(|deadline| whole_seconds(deadline, now));
    own.into_iter().chain(left).min()
}

fn whole_seconds(deadline: Timestamp, now: Timestamp) -> u64 {
    let left = deadline.duration_since(now);
    let up = SignedDurationRound::new().smallest(Unit::Second).mode(RoundMode::Ceil);
    u64::try_from(left.round(up).unwrap_or(left).as_secs()).unwrap_or(0)
}
