//! What is run: workflows of steps that do nothing, deliveries that start them, and what performs their steps.

use std::collections::BTreeMap;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use ostler::clock::{Clock as _, SystemClock};
use ostler::event::{Access, Event, EventKind, PayloadRef, SourceName, Stamp, Subject, TaskMention, TaskRef};
use ostler::id::{Digest, EventId, RunId};
use ostler::money::{Limits, Prices};
use ostler::router::Reasons;
use ostler::run::decide::JobKind;
use ostler::run::{Definition, Entry, Frozen, Record, Started, StepError};
use ostler::step::{Context, Outcome, Step};
use ostler::store::{Intake, NewRun, Values};
use serde_json::{Map, Value, json};

/// The steps of a run besides its first act.
pub(crate) const STEPS: usize = 5;

const BODY: &[u8] = br#"{"issue":{"key":"SHOP-7"}}"#;
const TRIGGER: &str = "bench";

/// A workflow of so many steps, one after the other, each given nothing.
pub(crate) fn workflow(steps: usize) -> Definition {
    let kind = json!({ "action": { "capability": "world", "action": "nothing" } });
    let steps: Vec<_> = (1..=steps).map(|n| json!({ "name": format!("step_{n}"), "kind": kind })).collect();
    let workflow = json!({ "id": "bench", "name": "Bench", "steps": steps });
    Definition {
        workflows: Default::default(),
        workflow: serde_json::from_value(workflow).unwrap(),
        prompts: BTreeMap::new(),
        roles: BTreeMap::new(),
        actions: Vec::new(),
        bindings: BTreeMap::new(),
        limits: Limits::default(),
        prices: Prices::default(),
        model: "none".to_owned(),
        access: Access::default(),
        catalog: Digest::of(b"bench"),
    }
}

/// A new delivery that starts one run of a workflow.
pub(crate) fn intake(workflow: &Frozen) -> Intake {
    let now = SystemClock.now();
    let event = event(now);
    let id = RunId::of(event.id, TRIGGER);
    let first =
        Entry { seq: 0, at: now, record: Record::Started(Box::new(started(&event, workflow.digest()))) };
    Intake {
        identities: vec![event.id.to_string()],
        event,
        payload: BODY.into(),
        reasons: Reasons::default(),
        runs: vec![NewRun { id, first, definition: workflow.clone(), guard: None }],
        values: Values::default(),
        answering: None,
    }
}

fn event(now: Timestamp) -> Event {
    let stamp = Stamp {
        id: EventId::at(now),
        source: SourceName::new("jira"),
        received_at: now,
        payload: PayloadRef::to(BODY),
    };
    let mut event = Event::new(&stamp, EventKind::new("jira.issue.assigned"), Subject::new("jira", "SHOP-7"));
    event.task = Some(TaskMention {
        title: Some("The cart's total is wrong after a voucher is removed".to_owned()),
        description: Some("What was there before comes back, but the total stays. ".repeat(8)),
        status: Some("todo".to_owned()),
        ..TaskMention::to(TaskRef::new("jira", "SHOP-7"))
    });
    event
}

fn started(event: &Event, definition: Digest) -> Started {
    Started {
        trigger: TRIGGER.to_owned(),
        definition,
        workflow: "bench".to_owned(),
        inputs: Map::new(),
        event: event.clone(),
        who: None,
        task: Some(TaskRef::new("jira", "SHOP-7")),
        repository: "acme/shop".parse().ok(),
        project: None,
        channel: None,
        hops: 0,
        rerun_of: None,
    }
}

/// The record that a step begins with, as the engine writes it.
pub(crate) fn step_started(number: usize) -> Record {
    Record::StepStarted {
        step: ostler::id::StepPath::root(&format!("step_{number}")),
        kind: "action".to_owned(),
        attempt: 1,
        inputs: Value::Object(Map::new()),
        variables: Map::new(),
    }
}

/// Succeeds at once, with nothing.
#[derive(Debug)]
pub(crate) struct Nothing;

impl Step for Nothing {
    fn perform<'a>(&'a self, _: &'a Context) -> BoxFuture<'a, Result<Outcome, StepError>> {
        Box::pin(async { Ok(Outcome::default()) })
    }
}

/// Asks to be tried again in an hour, whatever it is but the first act: its run waits.
#[derive(Debug)]
pub(crate) struct Later;

impl Step for Later {
    fn perform<'a>(&'a self, context: &'a Context) -> BoxFuture<'a, Result<Outcome, StepError>> {
        let is_first = context.job.kind == JobKind::Start;
        let later = || StepError { retry_after: Some(3600), ..StepError::passing("rate_limited", "later") };
        Box::pin(async move { if is_first { Ok(Outcome::default()) } else { Err(later()) } })
    }
}
