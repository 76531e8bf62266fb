//! The forms in which things are kept, and reading them back.
//!
//! These are of schema version 2: a field may be added with a default, none may change its meaning.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::keys::{self, Key, Stand};
use super::shelf::{Look, Pair};
use super::writer::lanes::Lane;
use super::{Census, RunStatus, RunSummary, StoreError, codec};
use crate::event::Event;
use crate::id::{Digest, EventId, RunId, StepPath};
use crate::money::Money;
use crate::router::Reasons;
use crate::router::guard::Guard;
use crate::run::{Ending, Entry, Record, Signal};
use crate::spec::Priority;

/// Records that were written together, with their places among everything that ever happened here. They stand at the
/// key of the first one.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Placed<T> {
    /// The first one's place; the others have those behind it.
    pub progress: u64,
    /// The first record.
    pub what: T,
    /// The others, in order.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub more: Vec<T>,
}

/// What became of a delivery in the end, beside what it is.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Outcome {
    /// Its place among everything that ever happened here.
    pub progress: u64,
    pub runs: Vec<RunId>,
    /// The reasons, where there was more to say than before it was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasons: Option<Reasons>,
}

/// What a delivery became; kept once for each of its identities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KeptIdentity {
    pub event: EventId,
    pub runs: Vec<RunId>,
}

/// A delivery as it is kept: its event, the reasons, and the body as it arrived, together, because the event's words
/// are the body's.
///
/// ```text
/// [length u32][event, JSON][length u32][reasons, JSON][body]
/// ```
#[derive(Debug)]
pub(super) struct KeptDelivery<'a> {
    event: &'a [u8],
    reasons: &'a [u8],
    pub body: &'a [u8],
}

/// What the writer counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tally {
    /// The newest place among everything that ever happened here.
    pub last: u64,
    pub census: Census,
    /// How many places are watched by runs that wait for something to come from there.
    #[serde(default)]
    pub waits: u64,
}

/// What stands at a place: a reference, never a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pointer {
    Event(EventId),
    /// Records of a run that were written together: from which on, and how many. They take as many places.
    Records(RunId, u64, u32),
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
    /// The group that it is in, for when it is taken up again after it gave its turn there up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Grouped>,
    /// What is to be judged once the forge has said that its person may start it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub put_off: Option<Box<Guard>>,
    /// The definition that answers whoever asked for it when that is judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answering: Option<Digest>,
    /// How many records it had when that was judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub let_in: Option<u64>,
    /// Where people talk about it, if that is more than its subject.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conversations: Vec<String>,
    /// The steps that wait to be told something, and where that comes from.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub waits: BTreeMap<StepPath, Vec<String>>,
}

/// A run's group, as its trigger named it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Grouped {
    pub name: String,
    /// How many runs its trigger lets hold the group at once.
    pub limit: usize,
    /// Whether it goes before others.
    pub priority: Priority,
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
            rerun_of: started.rerun_of,
            definition: started.definition,
            status: RunStatus::Open,
            reason: None,
            started_at: entry.at,
            updated_at: entry.at,
            records: 1,
            cost: Money::ZERO,
        };
        (entry.seq == 0).then_some(Self {
            summary,
            ending: None,
            hops: started.hops,
            stand: None,
            group: None,
            put_off: None,
            answering: None,
            let_in: None,
            conversations: Some(started.event.conversations())
                .filter(|all| all.len() > 1)
                .unwrap_or_default(),
            waits: BTreeMap::new(),
        })
    }

    /// Whether nothing was done in it but to ask whether its person may start it.
    pub(super) fn is_untouched(&self) -> bool {
        self.summary.records == self.let_in.unwrap_or(1)
    }

    /// Where people talk about it.
    pub(super) fn conversations(&self) -> Vec<String> {
        match &self.conversations[..] {
            [] => vec![self.summary.subject.clone()],
            several => several.to_vec(),
        }
    }

    /// Where it stands in the order of due times before anything is done in it; nothing while it waits.
    pub(super) fn stand(&self) -> Option<Stand> {
        self.stand.map(|(priority, at)| Stand { priority, at })
    }

    /// The head after one more record.
    pub(super) fn add(&mut self, entry: &Entry) {
        let is_untouched = self.is_untouched();
        let summary = &mut self.summary;
        if is_untouched {
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
            Record::Concluded { ending, reason, .. } => {
                self.ending = Some(*ending);
                summary.reason.clone_from(reason);
            }
            Record::TakenBack { account } => {
                let reason = summary.reason.take().map(|reason| format!("{reason}; ")).unwrap_or_default();
                summary.reason = Some(format!("{reason}{account}"));
            }
            Record::Signalled { by, signal } => self.hear(by.as_deref(), signal),
            Record::Ended => summary.status = self.ending.unwrap_or(Ending::Failed).into(),
            Record::Parked { reason } => {
                summary.status = RunStatus::Parked;
                summary.reason = Some(reason.clone());
            }
            _ => {}
        }
    }

    fn hear(&mut self, by: Option<&str>, signal: &Signal) {
        let summary = &mut self.summary;
        let by = by.map(|by| format!(" by {by}")).unwrap_or_default();
        match signal {
            Signal::Pause { reason } => {
                let reason = reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
                summary.reason = Some(format!("paused{by}{reason}"));
            }
            Signal::Cancel { .. }
            | Signal::Stop { .. }
            | Signal::Decide { .. }
            | Signal::Tell { .. }
            | Signal::Event { .. } => {}
            Signal::Resume => summary.reason = None,
            Signal::Retry => {
                (summary.status, summary.reason, self.ending) = (RunStatus::Open, None, None);
            }
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
    /// How many places it takes.
    pub(super) fn places(self) -> u64 {
        match self {
            Self::Event(_) => 1,
            Self::Records(_, _, count) => count.into(),
        }
    }

    /// The pointer's bytes. One record has no number of them.
    pub(super) fn to_bytes(self) -> Vec<u8> {
        match self {
            Self::Event(event) => event.as_bytes().to_vec(),
            Self::Records(run, seq, 1) => [run.as_bytes().as_slice(), &seq.to_be_bytes()].concat(),
            Self::Records(run, seq, count) => {
                [run.as_bytes().as_slice(), &seq.to_be_bytes(), &count.to_be_bytes()].concat()
            }
        }
    }

    /// The pointer of these bytes: their length tells what it points at.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (id, rest) = bytes.split_first_chunk::<16>()?;
        if rest.is_empty() {
            return Some(Self::Event(EventId::from_bytes(*id)));
        }
        let (seq, count) = rest.split_first_chunk::<8>()?;
        let count = if count.is_empty() { 1 } else { u32::from_be_bytes(count.try_into().ok()?) };
        Some(Self::Records(RunId::from_bytes(*id), u64::from_be_bytes(*seq), count))
    }
}

