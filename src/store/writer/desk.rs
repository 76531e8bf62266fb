//! Where the writer works: what is stored, with the changes of this group of commands laid over it.
//!
//! Commands are judged one after the other, each against everything that those before it changed, and a
//! command that is refused leaves no trace. Then the whole group is made durable at once, while the next comes together.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::lease::Leases;
use super::recount;
use crate::id::RunId;
use crate::store::codec;
use crate::store::kept::{Head, Pointer, Tally, to_json};
use crate::store::keys::{self, Key};
use crate::store::shelf::{Batch, Look, Pair, Shelf, Span};
use crate::store::{Options, StoreError, kept};

/// Where the count of openings goes on when it was lost: leases must not be taken for older ones.
const OPENINGS_NEVER_REACHED: u64 = 1 << 24;

const PAGE: usize = 1024;

/// By how much a delivery is overtaken by those that came after it, as a rule.
const OVERTAKING: SignedDuration = SignedDuration::from_secs(1);

/// The writer's view of a shelf.
#[derive(Debug)]
pub(in crate::store) struct Desk<S> {
    pub(super) shelf: Arc<S>,
    /// The leases that are out.
    pub(in crate::store) leases: Arc<Leases>,
    /// What is counted, with this group's changes.
    pub(in crate::store) tally: Tally,
    /// The counts as they are stored, if they are and can be read.
    stored_tally: Option<Tally>,
    /// What the group before this one changes, while it is being written.
    flying: Option<Arc<Batch>>,
    /// What the accepted commands of this group change.
    group: Batch,
    /// What the command at hand changes.
    mine: Batch,
    /// The heads of runs in hand, as they are with all of these changes.
    heads: HashMap<RunId, Head>,
    /// In how many runs there may be something to do before no more are begun.
    backlog: usize,
    /// Why nothing can be written any more.
    dead: Option<String>,
}

impl<S: Shelf> Desk<S> {
    /// A desk at a shelf. The node's epoch is raised, so that all older leases are void.
    pub(in crate::store) fn open(shelf: Arc<S>, options: &Options) -> Result<Self, StoreError> {
        if let Some(stored) = shelf.get(&keys::node())? {
            codec::check_schema(&stored)?;
        }
        let node = match kept::json::<u64>(&*shelf, &keys::node()) {
            Err(StoreError::Corrupt(what)) => {
                tracing::error!(%what, "the count of openings is begun anew");
                OPENINGS_NEVER_REACHED
            }
            node => node?.unwrap_or(0) + 1,
        };
        let (tally, stored_tally) = match kept::json::<Tally>(&*shelf, &keys::tally()) {
            Err(StoreError::Corrupt(what)) => {
                tracing::error!(%what, "everything is counted anew");
                (recount::tally(&*shelf)?, None)
            }
            stored => stored?.map_or_else(Default::default, |tally| (tally, Some(tally))),
        };
        let mut desk = Self {
            shelf,
            leases: Leases::of_node(node, options.caps),
            tally,
            stored_tally,
            flying: None,
            group: Batch::new(),
            mine: Batch::new(),
            heads: HashMap::new(),
            backlog: options.backlog,
            dead: None,
        };
        desk.attempt(|desk| desk.put_json(keys::node(), &node))?;
        let group = desk.close_group().map_err(StoreError::Failed)?;
        desk.shelf.apply(&group.unwrap_or_default())?;
        desk.landed(Ok(()));
        desk.line_up()?;
        Ok(desk)
    }

    /// Has every run that waits for a moment stand in its lane, and every other in its group.
    fn line_up(&self) -> Result<(), StoreError> {
        for mut span in keys::all_due().into_iter().chain([keys::all_seats()]) {
            loop {
                let page = self.scan(&span, PAGE)?;
                page.iter().for_each(|(key, stored)| self.leases.follow(self, key, Some(stored)));
                match page.last() {
                    Some((reached, _)) if page.len() == PAGE => span = span.behind(reached),
                    _ => break,
                }
            }
        }
        Ok(())
    }

