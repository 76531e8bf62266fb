//! Drives a run of which nothing is performed.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Does, Plan, Planned};
use crate::id::{RunId, StepPath};
use crate::run::decide::{Effect, Job, JobKind, decide};
use crate::run::definition::Definition;
use crate::run::error::StepError;
use crate::run::illegal::Illegal;
use crate::run::place;
use crate::run::record::{Entry, Record};
use crate::run::scope::Scope;
use crate::run::state::{Run, StepState};
use crate::spec::expr::unknown::{shown, source, unknown};
use crate::spec::workflow::Check;
use crate::spec::{Repeat, Step, StepKind, Undo, Workflow};

/// How many steps a plan shows.
const MOST: usize = 1_000;

/// How deep branches that are open may stand in each other: each doubles what is to be gone through.
const DEEPEST: usize = 6;

/// A run under way, in thought.
#[derive(Debug, Clone)]
pub(super) struct Planner {
    run: Run,
    now: Timestamp,
    steps: Vec<Planned>,
    /// The steps of which it is not known whether they are done, with the reason.
    open: Vec<(StepPath, String)>,
    depth: usize,
    results: Map<String, Value>,
    assumed: Vec<String>,
}

impl Planner {
    pub(super) fn begin(id: RunId, definition: Arc<Definition>, first: &Entry) -> Result<Self, Illegal> {
        let mut run = Run::new(id, definition);
        run.apply(first)?;
        run.plan();
        Ok(Self {
            run,
            now: first.at,
            steps: Vec::new(),
            open: Vec::new(),
            depth: 0,
            results: Map::new(),
            assumed: Vec::new(),
        })
    }

    /// Goes on to the end, or until this step is over.
    pub(super) fn go_on(&mut self, until: Option<&StepPath>) -> Result<(), Illegal> {
        while self.steps.len() < MOST && until.is_none_or(|step| self.is_running(step)) {
            let mut wakes = None;
            let mut idle = true;
            for effect in decide(&self.run, self.now) {
                match effect {
                    Effect::Record(record) => self.take(record)?,
                    Effect::Perform { record, job } => self.perform(record, &job)?,
                    Effect::Wake(at) => {
                        wakes = [Some(at), wakes].into_iter().flatten().min();
                        continue;
                    }
                }
                idle = false;
            }
            match wakes {
                Some(at) if idle && at > self.now => self.now = at,
                _ if idle => break,
                _ => {}
            }
        }
        Ok(())
    }

    fn is_running(&self, step: &StepPath) -> bool {
        matches!(self.run.step(step), Some(StepState::Running(_)))
    }

    pub(super) fn into_plan(self) -> Plan {
        let started = self.run.started();
        let conclusion = self.run.conclusion();
        Plan {
            workflow: self.run.definition().workflow.id.clone(),
            trigger: started.map(|started| started.trigger.clone()).unwrap_or_default(),
            inputs: started.map(|started| started.inputs.clone()).unwrap_or_default(),
            ending: conclusion.map(|conclusion| conclusion.ending),
            reason: conclusion.and_then(|conclusion| conclusion.reason.clone()),
            truncated: self.steps.len() >= MOST,
            steps: self.steps,
            results: self.results,
            assumed: self.assumed,
        }
    }

    /// Notes which checks of the workflow cannot be judged.
    fn assume(&mut self, checks: impl Fn(&Workflow) -> &Vec<Check>) {
        let definition = Arc::clone(self.run.definition());
        for check in checks(&definition.workflow) {
            if let Some(from) = self.comes_from(&StepPath::top(), &check.condition) {
                self.assumed.push(format!("{}, which depends on <from {from}>", check.condition));
            }
        }
    }

    fn apply(&mut self, record: Record) -> Result<(), Illegal> {
        let entry = Entry { seq: self.run.length(), at: self.now, record };
        self.run.apply(&entry)
    }

    fn succeed(&mut self, step: StepPath, outputs: Value) -> Result<(), Illegal> {
        let (work, cost) = (Default::default(), Default::default());
        self.apply(Record::StepSucceeded { step, attempt: 1, outputs, work, cost })
    }

