//! The narrow seam under the stores: ordered keys and values, written in atomic batches.
//!
//! Everything that a [`Store`](super::Store) promises is made once, above this seam; a shelf only keeps
//! bytes in order. Memory and sled differ in nothing else.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::ops::Range;

use bytes::Bytes;

use super::StoreError;
use super::keys::Key;

/// What a batch changes: the value that a key gets, or that it has none.
pub type Batch = BTreeMap<Key, Option<Bytes>>;

/// A key with its value.
pub type Pair = (Key, Vec<u8>);

/// Keys from `start` up to but without `end`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The first key.
    pub start: Key,
    /// The first key that is not meant any more.
    pub end: Key,
    /// Whether the last key comes first.
    pub newest_first: bool,
}

/// Reading bytes by their keys.
pub trait Look {
    /// A key's value.
    ///
    /// # Errors
    /// When the disk fails.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// The first `limit` keys of a span with their values, in the span's order.
    ///
    /// # Errors
    /// When the disk fails.
    fn scan(&self, span: &Span, limit: usize) -> Result<Vec<Pair>, StoreError>;
}

/// A place that keeps bytes.
pub trait Shelf: Look + Debug + Send + Sync + 'static {
    /// Whether reading may wait for a disk, so that it must not be done on an async thread.
    const BLOCKS: bool;

    /// Writes all of a batch or nothing of it; it is durable when this returns.
    ///
    /// # Errors
    /// When the disk fails. What is on it is then unknown until it is opened again.
    fn apply(&self, batch: &Batch) -> Result<(), StoreError>;

    /// Gives up the room of what is not kept any more. Gives the keys whose values stand in the way of more: written
    /// again, they stand elsewhere.
    ///
    /// # Errors
    /// When the disk fails.
    fn sweep(&self) -> Result<Vec<Key>, StoreError>;
}

impl Span {
    /// All keys that begin so.
    #[must_use]
    pub fn under(prefix: Key) -> Self {
        let mut end = prefix.clone();
        // The next key after all that begin so: the last byte that can be raised, raised.
        while let Some(last) = end.pop() {
            if last < u8::MAX {
                end.push(last + 1);
                break;
            }
        }
        Self { start: prefix, end, newest_first: false }
    }

    /// What is left of the span behind a key that was reached.
    #[must_use]
    pub fn behind(mut self, reached: &[u8]) -> Self {
        if self.newest_first {
            self.end = reached.to_vec();
        } else {
            self.start = reached.to_vec();
            self.start.push(0);
        }
        self
    }

    /// Whether no key can be in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.start >= self.end
    }

    /// The keys in it, which there can be.
    pub(super) fn range(&self) -> Range<Key> {
        self.start.clone()..self.end.clone()
    }

    /// The first `limit` pairs of what is below, with the changes in this span laid over it.
    pub(super) fn overlay(
        &self,
        below: &impl Look,
        changes: Batch,
        limit: usize,
    ) -> Result<Vec<Pair>, StoreError> {
        if changes.is_empty() {
            return below.scan(self, limit);
        }
        // Each change can hide one key: so many more are looked at.
        let mut found: BTreeMap<Key, Vec<u8>> =
            below.scan(self, limit.saturating_add(changes.len()))?.into_iter().collect();
        for (key, change) in changes {
            match change {
                Some(value) => found.insert(key, value.into()),
                None => found.remove(&key),
            };
        }
        Ok(if self.newest_first {
            found.into_iter().rev().take(limit).collect()
        } else {
            found.into_iter().take(limit).collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_ends_after_everything_that_begins_like_it() {
        assert_eq!(Span::under(b"ab".to_vec()).end, b"ac");
        assert_eq!(Span::under(vec![1, 255]).end, [2]);
    }

    #[test]
    fn a_span_goes_on_behind_what_was_reached() {
        let span = Span::under(b"a".to_vec());
        assert_eq!(span.clone().behind(b"ab").start, b"ab\0");
        let back = Span { newest_first: true, ..span };
        assert_eq!(back.behind(b"ab").end, b"ab");
    }
}
