//! How runs come along is told where they were asked for. What is told follows the store, and not the courses that
//! drive runs: the end of a run is told though the process died right after it, and a service that does not answer
//! holds no run up.
//!
//! Whatever happens in a run makes it due; it is told at most once every [`PAUSE`], as it stands then. Up to where
//! everything is told is stored now and then: after a restart it is read on from there, and what was told already is
//! found by its mark and edited.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use crate::clock::Clock;
use crate::id::RunId;
use crate::router;
use crate::run::{Record, StepError, status};
use crate::step::status::{About, Posted, Status};
use crate::store::{Commit, Found, Happening, Progress, Query, Store, StoreError};

/// How long after it was told of a run it is told again at the earliest.
pub const PAUSE: SignedDuration = SignedDuration::from_secs(10);

/// Under which name it is stored how far it was read.
const REACHED: &str = "status/reached";

/// How much is read at once.
const PAGE: usize = 256;

/// How often it is tried to tell of a run; each time it is waited longer.
const TRIES: u32 = 20;

/// Tells how runs come along.
#[derive(Debug)]
pub struct Mirror {
    store: Arc<dyn Store>,
    status: Arc<dyn Status>,
    clock: Arc<dyn Clock>,
    grown: watch::Receiver<u64>,
    runs: BTreeMap<RunId, Watched>,
    /// Up to where it was read.
    read: u64,
    /// Up to where it is stored that all is told, and when that was looked at.
    saved: Option<u64>,
    looked: Timestamp,
}

/// A run that is not over.
#[derive(Debug, Default)]
struct Watched {
    /// The oldest thing that is not told.
    since: Option<u64>,
    /// Not before.
    due: Timestamp,
    posted: Option<Posted>,
    text: String,
    tries: u32,
    /// There is nowhere to tell it, or nobody wants it told.
    mute: bool,
    over: bool,
}

