//! The walk over a workflow's steps, to the first ones that are not settled.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{Effect, job};
use crate::id::StepPath;
use crate::run::error::StepError;
use crate::run::record::{Ending, Next, Record};
use crate::run::scope::Scope;
use crate::run::state::{Conclusion, Run, StepState};
use crate::run::{place, retry, undo};
use crate::spec::expr::ExprError;
use crate::spec::{Step, StepKind};

/// A step's place in the walk.
enum Verdict {
    /// It is over, and the run goes on.
    Settled,
    /// It failed, and with it whatever holds it.
    Failed(StepError, Next),
    /// This is to be done, or waited for, first.
    Open(Vec<Effect>),
}

/// One walk: the run, the moment, and the names as they are evaluated on the way.
pub(super) struct Walk<'a> {
    run: &'a Run,
    now: Timestamp,
    scope: Scope<'a>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(run: &'a Run, now: Timestamp) -> Self {
        Self { run, now, scope: Scope::of(run) }
    }

    /// From the first act to the conclusion.
    pub(super) fn main(&mut self) -> Vec<Effect> {
        if let Some(deadline) = self.run.deadline().filter(|deadline| *deadline <= self.now) {
            return self.out_of_time(deadline);
        }
        match self.steps_to_conclusion() {
            Verdict::Open(effects) => effects,
            Verdict::Settled => vec![self.judge()],
            Verdict::Failed(error, next) => vec![self.conclude_failed(&error, &next)],
        }
    }

    fn steps_to_conclusion(&mut self) -> Verdict {
        match self.first_act() {
            Verdict::Settled => {}
            verdict => return verdict,
        }
        // Once a step was touched the prerequisites have been judged: what they ask for may change
        // after that.
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

    fn try_enter(&mut self, path: &StepPath, step: &Step) -> Result<Verdict, ExprError> {
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

    /// The run's time is up: it concludes as soon as no attempt is under way; each of them has the
    /// same deadline.
    fn out_of_time(&self, deadline: Timestamp) -> Vec<Effect> {
        if self.run.under_way().next().is_some() {
            return Vec::new();
        }
        let reason = Some(format!("the run's time was up at {deadline} ({})", StepError::TIMEOUT));
        vec![Effect::Record(Record::Concluded { ending: Ending::Failed, reason })]
    }

    /// What `post_execution` asks for; nothing that fails here changes how the run ended.
    pub(super) fn post(&mut self, conclusion: &Conclusion) -> Vec<Effect> {
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
