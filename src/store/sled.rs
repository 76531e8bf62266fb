//! The shelf on disk: sled 0.34, used with care.
//!
//! What sled does by itself is not enough, so this module adds what is missing, and it is the only one that
//! calls sled:
//!
//! - `flush` writes the log but does not wait for the disk on Linux: our own handle of the log file does.
//! - Pages over 128 KiB go to files that sled never removes: no value over 4 KB reaches it.
//! - Only one tree is atomic in a batch: there is one tree.
//! - Its garbage is collected by the periodic flusher: the flusher stays on.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

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

impl Sled {
    /// The store in a directory, which is made if it is not there.
    ///
    /// # Errors
    /// When another process has it open, when it is damaged, or when the disk fails.
    pub fn open(dir: &Path, options: &Options) -> Result<Self, StoreError> {
        Self::on(Arc::new(SledShelf::open(dir)?), options)
    }
}

impl SledShelf {
    fn open(dir: &Path) -> Result<Self, StoreError> {
        // sled has a `blobs` directory of its own: ours must not be the same.
        let database = dir.join("sled");
        fs::create_dir_all(&database)?;
        let config = ::sled::Config::new()
            .path(&database)
            .cache_capacity(CACHE_BYTES)
            .flush_every_ms(Some(FLUSH_EVERY_MS));
        let db = config.open().map_err(|error| refused(dir, &error))?;
        let log = File::open(database.join("db"))?;
        let blobs = Blobs::open(dir.join("blobs"))?;
        sync_dir(&database)?;
        sync_dir(dir)?;
        Ok(Self { db, log, blobs })
    }
}

fn refused(dir: &Path, error: &::sled::Error) -> StoreError {
    if error.to_string().contains("could not acquire lock") {
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
