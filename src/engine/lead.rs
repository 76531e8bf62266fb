//! The lead: gives out runs that are due, as many at once as there may be.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinError, JoinSet};
use tracing::Instrument as _;

use super::course;
use super::handle::Shared;
use super::scrub::scrub;
use crate::failpoint;
use crate::store::{Found, Lease, Query};

/// Leases what is due until it is told to drain, then waits for the runs in hand.
pub(super) async fn lead(shared: Arc<Shared>) {
    // The guard says that the lead has stopped even if it panics, so that nobody waits for it in vain.
    let _stopped = shared.stopped.clone().drop_guard();
    let slots = Arc::new(Semaphore::new(shared.options.max_concurrent.max(1)));
    let mut courses = JoinSet::new();
    // A set of its own, so that it ends with the lead however that ends.
    let mut aside = JoinSet::new();
    aside.spawn(scrub(Arc::clone(&shared)));
    while let Some(slot) = free_slot(&shared, &slots).await {
        match shared.parts.store.lease(shared.parts.clock.now()).await {
            Ok(Some(lease)) => {
                failpoint::hit("after_lease");
                take_up(&shared, &mut courses, lease, slot);
            }
            Ok(None) => {
                drop(slot);
                idle(&shared).await;
            }
            Err(error) => {
                tracing::warn!(%error, "due runs cannot be leased");
                drop(slot);
                rest(&shared).await;
            }
        }
        while let Some(course) = courses.try_join_next() {
            tell(&course);
        }
    }
    tokio::select! {
        () = all(&mut courses) => {}
        () = shared.dropping.cancelled() => courses.shutdown().await,
    }
}

async fn free_slot(shared: &Shared, slots: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    tokio::select! {
        biased;
        () = shared.draining.cancelled() => None,
        slot = Arc::clone(slots).acquire_owned() => slot.ok(),
    }
}

fn take_up(shared: &Arc<Shared>, courses: &mut JoinSet<()>, lease: Lease, slot: OwnedSemaphorePermit) {
    let span = tracing::info_span!("run", id = %lease.run);
    let hand = Hand { shared: Arc::clone(shared), lease, _slot: slot };
    let driven = async move { course::drive(&hand.shared, &hand.lease).await };
    courses.spawn(driven.instrument(span));
}

async fn all(courses: &mut JoinSet<()>) {
    while let Some(course) = courses.join_next().await {
        tell(&course);
    }
}

fn tell(course: &Result<(), JoinError>) {
    if let Err(error) = course {
        tracing::error!(%error, "a run's course broke off; the run is taken up again after the next start");
    }
}

/// A run in hand; it is laid down however its course ends.
struct Hand {
    shared: Arc<Shared>,
    lease: Lease,
    _slot: OwnedSemaphorePermit,
}

impl Drop for Hand {
    fn drop(&mut self) {
        self.shared.in_hand.remove(&self.lease.run);
        // The run may have become due for a moment that comes before the one that is waited for.
        self.shared.poked.notify_one();
    }
}

/// Waits until something may have become due.
async fn idle(shared: &Shared) {
    let clock = &shared.parts.clock;
    let poll = clock.now() + shared.options.poll();
    let next = next_due(shared).await.map_or(poll, |due| due.min(poll));
    tokio::select! {
        () = shared.draining.cancelled() => {}
        () = shared.poked.notified() => {}
        () = clock.sleep_until(next) => {}
    }
}

async fn next_due(shared: &Shared) -> Option<Timestamp> {
    match shared.parts.store.query(Query::NextDue).await {
        // A moment that has passed belongs to a run that somebody else has: no reason to spin.
        Ok(Found::Moment(due)) if due > shared.parts.clock.now() => Some(due),
        _ => None,
    }
}

async fn rest(shared: &Shared) {
    tokio::select! {
        () = shared.draining.cancelled() => {}
        () = shared.parts.clock.sleep(shared.options.poll()) => {}
    }
}
