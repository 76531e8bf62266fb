//! Values that are too large for the database, one behind the other in files beside it.
//!
//! A database that sorts its keys moves what stands at them again and again. So a large value is written once, at the
//! end of the newest volume, and the database keeps its place instead: 13 bytes.
//!
//! ```text
//! volume  [value]*
//! place   [0][volume u32][offset u32][length u32]
//! ```
//!
//! A volume is never written over. It is made durable with the database, and until then the log has all that is new in
//! it. What a crash leaves behind its last value is nobody's. A value says itself whether it is whole.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A volume of this many bytes is left for a new one.
const FULL: u32 = 32 << 20;
/// What a place begins with, and no value.
const AWAY: u8 = 0;

/// Where a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub volume: u32,
    offset: u32,
    pub length: u32,
}

/// The volumes of one database.
#[derive(Debug)]
pub(super) struct Volumes {
    dir: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    files: BTreeMap<u32, Arc<File>>,
    /// Where the next value goes.
    newest: u32,
    offset: u32,
    /// The volumes with something that is not durable.
    unsettled: Vec<Arc<File>>,
    /// Whether a name is not durable.
    is_named: bool,
}

/// Values on their way to the end of a volume.
#[derive(Debug)]
pub(super) struct Filling {
    volume: u32,
    file: Arc<File>,
    start: u32,
    bytes: Vec<u8>,
}

impl Place {
    /// What the database keeps in a value's stead.
    pub(super) fn to_bytes(self) -> Vec<u8> {
        let Self { volume, offset, length } = self;
        [&[AWAY][..], &volume.to_be_bytes(), &offset.to_be_bytes(), &length.to_be_bytes()].concat()
    }

    /// The place that stands in a value's stead, if one does.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (&AWAY, rest) = bytes.split_first()? else { return None };
        let number = |at| Some(u32::from_be_bytes(*rest.get(at..)?.first_chunk()?));
        Some(Self { volume: number(0)?, offset: number(4)?, length: number(8)? })
    }
}

impl Volumes {
    /// The volumes in a directory, which is made if it is not there.
    pub(super) fn open(dir: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&dir)?;
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(&dir)? {
            let entry = entry?;
            if let Some(number) = entry.file_name().to_str().and_then(|name| name.parse().ok()) {
                files.insert(number, Arc::new(open_file(&entry.path())?));
            }
        }
        let newest = files.last_key_value();
        let length = newest.map(|(_, file)| file.metadata()).transpose()?.map_or(0, |data| data.len());
        let newest = newest.map_or(0, |(number, _)| *number);
        let offset = u32::try_from(length).unwrap_or(FULL);
        // What an earlier process wrote may still be on its way to the disk.
        let unsettled = files.values().cloned().collect();
        let state = State { files, newest, offset, unsettled, is_named: true };
        Ok(Self { dir, state: Mutex::new(state) })
    }

    /// A value, unless it is not where it should be.
    pub(super) fn get(&self, place: Place) -> io::Result<Option<Vec<u8>>> {
        let Some(file) = self.state().files.get(&place.volume).cloned() else { return Ok(None) };
        let mut value = vec![0; usize::try_from(place.length).unwrap_or(usize::MAX)];
        match file.read_exact_at(&mut value, place.offset.into()) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            read => read.map(|()| Some(value)),
        }
    }

    /// Begins to write. Only one thread at a time may.
    pub(super) fn fill(&self) -> io::Result<Filling> {
        let mut state = self.state();
        if state.files.is_empty() || state.offset >= FULL {
            let number = state.newest + 1;
            let file = Arc::new(open_file(&self.path(number))?);
            state.files.insert(number, file);
            (state.newest, state.offset, state.is_named) = (number, 0, true);
        }
        let (volume, start) = (state.newest, state.offset);
        let file = state.files.get(&volume).cloned().ok_or(io::ErrorKind::NotFound)?;
        Ok(Filling { volume, file, start, bytes: Vec::new() })
    }

    /// Writes what was begun; it is durable after the next [`settle`](Self::settle).
    pub(super) fn finish(&self, filling: &Filling) -> io::Result<()> {
        if filling.bytes.is_empty() {
            return Ok(());
        }
        filling.file.write_all_at(&filling.bytes, filling.start.into())?;
        let mut state = self.state();
        state.offset = filling.end();
        if !state.unsettled.iter().any(|file| Arc::ptr_eq(file, &filling.file)) {
            state.unsettled.push(Arc::clone(&filling.file));
        }
        Ok(())
    }

    /// Makes everything durable that was finished.
    pub(super) fn settle(&self) -> io::Result<()> {
        let (unsettled, is_named) = {
            let mut state = self.state();
            (std::mem::take(&mut state.unsettled), std::mem::take(&mut state.is_named))
        };
        unsettled.iter().try_for_each(|file| file.sync_data())?;
        if is_named { sync_dir(&self.dir) } else { Ok(()) }
    }

    /// The volumes that nothing is added to any more, with their sizes.
    pub(super) fn full(&self) -> io::Result<BTreeMap<u32, u64>> {
        let (files, newest) = {
            let state = self.state();
            (state.files.clone(), state.newest)
        };
        let full = files.into_iter().filter(|(number, _)| *number < newest);
        full.map(|(number, file)| Ok((number, file.metadata()?.len()))).collect()
    }

    /// Removes a volume that no place names.
    pub(super) fn remove(&self, volume: u32) -> io::Result<()> {
        self.state().files.remove(&volume);
        fs::remove_file(self.path(volume))
    }

    fn path(&self, number: u32) -> PathBuf {
        self.dir.join(format!("{number:08}"))
    }

    // A poisoned lock only says that a reader panicked.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Filling {
    /// Adds a value; gives its place.
    pub(super) fn add(&mut self, value: &[u8]) -> io::Result<Place> {
        let length =
            u32::try_from(value.len()).ok().filter(|length| self.end().checked_add(*length).is_some());
        let length = length.ok_or_else(|| io::Error::other("a value is too large for a volume"))?;
        let place = Place { volume: self.volume, offset: self.end(), length };
        self.bytes.extend_from_slice(value);
        Ok(place)
    }

    fn end(&self) -> u32 {
        self.start.saturating_add(u32::try_from(self.bytes.len()).unwrap_or(u32::MAX))
    }
}

