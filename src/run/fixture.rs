//! Small definitions and a driver without an engine, for tests.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::decide::{Effect, Job, decide};
use super::{Definition, Entry, Record, Run, Started, StepError, retry};
use crate::event::{Event, EventKind, PayloadRef, SourceName, Stamp, Subject, TaskMention, TaskRef};
use crate::id::{Digest, EventId, RunId, StepPath};
use crate::money::{Limits, Money, Prices};
use crate::spec::{ActionSpec, Repeat, Undo, Workflow};

/// What a step gives in these tests.
pub(crate) type Result = std::result::Result<Value, StepError>;

/// A definition of a workflow in its frozen form; what is not said has its default.
pub(crate) fn definition(workflow: Value) -> Arc<Definition> {
    definition_with(workflow, &[])
}

/// The same, with workflows that it may call; each is named by its `id`.
pub(crate) fn definition_with(workflow: Value, called: &[Value]) -> Arc<Definition> {
    let called = called.iter().map(|called| read(called.clone())).map(|called| (called.id.clone(), called));
    Arc::new(Definition {
        workflow: read(workflow),
        workflows: called.collect(),
        prompts: BTreeMap::new(),
        roles: BTreeMap::new(),
        actions: vec![
            action("create_branch", Undo::Action("delete_branch".to_owned())),
            action("send_message", Undo::Impossible),
            action("get_task", Undo::Nothing),
        ],
        bindings: BTreeMap::new(),
        limits: Limits::default(),
        prices: Prices::default(),
        model: "test".to_owned(),
        access: crate::event::Access::default(),
        catalog: Digest::of(b"catalog"),
    })
}

fn read(workflow: Value) -> Workflow {
    let whole = with(json!({ "id": "test", "name": "Test", "steps": [] }), workflow);
    serde_json::from_value(whole).unwrap()
}

fn action(name: &str, undo: Undo) -> ActionSpec {
    ActionSpec {
        capability: "world".to_owned(),
        name: name.to_owned(),
        about: String::new(),
        inputs: Vec::new(),
        outputs: Vec::new(),
        repeat: Repeat::Findable,
        undo,
        publishes: false,
    }
}

/// A step that does something, with whatever else is said of it.
pub(crate) fn act(name: &str, more: Value) -> Value {
    let kind = json!({ "action": { "capability": "world", "action": "create_branch" } });
    with(json!({ "name": name, "kind": kind }), more)
}

/// A `parallel` step.
pub(crate) fn all(name: &str, steps: Vec<Value>, more: Value) -> Value {
    with(json!({ "name": name, "kind": { "parallel": { "steps": steps } } }), more)
}

/// A `condition` step.
pub(crate) fn either(name: &str, test: &str, then: Vec<Value>, otherwise: Vec<Value>) -> Value {
    json!({ "name": name, "kind": { "condition": { "test": test, "then": then, "otherwise": otherwise } } })
}

/// A `loop` step.
pub(crate) fn each(name: &str, over: Value, steps: Vec<Value>, more: Value) -> Value {
    let kind = json!({ "over": over, "item": "item", "concurrency": 1, "steps": steps });
    json!({ "name": name, "kind": { "loop": with(kind, more) }, "outputs": [["results", "gathered"]] })
}

/// A `workflow` step.
pub(crate) fn call(name: &str, workflow: &str, more: Value) -> Value {
    with(json!({ "name": name, "kind": { "workflow": { "workflow": workflow } } }), more)
}

/// A `wait` step.
pub(crate) fn pause(name: &str, inputs: Value) -> Value {
    json!({ "name": name, "kind": { "wait": null }, "inputs": inputs })
}

fn with(mut step: Value, more: Value) -> Value {
    if let (Value::Object(step), Value::Object(more)) = (&mut step, more) {
        step.extend(more);
    }
    step
}

/// A fixed moment, so many seconds after the run's start.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + seconds).unwrap()
}

/// The run that these tests are about.
pub(crate) fn run_id() -> RunId {
    "run_0199aaaabbbb7ccc8dddeeeeffff0000".parse().unwrap()
}

