//! Making groups durable, one after the other, while what comes next is judged.

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, Sender, bounded};
use tokio::sync::watch;

use super::Promise;
use crate::failpoint;
use crate::store::StoreError;
use crate::store::shelf::{Batch, Shelf};

/// What the accepted commands of a group change, and who waits for it.
pub(super) struct Group {
    pub changes: Arc<Batch>,
    /// The newest place among everything that happened.
    pub last: u64,
    pub promises: Vec<Promise>,
}

/// The handle of a thread that makes groups durable.
pub(super) struct Scribe {
    groups: Option<Sender<Group>>,
    thread: Option<JoinHandle<()>>,
    /// What became of each group, in their order.
    pub written: Receiver<Result<(), String>>,
}

impl Scribe {
    /// Starts the thread.
    pub(super) fn start(
        shelf: Arc<impl Shelf>,
        durable: Arc<watch::Sender<u64>>,
    ) -> Result<Self, StoreError> {
        let (groups, given) = bounded::<Group>(1);
        let (told, written) = bounded(1);
        let work = move || {
            for group in given {
                let outcome = write(&*shelf, &group.changes).map_err(|error| {
                    format!("{error}; nothing more is written until the store is opened again")
                });
                if outcome.is_ok() {
                    durable.send_if_modified(|last| std::mem::replace(last, group.last) != group.last);
                }
                // First, so that the next group is on its way while this one is answered.
                let ended = told.send(outcome.clone()).is_err();
                let answer = outcome.as_ref().copied().map_err(String::as_str);
                group.promises.into_iter().for_each(|promise| promise(answer));
                if ended {
                    break;
                }
            }
        };
        let thread = thread::Builder::new().name("store-scribe".to_owned()).spawn(work)?;
        Ok(Self { groups: Some(groups), thread: Some(thread), written })
    }

    /// Gives it a group, while it has none.
    pub(super) fn give(&self, group: Group) {
        // Where it has ended the group is dropped, and who waits for it hears that.
        drop(self.groups.as_ref().map(|groups| groups.send(group)));
    }
}

impl Drop for Scribe {
    fn drop(&mut self) {
        // Without a sender the thread ends with the group that it has.
        self.groups = None;
        if let Some(Err(_)) = self.thread.take().map(JoinHandle::join) {
            tracing::error!("the store's scribe had panicked");
        }
    }
}

fn write(shelf: &impl Shelf, changes: &Batch) -> Result<(), StoreError> {
    failpoint::hit("before_commit");
    shelf.apply(changes)?;
    failpoint::hit("after_commit");
    Ok(())
}
