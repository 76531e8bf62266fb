//! Runs that are taken up again: they gave up their turn in their group when they were parked or ended, and have to
//! wait for another like everybody.

use jiff::Timestamp;

use super::desk::Desk;
use super::guard::{GROUP_MOST, sit};
use crate::store::StoreError;
use crate::store::kept::{Grouped, Head, Seat};
use crate::store::keys::{self, Place};
use crate::store::shelf::{Look as _, Shelf};

/// Gives a run that is over or parked a seat in its group again, unless it has one or is in none; says whether it has to
/// wait there.
pub(super) fn has_to_wait<S: Shelf>(
    desk: &mut Desk<S>,
    head: &Head,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let run = head.summary.id;
    let Some(group) = head.group.as_ref().filter(|_| !head.is_open()) else { return Ok(false) };
    if desk.get(&keys::member(run))?.is_some() {
        return Ok(false);
    }
    let Grouped { name, limit, priority } = group;
    let seats = desk.scan(&keys::seats_of(name), GROUP_MOST)?;
    let places: Vec<_> = seats.iter().filter_map(|(key, _)| keys::place_of(key)).collect();
    let held = places.iter().filter(|(place, _)| *place == Place::Holding).count();
    let foremost = places.first().filter(|_| held >= *limit || places.len() > held);
    let place = if foremost.is_some() { Place::Waiting(*priority) } else { Place::Holding };
    let seat = Seat { limit: *limit, at: now, priority: *priority };
    sit(desk, keys::seat(name, place, now, run), run, &seat)?;
    let Some((_, foremost)) = foremost else { return Ok(false) };
    let mut head = head.clone();
    head.summary.reason = Some(format!("It waits for its turn again, behind {foremost}."));
    desk.put_json(keys::run(run), &head)?;
    Ok(true)
}
