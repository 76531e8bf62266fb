//! The shelf in memory: for tests and for trying things out. It forgets when it is dropped.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::keys::Key;
use super::shelf::{Batch, Look, Pair, Shelf, Span};
use super::shelved::Shelved;
use super::{Options, StoreError};

/// A store in memory.
pub type Memory = Shelved<MemoryShelf>;

/// A map in memory.
#[derive(Debug, Default)]
pub struct MemoryShelf {
    kept: RwLock<BTreeMap<Key, Vec<u8>>>,
}

impl Memory {
    /// An empty store.
    ///
    /// # Errors
    /// When the operating system gives no thread for the writer.
    pub fn open() -> Result<Self, StoreError> {
        Self::with(&Options::default())
    }

    /// The same, with options.
    ///
    /// # Errors
    /// As [`Memory::open`].
    pub fn with(options: &Options) -> Result<Self, StoreError> {
        Self::on(Arc::default(), options)
    }
}

impl MemoryShelf {
    // A poisoned lock only says that a reader panicked: a batch is applied without a step that can.
    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<Key, Vec<u8>>> {
        self.kept.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<Key, Vec<u8>>> {
        self.kept.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Look for MemoryShelf {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.read().get(key).cloned())
    }

    fn scan(&self, span: &Span, limit: usize) -> Result<Vec<Pair>, StoreError> {
        if span.is_empty() {
            return Ok(Vec::new());
        }
        let kept = self.read();
        let range = (Bound::Included(&span.start), Bound::Excluded(&span.end));
        let found = kept.range::<Key, _>(range).map(|(key, value)| (key.clone(), value.clone()));
        Ok(if span.newest_first { found.rev().take(limit).collect() } else { found.take(limit).collect() })
    }
}

impl Shelf for MemoryShelf {
    const BLOCKS: bool = false;

    fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        let mut kept = self.write();
        for (key, value) in batch {
            match value {
                Some(value) => kept.insert(key.clone(), value.to_vec()),
                None => kept.remove(key),
            };
        }
        Ok(())
    }

    fn sweep(&self) -> Result<Vec<Key>, StoreError> {
        Ok(Vec::new())
    }
}
