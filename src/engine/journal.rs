//! Writing to a run's journal: one pen for the course and for all its steps.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde_json::Value;
use tracing::Instrument as _;

use super::Parts;
use crate::id::{RunId, StepPath};
use crate::run::hearing::Words;
use crate::run::{Entry, Illegal, Record, Run};
use crate::step::{self, JournalLost};
use crate::store::{Commit, Due, Lease, StoreError};

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The one place where a run's records are made, so that their sequence has no gaps whoever writes.
#[derive(Debug)]
pub(super) struct Writer {
    parts: Parts,
    lease: Lease,
    pen: tokio::sync::Mutex<Pen>,
}

/// The run as it stands, with what was recorded but is not yet durable.
#[derive(Debug)]
pub(super) struct Pen {
    pub(super) run: Run,
    /// The signals that were heard and are still kept.
    pub(super) heard: Vec<u64>,
    pending: Vec<Entry>,
    lost: Option<String>,
}

impl Writer {
    pub(super) fn new(parts: Parts, lease: Lease, run: Run) -> Self {
        let pen = Pen { run, heard: Vec::new(), pending: Vec::new(), lost: None };
        Self { parts, lease, pen: tokio::sync::Mutex::new(pen) }
    }

    /// Whose journal it is.
    pub(super) fn run(&self) -> RunId {
        self.lease.run
    }

    /// The run, for as long as the guard is held; nobody else writes meanwhile.
    pub(super) async fn pen(&self) -> tokio::sync::MutexGuard<'_, Pen> {
        self.pen.lock().await
    }

    /// Records what was decided at a moment, to be made durable by the next [`Writer::flush`].
    pub(super) fn write(&self, pen: &mut Pen, at: Timestamp, record: Record) -> Result<(), Illegal> {
        let entry = Entry { seq: pen.run.length(), at, record };
        pen.run.apply(&entry)?;
        pen.pending.push(entry);
        Ok(())
    }

    /// Makes everything recorded so far durable, and keeps or gives up the lease. Once this has failed the
    /// run is not ours any more, and every further call fails.
    pub(super) async fn flush(&self, pen: &mut Pen, due: Due) -> Result<(), JournalLost> {
        if let Some(lost) = &pen.lost {
            return Err(JournalLost(lost.clone()));
        }
        if pen.pending.is_empty() && pen.heard.is_empty() && due == Due::Held {
            return Ok(());
        }
        let (entries, heard) = (std::mem::take(&mut pen.pending), std::mem::take(&mut pen.heard));
        let written = self.commit(entries.into(), heard, due).await.map_err(|error| error.to_string());
        // A write that comes too late must not take the run in hand again.
        let given_up = (due != Due::Held).then(|| "the lease was given up".to_owned());
        pen.lost = written.clone().err().or(given_up);
        written.map_err(JournalLost)
    }

    async fn commit(&self, entries: Arc<[Entry]>, heard: Vec<u64>, due: Due) -> Result<(), StoreError> {
        let mut pause = FIRST_PAUSE;
        loop {
            let (lease, entries, heard) = (self.lease.clone(), Arc::clone(&entries), heard.clone());
            let commit = Commit::Run { lease, entries, due, heard };
            match self.parts.store.commit(commit).await {
                Err(StoreError::Busy) => {
                    tracing::warn!("the store is busy; the commit waits");
                    self.parts.clock.sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                answer => return answer,
            }
        }
    }

    async fn remember(&self, record: Record) -> Result<(), JournalLost> {
        let mut pen = self.pen().await;
        let now = self.parts.clock.now();
        self.write(&mut pen, now, record).map_err(|illegal| JournalLost(illegal.to_string()))?;
        self.flush(&mut pen, Due::Held).await
    }
}

/// One step's view of the run's journal.
pub(super) struct StepJournal {
    writer: Arc<Writer>,
    step: StepPath,
    facts: Mutex<BTreeMap<String, Value>>,
}

impl StepJournal {
    pub(super) fn new(writer: Arc<Writer>, run: &Run, step: &StepPath) -> Self {
        let facts = run.facts(step).cloned().unwrap_or_default();
        Self { writer, step: step.clone(), facts: Mutex::new(facts) }
    }

    fn facts(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Value>> {
        self.facts.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl fmt::Debug for StepJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StepJournal").field("step", &self.step).finish_non_exhaustive()
    }
}

impl step::Journal for StepJournal {
    fn recall(&self, name: &str) -> Option<Value> {
        self.facts().get(name).cloned()
    }

    fn remember<'a>(&'a self, name: &'a str, value: Value) -> BoxFuture<'a, Result<(), JournalLost>> {
        let record = Record::Fact { step: self.step.clone(), name: name.to_owned(), value: value.clone() };
        let writer = Arc::clone(&self.writer);
        Box::pin(async move {
            // On a task of its own: a step that is dropped half way must not leave a commit half way.
            let written = tokio::spawn(async move { writer.remember(record).await }.in_current_span());
            written.await.map_err(|error| JournalLost(error.to_string()))??;
            self.facts().insert(name.to_owned(), value);
            Ok(())
        })
    }

    fn words(&self) -> BoxFuture<'_, Vec<Words>> {
        Box::pin(async move { self.writer.pen().await.run.words(&self.step).cloned().collect() })
    }
}
