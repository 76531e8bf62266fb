//! Parking a run of which something is damaged, before it comes to be due.

use crate::id::RunId;
use crate::run::{Entry, Record};
use crate::store::StoreError;
use crate::store::kept;
use crate::store::keys;
use crate::store::shelf::{Look as _, Shelf};
use jiff::Timestamp;

use super::desk::Desk;
use super::judge;

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
    forget_due(desk, run)
}

fn forget_due<S: Shelf>(desk: &mut Desk<S>, run: RunId) -> Result<bool, StoreError> {
    let mut span = keys::all_due();
    loop {
        let page = desk.scan(&span, PAGE)?;
        for (key, _) in &page {
            if keys::due_of(key).is_some_and(|(_, due)| due == run) {
                return desk.delete(key);
            }
        }
        match page.last() {
            Some((reached, _)) if page.len() == PAGE => span = span.behind(reached),
            _ => return Ok(false),
        }
    }
}
