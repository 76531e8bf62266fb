//! Parking a run of which something is damaged, before it comes to be due.

use crate::id::RunId;
use crate::run::{Entry, Record};
use crate::store::StoreError;
use crate::store::kept;
use crate::store::keys::{self, Stand};
use crate::store::shelf::{Look as _, Shelf, Span};
use jiff::Timestamp;

use super::desk::Desk;
use super::{guard, judge};

const PAGE: usize = 1024;

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
pub(super) fn forget_due<S: Shelf>(desk: &mut Desk<S>, run: RunId) -> Result<Option<Stand>, StoreError> {
    for span in keys::all_due() {
        if let Some(stand) = forget_in(desk, span, run)? {
            return Ok(Some(stand));
        }
    }
    Ok(None)
}

fn forget_in<S: Shelf>(desk: &mut Desk<S>, mut span: Span, run: RunId) -> Result<Option<Stand>, StoreError> {
    loop {
        let page = desk.scan(&span, PAGE)?;
        for (key, _) in &page {
            if let Some((stand, _)) = keys::due_of(key).filter(|(_, due)| *due == run) {
                desk.delete(key)?;
                return Ok(Some(stand));
            }
        }
        match page.last() {
            Some((reached, _)) if page.len() == PAGE => span = span.behind(reached),
            _ => return Ok(None),
        }
    }
}
