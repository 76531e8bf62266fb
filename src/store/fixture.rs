//! A store with one run that is in hand, for tests of whoever watches it.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{Commit, Due, Intake, Lease, Memory, NewRun, Store, Values};
use crate::event::Event;
use crate::id::{EventId, RunId};
use crate::router::Reasons;
use crate::run::fixture::{self, act, at, definition};
use crate::run::{Ending, Entry, Frozen, Record, place};

/// The store, and the right to write to its run.
pub(crate) struct InHand {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) run: RunId,
    lease: Lease,
    length: u64,
}

impl InHand {
    /// A run with one step, `a`, of which nothing has begun.
    pub(crate) async fn new() -> Self {
        Self::started_by("jira").await
    }

    /// The same, started by this trigger.
    pub(crate) async fn started_by(trigger: &str) -> Self {
        let definition = definition(json!({ "steps": [act("a", json!({}))] }));
        let mut first = Entry { seq: 0, at: at(0), record: fixture::started(&definition) };
        let Record::Started(started) = &mut first.record else { panic!("it does not start") };
        trigger.clone_into(&mut started.trigger);
        let event = Event { id: EventId::from_bytes([9; 16]), ..started.event.clone() };
        let (run, store) = (fixture::run_id(), Memory::open().unwrap());
        let runs = vec![NewRun { id: run, first, definition: Frozen::from(&*definition), guard: None }];
        let intake = Intake {
            identities: Vec::new(),
            event,
            payload: bytes::Bytes::from_static(b"{}"),
            reasons: Reasons::default(),
            runs,
            values: Values::default(),
            answering: None,
        };
        store.accept(intake).await.unwrap();
        let lease = store.lease(at(1)).await.unwrap().unwrap();
        Self { store: Arc::new(store), run, lease, length: 1 }
    }

    /// Writes these records at once.
    pub(crate) async fn write(&mut self, records: Vec<Record>, due: Due) {
        let entry = |(seq, record)| Entry { seq, at: at(2), record };
        let entries: Vec<Entry> = (self.length..).zip(records).map(entry).collect();
        self.length += entries.len() as u64;
        let lease = self.lease.clone();
        let commit = Commit::Run { lease, entries: entries.into(), due, heard: Vec::new() };
        self.store.commit(commit).await.unwrap();
    }

    /// A step begins and succeeds.
    pub(crate) async fn step(&mut self, name: &str) {
        let step = if name == "@start" { place::start() } else { crate::id::StepPath::root(name) };
        let begins = Record::StepStarted {
            step: step.clone(),
            kind: "plugin_action".to_owned(),
            attempt: 1,
            inputs: Value::Null,
            variables: Map::new(),
        };
        let (work, cost) = (Default::default(), Default::default());
        let done = Record::StepSucceeded { step, attempt: 1, outputs: Value::Null, work, cost };
        self.write(vec![begins, done], Due::Held).await;
    }

    /// The run ends well.
    pub(crate) async fn end(&mut self) {
        let concluded = Record::Concluded {
            ending: Ending::Succeeded,
            reason: None,
            results: Map::new(),
            rollback: false,
        };
        self.write(vec![concluded, Record::Ended], Due::Ended).await;
    }
}
