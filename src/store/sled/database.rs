//! sled and the volumes beside it: what a shelf's keys and values come to stand in.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::volumes::{Place, Volumes, sync_dir};
use crate::store::shelf::{Batch, Look, Pair, Span};
use crate::store::{StoreError, codec, keys, log};

/// What is larger goes to a volume.
const INLINE_MAX: usize = 256;

const CACHE_BYTES: u64 = 64 << 20;
const FLUSH_EVERY_MS: u64 = 500;
/// How often and how long apart the lock is asked for before it is somebody else's.
const LOCK_TRIES: u32 = 40;
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// sled's transactions and batches take a lock that is one for the whole process and deadlocks when it is
/// taken in two orders; ours stands in front of it.
static APPLYING: Mutex<()> = Mutex::new(());

/// sled, our own handle of its file to wait for the disk with, and the volumes.
#[derive(Debug)]
pub(super) struct Database {
    db: ::sled::Db,
    file: File,
    volumes: Volumes,
}

/// A key as sled has it, with what stands in its value's stead.
type Stored = (::sled::IVec, ::sled::IVec);

impl Database {
    /// The database in a store's directory, and whether it had to be repaired.
    pub(super) fn open(dir: &Path) -> Result<(Self, bool), StoreError> {
        let place = dir.join("sled");
        fs::create_dir_all(&place)?;
        let (db, repaired) = match open_sled(&place) {
            Err(::sled::Error::Corruption { .. }) if put_snapshots_aside(&place, dir)? => {
                (open_sled(&place), true)
            }
            opened => (opened, false),
        };
        let db = db.map_err(|error| refused(dir, &error))?;
        let file = File::open(place.join("db"))?;
        let volumes = Volumes::open(dir.join("volumes"))?;
        sync_dir(&place)?;
        sync_dir(dir)?;
        Ok((Self { db, file, volumes }, repaired))
    }

    /// The number of the newest batch that it durably has, and all before it; none where it cannot tell.
    pub(super) fn settled(&self) -> Result<Option<u64>, StoreError> {
        let key = keys::settled();
        Ok(match self.db.get(&key)? {
            Some(stored) => {
                codec::check_schema(&stored)?;
                codec::decode(&key, &stored).ok().and_then(|bytes| log::number_of(&bytes))
            }
            None => Some(0),
        })
    }

    /// Applies a batch, all or nothing.
    pub(super) fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        self.write(batch, |_, _| Ok(None))
    }

    /// Applies a batch that may be here already.
    pub(super) fn apply_again(&self, batch: &Batch) -> Result<(), StoreError> {
        self.write(batch, |key, value| self.known(key, value))
    }

    fn write(
        &self,
        batch: &Batch,
        known: impl Fn(&[u8], &[u8]) -> Result<Option<Place>, StoreError>,
    ) -> Result<(), StoreError> {
        let (mut writes, mut filling) = (::sled::Batch::default(), self.volumes.fill()?);
        for (key, value) in batch {
            let key = key.as_slice();
            match value {
                Some(value) if value.len() <= INLINE_MAX => writes.insert(key, &value[..]),
                Some(value) => {
                    let place = known(key, value)?.map_or_else(|| filling.add(value), Ok)?;
                    writes.insert(key, place.to_bytes());
                }
                None => writes.remove(key),
            }
        }
        // First, so that a place that can be read leads to its value.
        self.volumes.finish(&filling)?;
        let _applying = APPLYING.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(self.db.apply_batch(writes)?)
    }

    /// Where a key's value is, if it is this one.
    fn known(&self, key: &[u8], value: &[u8]) -> Result<Option<Place>, StoreError> {
        let Some(place) = self.db.get(key)?.and_then(|stead| Place::from_bytes(&stead)) else {
            return Ok(None);
        };
        let is_this = self.volumes.get(place)?.is_some_and(|there| there == value);
        Ok(is_this.then_some(place))
    }

    /// Makes everything durable that was applied, up to with the batch of this number.
    pub(super) fn settle(&self, number: u64) -> Result<(), StoreError> {
        self.volumes.settle()?;
        self.flush()?;
        // Only now, because it says that the log is not needed any more.
        self.db.insert(keys::settled(), codec::encode(&number.to_be_bytes()))?;
        self.flush()
    }

    /// `flush` writes sled's file but does not wait for the disk on Linux.
    pub(super) fn flush(&self) -> Result<(), StoreError> {
        self.db.flush()?;
        Ok(self.file.sync_data()?)
    }

    /// Removes the volumes that nothing is left in, and gives the keys of what is left in those that are mostly empty.
    /// Removals must have settled before.
    pub(super) fn sweep(&self) -> Result<Vec<keys::Key>, StoreError> {
        let full = self.volumes.full()?;
        let mut left: BTreeMap<u32, Vec<(keys::Key, u64)>> =
            full.keys().map(|volume| (*volume, Vec::new())).collect();
        for stored in self.db.iter() {
            let (key, stead) = stored?;
            let Some(place) = Place::from_bytes(&stead) else { continue };
            if let Some(left) = left.get_mut(&place.volume) {
                left.push((key.to_vec(), place.length.into()));
            }
        }
        let mut keys = Vec::new();
        for (volume, left) in left {
            let bytes: u64 = left.iter().map(|(_, length)| length).sum();
            if left.is_empty() {
                self.volumes.remove(volume)?;
            } else if bytes * 2 < full.get(&volume).copied().unwrap_or(0) {
                keys.extend(left.into_iter().map(|(key, _)| key));
            }
        }
        Ok(keys)
    }

    /// The value that is meant by what stands in its stead. What is not where it should be stays a place, which no
    /// value looks like.
    fn fetch(&self, (key, stead): Stored) -> Result<Pair, StoreError> {
        let mut stead = stead;
        while let Some(place) = Place::from_bytes(&stead) {
            if let Some(value) = self.volumes.get(place)? {
                return Ok((key.to_vec(), value));
            }
            // It may have gone elsewhere since.
            match self.db.get(&key)? {
                Some(now) if now != stead => stead = now,
                _ => break,
            }
        }
        Ok((key.to_vec(), stead.to_vec()))
    }
}

impl Look for Database {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(stead) = self.db.get(key)? else { return Ok(None) };
        Ok(Some(self.fetch((key.into(), stead))?.1))
    }

    fn scan(&self, span: &Span, limit: usize) -> Result<Vec<Pair>, StoreError> {
        if span.is_empty() {
            return Ok(Vec::new());
        }
        let range = self.db.range::<&[u8], _>(&span.start[..]..&span.end[..]);
        let fetch = |found: ::sled::Result<Stored>| self.fetch(found?);
        if span.newest_first {
            range.rev().take(limit).map(fetch).collect()
        } else {
            range.take(limit).map(fetch).collect()
        }
    }
}

/// Opens sled, waiting a little for a lock that is about to be let go of.
fn open_sled(place: &Path) -> ::sled::Result<::sled::Db> {
    let config =
        ::sled::Config::new().path(place).cache_capacity(CACHE_BYTES).flush_every_ms(Some(FLUSH_EVERY_MS));
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
