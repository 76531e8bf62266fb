//! What is kept, and what is promised about keeping it.
//!
//! One trait in the words of the domain, two homes for it: sled, and memory. The rest of Ostler relies on
//! exactly these promises, and one contract suite holds every implementation to them:
//!
//! - **All or nothing.** A method that writes has either written everything or nothing, whatever happens
//!   to the process or the machine while it runs.
//! - **Durable when it returns.** What was written when a future resolved is there after `kill -9` and
//!   after a loss of power.
//! - **Judged by the writer.** Expectations, dedupe, leases and slots are judged at the moment of writing,
//!   by the one writer, so that no two callers can both be right.
//! - **Fenced.** A write that needs a lease is refused with [`StoreError::Fenced`] once another lease on
//!   the run was given out, or the node was opened again.

mod codec;
mod kept;
mod keys;
mod log;
mod memory;
mod read;
mod shelf;
mod shelved;
mod sled;
mod summary;
mod waits;
mod writer;

#[cfg(test)]
mod contract;
#[cfg(test)]
pub(crate) mod fixture;

use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::event::Event;
use crate::id::{EventId, RunId};
use crate::router::Reasons;
use crate::router::guard::{Guard, told::Told};
use crate::run::{Definition, Entry, Frozen, Sent};

pub use self::memory::{Memory, MemoryShelf};
pub use self::shelf::{Batch, Look, Pair, Shelf, Span};
pub use self::shelved::Shelved;
pub use self::sled::{Sled, SledShelf};
pub use self::summary::{RunStatus, RunSummary};
pub use self::waits::{Awaits, Waits};

/// What a store's method gives.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// The place where events, runs and everything about them are kept.
pub trait Store: Debug + Send + Sync {
    /// Takes in a delivery: its identity, its event and payload, the reasons, and every run it starts, as
    /// one durable batch. A delivery whose identity is known changes nothing and gives back what the
    /// first one gave. One that would start a run while there is something to do in too many is
    /// [`StoreError::Full`]; what is said by it to runs that there are, and what starts none, is taken all the same.
    fn accept(&self, intake: Intake) -> Answer<'_, Accepted>;

    /// Gives out the next runs that are due at `now` and over none of the store's [`Caps`], as many as there are and at
    /// most so many: repositories take turns, and within one goes first who counts as due longest by its priority. A
    /// lease holds until it is given up by a [`Commit`] or the node is reopened.
    fn leases(&self, now: Timestamp, most: usize) -> Answer<'_, Vec<Lease>>;

    /// The same for one run.
    fn lease(&self, now: Timestamp) -> Answer<'_, Option<Lease>> {
        Box::pin(async move { Ok(self.leases(now, 1).await?.pop()) })
    }

    /// A run's journal in order, large values hydrated, with the definition that it started with. A record
    /// that does not match its checksum, and a gap, are [`StoreError::Corrupt`].
    fn load(&self, run: RunId) -> Answer<'_, Option<Journal>>;

    /// Appends to a run's journal under its lease, or writes values without one.
    fn commit(&self, commit: Commit) -> Answer<'_, ()>;

    /// Reads.
    fn query(&self, query: Query) -> Answer<'_, Found>;

    /// One value written by [`Commit::Values`], if it is there.
    fn value<'a>(&'a self, name: &str) -> Answer<'a, Option<Vec<u8>>> {
        let query = Query::Value(name.to_owned());
        Box::pin(async move {
            Ok(match self.query(query).await? {
                Found::Bytes(bytes) => Some(bytes),
                _ => None,
            })
        })
    }

    /// What has happened after `after`, oldest first: one entry for each event and each journal record, with
    /// a sequence number that has no gaps and is the same for every reader.
    fn tail(&self, after: u64, limit: usize) -> Answer<'_, Vec<Progress>>;

    /// The place of the newest thing that [`tail`](Self::tail) tells of. Whoever holds it is told when there is more.
    fn grown(&self) -> watch::Receiver<u64>;

    /// Forgets finished runs and events older than `before`, and delivery identities older than
    /// `identities_before`. Gives how many values went. An event stays as long as one of its runs does. Each
    /// run, event and identity goes whole or stays; [`tail`](Self::tail) passes over what went.
    fn prune(&self, before: Timestamp, identities_before: Timestamp) -> Answer<'_, u64>;

    /// Reads up to `limit` stored values behind `after` against their checksums, and parks at `now` each run
    /// of which something is damaged, so that it is known before the run is due.
    fn scrub(&self, after: Option<Vec<u8>>, limit: usize, now: Timestamp) -> Answer<'_, Scrubbed>;
}

/// Why a store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The queue in front of the writer is full; nothing was written.
    #[error("the store is busy; nothing was written")]
    Busy,
    /// There is something to do in as many runs as there may be; nothing was written.
    #[error("too much waits to be done; nothing was written")]
    Full,
    /// An expectation did not hold; nothing was written.
    #[error("somebody else wrote first; nothing was written")]
    Conflict,
    /// The lease is no longer the newest; nothing was written.
    #[error("the lease on {0} is no longer valid; nothing was written")]
    Fenced(RunId),
    /// Stored bytes are not what was written.
    #[error("stored data is damaged: {0}")]
    Corrupt(String),
    /// The disk or the database failed.
    #[error("the store failed: {0}")]
    Failed(String),
}