impl Mirror {
    /// What tells of a store's runs by `status`.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, status: Arc<dyn Status>, clock: Arc<dyn Clock>) -> Self {
        let (grown, looked) = (store.grown(), Timestamp::UNIX_EPOCH);
        Self { store, status, clock, grown, runs: BTreeMap::new(), read: 0, saved: None, looked }
    }

    /// Tells for ever.
    pub async fn keep(mut self) {
        loop {
            self.grown.mark_unchanged();
            let later = self.clock.now() + PAUSE;
            let next = match self.turn().await {
                Ok(()) => self.next().unwrap_or(later),
                Err(error) => {
                    tracing::warn!(%error, "how runs come along is not told for now");
                    later
                }
            };
            tokio::select! {
                grown = self.grown.changed() => if grown.is_err() {
                    return;
                },
                () = self.clock.sleep_until(next) => {}
            }
        }
    }

    /// Reads what has happened, and tells what is due.
    async fn turn(&mut self) -> Result<(), StoreError> {
        if self.saved.is_none() {
            self.begin().await?;
        }
        loop {
            let page = self.store.tail(self.read, PAGE).await?;
            let Some(last) = page.last().map(|progress| progress.seq) else { break };
            page.into_iter().for_each(|progress| self.note(progress));
            self.read = last;
        }
        let now = self.clock.now();
        let is_due = |(run, watched): (&RunId, &Watched)| {
            (watched.since.is_some() && watched.due <= now).then_some(*run)
        };
        for run in self.runs.iter().filter_map(is_due).collect::<Vec<_>>() {
            self.tell(run).await?;
        }
        self.runs.retain(|_, watched| !watched.over || watched.since.is_some());
        self.save(now).await
    }

    /// Goes on where it was; what happened before there was anybody to tell it is not told.
    async fn begin(&mut self) -> Result<(), StoreError> {
        let stored = match self.store.query(Query::Value(REACHED.to_owned())).await? {
            Found::Bytes(bytes) => std::str::from_utf8(&bytes).ok().and_then(|text| text.parse().ok()),
            _ => None,
        };
        self.read = stored.unwrap_or_else(|| *self.grown.borrow());
        if stored.is_none() {
            self.put(self.read).await?;
        }
        self.saved = Some(self.read);
        Ok(())
    }

    fn note(&mut self, Progress { seq, what }: Progress) {
        let Happening::Record { run, entry } = what else { return };
        // What a step remembers on its way changes nothing about where it stands.
        if matches!(entry.record, Record::Fact { .. }) {
            return;
        }
        let watched = self.runs.entry(run).or_default();
        watched.since = watched.since.or(Some(seq));
        watched.over = matches!(entry.record, Record::Ended);
    }

    async fn tell(&mut self, run: RunId) -> Result<(), StoreError> {
        let Some(watched) = self.runs.get_mut(&run) else { return Ok(()) };
        if watched.mute {
            watched.since = None;
            return Ok(());
        }
        let journal = match self.store.load(run).await {
            Ok(Some(journal)) => journal,
            // A damaged journal is somebody else's matter.
            Ok(None) | Err(StoreError::Corrupt(_)) => {
                watched.since = None;
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let Some(Record::Started(started)) = journal.entries.first().map(|entry| &entry.record) else {
            return Ok(());
        };
        // What says all it has to say by itself is not talked about.
        if router::only_answers(&started.trigger) || journal.definition.workflow.costs_nothing() {
            (watched.mute, watched.since) = (true, None);
            return Ok(());
        }
        let shown = status::shown(run, &journal.definition, &journal.entries);
        let Some(shown) = shown.filter(|shown| shown.text != watched.text) else {
            watched.since = None;
            return Ok(());
        };
        let started = Arc::new((**started).clone());
        let about = About { run, started, definition: Arc::clone(&journal.definition) };
        let told = put(&*self.status, &about, watched, &shown.text).await;
        watched.settle(run, told, shown.text, self.clock.now());
        Ok(())
    }

    /// When something is to be told, or stored, next.
    fn next(&self) -> Option<Timestamp> {
        let waiting = self.runs.values().filter(|watched| watched.since.is_some());
        let behind = (self.saved != Some(self.reached())).then(|| self.looked + PAUSE);
        waiting.map(|watched| watched.due).chain(behind).min()
    }

    /// Up to where everything is told.
    fn reached(&self) -> u64 {
        let untold = self.runs.values().filter_map(|watched| watched.since).min();
        untold.map_or(self.read, |seq| seq.saturating_sub(1))
    }

    /// Stores how far it is, now and then: what is told twice after a restart is the same text.
    async fn save(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let reached = self.reached();
        if self.saved == Some(reached) || now < self.looked + PAUSE {
            return Ok(());
        }
        self.put(reached).await?;
        (self.saved, self.looked) = (Some(reached), now);
        Ok(())
    }

    async fn put(&self, reached: u64) -> Result<(), StoreError> {
        let put = vec![(REACHED.to_owned(), Some(reached.to_string().into_bytes()))];
        self.store.commit(Commit::Values { expect: Vec::new(), put }).await
    }
}

impl Watched {
    /// Takes note of what came of telling.
    fn settle(&mut self, run: RunId, told: Result<Option<Posted>, StepError>, text: String, now: Timestamp) {
        match told {
            Ok(Some(posted)) => {
                (self.posted, self.text, self.since, self.tries) = (Some(posted), text, None, 0);
                self.due = now + PAUSE;
            }
            Ok(None) => (self.mute, self.since) = (true, None),
            Err(error) if error.retryable && self.tries < TRIES => {
                self.tries += 1;
                self.due = now + PAUSE * i32::try_from(self.tries).unwrap_or(1);
            }
            // Somebody may have deleted it, or it may not be told there.
            Err(error) => {
                tracing::warn!(%run, %error, "it is not told any more how the run comes along");
                (self.mute, self.since) = (true, None);
            }
        }
    }
}

/// Tells it: for the first time, or in the place of what was told.
async fn put(
    status: &dyn Status,
    about: &About,
    watched: &Watched,
    text: &str,
) -> Result<Option<Posted>, StepError> {
    let posted = match &watched.posted {
        Some(posted) => posted.clone(),
        None => match status.post(about, text).await? {
            Some((posted, true)) => posted,
            fresh => return Ok(fresh.map(|(posted, _)| posted)),
        },
    };
    status.edit(about, &posted, text).await?;
    Ok(Some(posted))
}

#[cfg(test)]
mod tests;
