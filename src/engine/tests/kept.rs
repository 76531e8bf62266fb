//! The engine on the stores that are used outside tests.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::stage::{Script, done, start_on, until};
use super::system;
use crate::engine::Options;
use crate::id::{EventId, RunId};
use crate::run::decide::JobKind;
use crate::run::fixture::{act, all, at, definition, run_id, started};
use crate::run::{Definition, Entry, Record};
use crate::step::Outcome;
use crate::store::{
    self, Accepted, Answer, Commit, Found, Intake, Journal, Lease, NewRun, Progress, Query, RunStatus,
    Scrubbed, Store, StoreError,
};

fn intake(run: RunId, definition: &Arc<Definition>) -> Intake {
    let record = started(definition);
    let Record::Started(begun) = &record else { unreachable!() };
    Intake {
        identities: vec![run.to_string()],
        event: begun.event.clone(),
        payload: b"{}"[..].into(),
        reasons: crate::router::Reasons::default(),
        runs: vec![NewRun {
            id: run,
            first: Entry { seq: 0, at: at(0), record: record.clone() },
            definition: (&**definition).into(),
            guard: None,
        }],
        values: Default::default(),
        answering: None,
    }
}

fn workflow() -> Arc<Definition> {
    let inside = vec![act("x", json!({})), act("y", json!({}))];
    definition(json!({ "steps": [
        act("a", json!({ "outputs": [["text", "big.text"]] })),
        all("p", inside, json!({})),
        act("b", json!({ "inputs": { "text": "${big.text}", "half": 0.1 } })),
    ]}))
}

async fn status(store: &dyn Store, run: RunId) -> RunStatus {
    match store.query(Query::Run(run)).await {
        Ok(Found::Run(summary)) => summary.status,
        other => panic!("{other:?}"),
    }
}

async fn has_succeeded(store: &dyn Store) {
    for _ in 0..10_000 {
        if status(store, run_id()).await == RunStatus::Succeeded {
            return;
        }
        tokio::task::yield_now().await;
        crate::clock::Clock::sleep(&crate::clock::SystemClock, std::time::Duration::from_millis(1)).await;
    }
    panic!("{:?}", store.load(run_id()).await);
}

/// A script that gives a large text at `a` and does not come to an end at `b`.
fn dying() -> Arc<Script> {
    Script::new(|context| async move {
        context.journal.remember("seen", json!("x".repeat(9_000))).await?;
        match context.job.step.name() {
            "a" => Ok(Outcome { outputs: json!({ "text": "t".repeat(40_000) }), ..Outcome::default() }),
            "b" => std::future::pending().await,
            _ => done(),
        }
    })
}

