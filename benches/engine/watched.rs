//! A store that notes when each run is given out and when it is laid down.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use ostler::id::RunId;
use ostler::store::{
    Accepted, Answer, Commit, Due, Found, Intake, Journal, Lease, Progress, Query, Scrubbed, Store,
};
use tokio::sync::watch;

/// The store that is measured, with a watch on it. What it adds to each call is a look at its kind.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) store: Arc<dyn Store>,
    given: Mutex<HashMap<RunId, Instant>>,
    /// How long each run was in hand, by the order in which they were laid down.
    in_hand: Mutex<Vec<Duration>>,
    laid_down: watch::Sender<usize>,
}

impl Watched {
    pub(crate) fn over(store: &Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self {
            store: Arc::clone(store),
            given: Mutex::default(),
            in_hand: Mutex::default(),
            laid_down: watch::Sender::new(0),
        })
    }

    /// Waits until so many runs were laid down in all: ended, or waiting for their moment.
    pub(crate) async fn until_laid_down(&self, count: usize) {
        self.laid_down.subscribe().wait_for(|laid_down| *laid_down >= count).await.unwrap();
    }

    /// How long each run was in hand, from being given out to the last commit's answer.
    pub(crate) fn in_hand(&self) -> Vec<Duration> {
        self.in_hand.lock().unwrap().clone()
    }

    fn note_given(&self, lease: &Lease) {
        self.given.lock().unwrap().insert(lease.run, Instant::now());
    }

    fn note_laid_down(&self, run: RunId) {
        let given = self.given.lock().unwrap().remove(&run);
        self.in_hand.lock().unwrap().extend(given.map(|given| given.elapsed()));
        self.laid_down.send_modify(|laid_down| *laid_down += 1);
    }
}

impl Store for Watched {
    fn grown(&self) -> tokio::sync::watch::Receiver<u64> {
        self.store.grown()
    }

    fn accept(&self, intake: Intake) -> Answer<'_, Accepted> {
        self.store.accept(intake)
    }

    fn leases(&self, now: Timestamp, most: usize) -> Answer<'_, Vec<Lease>> {
        Box::pin(async move {
            let leases = self.store.leases(now, most).await?;
            leases.iter().for_each(|lease| self.note_given(lease));
            Ok(leases)
        })
    }

    fn load(&self, run: RunId) -> Answer<'_, Option<Journal>> {
        self.store.load(run)
    }

    fn commit(&self, commit: Commit) -> Answer<'_, ()> {
        let given_up = match &commit {
            Commit::Run { lease, due, .. } if *due != Due::Held => lease.run,
            _ => return self.store.commit(commit),
        };
        Box::pin(async move {
            self.store.commit(commit).await?;
            self.note_laid_down(given_up);
            Ok(())
        })
    }

    fn query(&self, query: Query) -> Answer<'_, Found> {
        self.store.query(query)
    }

    fn tail(&self, after: u64, limit: usize) -> Answer<'_, Vec<Progress>> {
        self.store.tail(after, limit)
    }

    fn prune(&self, before: Timestamp, identities_before: Timestamp) -> Answer<'_, u64> {
        self.store.prune(before, identities_before)
    }

    fn scrub(&self, after: Option<Vec<u8>>, limit: usize, now: Timestamp) -> Answer<'_, Scrubbed> {
        self.store.scrub(after, limit, now)
    }
}