/// A delivery to take in.
#[derive(Debug, Clone)]
pub struct Intake {
    /// What makes the delivery recognisable: all of these are remembered, and one known is enough.
    pub identities: Vec<String>,
    /// The event.
    pub event: Event,
    /// The body as it arrived.
    pub payload: bytes::Bytes,
    /// Why each trigger did or did not want it.
    pub reasons: Reasons,
    /// The runs that it starts.
    pub runs: Vec<NewRun>,
    /// Values that are written with it, and what must be there for that; a duplicate writes none.
    pub values: Values,
    /// What answers where the event came from, for runs that are held back and have somebody to tell.
    pub answering: Option<Frozen>,
}

/// Values outside any run, written if others are as expected.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Values {
    /// What must be there now; judged by the writer.
    pub expect: Vec<Named>,
    /// What is to be there then; `None` deletes.
    pub put: Vec<Named>,
}

/// A value's name with the value, or none.
pub type Named = (String, Option<Vec<u8>>);

/// A run to start.
#[derive(Debug, Clone)]
pub struct NewRun {
    /// Its id.
    pub id: RunId,
    /// Its first record, always [`Record::Started`](crate::run::Record::Started).
    pub first: Entry,
    /// The definition that the record names by hash.
    pub definition: Frozen,
    /// What may hold it back; nothing for a run that nothing does.
    pub guard: Option<Box<Guard>>,
}

/// What became of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accepted {
    /// It is new and now durable.
    Fresh {
        /// Its event.
        event: EventId,
        /// The runs that it started, those that wait included.
        runs: Vec<RunId>,
        /// What is to be told of those that do not simply start.
        told: Vec<Told>,
        /// The runs that something was said to: to stop, or what they waited for.
        signalled: Vec<RunId>,
        /// Whether it was a decision that some run had asked for.
        decided: bool,
    },
    /// It was here before; nothing was written.
    Duplicate {
        /// The event that the first one became.
        event: EventId,
        /// The runs that the first one started.
        runs: Vec<RunId>,
    },
}

/// The right to write to a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The run.
    pub run: RunId,
    /// The lease's number for this run; only the highest may write.
    pub epoch: u64,
}

/// A run's whole journal.
#[derive(Debug, Clone)]
pub struct Journal {
    /// The records.
    pub entries: Vec<Entry>,
    /// The definition that the first one names.
    pub definition: std::sync::Arc<Definition>,
    /// What was said to the run and is not in its journal yet, in order, each with its number.
    pub signals: Vec<(u64, Sent)>,
    /// Whether its guards are put off until the forge has said that its person may start it: then it is laid down once,
    /// as [`Due::Admitted`].
    pub put_off: bool,
}

/// Something to write.
#[derive(Debug, Clone)]
pub enum Commit {
    /// New records of a run.
    Run {
        /// The right to.
        lease: Lease,
        /// The records; the first one's `seq` must be the journal's length.
        entries: Arc<[Entry]>,
        /// When the run wants to be looked at again.
        due: Due,
        /// The signals, by their numbers, that these records take in or that meant nothing: they are kept no longer.
        heard: Vec<u64>,
    },
    /// Something said to a run, whoever has it in hand. It makes the run due, unless it waits for its turn in a
    /// group: then only being cancelled does. [`StoreError::Conflict`] where there is no such run.
    Signal {
        /// The run.
        run: RunId,
        /// What is said.
        sent: Sent,
    },
    /// Values outside any run: ledger, cursors, settings.
    Values {
        /// What must be there now; judged by the writer.
        expect: Vec<(String, Option<Vec<u8>>)>,
        /// What is to be there then; `None` deletes.
        put: Vec<(String, Option<Vec<u8>>)>,
    },
}

/// When a run wants to be looked at again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// The lease is kept: its holder goes on.
    Held,
    /// The lease is given up; not before this moment, or a signal.
    At(Timestamp),
    /// The lease is given up; the person may start the run, at this moment, and now its guards are judged that were
    /// put off until the forge had said so. They say when it goes on, or end it.
    Admitted(Timestamp),
    /// The lease is given up; not before a signal.
    Waiting,
    /// The lease is given up and nothing is left to do.
    Ended,
    /// The lease is given up; a person is needed.
    Parked,
}

