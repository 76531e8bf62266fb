//! The shelf on disk: sled 0.34, used with care.
//!
//! What sled does by itself is not enough, so this module adds what is missing, and it is the only one that
//! calls sled:
//!
//! - `flush` writes the log but does not wait for the disk on Linux: our own handle of the log file does.
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
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::blobs::{Blobs, sync_dir};
use super::shelf::{Batch, Look, Pair, Shelf, Span};
use super::shelved::Shelved;
use super::{Options, StoreError};
use crate::id::Digest;

/// A store in a directory on disk. Only one process can have it open.
pub type Sled = Shelved<SledShelf>;

/// A sled database and the files beside it.
#[derive(Debug)]
pub struct SledShelf {
    db: ::sled::Db,
    /// Our own handle of sled's log, to wait for the disk with.
    log: File,
    blobs: Blobs,
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
    fn open(dir: &Path) -> Result<(Self, bool), StoreError> {
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
        let log = File::open(database.join("db"))?;
        let blobs = Blobs::open(dir.join("blobs"))?;
        sync_dir(&database)?;
        sync_dir(dir)?;
        Ok((Self { db, log, blobs }, repaired))
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

impl Look for SledShelf {
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

    fn blob(&self, digest: Digest) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.blobs.get(digest)?)
    }
}

impl Shelf for SledShelf {
    const BLOCKS: bool = true;

    fn apply(&self, batch: Batch) -> Result<(), StoreError> {
        let mut writes = ::sled::Batch::default();
        for (key, value) in batch {
            match value {
                Some(value) => writes.insert(key, value),
                None => writes.remove(key),
            }
        }
        {
            let _applying = APPLYING.lock().unwrap_or_else(PoisonError::into_inner);
            self.db.apply_batch(writes)?;
        }
        self.db.flush()?;
        self.log.sync_data()?;
        Ok(())
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
