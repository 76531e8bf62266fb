//! The shelf on disk: sled 0.34, used with care.
//!
//! What sled does by itself is not enough, so this module adds what is missing, and it is the only one that
//! calls sled:
//!
//! - A batch is durable once it is in [`Log`], and only then given to sled, which never has what the log does not.
//! - `flush` writes sled's file but does not wait for the disk on Linux: our own handle of that file does, before a
//!   part of the log is written over.
//! - Pages over 128 KiB go to files that sled never removes: no value over 4 KB reaches it.
//! - Only one tree is atomic in a batch: there is one tree.
//! - Its garbage is collected by the periodic flusher: the flusher stays on.
//! - Its lock lives as long as any copy of the file does, which a child process has until it execs and a
//!   thread of sled's own has for a while after closing: opening waits a little for it.
//! - A crash while it writes a snapshot leaves `snap.*.generating`, which the next opening takes for the
//!   newest snapshot and calls damage: it is put aside, and opening is tried once more.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::blobs::{Blobs, sync_dir};
use super::log::{self, Log};
use super::shelf::{Batch, Look, Pair, Shelf, Span};
use super::shelved::Shelved;
use super::{Options, StoreError, codec, keys};
use crate::failpoint;
use crate::id::Digest;

/// A store in a directory on disk. Only one process can have it open.
pub type Sled = Shelved<SledShelf>;

/// A sled database and the files beside it.
#[derive(Debug)]
pub struct SledShelf {
    database: Database,
    blobs: Blobs,
    writing: Mutex<Writing>,
}

/// sled, and our own handle of its file to wait for the disk with.
#[derive(Debug, Clone)]
struct Database {
    db: ::sled::Db,
    file: Arc<File>,
}

/// What only one batch at a time may use.
#[derive(Debug)]
struct Writing {
    log: Log,
    /// Making the database durable up to the last turn of the log, beside the writing.
    settling: Option<JoinHandle<Result<(), StoreError>>>,
}

/// sled's transactions and batches take a lock that is one for the whole process and deadlocks when it is
/// taken in two orders; ours stands in front of it.
static APPLYING: Mutex<()> = Mutex::new(());

const CACHE_BYTES: u64 = 64 << 20;
const FLUSH_EVERY_MS: u64 = 500;
/// How often and how long apart the lock is asked for before it is somebody else's.
const LOCK_TRIES: u32 = 40;
const LOCK_PAUSE: Duration = Duration::from_millis(50);

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
        // sled has a `blobs` directory of its own: ours must not be the same.
        let database = dir.join("sled");
        fs::create_dir_all(&database)?;
        let (db, repaired) = match open_database(&database) {
            Err(::sled::Error::Corruption { .. }) if put_snapshots_aside(&database, dir)? => {
                (open_database(&database), true)
            }
            opened => (opened, false),
        };
        let db = db.map_err(|error| refused(dir, &error))?;
        let database = Database { db, file: Arc::new(File::open(database.join("db"))?) };
        let log = database.catch_up(dir)?;
        let blobs = Blobs::open(dir.join("blobs"))?;
        sync_dir(&dir.join("sled"))?;
        sync_dir(dir)?;
        let writing = Mutex::new(Writing { log, settling: None });
        Ok((Self { database, blobs, writing }, repaired))
    }

    fn writing(&self) -> MutexGuard<'_, Writing> {
        // A batch that was broken off has left the writer unwilling to write another.
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Database {
    /// Gives the database what only the log has, and makes everything in it durable, so that the log can be begun
    /// anew.
    fn catch_up(&self, dir: &Path) -> Result<Log, StoreError> {
        let key = keys::logged();
        let known = match self.db.get(&key)? {
            Some(stored) => codec::decode(self, &key, &stored).ok().and_then(|bytes| log::number_of(&bytes)),
            None => Some(0),
        };
        if known.is_none() {
            tracing::error!("the database forgot how far it had come; all of its log is applied again");
        }
        let (log, missing) = Log::open(dir, known)?;
        for (number, batch) in missing {
            self.apply(number, batch)?;
        }
        self.settle()?;
        Ok(log)
    }

    /// Applies a batch with its number, all or nothing, durably or not.
    fn apply(&self, number: u64, batch: Batch) -> Result<(), StoreError> {
        let mut writes = ::sled::Batch::default();
        for (key, value) in batch {
            match value {
                Some(value) => writes.insert(key, value),
                None => writes.remove(key),
            }
        }
        writes.insert(keys::logged(), codec::encode(&number.to_be_bytes()).stored);
        let _applying = APPLYING.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(self.db.apply_batch(writes)?)
    }

    /// Makes everything that was applied durable.
    fn settle(&self) -> Result<(), StoreError> {
        self.db.flush()?;
        Ok(self.file.sync_data()?)
    }
}

