//! Parking a run of which something is damaged, before it comes to be due.

use crate::id::RunId;
use crate::run::{Entry, Record};
use crate::store::StoreError;
use crate::store::kept;
use crate::store::keys;
use crate::store::shelf::Shelf;
use jiff::Timestamp;

use super::desk::Desk;
use super::lanes::Spot;
use super::{guard, judge};

/// Parks an open run that nobody holds; says whether it was one. Whoever holds a run finds the
/// damage by loading it.
pub(in crate::store) fn park<S: Shelf>(
    desk: &mut Desk<S>,
    run: RunId,
    reason: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    if desk.leases.holds(run) {
        return Ok(false);
    }
    let head = match kept::head(desk, run) {
        Ok(Some(head)) if head.is_open() => Some(head),
        // Nothing can be added to a run whose head is damaged, but it can be kept from being due.
        Err(StoreError::Corrupt(_)) => None,
        Ok(_) => return Ok(false),
        Err(error) => return Err(error),
    };
    if let Some(head) = head {
        let record = Record::Parked { reason: reason.to_owned() };
        judge::extend(desk, run, &[Entry { seq: head.summary.records, at: now, record }])?;
    }
    let was_due = forget_due(desk, run)?.is_some();
    guard::release(desk, run)?;
    Ok(was_due)
}

/// Keeps a run from being due; gives where it stood.
pub(super) fn forget_due<S: Shelf>(desk: &mut Desk<S>, run: RunId) -> Result<Option<Spot>, StoreError> {
    let Some(spot) = desk.leases.spot(run) else { return Ok(None) };
    // The command at hand may have moved it already.
    let was_there = desk.delete(&keys::due(spot.stand, run))?;
    Ok(was_there.then_some(spot))
}
