//! A store in a map, as far as deliveries need one.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};

use jiff::Timestamp;
use serde_json::Value;

use crate::id::{EventId, RunId};
use crate::store::{
    Accepted, Answer, Census, Commit, Found, Intake, Journal, Lease, Progress, Query, Scrubbed, Store,
    StoreError,
};

/// What was taken in.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    kept: Mutex<Kept>,
    busy: AtomicBool,
}

#[derive(Debug, Default)]
struct Kept {
    identities: HashMap<String, (EventId, Vec<RunId>)>,
    reasons: HashMap<EventId, Value>,
    runs: Vec<RunId>,
}

impl Shelf {
    /// Refuses everything from now on.
    pub(super) fn be_busy(&self) {
        self.busy.store(true, Ordering::Relaxed);
    }

    /// The reasons kept with an event.
    pub(super) fn reasons(&self, event: &str) -> Value {
        self.lock().reasons[&event.parse().unwrap()].clone()
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap()
    }

    fn take(&self, intake: Intake) -> Result<Accepted, StoreError> {
        if self.busy.load(Ordering::Relaxed) {
            return Err(StoreError::Busy);
        }
        let mut kept = self.lock();
        if let Some((event, runs)) = intake.identities.iter().find_map(|id| kept.identities.get(id)).cloned()
        {
            return Ok(Accepted::Duplicate { event, runs });
        }
        let (event, runs) = (intake.event.id, intake.runs.iter().map(|run| run.id).collect::<Vec<_>>());
        kept.identities.extend(intake.identities.into_iter().map(|id| (id, (event, runs.clone()))));
        kept.reasons.insert(event, intake.reasons.told());
        kept.runs.extend(&runs);
        Ok(Accepted::Fresh { event, runs, told: Vec::new(), signalled: Vec::new(), decided: false })
    }
}

impl Store for Shelf {
    fn grown(&self) -> tokio::sync::watch::Receiver<u64> {
        tokio::sync::watch::channel(0).1
    }

    fn accept(&self, intake: Intake) -> Answer<'_, Accepted> {
        let accepted = self.take(intake);
        Box::pin(async move {
            tokio::task::yield_now().await;
            accepted
        })
    }

    fn leases(&self, _: Timestamp, _: usize) -> Answer<'_, Vec<Lease>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn load(&self, _: RunId) -> Answer<'_, Option<Journal>> {
        Box::pin(async { Ok(None) })
    }

    fn commit(&self, _: Commit) -> Answer<'_, ()> {
        Box::pin(async { Err(StoreError::Conflict) })
    }

    fn query(&self, query: Query) -> Answer<'_, Found> {
        let kept = self.lock();
        let found = match query {
            Query::Census => Found::Census(Census {
                events: kept.reasons.len() as u64,
                runs: kept.runs.len() as u64,
                open_runs: kept.runs.len() as u64,
                identities: kept.identities.len() as u64,
            }),
            _ => Found::Nothing,
        };
        Box::pin(async { Ok(found) })
    }

    fn tail(&self, _: u64, _: usize) -> Answer<'_, Vec<Progress>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn prune(&self, _: Timestamp, _: Timestamp) -> Answer<'_, u64> {
        Box::pin(async { Ok(0) })
    }

    fn scrub(&self, _: Option<Vec<u8>>, _: usize, _: Timestamp) -> Answer<'_, Scrubbed> {
        Box::pin(async { Ok(Scrubbed::default()) })
    }
}
