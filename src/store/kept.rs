//! The forms in which things are kept, and reading them back.
//!
//! These are JSON of schema version 1: a field may be added with a default, none may change its meaning.

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::keys::{self, Key, Stand};
use super::shelf::{Look, Pair};
use super::{Census, RunStatus, RunSummary, StoreError, codec};
use crate::event::Event;
use crate::id::{EventId, RunId};
use crate::money::Money;
use crate::run::{Ending, Entry, Record};
use crate::spec::Priority;

/// Something with its place among everything that ever happened here.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Placed<T> {
    /// The place.
    pub progress: u64,
    /// What stands there.
    pub what: T,
}

/// An event with the runs that it started.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct KeptEvent {
    pub event: Event,
    pub runs: Vec<RunId>,
}

/// What a delivery became; kept once for each of its identities.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct KeptIdentity {
    pub event: EventId,
    pub runs: Vec<RunId>,
}

/// What the writer counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tally {
    /// The newest place among everything that ever happened here.
    pub last: u64,
    pub census: Census,
}

/// What stands at a place: a reference, never a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pointer {
    Event(EventId),
    Record(RunId, u64),
}

/// A run without its records.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Head {
    pub summary: RunSummary,
    /// The outcome, from the moment at which it is known.
    #[serde(default)]
    pub ending: Option<Ending>,
    /// How many runs stand between it and people.
    #[serde(default)]
    pub hops: u32,
    /// Where it first stood in the order of due times, if it was not simply due at its start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stand: Option<(Priority, Timestamp)>,
}

/// What is kept with a run's seat in its group.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Seat {
    /// How many runs its trigger lets hold the group at once.
    pub limit: usize,
    /// When it is to start.
    pub at: Timestamp,
    /// Whether it goes before others.
    pub priority: Priority,
}

impl Default for Seat {
    fn default() -> Self {
        Self { limit: 1, at: Timestamp::UNIX_EPOCH, priority: Priority::Normal }
    }
}

/// Something that a guard knows, with the moment at which it learned it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Guarded<T> {
    pub touched: Timestamp,
    pub what: T,
}

impl Head {
    /// The head of a run that begins with this entry; none if a run cannot begin so.
    pub(super) fn begin(id: RunId, entry: &Entry) -> Option<Self> {
        let Record::Started(started) = &entry.record else { return None };
        let summary = RunSummary {
            id,
            event: started.event.id,
            source: started.event.source.clone(),
            subject: started.event.subject.to_string(),
            trigger: started.trigger.clone(),
            workflow: started.workflow.clone(),
            definition: started.definition,
            status: RunStatus::Open,
            reason: None,
            started_at: entry.at,
            updated_at: entry.at,
            records: 1,
            cost: Money::ZERO,
        };
        (entry.seq == 0).then_some(Self { summary, ending: None, hops: started.hops, stand: None })
    }

    /// Where it stands in the order of due times before anything is done in it; nothing while it waits.
    pub(super) fn stand(&self) -> Option<Stand> {
        self.stand.map(|(priority, at)| Stand { priority, at })
    }

    /// The head after one more record.
    pub(super) fn add(&mut self, entry: &Entry) {
        let summary = &mut self.summary;
        if summary.records == 1 {
            // Whatever it waited for, it has begun.
            summary.reason = None;
        }
        summary.records += 1;
        summary.updated_at = entry.at;
        if summary.status == RunStatus::Parked {
            // Whatever is written after it was parked took it up again.
            summary.status = RunStatus::Open;
            summary.reason = None;
        }
        match &entry.record {
            Record::StepSucceeded { cost, .. } | Record::StepFailed { cost, .. } => {
                summary.cost = summary.cost + *cost;
            }
            Record::Concluded { ending, reason } => {
                self.ending = Some(*ending);
                summary.reason.clone_from(reason);
            }
            Record::Ended => summary.status = self.ending.unwrap_or(Ending::Failed).into(),
            Record::Parked { reason } => {
                summary.status = RunStatus::Parked;
                summary.reason = Some(reason.clone());
            }
            _ => {}
        }
    }

    /// Whether the run goes on or waits.
    pub(super) fn is_open(&self) -> bool {
        self.summary.status == RunStatus::Open
    }

    /// Whether nothing will be written to the run any more.
    pub(super) fn is_finished(&self) -> bool {
        !matches!(self.summary.status, RunStatus::Open | RunStatus::Parked)
    }
}

impl Pointer {
    /// The pointer's bytes.
    pub(super) fn to_bytes(self) -> Vec<u8> {
        match self {
            Self::Event(event) => event.as_bytes().to_vec(),
            Self::Record(run, seq) => [run.as_bytes().as_slice(), &seq.to_be_bytes()].concat(),
        }
    }

    /// The pointer of these bytes: their length tells what it points at.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (id, seq) = bytes.split_first_chunk::<16>()?;
        if seq.is_empty() {
            return Some(Self::Event(EventId::from_bytes(*id)));
        }
        Some(Self::Record(RunId::from_bytes(*id), u64::from_be_bytes(seq.try_into().ok()?)))
    }
}

/// A key's value, checked and unpacked.
pub(super) fn bytes(look: &(impl Look + ?Sized), key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
    look.get(key)?.map(|stored| codec::decode(key, &stored)).transpose()
}

/// A key's value, read as JSON.
pub(super) fn json<T: DeserializeOwned>(
    look: &(impl Look + ?Sized),
    key: &Key,
) -> Result<Option<T>, StoreError> {
    bytes(look, key)?.map(|bytes| parse(key, &bytes)).transpose()
}

/// A scanned pair's value, read as JSON.
pub(super) fn read<T: DeserializeOwned>((key, stored): &Pair) -> Result<T, StoreError> {
    parse(key, &codec::decode(key, stored)?)
}

/// A run's head.
pub(super) fn head(look: &(impl Look + ?Sized), run: RunId) -> Result<Option<Head>, StoreError> {
    json(look, &keys::run(run))
}

fn parse<T: DeserializeOwned>(key: &[u8], bytes: &[u8]) -> Result<T, StoreError> {
    let unreadable = |error| StoreError::Corrupt(format!("{}: {error}", keys::describe(key)));
    serde_json::from_slice(bytes).map_err(unreadable)
}

/// A value's JSON.
pub(super) fn to_json(value: &impl Serialize) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(value).map_err(|error| StoreError::Failed(format!("not to be written: {error}")))
}