    /// What is only to be recorded.
    fn take(&mut self, record: Record) -> Result<(), Illegal> {
        match &record {
            Record::BranchChosen { step, taken, .. } => {
                let (step, taken) = (step.clone(), *taken);
                return self.choose(&step, taken, record);
            }
            Record::StepStarted { step, inputs, .. } => {
                let (step, inputs) = (step.clone(), inputs.clone());
                return self.hold(step, inputs, record);
            }
            Record::StepFailed { step, error, .. } if error.code == StepError::EXPRESSION => {
                let step = step.clone();
                if let Some(started) = self.each_unknown(&step) {
                    return self.take(started);
                }
                self.note(&step, Does::Fail { reason: error.message.clone() }, Value::Null);
            }
            Record::StepSkipped { step, reason, .. } => {
                let (step, reason) = (step.clone(), reason.clone());
                self.note(&step, Does::Skip { reason }, Value::Null);
            }
            Record::Concluded { results, .. } => {
                let given = shown(&Value::Object(results.clone()));
                self.results = given.as_object().cloned().unwrap_or_default();
                self.assume(|workflow| &workflow.success_criteria);
            }
            _ => {}
        }
        self.apply(record)?;
        self.run.plan();
        Ok(())
    }

    /// A step that holds others, or waits: nothing is waited for.
    fn hold(&mut self, step: StepPath, inputs: Value, record: Record) -> Result<(), Illegal> {
        let kind = place::written(self.run.definition(), &step).map(|step| step.kind.clone());
        let does = match &kind {
            Some(StepKind::Parallel { .. }) => Does::Together,
            Some(StepKind::Loop(_)) => Does::Each,
            Some(StepKind::Workflow { workflow }) => Does::Call { workflow: workflow.clone() },
            _ => Does::Wait,
        };
        let waits = does == Does::Wait;
        self.note(&step, does, inputs);
        self.apply(record)?;
        if waits {
            let outputs = self.given(&step);
            self.succeed(step, outputs)?;
        }
        Ok(())
    }

    fn perform(&mut self, record: Record, job: &Job) -> Result<(), Illegal> {
        let does = self.does(&job.kind);
        self.note(&job.step, does, Value::Object(job.inputs.clone()));
        self.apply(record)?;
        let outputs = match &job.kind {
            JobKind::Start => self.run.unread(),
            JobKind::System { action } if action == "set" => Value::Object(job.inputs.clone()),
            _ => self.given(&job.step),
        };
        self.succeed(job.step.clone(), outputs)?;
        if job.kind == JobKind::Start {
            self.assume(|workflow| &workflow.prerequisites);
        }
        Ok(())
    }

    /// What a step would give, none of which is known.
    fn given(&self, path: &StepPath) -> Value {
        let step = place::written(self.run.definition(), path);
        let fields = step.into_iter().flat_map(|step| &step.outputs);
        fields.map(|(field, _)| (field.clone(), unknown(&named(path)))).collect()
    }

    fn does(&self, kind: &JobKind) -> Does {
        let definition = self.run.definition();
        match kind {
            JobKind::Start => Does::Begin,
            JobKind::Action { capability, action } | JobKind::Undo { capability, action } => {
                let spec = definition.action(capability, action);
                let provider = definition.bindings.get(capability).cloned();
                let action = format!("{capability}.{action}");
                match spec.map(|spec| spec.repeat) {
                    Some(Repeat::Read) => Does::Read { action, provider },
                    effect => Does::Act {
                        action,
                        provider,
                        effect: effect.unwrap_or(Repeat::Unrepeatable),
                        undo: spec.map_or(Undo::Impossible, |spec| spec.undo.clone()),
                        publishes: spec.is_some_and(|spec| spec.publishes),
                    },
                }
            }
            JobKind::Agent { role, prompt, .. } => Does::Agent { role: role.clone(), prompt: prompt.clone() },
            JobKind::Approval(asking) => {
                let usual = "whoever may start runs here".to_owned();
                Does::Ask { who: asking.who.as_ref().map_or(usual, ToString::to_string) }
            }
            JobKind::Shell(shell) => Does::Run { script: shell.run.clone(), network: shell.network },
            JobKind::System { action } if ["reply", "send_alert"].contains(&action.as_str()) => {
                Does::Say { action: action.clone() }
            }
            JobKind::System { action } => Does::Within { action: action.clone() },
        }
    }