/// A question.
#[derive(Debug, Clone)]
pub enum Query {
    /// One event.
    Event(EventId),
    /// An event's body as it arrived.
    Payload(EventId),
    /// Why triggers did or did not want an event.
    Reasons(EventId),
    /// The event that a delivery with this identity became.
    Identity(String),
    /// The newest events before one, newest first.
    Events {
        /// Where the page before ended.
        before: Option<EventId>,
        /// How many at the most.
        limit: usize,
    },
    /// What was said to a run and is not in its journal yet.
    Signals(RunId),
    /// One run's summary.
    Run(RunId),
    /// The newest runs before one, newest first.
    Runs {
        /// Where the page before ended.
        before: Option<RunId>,
        /// How many at the most.
        limit: usize,
    },
    /// What each of these runs waits for at a moment: nothing for those that are at work or over.
    Waits {
        /// The runs.
        runs: Vec<RunId>,
        /// The moment.
        now: Timestamp,
    },
    /// What the first delivery with one of these identities became.
    Identities(Vec<String>),
    /// The earliest moment at which a run comes to be due that was not when a lease was last asked for.
    NextDue,
    /// One value written by [`Commit::Values`].
    Value(String),
    /// All values whose names begin so.
    Values(String),
    /// Counts of what is kept.
    Census,
    /// A run's records, from one of them on, each with its place among everything that ever happened here.
    Records {
        /// The run.
        run: RunId,
        /// The first record's number in the run.
        from: u64,
        /// How many at the most.
        limit: usize,
    },
}

/// An answer to a [`Query`], of the variant that fits it.
#[derive(Debug, Clone)]
pub enum Found {
    /// Nothing goes by that name.
    Nothing,
    /// An event.
    Event(Box<Event>),
    /// Events.
    Events(Vec<Event>),
    /// Bytes of a payload or a value.
    Bytes(Vec<u8>),
    /// How an event was judged.
    Reasons(Box<Reasons>),
    /// Signals, in order, each with its number.
    Signals(Vec<(u64, Sent)>),
    /// A run.
    Run(Box<RunSummary>),
    /// Runs.
    Runs(Vec<RunSummary>),
    /// What runs wait for.
    Waits(Vec<(RunId, Waits)>),
    /// What a delivery became.
    Accepted(Accepted),
    /// A moment.
    Moment(Timestamp),
    /// Named values.
    Values(Vec<(String, Vec<u8>)>),
    /// Counts.
    Census(Census),
    /// What happened, in order.
    Progress(Vec<Progress>),
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Its place among everything that ever happened here.
    pub seq: u64,
    /// What it was.
    pub what: Happening,
}

/// What a [`Progress`] tells of.
#[expect(clippy::large_enum_variant, reason = "nearly all of them are records: a box would only be one more")]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Happening {
    /// An event was taken in.
    Event {
        /// Which.
        event: EventId,
    },
    /// A run got a record.
    Record {
        /// Which run.
        run: RunId,
        /// Which record.
        entry: Entry,
    },
}

/// What a portion of a scrub found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scrubbed {
    /// How many values were read.
    pub checked: u64,
    /// What did not read back as it was written.
    pub damaged: Vec<Damage>,
    /// Where the next portion goes on; none at the end.
    pub next: Option<Vec<u8>>,
}

/// Something stored that is not what was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The run that it belongs to.
    pub run: Option<RunId>,
    /// What it is, for people.
    pub what: String,
}

/// Counts of what is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Census {
    /// Events.
    pub events: u64,
    /// Runs, of whatever status.
    pub runs: u64,
    /// Runs that go on or wait.
    pub open_runs: u64,
    /// Delivery identities.
    pub identities: u64,
}

/// How a store is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How many writes may be unanswered before another one is [`StoreError::Busy`].
    pub waiting: usize,
    /// How many runs may be in hand.
    pub caps: Caps,
    /// How many runs may be in hand, due, or wait for their turn in a group before a delivery that would start one
    /// more is [`StoreError::Full`].
    pub backlog: usize,
}

/// How many runs may be in hand at once. What is over one of these waits, and lets pass what is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caps {
    /// Of all.
    pub all: usize,
    /// Of one repository.
    pub per_repository: usize,
    /// Of those that one user's events started.
    pub per_user: usize,
    /// Of those that only say something to who asked, which count under none of the others.
    pub brief: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { waiting: 1024, caps: Caps::NONE, backlog: usize::MAX }
    }
}

impl Caps {
    /// No cap at all.
    pub const NONE: Self =
        Self { all: usize::MAX, per_repository: usize::MAX, per_user: usize::MAX, brief: usize::MAX };
}

/// Opens the store that an address names: `sled://PATH` (`sled://./data`, `sled:///var/lib/ostler`) or
/// `memory://`.
///
/// # Errors
/// When the address names no store that there is, or the store cannot be opened.
pub fn open(url: &str) -> Result<Arc<dyn Store>, StoreError> {
    open_with(url, &Options::default())
}

/// The same, with options.
///
/// # Errors
/// As [`open`].
pub fn open_with(url: &str, options: &Options) -> Result<Arc<dyn Store>, StoreError> {
    match url.split_once("://") {
        Some(("memory", "")) => Ok(Arc::new(Memory::with(options)?)),
        Some(("sled", path)) if !path.is_empty() => Ok(Arc::new(Sled::open(Path::new(path), options)?)),
        _ => Err(StoreError::Failed(format!("`{url}` is not a store (`sled://PATH` or `memory://`)"))),
    }
}
