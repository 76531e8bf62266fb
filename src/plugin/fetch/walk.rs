//! Walking through what changed, from the oldest, where a source says when each thing changed last.
//!
//! A walk goes on behind the last moment that was told of, not at a page's number: what changes or is deleted meanwhile
//! leaves no gap. Once it is over, the next one begins where it came to.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Asked, Page, settled};
use crate::plugin::source::Delivery;

/// How many things one page tells of, unless more changed at one moment.
pub const BATCH: usize = 20;

/// Up to when was looked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Everything older was told.
    pub since: Timestamp,
    /// The walk that is under way.
    pub walk: Option<Walk>,
}

/// A walk that one page could not tell all of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Walk {
    /// When it began.
    begun: Timestamp,
    /// What changed last before this moment was told of.
    at: Timestamp,
}

/// The part of a walk that one page tells of.
#[derive(Debug)]
pub struct Leg {
    since: Timestamp,
    walk: Walk,
    more: bool,
}

impl Leg {
    /// Where the last page ended, or a walk that begins now.
    #[must_use]
    pub fn of(asked: &Asked, now: Timestamp) -> Self {
        let kept = asked.cursor.as_deref().and_then(|cursor| serde_json::from_str::<Cursor>(cursor).ok());
        let since = kept.as_ref().map_or(asked.since, |kept| asked.since.max(kept.since));
        let walk = kept.and_then(|kept| kept.walk).unwrap_or(Walk { begun: now, at: since });
        Self { since, walk, more: false }
    }

    /// Everything that happened before was told.
    #[must_use]
    pub fn since(&self) -> Timestamp {
        self.since
    }

    /// From when on what changed is asked for.
    #[must_use]
    pub fn from(&self) -> Timestamp {
        self.walk.at.max(self.since)
    }

    /// Keeps what this page tells of, with all that changed at its last moment. The things are the oldest that
    /// changed, in the order of these moments.
    pub fn cut<T>(&mut self, things: &mut Vec<T>, changed: impl Fn(&T) -> Timestamp) {
        let all = things.len();
        if let Some(last) = things.get(BATCH - 1).map(&changed) {
            things.retain(|thing| changed(thing) <= last);
        }
        self.more = things.len() < all;
        self.walk.at = things.last().map_or(self.walk.at, |last| behind(changed(last)));
    }

    /// The page that tells of this.
    #[must_use]
    pub fn page(self, mut told: Vec<(Timestamp, Delivery)>) -> Page {
        told.sort_by_key(|(moment, _)| *moment);
        let Self { since, walk, more } = self;
        let over = walk.at.min(settled(walk.begun)).max(since);
        let cursor =
            if more { Cursor { since, walk: Some(walk) } } else { Cursor { since: over, walk: None } };
        let deliveries = told.into_iter().map(|(_, delivery)| delivery).collect();
        Page { deliveries, cursor: serde_json::to_string(&cursor).ok(), more, pause: None }
    }
}

/// The moment behind one that was told of.
#[must_use]
pub fn behind(moment: Timestamp) -> Timestamp {
    moment.checked_add(SignedDuration::from_millis(1)).unwrap_or(moment)
}
