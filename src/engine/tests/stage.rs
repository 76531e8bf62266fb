//! A store of the smallest kind and a step that follows a script.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::clock::{Clock, SystemClock};
use crate::engine::{Engine, Handle, Options, Parts};
use crate::id::RunId;
use crate::run::fixture::{at, started};
use crate::run::hearing::Words;
use crate::run::{Definition, Entry, Record, Run, Sent, Signal, StepError};
use crate::step::{Context, Outcome, Step};
use crate::store::{
    Accepted, Answer, Commit, Due, Found, Intake, Journal, Lease, Progress, Query, Scrubbed, Store,
    StoreError,
};

/// Runs in memory; only what the engine needs of a store.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    rows: Mutex<BTreeMap<RunId, Row>>,
    /// How many commits are to be refused as busy.
    pub(super) busy: Mutex<u32>,
}

#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) entries: Vec<Entry>,
    pub(super) definition: Arc<Definition>,
    pub(super) due: Due,
    pub(super) epoch: u64,
    pub(super) signals: Vec<(u64, Sent)>,
    /// How many records each commit had.
    pub(super) batches: Vec<usize>,
}

impl Shelf {
    fn rows(&self) -> MutexGuard<'_, BTreeMap<RunId, Row>> {
        self.rows.lock().unwrap()
    }

    pub(super) fn put(&self, run: RunId, definition: &Arc<Definition>) {
        let entries = vec![Entry { seq: 0, at: at(0), record: started(definition) }];
        let definition = Arc::clone(definition);
        let row = Row {
            entries,
            definition,
            due: Due::At(at(0)),
            epoch: 0,
            signals: Vec::new(),
            batches: Vec::new(),
        };
        self.rows().insert(run, row);
    }

    pub(super) fn row(&self, run: RunId) -> Row {
        self.rows()[&run].clone()
    }

    /// When a run is due, and how many records and signals it has.
    pub(super) fn glance(&self, run: RunId) -> (Due, usize, usize) {
        let rows = self.rows();
        let row = &rows[&run];
        (row.due, row.entries.len(), row.signals.len())
    }

    pub(super) fn change(&self, run: RunId, change: impl FnOnce(&mut Row)) {
        change(self.rows().get_mut(&run).unwrap());
    }

    /// Keeps a signal for a run, as the store does.
    pub(super) fn signal(&self, run: RunId, signal: Signal) {
        self.change(run, |row| {
            let number = row.signals.last().map_or(0, |(last, _)| last + 1);
            row.signals.push((number, Sent { at: at(0), by: Some("ada".to_owned()), signal }));
            if row.due != Due::Held {
                row.due = Due::At(at(0));
            }
        });
    }

    pub(super) fn run(&self, run: RunId) -> Run {
        let row = self.row(run);
        Run::replay(run, row.definition, &row.entries).unwrap()
    }

    pub(super) fn records(&self, run: RunId) -> Vec<Record> {
        self.row(run).entries.into_iter().map(|entry| entry.record).collect()
    }

    /// The node is opened again: every lease is void.
    pub(super) fn reopen(&self) {
        for row in self.rows().values_mut().filter(|row| row.due == Due::Held) {
            row.epoch += 1;
            row.due = Due::At(at(0));
        }
    }

    fn write(&self, commit: Commit) -> Result<(), StoreError> {
        let Commit::Run { lease, entries, due, heard } = commit else { return Err(absent()) };
        let mut busy = self.busy.lock().unwrap();
        if *busy > 0 {
            *busy -= 1;
            return Err(StoreError::Busy);
        }
        let mut rows = self.rows();
        let row = rows.get_mut(&lease.run).unwrap();
        if row.epoch != lease.epoch {
            return Err(StoreError::Fenced(lease.run));
        }
        if entries.iter().zip(row.entries.len()..).any(|(entry, place)| entry.seq != place as u64) {
            return Err(StoreError::Conflict);
        }
        row.batches.push(entries.len());
        row.entries.extend(entries.iter().cloned());
        row.signals.retain(|(number, _)| !heard.contains(number));
        let unheard = due != Due::Held && !row.signals.is_empty();
        row.due = if unheard { Due::At(at(0)) } else { due };
        Ok(())
    }
}

fn absent() -> StoreError {
    StoreError::Failed("not on this shelf".to_owned())
}

impl Store for Shelf {
    fn grown(&self) -> tokio::sync::watch::Receiver<u64> {
        tokio::sync::watch::channel(0).1
    }