    /// Judges a command: its changes join the group if it is right, else they are forgotten.
    pub(in crate::store) fn attempt<T>(
        &mut self,
        judge: impl FnOnce(&mut Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if let Some(why) = &self.dead {
            return Err(StoreError::Failed(why.clone()));
        }
        let tally = self.tally;
        let judged = judge(self);
        if judged.is_ok() {
            // One by one: `append` would rebuild all of the group.
            for (key, change) in std::mem::take(&mut self.mine) {
                self.leases.follow(self, &key, change.as_deref());
                self.group.insert(key, change);
            }
        } else {
            for run in self.mine.keys().filter_map(|key| keys::head_of(key)) {
                self.heads.remove(&run);
            }
            self.mine.clear();
            self.tally = tally;
        }
        judged
    }

    /// Whether there is something to do in as many runs as there may be when more are to begin. A run that came a
    /// little later and was judged before counts: deliveries that come at once are judged in any order.
    pub(super) fn is_full(&self, now: Timestamp) -> bool {
        let latest = now.checked_add(OVERTAKING).unwrap_or(now);
        self.leases.backlog(latest) >= self.backlog
    }

    /// Closes the group: gives what it changes, unless that is nothing, or why nothing can be written any more. What
    /// comes next is judged as if it were written.
    pub(in crate::store) fn close_group(&mut self) -> Result<Option<Arc<Batch>>, String> {
        if let Some(why) = &self.dead {
            return Err(why.clone());
        }
        if self.stored_tally != Some(self.tally) {
            let tally = to_json(&self.tally).map_err(|error| error.to_string())?;
            self.group.insert(keys::tally(), Some(codec::encode(&tally).into()));
            self.stored_tally = Some(self.tally);
        }
        self.flying = (!self.group.is_empty()).then(|| Arc::new(std::mem::take(&mut self.group)));
        Ok(self.flying.clone())
    }

    /// Whether a group is being written.
    pub(in crate::store) fn is_writing(&self) -> bool {
        self.flying.is_some()
    }

    /// Takes note of what became of the group that was being written.
    pub(in crate::store) fn landed(&mut self, written: Result<(), String>) {
        self.flying = None;
        if let Err(error) = written {
            // After a failed sync nobody knows what is on the disk, and a second one may lie about it.
            tracing::error!(%error, "the store stopped writing");
            self.dead = Some(error);
        }
    }

    /// Writes an encoded value.
    pub(in crate::store) fn insert(&mut self, key: Key, encoded: Vec<u8>) {
        self.change(key, Some(encoded.into()));
    }

    fn change(&mut self, key: Key, change: Option<Bytes>) {
        if let Some(run) = keys::head_of(&key) {
            self.heads.remove(&run);
        }
        self.mine.insert(key, change);
    }

    /// A run's head, to be written again.
    pub(super) fn take_head(&mut self, run: RunId) -> Result<Option<Head>, StoreError> {
        match self.heads.remove(&run) {
            None => kept::head(self, run),
            head => Ok(head),
        }
    }

    /// Keeps at hand what was just written of a run, until it is written in another way.
    pub(super) fn keep_head(&mut self, run: RunId, head: Head) {
        self.heads.insert(run, head);
    }

    /// Writes a value.
    pub(in crate::store) fn put(&mut self, key: Key, value: &[u8]) {
        self.insert(key, codec::encode(value));
    }

    /// Writes a value as JSON.
    pub(in crate::store) fn put_json(&mut self, key: Key, value: &impl Serialize) -> Result<(), StoreError> {
        self.put(key, &to_json(value)?);
        Ok(())
    }

    /// Writes values again as they are.
    pub(in crate::store) fn write_again(&mut self, keys: Vec<Key>) -> Result<(), StoreError> {
        for key in keys {
            if let Some(stored) = self.get(&key)? {
                self.insert(key, stored);
            }
        }
        Ok(())
    }

    /// Removes a value; says whether there was one.
    pub(in crate::store) fn delete(&mut self, key: &Key) -> Result<bool, StoreError> {
        let is_there = self.get(key)?.is_some();
        if is_there {
            self.change(key.clone(), None);
        }
        Ok(is_there)
    }

    /// Gives what happened the next places among everything that ever happened; says the first of them.
    pub(in crate::store) fn place(&mut self, what: Pointer) -> u64 {
        let first = self.tally.last + 1;
        self.tally.last += what.places();
        self.put(keys::progress(first), &what.to_bytes());
        first
    }
}

impl<S: Shelf> Look for Desk<S> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let flying = || self.flying.as_ref().and_then(|flying| flying.get(key));
        match self.mine.get(key).or_else(|| self.group.get(key)).or_else(flying) {
            Some(changed) => Ok(changed.clone().map(Vec::from)),
            None => self.shelf.get(key),
        }
    }

    fn scan(&self, span: &Span, limit: usize) -> Result<Vec<Pair>, StoreError> {
        if span.is_empty() {
            return Ok(Vec::new());
        }
        let copied = |(key, value): (&Key, &Option<Bytes>)| (key.clone(), value.clone());
        let flying = self.flying.as_deref().into_iter();
        let changed = flying.chain([&self.group, &self.mine]).flat_map(|changes| changes.range(span.range()));
        span.overlay(&*self.shelf, changed.map(copied).collect(), limit)
    }
}