async fn dies_and_goes_on(open: impl Fn() -> Arc<dyn Store>) {
    let store = open();
    store.accept(intake(run_id(), &workflow())).await.unwrap();
    let script = dying();
    let (handle, lead) = start_on(Options::default(), Arc::clone(&store), &script, system());
    until("the last step is performed", || script.names().len() == 5).await;
    lead.abort();
    assert!(lead.await.unwrap_err().is_cancelled());
    drop(handle);
    until("nobody has the store any more", || Arc::strong_count(&store) <= 1).await;
    drop(store);

    let store = open();
    let script = Script::new(|context| async move {
        assert_eq!(context.job.inputs["text"].as_str().map(str::len), Some(40_000));
        assert!(context.job.kind != JobKind::Start);
        done()
    });
    let (_handle, _lead) = start_on(Options::default(), Arc::clone(&store), &script, system());
    has_succeeded(&*store).await;
    assert_eq!(script.names(), ["b#1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_goes_on_from_sled_after_a_crash() {
    let home = tempfile::tempdir().unwrap();
    let url = |home: &Path| format!("sled://{}", home.join("data").display());
    dies_and_goes_on(|| store::open(&url(home.path())).unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_driven_to_its_end_in_memory() {
    let store = store::open("memory://").unwrap();
    store.accept(intake(run_id(), &workflow())).await.unwrap();
    let script = Script::new(|context| async move {
        let outputs = if context.job.step.name() == "a" { json!({ "text": "t" }) } else { Value::Null };
        Ok(Outcome { outputs, ..Outcome::default() })
    });
    let (_handle, _lead) = start_on(Options::default(), Arc::clone(&store), &script, system());
    has_succeeded(&*store).await;
    assert_eq!(script.names().len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_journal_is_damaged_is_parked_and_says_why() {
    let store: Arc<dyn Store> = Arc::new(Unreadable(store::open("memory://").unwrap(), || {
        StoreError::Corrupt("record 7 of it is damaged".to_owned())
    }));
    store.accept(intake(run_id(), &workflow())).await.unwrap();
    let script = Script::new(|_| async { done() });
    let (_handle, _lead) = start_on(Options::default(), Arc::clone(&store), &script, system());
    let parked = loop {
        match store.query(Query::Run(run_id())).await {
            Ok(Found::Run(summary)) if summary.status == RunStatus::Parked => break summary,
            _ => tokio::task::yield_now().await,
        }
    };
    assert!(parked.reason.unwrap().contains("record 7 of it is damaged"));
    assert!(script.names().is_empty());
}

/// A store in memory on which `runs` runs are due, of which so many may be in hand.
async fn with_runs(caps: store::Caps, runs: u8) -> (Arc<dyn Store>, Vec<RunId>) {
    let options = store::Options { caps, ..store::Options::default() };
    let store: Arc<dyn Store> = Arc::new(store::Memory::with(&options).unwrap());
    let definition = definition(json!({ "steps": [act("a", json!({}))] }));
    let mut ids = Vec::new();
    for number in 0..runs {
        let id = RunId::from_bytes([number; 16]);
        let mut intake = intake(id, &definition);
        let Record::Started(started) = &mut intake.runs[0].first.record else { unreachable!() };
        started.event.id = EventId::from_bytes([number; 16]);
        intake.event.id = started.event.id;
        store.accept(intake).await.unwrap();
        ids.push(id);
    }
    (store, ids)
}

async fn all_have(store: &dyn Store, runs: &[RunId], wanted: RunStatus) {
    for _ in 0..10_000 {
        let mut all = true;
        for run in runs {
            all &= status(store, *run).await == wanted;
        }
        if all {
            return;
        }
        crate::clock::Clock::sleep(&crate::clock::SystemClock, std::time::Duration::from_millis(1)).await;
    }
    panic!("it never came to this: {wanted:?}");
}

#[tokio::test]
async fn no_more_runs_are_in_hand_than_there_may_be() {
    let (store, runs) = with_runs(store::Caps { all: 2, ..store::Caps::NONE }, 6).await;
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (inside, seen) = (Arc::clone(&now), Arc::clone(&most));
    let script = Script::new(move |_| {
        let (inside, seen) = (Arc::clone(&inside), Arc::clone(&seen));
        async move {
            seen.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            crate::clock::Clock::sleep(&crate::clock::SystemClock, std::time::Duration::from_millis(2)).await;
            inside.fetch_sub(1, Ordering::SeqCst);
            done()
        }
    });
    let (_handle, _lead) = start_on(Options::default(), Arc::clone(&store), &script, system());
    all_have(&*store, &runs, RunStatus::Succeeded).await;
    assert_eq!(most.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_course_that_breaks_off_parks_its_run_and_frees_its_slot() {
    let (store, runs) = with_runs(store::Caps { all: 1, ..store::Caps::NONE }, 3).await;
    let store: Arc<dyn Store> = Arc::new(Unreadable(store, || panic!("as the test says")));
    let script = Script::new(|_| async { done() });
    let (_handle, _lead) = start_on(Options::default(), Arc::clone(&store), &script, system());
    all_have(&*store, &runs, RunStatus::Parked).await;
}

/// A store that cannot read any journal: this is what comes of it.
#[derive(Debug)]
struct Unreadable(Arc<dyn Store>, fn() -> StoreError);

impl Store for Unreadable {
    fn grown(&self) -> tokio::sync::watch::Receiver<u64> {
        self.0.grown()
    }

    fn accept(&self, intake: Intake) -> Answer<'_, Accepted> {
        self.0.accept(intake)
    }

    fn leases(&self, now: Timestamp, most: usize) -> Answer<'_, Vec<Lease>> {
        self.0.leases(now, most)
    }

    fn load(&self, _: RunId) -> Answer<'_, Option<Journal>> {
        Box::pin(async { Err(self.1()) })
    }

    fn commit(&self, commit: Commit) -> Answer<'_, ()> {
        self.0.commit(commit)
    }

    fn query(&self, query: Query) -> Answer<'_, Found> {
        self.0.query(query)
    }

    fn tail(&self, after: u64, limit: usize) -> Answer<'_, Vec<Progress>> {
        self.0.tail(after, limit)
    }

    fn prune(&self, before: Timestamp, identities_before: Timestamp) -> Answer<'_, u64> {
        self.0.prune(before, identities_before)
    }

    fn scrub(&self, after: Option<Vec<u8>>, limit: usize, now: Timestamp) -> Answer<'_, Scrubbed> {
        self.0.scrub(after, limit, now)
    }
}