    /// Notes what becomes of a step.
    fn note(&mut self, path: &StepPath, does: Does, inputs: Value) {
        if let Some(why) = self.doubt(path) {
            self.open.push((path.clone(), why));
        }
        let whys = self.open.iter().filter(|(open, _)| open == path || path.is_inside(open));
        let whys: Vec<&str> = whys.map(|(_, why)| why.as_str()).collect();
        let open = (!whys.is_empty()).then(|| whys.join("; "));
        let inputs = if inputs.as_object().is_some_and(Map::is_empty) { Value::Null } else { shown(&inputs) };
        let undo = place::written(self.run.definition(), path).and_then(|step| step.undo.as_ref());
        let undone_by = undo.into_iter().flatten().map(|step| step.name.clone()).collect();
        self.steps.push(Planned { step: path.clone(), does, inputs, undone_by, open });
    }

    /// Why it is not known whether a step is done, by its own condition.
    fn doubt(&self, path: &StepPath) -> Option<String> {
        let condition = place::written(self.run.definition(), path)?.condition.as_ref()?;
        let from = self.comes_from(path, condition)?;
        Some(format!("only if {condition}, which depends on <from {from}>"))
    }

    /// Where what is not known of a condition comes from.
    fn comes_from(&self, path: &StepPath, condition: &str) -> Option<String> {
        let mut scope = Scope::of(&self.run, place::frames(&self.run, path));
        let value = scope.value(condition).ok()?;
        source(&value).map(str::to_owned)
    }

    /// The start of a loop of which it is not known what it goes over: its steps are gone through once.
    fn each_unknown(&self, path: &StepPath) -> Option<Record> {
        let Some(Step { kind: StepKind::Loop(each), .. }) = place::written(self.run.definition(), path)
        else {
            return None;
        };
        let over = Scope::of(&self.run, place::frames(&self.run, path)).render(&each.over).ok()?;
        let from = source(&over)?.to_owned();
        Some(Record::StepStarted {
            step: path.clone(),
            kind: "loop".to_owned(),
            attempt: 1,
            inputs: json!({ "over": [unknown(&format!("each item of {from}"))], "as": each.item }),
            variables: Map::new(),
        })
    }

    /// A branch: the one that is taken, or both where that is open.
    fn choose(&mut self, path: &StepPath, taken: bool, record: Record) -> Result<(), Illegal> {
        let written = place::written(self.run.definition(), path).map(|step| step.kind.clone());
        let Some(StepKind::Condition { test, then, otherwise }) = written else { return self.apply(record) };
        let Some(from) = self.comes_from(path, &test) else {
            self.note(path, Does::Choose { test, taken: Some(taken) }, Value::Null);
            return self.apply(record);
        };
        self.note(path, Does::Choose { test: test.clone(), taken: None }, Value::Null);
        let why = |holds: &str| format!("only if {test} {holds}, which depends on <from {from}>");
        if self.depth >= DEEPEST {
            self.open.push((path.clone(), why(if taken { "holds" } else { "does not hold" })));
            return self.apply(record);
        }
        let mut yes = self.branch(path, why("holds"), true, &record)?;
        let no = self.branch(path, why("does not hold"), false, &record)?;
        self.steps.append(&mut yes.steps);
        // What goes on beside the branch was seen in the other one already.
        self.steps.extend(no.steps.into_iter().filter(|planned| planned.step.is_inside(path)));
        let goes_on = if yes.run.conclusion().is_some() { no.run } else { yes.run };
        self.run = goes_on;
        for step in [&then, &otherwise].into_iter().flatten() {
            self.obscure(&path.child(&step.name), step);
        }
        Ok(())
    }

    /// One branch, gone through to its end.
    fn branch(&self, path: &StepPath, why: String, taken: bool, record: &Record) -> Result<Self, Illegal> {
        let mut branch = Self { steps: Vec::new(), depth: self.depth + 1, ..self.clone() };
        branch.open.push((path.clone(), why));
        let Record::BranchChosen { variables, .. } = record else { return Ok(branch) };
        branch.apply(Record::BranchChosen { step: path.clone(), taken, variables: variables.clone() })?;
        branch.go_on(Some(path))?;
        Ok(branch)
    }

    /// What is put somewhere by a step of a branch that may not be taken.
    fn obscure(&mut self, path: &StepPath, step: &Step) {
        for (_, target) in &step.outputs {
            self.run.obscure(path, target, &named(path));
        }
        for inner in step.kind.inside().into_iter().flatten() {
            // What a loop's steps put somewhere stays with their item.
            if !matches!(step.kind, StepKind::Loop(_)) {
                self.obscure(&path.child(&inner.name), inner);
            }
        }
    }
}

/// A step, as what is not known is said to come from.
fn named(path: &StepPath) -> String {
    format!("step {path}")
}
