//! What is said to runs: kept beside them until they have heard it.

use super::desk::Desk;
use super::{guard, regroup, scrub};
use crate::id::RunId;
use crate::run::{Sent, Signal};
use crate::spec::Priority;
use crate::store::keys::{self, Stand};
use crate::store::shelf::{Look as _, Shelf, Span};
use crate::store::{StoreError, kept};

/// Keeps a signal, and makes its run due unless somebody has it in hand.
pub(in crate::store) fn send<S: Shelf>(
    desk: &mut Desk<S>,
    run: RunId,
    sent: &Sent,
) -> Result<(), StoreError> {
    let head = kept::head(desk, run)?.ok_or(StoreError::Conflict)?;
    let last = desk.scan(&Span { newest_first: true, ..keys::signals(run) }, 1)?;
    let last = last.first().and_then(|(key, _)| keys::number_of(key));
    desk.put_json(keys::signal(run, last.map_or(0, |last| last + 1)), sent)?;
    // Whoever has it in hand is told, and hears of it at the latest when the run is laid down.
    if desk.leases.holds(run) {
        return Ok(());
    }
    // Its turn in a group has not come: all that can be done with it now is to end it.
    if guard::is_queued(desk, run)? && !matches!(sent.signal, Signal::Cancel { .. }) {
        return Ok(());
    }
    let takes_up = matches!(sent.signal, Signal::Resume | Signal::Retry);
    if takes_up && regroup::has_to_wait(desk, &head, sent.at)? {
        return Ok(());
    }
    let spot = scrub::forget_due(desk, run)?;
    let stood = spot.as_ref().map(|spot| spot.stand).or_else(|| head.stand());
    let priority = stood.map_or(Priority::Normal, |stood| stood.priority);
    let lane = spot.map_or_else(|| kept::lane_of(desk, run), |spot| spot.lane);
    desk.put_json(keys::due(Stand { priority, at: sent.at }, run), &lane)
}

/// Forgets signals that a run has heard.
pub(in crate::store) fn forget<S: Shelf>(
    desk: &mut Desk<S>,
    run: RunId,
    heard: &[u64],
) -> Result<(), StoreError> {
    for number in heard {
        desk.delete(&keys::signal(run, *number))?;
    }
    Ok(())
}

/// Whether something was said to a run that it has not heard.
pub(super) fn waits<S: Shelf>(desk: &Desk<S>, run: RunId) -> Result<bool, StoreError> {
    Ok(!desk.scan(&keys::signals(run), 1)?.is_empty())
}