    fn accept(&self, _: Intake) -> Answer<'_, Accepted> {
        async { Err(absent()) }.boxed()
    }

    fn leases(&self, now: Timestamp, most: usize) -> Answer<'_, Vec<Lease>> {
        let mut rows = self.rows();
        let due = rows.iter_mut().filter(|(_, row)| matches!(row.due, Due::At(due) if due <= now));
        let lease = |(run, row): (&RunId, &mut Row)| {
            row.due = Due::Held;
            row.epoch += 1;
            Lease { run: *run, epoch: row.epoch }
        };
        let leases = due.take(most).map(lease).collect();
        async move { Ok(leases) }.boxed()
    }

    fn load(&self, run: RunId) -> Answer<'_, Option<Journal>> {
        let row = self.row(run);
        let Row { entries, definition, signals, .. } = row;
        async move { Ok(Some(Journal { entries, definition, signals, put_off: false })) }.boxed()
    }

    fn commit(&self, commit: Commit) -> Answer<'_, ()> {
        async move {
            // A real store takes its time: others may run before it has written and before it answers.
            tokio::task::yield_now().await;
            let written = self.write(commit);
            tokio::task::yield_now().await;
            written
        }
        .boxed()
    }

    fn query(&self, query: Query) -> Answer<'_, Found> {
        if let Query::Signals(run) = query {
            let signals = self.row(run).signals;
            return async move { Ok(Found::Signals(signals)) }.boxed();
        }
        let due = self
            .rows()
            .values()
            .filter_map(|row| if let Due::At(at) = row.due { Some(at) } else { None })
            .min();
        async move { Ok(due.map_or(Found::Nothing, Found::Moment)) }.boxed()
    }

    fn tail(&self, _: u64, _: usize) -> Answer<'_, Vec<Progress>> {
        async { Err(absent()) }.boxed()
    }

    fn prune(&self, _: Timestamp, _: Timestamp) -> Answer<'_, u64> {
        async { Err(absent()) }.boxed()
    }

    fn scrub(&self, _: Option<Vec<u8>>, _: usize, _: Timestamp) -> Answer<'_, Scrubbed> {
        async { Err(absent()) }.boxed()
    }
}

type Play = dyn Fn(Context) -> BoxFuture<'static, Result<Outcome, StepError>> + Send + Sync;

/// What comes of finding out whether somebody may stop a run.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stops {
    May,
    MayNot,
    NeverComesOut,
    Panics,
}

/// Plays every step as the script says, and remembers which it was asked for.
pub(super) struct Script {
    play: Box<Play>,
    /// What comes of finding out whether somebody may stop a run.
    pub(super) stops: Mutex<Stops>,
    pub(super) asked: Mutex<Vec<(RunId, String, u32)>>,
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script").field("asked", &self.asked).finish_non_exhaustive()
    }
}

impl Script {
    pub(super) fn new<F>(play: impl Fn(Context) -> F + Send + Sync + 'static) -> Arc<Self>
    where
        F: Future<Output = Result<Outcome, StepError>> + Send + 'static,
    {
        let play = Box::new(move |context| play(context).boxed());
        Arc::new(Self { play, stops: Mutex::new(Stops::May), asked: Mutex::default() })
    }

    /// The steps asked for, with their attempts.
    pub(super) fn names(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().map(|(_, step, attempt)| format!("{step}#{attempt}")).collect()
    }
}

impl Step for Script {
    fn perform<'a>(&'a self, context: &'a Context) -> BoxFuture<'a, Result<Outcome, StepError>> {
        let asked = (context.run, context.job.step.to_string(), context.job.attempt);
        self.asked.lock().unwrap().push(asked);
        (self.play)(context.clone())
    }

    fn stop<'a>(&'a self, _: &'a Context, _: &'a Words) -> BoxFuture<'a, Result<bool, StepError>> {
        let stops = *self.stops.lock().unwrap();
        Box::pin(async move {
            match stops {
                Stops::May => Ok(true),
                Stops::MayNot => Ok(false),
                Stops::NeverComesOut => std::future::pending().await,
                Stops::Panics => panic!("on purpose"),
            }
        })
    }
}

/// What a step gives that has nothing to say.
pub(super) fn done() -> Result<Outcome, StepError> {
    Ok(Outcome { outputs: Value::Null, ..Outcome::default() })
}

pub(super) fn start(
    options: Options,
    shelf: &Arc<Shelf>,
    script: &Arc<Script>,
    clock: Arc<dyn Clock>,
) -> (Handle, JoinHandle<()>) {
    start_on(options, Arc::clone(shelf) as Arc<dyn Store>, script, clock)
}

pub(super) fn start_on(
    options: Options,
    store: Arc<dyn Store>,
    script: &Arc<Script>,
    clock: Arc<dyn Clock>,
) -> (Handle, JoinHandle<()>) {
    Engine::start(options, Parts { store, step: Arc::clone(script) as Arc<dyn Step>, clock })
}

/// Waits until something holds; it is a failure if it never does.
pub(super) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..10_000 {
        if holds() {
            return;
        }
        SystemClock.sleep(Duration::from_millis(1)).await;
    }
    panic!("it never came to this: {what}");
}