impl Writing {
    /// Goes on in the log's other half, once the database has durably got what stands there.
    fn turn(&mut self, database: &Database) -> Result<(), StoreError> {
        if let Some(settling) = self.settling.take() {
            let settled = settling.join();
            settled.unwrap_or_else(|_| Err(StoreError::Failed("making sled durable panicked".to_owned())))?;
        }
        self.log.turn();
        let database = database.clone();
        let settle = move || database.settle();
        self.settling = Some(thread::Builder::new().name("store-settle".to_owned()).spawn(settle)?);
        Ok(())
    }
}

impl Drop for SledShelf {
    fn drop(&mut self) {
        if let Some(settling) = self.writing().settling.take() {
            // Whatever became of it: the log still has everything.
            drop(settling.join());
        }
    }
}

/// Opens the database, waiting a little for a lock that is about to be let go of.
fn open_database(database: &Path) -> ::sled::Result<::sled::Db> {
    let config =
        ::sled::Config::new().path(database).cache_capacity(CACHE_BYTES).flush_every_ms(Some(FLUSH_EVERY_MS));
    for _ in 1..LOCK_TRIES {
        match config.open() {
            Err(error) if is_locked(&error) => thread::park_timeout(LOCK_PAUSE),
            opened => return opened,
        }
    }
    config.open()
}

fn is_locked(error: &::sled::Error) -> bool {
    error.to_string().contains("could not acquire lock")
}

/// Moves half-written snapshots out of sled's sight; says whether there were any. The log still holds
/// everything that they would have told, and nothing is thrown away: a person may look at them.
fn put_snapshots_aside(database: &Path, dir: &Path) -> io::Result<bool> {
    let mut any = false;
    for file in fs::read_dir(database)? {
        let name = file?.file_name();
        let is_half =
            name.to_str().is_some_and(|name| name.starts_with("snap.") && name.ends_with(".generating"));
        if is_half {
            let aside = dir.join("aside");
            fs::create_dir_all(&aside)?;
            fs::rename(database.join(&name), aside.join(&name))?;
            tracing::warn!(file = ?name, "a half-written snapshot was put aside");
            any = true;
        }
    }
    sync_dir(database)?;
    Ok(any)
}

fn refused(dir: &Path, error: &::sled::Error) -> StoreError {
    if is_locked(error) {
        let dir = dir.display();
        return StoreError::Failed(format!("another process has the store open (`{dir}`)"));
    }
    match error {
        ::sled::Error::Corruption { .. } => StoreError::Corrupt(format!("`{}`: {error}", dir.display())),
        error => StoreError::Failed(format!("`{}` cannot be opened: {error}", dir.display())),
    }
}

impl From<::sled::Error> for StoreError {
    fn from(error: ::sled::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

impl Look for Database {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.db.get(key)?.map(|value| value.to_vec()))
    }

    fn scan(&self, span: &Span, limit: usize) -> Result<Vec<Pair>, StoreError> {
        if span.is_empty() {
            return Ok(Vec::new());
        }
        let range = self.db.range::<&[u8], _>(&span.start[..]..&span.end[..]);
        let pair = |found: ::sled::Result<(::sled::IVec, ::sled::IVec)>| {
            found.map(|(key, value)| (key.to_vec(), value.to_vec())).map_err(StoreError::from)
        };
        if span.newest_first {
            range.rev().take(limit).map(pair).collect()
        } else {
            range.take(limit).map(pair).collect()
        }
    }

    fn blob(&self, _: Digest) -> Result<Option<Vec<u8>>, StoreError> {
        // They are beside the database, and what it says of itself is never so large.
        Ok(None)
    }
}

impl Look for SledShelf {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.database.get(key)
    }

    fn scan(&self, span: &Span, limit: usize) -> Result<Vec<Pair>, StoreError> {
        self.database.scan(span, limit)
    }

    fn blob(&self, digest: Digest) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.blobs.get(digest)?)
    }
}

impl Shelf for SledShelf {
    const BLOCKS: bool = true;

    fn apply(&self, batch: Batch) -> Result<(), StoreError> {
        let mut writing = self.writing();
        if writing.log.is_full() {
            writing.turn(&self.database)?;
        }
        let number = writing.log.append(&batch)?;
        failpoint::hit("before_database");
        self.database.apply(number, batch)
    }

    fn put_blob(&self, digest: Digest, content: &[u8]) -> Result<(), StoreError> {
        Ok(self.blobs.put(digest, content)?)
    }

    fn sweep_blobs(
        &self,
        wanted: &mut dyn FnMut(Digest) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        self.blobs.sweep(wanted)
    }
}