/// A run's first record: a Jira ticket was assigned.
pub(crate) fn started(definition: &Definition) -> Record {
    let stamp = Stamp {
        id: EventId::from_bytes([7; 16]),
        source: SourceName::new("jira"),
        received_at: at(0),
        payload: PayloadRef::to(b"{}"),
    };
    let reference = TaskRef::new("jira", "SHOP-7");
    let mut event = Event::new(&stamp, EventKind::new("jira.issue.assigned"), Subject::new("jira", "SHOP-7"));
    event.task = Some(TaskMention {
        reference: reference.clone(),
        title: Some("Totals".to_owned()),
        description: None,
        status: Some("todo".to_owned()),
        kind: None,
        labels: Vec::new(),
        components: Vec::new(),
        repository: None,
        assignee: None,
        url: None,
    });
    Record::Started(Box::new(Started {
        trigger: "jira".to_owned(),
        definition: definition.digest(),
        workflow: definition.workflow.id.clone(),
        inputs: json!({ "yes": true, "no": false }).as_object().cloned().unwrap(),
        event,
        who: None,
        task: Some(reference),
        repository: "acme/shop".parse().ok(),
        project: None,
        channel: None,
        hops: 0,
        rerun_of: None,
    }))
}

/// Drives a run as the engine does, one attempt after the other, without an engine and without waiting.
pub(crate) struct Driver {
    pub(crate) run: Run,
    pub(crate) entries: Vec<Entry>,
    pub(crate) now: Timestamp,
    pub(crate) jobs: Vec<Job>,
    pub(crate) performed: Vec<Job>,
}

impl Driver {
    pub(crate) fn new(definition: &Arc<Definition>) -> Self {
        let run = Run::new(run_id(), Arc::clone(definition));
        let (entries, jobs, performed) = (Vec::new(), Vec::new(), Vec::new());
        let mut driver = Self { run, entries, now: at(0), jobs, performed };
        driver.record(started(definition));
        driver
    }

    pub(crate) fn record(&mut self, record: Record) {
        let entry = Entry { seq: self.run.length(), at: self.now, record };
        self.run.apply(&entry).unwrap_or_else(|illegal| panic!("{illegal}: {entry:?}"));
        self.entries.push(entry);
    }

    /// One thing: a decision recorded, an attempt performed, or time passed. Whether there was
    /// anything to do.
    pub(crate) fn turn(&mut self, mut world: impl FnMut(&Job) -> Result) -> bool {
        let decided = decide(&self.run, self.now);
        for effect in &decided {
            match effect {
                Effect::Record(record) => {
                    self.record(record.clone());
                    return true;
                }
                Effect::Perform { record, job } => {
                    self.record(record.clone());
                    self.jobs.push(job.clone());
                    return true;
                }
                Effect::Wake(_) => {}
            }
        }
        if !self.jobs.is_empty() {
            let job = self.jobs.remove(0);
            let result = world(&job);
            self.finish(job, result);
            return true;
        }
        let wakes =
            decided.iter().filter_map(|effect| if let Effect::Wake(at) = effect { Some(*at) } else { None });
        let next = wakes.min();
        self.now = next.unwrap_or(self.now);
        next.is_some()
    }

    fn finish(&mut self, job: Job, result: Result) {
        let (step, attempt) = (job.step.clone(), job.attempt);
        let cost = Money::micros(1);
        self.record(match result {
            Ok(outputs) => Record::StepSucceeded { step, attempt, outputs, work: Default::default(), cost },
            Err(error) => {
                let next = retry::after_failure(&self.run, &step, attempt, &error, self.now);
                Record::StepFailed { step, attempt, error, next, cost }
            }
        });
        self.now += Duration::from_secs(1);
        self.performed.push(job);
    }

    /// Drives to where nothing is left to do.
    pub(crate) fn through(mut self, mut world: impl FnMut(&Job) -> Result) -> Self {
        while self.turn(&mut world) {}
        self
    }

    /// The steps that were performed, in order.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.performed.iter().map(|job| job.step.as_str()).collect()
    }

    /// How often a step was tried.
    pub(crate) fn tries(&self, step: &str) -> usize {
        self.performed.iter().filter(|job| job.step == StepPath::root(step)).count()
    }
}

/// A world in which everything succeeds and gives back what it was given.
pub(crate) fn echo(job: &Job) -> Result {
    Ok(Value::Object(job.inputs.clone()))
}
