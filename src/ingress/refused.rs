//! What came to the door and became no event: a bounded log without payloads, so that "I sent it and nothing
//! happened" has an answer.
//!
//! The log is kept by source and cause: of each pair the newest few are kept whole and all are counted, and
//! when there are too many in all the largest pair gives way. Ten thousand unknown senders so push out only
//! each other. Nothing is written while a delivery is refused; what changed is stored every few seconds.

mod cause;
mod keep;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use http::HeaderMap;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::cause::Cause;
use crate::id::{Digest, EventId};

/// How many are kept of one source and cause.
const OF_ONE: usize = 16;
/// How many are kept in all.
const IN_ALL: usize = 512;
/// The letters that are kept of a name or id that the sender chose.
const LETTERS: usize = 64;
/// The source of what was sent where no source is.
pub const UNKNOWN: &str = "unknown";

/// One delivery that became no event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// When it came.
    pub time: Timestamp,
    /// The source that it came to; [`UNKNOWN`] where there is none of that name.
    pub source: String,
    /// Where it was sent: the path, as far as it is kept.
    pub path: String,
    /// Why it became no event.
    pub cause: Cause,
    /// The same for people.
    pub why: String,
    /// The headers by which its sender names it. Nobody vouches for them: the delivery may be forged.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ids: BTreeMap<String, String>,
    /// How long the body was, where it was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// SHA-256 of the body, where it was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// The headers that could have proven it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub proofs: Vec<String>,
    /// How many secrets it could have been signed with.
    #[serde(default)]
    pub secrets: usize,
    /// The event that it became when it came for the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<EventId>,
    /// The how manieth it is of its source and cause.
    #[serde(default)]
    pub nth: u64,
    /// Its place among all that were noted.
    #[serde(default)]
    pub place: u64,
}

impl Refused {
    /// Whether its sender, or the digest of its body, calls it so.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        let by_digest = self.digest.is_some_and(|digest| digest.to_string() == name);
        by_digest || self.ids.values().any(|id| id == name)
    }
}

/// How often one cause kept deliveries of one source from becoming events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Count {
    /// The source.
    pub source: String,
    /// The cause.
    pub cause: Cause,
    /// How often.
    pub count: u64,
    /// When last.
    pub last: Timestamp,
}

/// The log.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<Log>);

#[derive(Debug, Default)]
struct Log {
    groups: BTreeMap<(String, Cause), Group>,
    kept: usize,
    noted: u64,
}

/// What is known of one source and cause.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Group {
    count: u64,
    newest: VecDeque<Refused>,
    #[serde(skip)]
    is_stored: bool,
}

impl Refusals {
    /// Notes a delivery.
    pub fn note(&self, refused: Refused) {
        self.with(|log| log.note(refused));
    }

    /// The newest, newest first.
    #[must_use]
    pub fn latest(&self, limit: usize) -> Vec<Refused> {
        self.matching(limit, |_| true)
    }

    /// Those that go by a name, newest first: a vendor's delivery id, or the SHA-256 of the body.
    #[must_use]
    pub fn called(&self, name: &str) -> Vec<Refused> {
        self.matching(IN_ALL, |refused| refused.is_called(name))
    }

    /// How often what was refused, since the first start.
    #[must_use]
    pub fn counts(&self) -> Vec<Count> {
        let count = |((source, cause), group): (&(String, Cause), &Group)| {
            let last = group.newest.back()?.time;
            Some(Count { source: source.clone(), cause: *cause, count: group.count, last })
        };
        self.with(|log| log.groups.iter().filter_map(count).collect())
    }

    fn matching(&self, limit: usize, fits: impl Fn(&Refused) -> bool) -> Vec<Refused> {
        let mut found: Vec<Refused> = self.with(|log| {
            let all = log.groups.values().flat_map(|group| &group.newest);
            all.filter(|refused| fits(refused)).cloned().collect()
        });
        found.sort_by_key(|refused| std::cmp::Reverse(refused.place));
        found.truncate(limit);
        found
    }

    fn with<T>(&self, act: impl FnOnce(&mut Log) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Log {
    fn note(&mut self, mut refused: Refused) {
        let group = self.groups.entry((refused.source.clone(), refused.cause)).or_default();
        group.count += 1;
        group.is_stored = false;
        refused.nth = group.count;
        self.noted += 1;
        refused.place = self.noted;
        group.newest.push_back(refused);
        self.kept += 1;
        if group.newest.len() > OF_ONE {
            group.newest.pop_front();
            self.kept -= 1;
        }
        if self.kept > IN_ALL {
            self.give_way();
        }
    }

    /// Forgets the oldest of the largest group. Its last one stays: it says when it was.
    fn give_way(&mut self) {
        let Some(largest) = self.groups.values_mut().max_by_key(|group| group.newest.len()) else { return };
        if largest.newest.len() > 1 {
            largest.newest.pop_front();
            self.kept -= 1;
        }
    }
}

/// The headers of a delivery by which its sender names it, as far as they are kept.
pub(super) fn ids(headers: &HeaderMap, names: &[&str]) -> BTreeMap<String, String> {
    let named = names.iter().filter_map(|name| Some((*name, headers.get(*name)?.to_str().ok()?)));
    named.map(|(name, id)| (name.to_owned(), plain(id))).collect()
}

/// Text that a sender chose, without what could act on a terminal, and bounded.
pub(super) fn plain(text: &str) -> String {
    let acts = |c: &char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().filter(|c| !acts(c)).take(LETTERS).collect()
}

#[cfg(test)]
mod tests;
