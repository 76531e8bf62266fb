//! Judging the guards that were put off until the forge said that a run's person may start it, in the batch that
//! writes that it did: whoever may not takes nobody's place.

use jiff::Timestamp;

use super::begin::{Begun, grouped};
use super::desk::Desk;
use super::guard::{self, Taken};
use crate::id::RunId;
use crate::router::guard::told::Told;
use crate::run::{Entry, Frozen};
use crate::store::kept::{self, Placed};
use crate::store::keys;
use crate::store::shelf::Shelf;
use crate::store::{Due, StoreError, read};

/// Judges what was put off for a run; gives when it is to go on.
pub(super) fn judge<S: Shelf>(desk: &mut Desk<S>, run: RunId, now: Timestamp) -> Result<Due, StoreError> {
    let mut head = desk.take_head(run)?.ok_or(StoreError::Fenced(run))?;
    let Some(guard) = head.put_off.take() else { return Ok(Due::At(now)) };
    let (answering, mut begun) = (head.answering, Begun::default());
    let taken = guard::take_on(desk, run, &guard, now)?;
    head.let_in = Some(head.summary.records);
    if let Ok(Taken { admitted, .. }) = &taken {
        head.group = grouped(&guard);
        head.stand = admitted.queued.is_none().then_some((guard.priority, admitted.at));
        if let Some(told) = Told::admitted(&guard.trigger, admitted, now) {
            head.summary.reason = Some(told.sentence().to_owned());
            begun.tell(told, &guard);
        }
    }
    desk.put_json(keys::run(run), &head)?;
    let due = match taken {
        Ok(Taken { admitted, .. }) if admitted.queued.is_some() => Due::Waiting,
        Ok(Taken { admitted, .. }) => Due::At(admitted.at),
        Err(held) => {
            guard::end(desk, &head.summary, Told::held(&guard.trigger, &held).sentence().to_owned(), now)?;
            begun.hold(&guard, &held);
            Due::Ended
        }
    };
    match answering.map(|digest| read::definition(desk, digest)).transpose() {
        Ok(Some(definition)) => begun.answer(desk, &first(desk, run, now)?, Frozen::from(&definition))?,
        Ok(None) => {}
        // The run must not be kept from its work by it.
        Err(error) => tracing::error!(%error, %run, "whoever asked is not told"),
    }
    Ok(due)
}

/// The record that a run began with, as if it were written now.
fn first<S: Shelf>(desk: &Desk<S>, run: RunId, now: Timestamp) -> Result<Entry, StoreError> {
    let missing = || StoreError::Corrupt(format!("{run} does not begin with its start"));
    let placed: Placed<Entry> = kept::json(desk, &keys::entry(run, 0))?.ok_or_else(missing)?;
    Ok(Entry { at: now, ..placed.what })
}