fn open_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}

/// Makes the names in a directory durable.
pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(volumes: &Volumes, value: &[u8]) -> Place {
        let mut filling = volumes.fill().unwrap();
        let place = filling.add(value).unwrap();
        volumes.finish(&filling).unwrap();
        place
    }

    #[test]
    fn a_place_reads_back_and_no_value_is_taken_for_one() {
        let place = Place { volume: 7, offset: 1 << 20, length: 300 };
        assert_eq!(Place::from_bytes(&place.to_bytes()), Some(place));
        assert_eq!(Place::from_bytes(&[]), None);
        assert_eq!(Place::from_bytes(&[1; 13]), None);
        assert_eq!(Place::from_bytes(&place.to_bytes()[..12]), None);
    }

    #[test]
    fn what_was_put_is_there_after_opening_and_more_comes_behind_it() {
        let dir = tempfile::tempdir().unwrap();
        let open = || Volumes::open(dir.path().join("volumes")).unwrap();
        let first = put(&open(), b"first");
        let volumes = open();
        let second = put(&volumes, b"second");
        assert_eq!(volumes.get(first).unwrap().unwrap(), b"first");
        assert_eq!(volumes.get(second).unwrap().unwrap(), b"second");
        assert_eq!(volumes.get(Place { length: 100, ..second }).unwrap(), None);
        assert_eq!(volumes.get(Place { volume: 9, ..second }).unwrap(), None);
    }

    #[test]
    fn a_full_volume_is_followed_by_another_and_can_be_removed() {
        let dir = tempfile::tempdir().unwrap();
        let volumes = Volumes::open(dir.path().to_owned()).unwrap();
        let large = vec![1; usize::try_from(FULL).unwrap()];
        let (first, second) = (put(&volumes, &large), put(&volumes, b"second"));
        assert_eq!((first.volume, second.volume), (1, 2));
        assert_eq!(volumes.full().unwrap(), BTreeMap::from([(1, FULL.into())]));
        volumes.remove(1).unwrap();
        assert_eq!(volumes.get(first).unwrap(), None);
        assert_eq!(volumes.get(second).unwrap().unwrap(), b"second");
        assert_eq!(put(&Volumes::open(dir.path().to_owned()).unwrap(), b"third").volume, 2);
    }
}
