//! The lead: takes runs in hand as long as the store gives some out.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt as _;
use jiff::Timestamp;
use tokio::task::{JoinError, JoinSet};
use tracing::Instrument as _;

use super::course;
use super::handle::Shared;
use super::scrub::scrub;
use crate::failpoint;
use crate::store::{Found, Lease, Query};

/// How many runs are asked for at once: each question is a turn of the store's writer.
const AT_ONCE: usize = 64;

/// Leases what is due until it is told to drain, then waits for the runs in hand.
pub(super) async fn lead(shared: Arc<Shared>) {
    // The guard says that the lead has stopped even if it panics, so that nobody waits for it in vain.
    let _stopped = shared.stopped.clone().drop_guard();
    let mut courses = JoinSet::new();
    // A set of its own, so that it ends with the lead however that ends.
    let mut aside = JoinSet::new();
    aside.spawn(scrub(Arc::clone(&shared)));
    while !shared.draining.is_cancelled() {
        match shared.parts.store.leases(shared.parts.clock.now(), AT_ONCE).await {
            Ok(leases) if leases.is_empty() => idle(&shared).await,
            Ok(leases) => {
                for lease in leases {
                    failpoint::hit("after_lease");
                    take_up(&shared, &mut courses, lease);
                }
            }
            Err(error) => {
                tracing::warn!(%error, "due runs cannot be leased");
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

fn take_up(shared: &Arc<Shared>, courses: &mut JoinSet<()>, lease: Lease) {
    let span = tracing::info_span!("run", id = %lease.run);
    let hand = Hand { shared: Arc::clone(shared), lease };
    let driven = async move {
        let driven = course::drive(&hand.shared, &hand.lease);
        if AssertUnwindSafe(driven).catch_unwind().await.is_err() {
            // Else its slot would be taken until the next start.
            course::put_aside(&hand.shared, &hand.lease, "its course broke off").await;
        }
    };
    courses.spawn(driven.instrument(span));
}

async fn all(courses: &mut JoinSet<()>) {
    while let Some(course) = courses.join_next().await {
        tell(&course);
    }
}

fn tell(course: &Result<(), JoinError>) {
    if let Err(error) = course {
        tracing::error!(%error, "a run cannot be laid down; it is taken up again after the next start");
    }
}

/// A run in hand; it is laid down however its course ends.
struct Hand {
    shared: Arc<Shared>,
    lease: Lease,
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
        Ok(Found::Moment(due)) => Some(due),
        _ => None,
    }
}

async fn rest(shared: &Shared) {
    tokio::select! {
        () = shared.draining.cancelled() => {}
        () = shared.parts.clock.sleep(shared.options.poll()) => {}
    }
}
