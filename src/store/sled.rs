//! The shelf on disk: a log, sled 0.34, and volumes of large values, used with care.
//!
//! A batch is durable once it is in the [`Log`], and that is all that anybody waits for. Then it is [`Ahead`] of the
//! [`Database`], where readers find it, until a thread has given it to sled and to the volumes. A part of the log is
//! written over only when they durably have everything that stands in it.
//!
//! What sled does by itself is not enough, so this module adds what is missing, and it is the only one that
//! calls sled:
//!
//! - `flush` writes sled's file but does not wait for the disk on Linux: our own handle of that file does.
//! - Pages over 128 KiB go to files that sled never removes: no value over 256 bytes reaches it.
//! - Only one tree is atomic in a batch: there is one tree.
//! - Its garbage is collected by the periodic flusher: the flusher stays on.
//! - Its lock lives as long as any copy of the file does, which a child process has until it execs and a
//!   thread of sled's own has for a while after closing: opening waits a little for it.
//! - A crash while it writes a snapshot leaves `snap.*.generating`, which the next opening takes for the
//!   newest snapshot and calls damage: it is put aside, and opening is tried once more.

mod ahead;
mod database;
mod volumes;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use self::ahead::{Ahead, Task};
use self::database::Database;
use super::keys::Key;
use super::log::Log;
use super::shelf::{Batch, Look, Pair, Shelf, Span};
use super::shelved::Shelved;
use super::{Options, StoreError};
use crate::failpoint;

/// A store in a directory on disk. Only one process can have it open.
pub type Sled = Shelved<SledShelf>;

/// A log, the database behind it, and what is between them.
#[derive(Debug)]
pub struct SledShelf {
    database: Arc<Database>,
    ahead: Arc<Ahead>,
    log: Mutex<Log>,
    applier: Option<JoinHandle<()>>,
}

impl Sled {
    /// The store in a directory, which is made if it is not there.
    ///
    /// # Errors
    /// When another process has it open, when it is damaged, or when the disk fails.
    pub fn open(dir: &Path, options: &Options) -> Result<Self, StoreError> {
        let (shelf, repaired) = SledShelf::open(dir)?;
        let store = Self::on(Arc::new(shelf), options)?;
        if repaired {
            store.check_everything()?;
        }
        Ok(store)
    }
}

impl SledShelf {
    /// The shelf in a directory, and whether it had to be repaired.
    pub(super) fn open(dir: &Path) -> Result<(Self, bool), StoreError> {
        let (database, repaired) = Database::open(dir)?;
        let (log, settled) = catch_up(&database, dir)?;
        let (database, ahead) = (Arc::new(database), Arc::new(Ahead::of(settled)));
        let applier = thread::Builder::new().name("store-applier".to_owned()).spawn({
            let (database, ahead) = (Arc::clone(&database), Arc::clone(&ahead));
            move || work(&database, &ahead)
        })?;
        Ok((Self { database, ahead, log: Mutex::new(log), applier: Some(applier) }, repaired))
    }

    /// Waits until sled's files have everything, durable or not.
    #[cfg(test)]
    pub(super) fn apply_all(&self) {
        self.ahead.await_applied();
        self.database.flush().unwrap();
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        // A batch that was broken off has left the writer unwilling to write another.
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives the database what only the log durably has, so that the log can be begun anew; gives the newest number too.
fn catch_up(database: &Database, dir: &Path) -> Result<(Log, u64), StoreError> {
    let known = database.settled()?;
    if known.is_none() {
        tracing::error!("the database forgot how far it had come; all of its log is applied again");
    }
    let (log, missing) = Log::open(dir, known)?;
    // What came later may be there already, wholly or in part: in their order they lead to the same.
    for batch in missing.values() {
        database.apply_again(batch)?;
    }
    // Even where nothing was missing: an earlier process may have left it to the operating system.
    let newest = log.newest();
    database.settle(newest)?;
    Ok((log, newest))
}

/// Gives the database what is ahead of it, as long as there is something.
fn work(database: &Database, ahead: &Ahead) {
    while let Some(task) = ahead.next() {
        match &task {
            Task::Apply(batch, _) => {
                failpoint::hit("before_database");
                ahead.done(&task, database.apply(batch));
            }
            Task::Settle(number) => ahead.done(&task, database.settle(*number)),
        }
    }
}

impl Drop for SledShelf {
    fn drop(&mut self) {
        // Whatever becomes of it: the log has everything.
        drop(self.ahead.settle_all());
        self.ahead.close();
        if let Some(Err(_)) = self.applier.take().map(JoinHandle::join) {
            tracing::error!("the store's applier had panicked");
        }
    }
}

impl Look for SledShelf {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        // Before the database is looked at: what leaves there meanwhile is in it.
        match self.ahead.get(key) {
            Some(changed) => Ok(changed.map(Vec::from)),
            None => self.database.get(key),
        }
    }

    fn scan(&self, span: &Span, limit: usize) -> Result<Vec<Pair>, StoreError> {
        if span.is_empty() {
            return Ok(Vec::new());
        }
        let changes = self.ahead.changes(span);
        span.overlay(&*self.database, changes, limit)
    }
}

impl Shelf for SledShelf {
    const BLOCKS: bool = true;

    fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        let mut log = self.log();
        if log.is_full() {
            self.ahead.await_settled(log.given_up())?;
            log.turn();
            self.ahead.want_settled(log.newest());
        }
        let number = log.append(batch)?;
        self.ahead.add(number, batch)
    }

    fn sweep(&self) -> Result<Vec<Key>, StoreError> {
        // What was removed must stay so after a loss of power, whatever it had led to.
        self.ahead.settle_all()?;
        self.database.sweep()
    }
}
