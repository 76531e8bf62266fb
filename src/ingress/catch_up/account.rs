//! What came of asking: of one time in full, of all times in short.

use jiff::Timestamp;
use serde::Serialize;

use crate::event::SourceName;
use crate::id::{EventId, RunId};
use crate::ingress::inbox::{Answer, Foreseen, Rejection, Status};
use crate::plugin::fetch::Fetch;

/// How many deliveries a report tells of one by one.
const TOLD: usize = 1000;

/// How a way of asking has gone since the start.
#[derive(Debug, Clone, Serialize)]
pub struct Account {
    /// The way.
    pub way: String,
    /// Whose deliveries it gives.
    pub source: SourceName,
    /// When it was asked last.
    pub last: Option<Timestamp>,
    /// Why that gave nothing, where it failed.
    pub error: Option<String>,
    /// When it is asked next.
    pub next: Option<Timestamp>,
    /// Where the last page ended, in the source's own terms.
    pub cursor: Option<String>,
    /// How many deliveries were new.
    pub accepted: u64,
    /// How many were here before.
    pub duplicate: u64,
    /// How many start nothing.
    pub ignored: u64,
    /// How many could not be understood.
    pub refused: u64,
}

/// What came of asking once.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The way.
    pub way: String,
    /// Whose deliveries it gives.
    pub source: SourceName,
    /// What became of each, oldest first, as far as there is room.
    pub deliveries: Vec<Item>,
    /// How many were new and started something.
    pub accepted: u64,
    /// How many were here before.
    pub duplicate: u64,
    /// How many start nothing.
    pub ignored: u64,
    /// How many could not be understood.
    pub refused: u64,
    /// Why it was not gone to its end, where it was not.
    pub error: Option<String>,
}

/// What became of one delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Item {
    /// `accepted`, `duplicate`, `ignored` or `refused`.
    pub status: &'static str,
    /// Its event, where there is one.
    pub event_id: Option<EventId>,
    /// The runs that it started.
    pub runs: Vec<RunId>,
    /// What it is, or why it was refused.
    pub what: Option<String>,
}

impl Account {
    pub(super) fn new(fetch: &dyn Fetch) -> Self {
        Self {
            way: fetch.name().to_owned(),
            source: fetch.source(),
            last: None,
            error: None,
            next: None,
            cursor: None,
            accepted: 0,
            duplicate: 0,
            ignored: 0,
            refused: 0,
        }
    }

    pub(super) fn note(&mut self, report: &Report, now: Timestamp) {
        self.last = Some(now);
        self.error.clone_from(&report.error);
        self.accepted += report.accepted;
        self.duplicate += report.duplicate;
        self.ignored += report.ignored;
        self.refused += report.refused;
    }
}

impl Report {
    pub(super) fn new(fetch: &dyn Fetch) -> Self {
        Self {
            way: fetch.name().to_owned(),
            source: fetch.source(),
            deliveries: Vec::new(),
            accepted: 0,
            duplicate: 0,
            ignored: 0,
            refused: 0,
            error: None,
        }
    }

    pub(super) fn add(&mut self, item: Item) {
        let count = match item.status {
            "accepted" => &mut self.accepted,
            "duplicate" => &mut self.duplicate,
            "ignored" => &mut self.ignored,
            _ => &mut self.refused,
        };
        *count += 1;
        if self.deliveries.len() < TOLD {
            self.deliveries.push(item);
        }
    }
}

impl Item {
    pub(super) fn refused(rejection: &Rejection) -> Self {
        Self { status: "refused", event_id: None, runs: Vec::new(), what: Some(rejection.to_string()) }
    }

    pub(super) fn foreseen(foreseen: Foreseen) -> Self {
        let Foreseen { status, what } = foreseen;
        Self { status: status.word(), event_id: None, runs: Vec::new(), what: Some(what) }
    }
}

impl From<Answer> for Item {
    fn from(answer: Answer) -> Self {
        let Answer { status, event_id, runs } = answer;
        Self { status: status.word(), event_id, runs, what: None }
    }
}

impl Status {
    /// The status as programs read it.
    fn word(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Duplicate => "duplicate",
            Self::Ignored => "ignored",
        }
    }
}
