//! Counting anew what is kept, when the counts themselves are damaged.

use crate::store::kept::{self, Head, Tally};
use crate::store::keys;
use crate::store::shelf::{Look, Pair, Span};
use crate::store::{Census, StoreError};

const PAGE: usize = 1024;

/// The tally of what is on a shelf. What cannot be read is counted too: it is kept.
pub(super) fn tally(look: &impl Look) -> Result<Tally, StoreError> {
    let mut census = Census::default();
    each(look, keys::events(), |_| census.events += 1)?;
    each(look, keys::identities(), |_| census.identities += 1)?;
    each(look, keys::runs(), |head| {
        census.runs += 1;
        census.open_runs += u64::from(kept::read::<Head>(head).is_ok_and(|head| head.is_open()));
    })?;
    let mut waits = 0;
    each(look, keys::all_waits(), |_| waits += 1)?;
    // The oldest places are pruned first, so the newest one that is left is the newest that there was.
    let newest = look.scan(&keys::newest_progress(), 1)?;
    let last = newest.first().and_then(|(key, _)| keys::progress_of(key)).unwrap_or(0);
    Ok(Tally { last, census, waits })
}

fn each(look: &impl Look, mut span: Span, mut count: impl FnMut(&Pair)) -> Result<(), StoreError> {
    loop {
        let page = look.scan(&span, PAGE)?;
        page.iter().for_each(&mut count);
        match page.last() {
            Some((reached, _)) if page.len() == PAGE => span = span.behind(reached),
            _ => return Ok(()),
        }
    }
}
