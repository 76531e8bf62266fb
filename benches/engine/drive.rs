//! Driving runs on a store on disk, and writing to it without an engine.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use ostler::clock::{Clock as _, SystemClock};
use ostler::engine::{Engine, Handle, Options, Parts};
use ostler::id::RunId;
use ostler::run::{Entry, Frozen};
use ostler::step::Step;
use ostler::store::{self, Accepted, Caps, Commit, Due, Lease, Store};
use tokio::task::JoinHandle;

use super::figures::{Latencies, Rated};
use super::watched::Watched;
use super::work::{self, Nothing};

/// How many wait for the store at once where it is only to be filled.
const FEEDERS: usize = 256;
/// How many runs are in hand at once, where they are many.
pub(crate) const PARALLEL: usize = 64;

/// The store in a directory, of whose runs so many are in hand at once.
pub(crate) fn open(dir: &Path, parallel: usize) -> Arc<dyn Store> {
    let caps = Caps { all: parallel, ..Caps::NONE };
    let options = store::Options { caps, ..store::Options::default() };
    store::open_with(&format!("sled://{}", dir.join("data").display()), &options).unwrap()
}

/// Waits until nobody has a store any more, so that its directory is free.
pub(crate) async fn close(store: Arc<dyn Store>) {
    while Arc::strong_count(&store) > 1 {
        tokio::task::yield_now().await;
    }
    drop(store);
}

/// Takes in so many deliveries, each of which starts one run.
pub(crate) async fn accept(store: &dyn Store, workflow: &Frozen, count: usize) {
    let feed = async |feeder: usize| {
        for _ in (feeder..count).step_by(FEEDERS) {
            accept_one(store, workflow).await;
        }
    };
    join_all((0..FEEDERS).map(feed)).await;
}

/// Takes in one delivery; gives the run that it starts.
pub(crate) async fn accept_one(store: &dyn Store, workflow: &Frozen) -> RunId {
    match store.accept(work::intake(workflow)).await.unwrap() {
        Accepted::Fresh { runs, .. } => runs[0],
        Accepted::Duplicate { .. } => panic!("each delivery is new"),
    }
}

/// An engine at work.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) watched: Arc<Watched>,
    pub(crate) handle: Handle,
    lead: JoinHandle<()>,
}

impl Running {
    /// Starts an engine.
    pub(crate) fn start(store: &Arc<dyn Store>, step: Arc<dyn Step>) -> Self {
        let watched = Watched::over(store);
        let parts = Parts { store: Arc::clone(&watched) as _, step, clock: Arc::new(SystemClock) };
        let (handle, lead) = Engine::start(Options::default(), parts);
        Self { watched, handle, lead }
    }

    pub(crate) async fn stop(self) {
        let now = SystemClock.now();
        self.handle.drain(now, now + Duration::from_secs(10)).await;
        self.lead.await.unwrap();
    }
}

/// Drives runs that are due already to their end.
pub(crate) async fn through(store: &Arc<dyn Store>, count: usize) -> Rated {
    let began = Instant::now();
    let running = Running::start(store, Arc::new(Nothing));
    running.watched.until_laid_down(count).await;
    let took = began.elapsed();
    let latencies = Latencies::of(running.watched.in_hand());
    running.stop().await;
    Rated { count, took, latencies }
}

/// Drives one run after the other, each taken in when the one before it has ended: how long each took from its
/// delivery, and from when it was due.
pub(crate) async fn alone(store: &Arc<dyn Store>, workflow: &Frozen, count: usize) -> [Latencies; 2] {
    let running = Running::start(store, Arc::new(Nothing));
    let (mut delivered, mut due) = (Vec::new(), Vec::new());
    for n in 1..=count {
        let sent = Instant::now();
        accept_one(&**store, workflow).await;
        let accepted = Instant::now();
        running.handle.poke();
        running.watched.until_laid_down(n).await;
        delivered.push(sent.elapsed());
        due.push(accepted.elapsed());
    }
    running.stop().await;
    [Latencies::of(delivered), Latencies::of(due)]
}

/// Appends records of a step's size to so many runs, each by its own writer, without an engine.
pub(crate) async fn bare(store: &Arc<dyn Store>, workflow: &Frozen, writers: usize, count: usize) -> Rated {
    accept(&**store, workflow, writers).await;
    let mut leases = Vec::new();
    while let Some(lease) = store.lease(SystemClock.now()).await.unwrap() {
        leases.push(lease);
    }
    assert_eq!(leases.len(), writers);
    let began = Instant::now();
    let each = count / writers;
    let writing = leases.into_iter().map(|lease| tokio::spawn(append(Arc::clone(store), lease, each)));
    let latencies: Vec<_> = join_all(writing).await.into_iter().flat_map(Result::unwrap).collect();
    Rated { count: each * writers, took: began.elapsed(), latencies: Latencies::of(latencies) }
}

async fn append(store: Arc<dyn Store>, lease: Lease, count: usize) -> Vec<Duration> {
    let mut latencies = Vec::with_capacity(count);
    for seq in 1..=count {
        let began = Instant::now();
        let record = work::step_started(seq % work::STEPS + 1);
        let entries = [Entry { seq: seq as u64, at: SystemClock.now(), record }].into();
        store
            .commit(Commit::Run { lease: lease.clone(), entries, due: Due::Held, heard: Vec::new() })
            .await
            .unwrap();
        latencies.push(began.elapsed());
    }
    latencies
}
