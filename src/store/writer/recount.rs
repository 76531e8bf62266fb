//! Counting anew what is kept, when the counts themselves are damaged.

use crate::store::kept::{self, Head, Pointer, Tally};
use crate::store::keys;
use crate::store::shelf::{Look, Pair, Span};
use crate::store::{Census, StoreError, codec};

const PAGE: usize = 1024;
/// How many places nobody takes at once.
const PLACES_NEVER_REACHED: u64 = 1 << 32;

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
    let last = newest.first().and_then(last_of).unwrap_or(0);
    Ok(Tally { last, census, waits })
}

/// The last of the places that something takes. What cannot be read may take as many as it likes.
fn last_of((key, stored): &Pair) -> Option<u64> {
    let first = keys::progress_of(key)?;
    let pointer = codec::decode(key, stored).ok().and_then(|bytes| Pointer::from_bytes(&bytes));
    Some(first + pointer.map_or(PLACES_NEVER_REACHED, Pointer::places) - 1)
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
