//! The walk over a workflow's steps, to the first ones that are not settled.

mod enter;
mod hold;
mod undo;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{Effect, JobKind, job};
use crate::id::StepPath;
use crate::run::error::StepError;
use crate::run::frame::Frames;
use crate::run::place;
use crate::run::record::{Ending, Next, Record};
use crate::run::scope::Scope;
use crate::run::state::{Conclusion, Run, StepState};
use crate::run::undo::KIND;
use crate::spec::Step;

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
    frames: Frames<'a>,
    /// The names of the frames, once somebody asked for them.
    scope: Option<Scope<'a>>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(run: &'a Run, now: Timestamp) -> Self {
        Self { run, now, frames: Frames::top(&run.definition().workflow), scope: None }
    }

    fn scope(&mut self) -> &mut Scope<'a> {
        self.scope.get_or_insert_with(|| Scope::of(self.run, self.frames.clone()))
    }

    /// The variables that were used for the first time since this was last asked.
    fn take_fresh(&mut self) -> Map<String, Value> {
        self.scope.as_mut().map(Scope::take_fresh).unwrap_or_default()
    }

    /// Walks with the names of other frames.
    fn within<T>(&mut self, frames: Frames<'a>, walk: impl FnOnce(&mut Self) -> T) -> T {
        let mut inner = Self { frames, scope: None, run: self.run, now: self.now };
        walk(&mut inner)
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
        self.sequence(&StepPath::top(), &self.frames.workflow.steps)
    }

    fn first_act(&mut self) -> Verdict {
        let path = place::start();
        match self.run.step(&path) {
            None => self.perform(&path, 1, Value::Object(Map::new())),
            Some(state) => self.touched(&path, state),
        }
    }

    fn missing_prerequisite(&mut self) -> Option<StepError> {
        let checks = &self.frames.workflow.prerequisites;
        checks.iter().find_map(|check| {
            let message = said(&check.message, &check.condition);
            match self.scope().test(&check.condition) {
                Ok(true) => None,
                Ok(false) => Some(StepError::fatal("prerequisite", message)),
                Err(error) => Some(StepError::fatal("prerequisite", format!("{message}: {error}"))),
            }
        })
    }

    /// Steps of which each begins when the one before it is settled, so that those that were touched are the
    /// first ones, and only the last of these can be open.
    fn sequence(&mut self, within: &StepPath, steps: &'a [Step]) -> Verdict {
        let touched = steps.partition_point(|step| self.run.step(&within.child(&step.name)).is_some());
        for step in &steps[touched.saturating_sub(1)..] {
            match self.step(&within.child(&step.name), step) {
                Verdict::Settled => {}
                verdict => return verdict,
            }
        }
        Verdict::Settled
    }

    fn step(&mut self, path: &StepPath, step: &'a Step) -> Verdict {
        match self.run.step(path) {
            None => self.enter(path, step),
            Some(StepState::Running(attempt)) if !place::performs(&attempt.kind) => {
                self.hold(path, step, attempt)
            }
            Some(state) => self.touched(path, state),
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
            StepState::Standing { attempt, wait } => self.standing(path, attempt, wait),
            StepState::Done | StepState::Skipped | StepState::Failed { next: Next::Continue, .. } => {
                Verdict::Settled
            }
            StepState::Failed { error, next, .. } => {
                let message = told(path, error);
                Verdict::Failed(StepError { message, ..error.clone() }, next.clone())
            }
        }
    }

    fn perform(&mut self, path: &StepPath, attempt: u32, inputs: Value) -> Verdict {
        let Some(job) = job(self.run, path, attempt, &inputs, self.now) else {
            return Verdict::Open(Vec::new());
        };
        let kind = match &job.kind {
            JobKind::Start => "start",
            JobKind::Undo { .. } => KIND,
            _ => place::find(self.run, path).map_or("", |step| step.kind.name()),
        };
        let record = self.started(path, kind, attempt, inputs);
        Verdict::Open(vec![Effect::Perform { record, job }])
    }

    fn started(&mut self, path: &StepPath, kind: &str, attempt: u32, inputs: Value) -> Record {
        let variables = self.take_fresh();
        Record::StepStarted { step: path.clone(), kind: kind.to_owned(), attempt, inputs, variables }
    }

    /// All steps are settled: whether that was enough.
    fn judge(&mut self) -> Effect {
        let (ending, reason, results) = match self.results() {
            Ok(results) => (Ending::Succeeded, None, results),
            Err(reason) => (Ending::Failed, Some(reason), Map::new()),
        };
        Effect::Record(Record::Concluded { ending, reason, results, rollback: false })
    }

    /// What the workflow whose steps are settled gives, or which of its criteria is not met.
    fn results(&mut self) -> Result<Map<String, Value>, String> {
        let workflow = self.frames.workflow;
        for check in &workflow.success_criteria {
            let message = said(&check.message, &check.condition);
            match self.scope().test(&check.condition) {
                Ok(true) => {}
                Ok(false) => return Err(format!("not met: {message}")),
                Err(error) => return Err(format!("not met: {message}: {error}")),
            }
        }
        let given = self.scope().render(&Value::Object(workflow.results.clone()));
        let given = given.map_err(|error| format!("its results: {error}"))?;
        Ok(given.as_object().cloned().unwrap_or_default())
    }

    fn conclude_failed(&self, error: &StepError, next: &Next) -> Effect {
        let refused = matches!(self.run.step(&place::start()), Some(StepState::Failed { .. }))
            && error.code == StepError::REFUSED;
        let ending = if refused { Ending::Refused } else { Ending::Failed };
        let reason = Some(if refused { error.message.clone() } else { error.to_string() });
        let rollback = *next == Next::Rollback;
        Effect::Record(Record::Concluded { ending, reason, results: Map::new(), rollback })
    }

    /// The run's time is up: it concludes as soon as no attempt is under way; each of them has the
    /// same deadline.
    fn out_of_time(&self, deadline: Timestamp) -> Vec<Effect> {
        if self.run.under_way().next().is_some() {
            return Vec::new();
        }
        let reason = Some(format!("the run's time was up at {deadline} ({})", StepError::TIMEOUT));
        // A step that failed before may have asked for it, whatever held it was still doing.
        let rollback = self
            .run
            .steps()
            .any(|(_, state)| matches!(state, StepState::Failed { next: Next::Rollback, .. }));
        let (ending, results) = (Ending::Failed, Map::new());
        vec![Effect::Record(Record::Concluded { ending, reason, results, rollback })]
    }

    /// What `post_execution` asks for; nothing that fails here changes how the run ended.
    pub(super) fn post(&mut self, conclusion: &Conclusion) -> Vec<Effect> {
        if self.run.takes_back() {
            return self.take_back();
        }
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

/// A check's sentence, or its condition where it has none.
fn said<'a>(message: &'a str, condition: &'a str) -> &'a str {
    if message.is_empty() { condition } else { message }
}