impl KeptIdentity {
    /// The ids, one behind the other.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let runs = self.runs.iter().flat_map(|run| run.as_bytes());
        self.event.as_bytes().iter().chain(runs).copied().collect()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (event, runs) = bytes.split_first_chunk::<16>()?;
        let run = |id: &[u8]| id.try_into().ok().map(RunId::from_bytes);
        let runs = runs.chunks(16).map(run).collect::<Option<_>>()?;
        Some(Self { event: EventId::from_bytes(*event), runs })
    }
}

impl<'a> KeptDelivery<'a> {
    /// The bytes of a delivery.
    pub(super) fn to_bytes(event: &Event, reasons: &Reasons, body: &[u8]) -> Result<Vec<u8>, StoreError> {
        let mut bytes = Vec::with_capacity(body.len() + SPARE);
        push_json(&mut bytes, event)?;
        push_json(&mut bytes, reasons)?;
        bytes.extend_from_slice(body);
        Ok(bytes)
    }

    /// The delivery that these bytes of an event's key are.
    pub(super) fn from_bytes(key: &[u8], bytes: &'a [u8]) -> Result<Self, StoreError> {
        let parts = take_part(bytes).and_then(|(event, rest)| Some((event, take_part(rest)?)));
        let (event, (reasons, body)) =
            parts.ok_or_else(|| StoreError::Corrupt(format!("{}: it is cut short", keys::describe(key))))?;
        Ok(Self { event, reasons, body })
    }

    pub(super) fn event(&self, key: &[u8]) -> Result<Event, StoreError> {
        parse(key, self.event)
    }

    pub(super) fn reasons(&self, key: &[u8]) -> Result<Reasons, StoreError> {
        parse(key, self.reasons)
    }
}

/// What is made room for beside a body.
const SPARE: usize = 8 << 10;

/// Adds a value's JSON behind its length, which is known last.
fn push_json(bytes: &mut Vec<u8>, value: &impl Serialize) -> Result<(), StoreError> {
    let start = bytes.len();
    bytes.extend_from_slice(&[0; 4]);
    serde_json::to_writer(&mut *bytes, value).map_err(|error| unwritable(&error))?;
    let length = u32::try_from(bytes.len() - start - 4).map_err(|error| unwritable(&error))?;
    bytes[start..start + 4].copy_from_slice(&length.to_be_bytes());
    Ok(())
}

fn take_part(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
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

/// The lane that stands at a due key. One from before there were lanes, or that is damaged, is what its run started with.
pub(super) fn lane(look: &(impl Look + ?Sized), key: &[u8], stored: &[u8], run: RunId) -> Lane {
    let said = codec::decode(key, stored).and_then(|bytes| parse(key, &bytes));
    said.unwrap_or_else(|_| lane_of(look, run))
}

/// The lane of a run that does more than answer, by its start.
pub(super) fn lane_of(look: &(impl Look + ?Sized), run: RunId) -> Lane {
    match json::<Placed<Entry>>(look, &keys::entry(run, 0)) {
        Ok(Some(Placed { what: Entry { record: Record::Started(started), .. }, .. })) => {
            Lane::of(&started, false)
        }
        // It is next in the lane of those that no repository is known of.
        _ => Lane::default(),
    }
}

/// A run's head.
pub(super) fn head(look: &(impl Look + ?Sized), run: RunId) -> Result<Option<Head>, StoreError> {
    json(look, &keys::run(run))
}

fn parse<T: DeserializeOwned>(key: &[u8], bytes: &[u8]) -> Result<T, StoreError> {
    let unreadable = |error| StoreError::Corrupt(format!("{}: {error}", keys::describe(key)));
    serde_json::from_slice(bytes).map_err(unreadable)
}

/// What a delivery with this identity became.
pub(super) fn identity(look: &(impl Look + ?Sized), key: &Key) -> Result<Option<KeptIdentity>, StoreError> {
    let cut_short = || StoreError::Corrupt(format!("{}: it is cut short", keys::describe(key)));
    let Some(bytes) = bytes(look, key)? else { return Ok(None) };
    KeptIdentity::from_bytes(&bytes).ok_or_else(cut_short).map(Some)
}

/// An event, of a scanned pair.
pub(super) fn event((key, stored): &Pair) -> Result<Event, StoreError> {
    KeptDelivery::from_bytes(key, &codec::decode(key, stored)?)?.event(key)
}

/// A value's JSON.
pub(super) fn to_json(value: &impl Serialize) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(value).map_err(|error| unwritable(&error))
}

fn unwritable(error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Failed(format!("not to be written: {error}"))
}
