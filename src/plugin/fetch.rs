//! Asking a source for what it did not, or cannot, send here.
//!
//! A source is asked page by page, oldest first. What a page gives goes the way that sent deliveries go, and
//! is known again where it was sent as well. A page's cursor is kept only once everything on the page is
//! durable, so that a crash asks for the page again and loses nothing.

pub mod walk;

use std::fmt::Debug;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Deserialize;

use super::Call;
use super::source::Delivery;
use crate::event::SourceName;

/// The shortest pause between two times of asking.
const SHORTEST: Duration = Duration::from_secs(1);

/// How often what was missed is asked for, where nothing else is configured.
pub const CATCH_UP: SignedDuration = SignedDuration::from_mins(5);

/// How far back the next look begins: one list or index may show a thing later than another.
const OVERLAP: SignedDuration = SignedDuration::from_secs(120);

/// Up to when everything can be relied on to be listed, at a moment.
#[must_use]
pub fn settled(now: Timestamp) -> Timestamp {
    now.checked_sub(OVERLAP).unwrap_or(now)
}

/// How a source is polled: asked for everything, because it sends nothing.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Poll {
    /// The pause between two times of asking: `30s`, `2m`.
    pub every: SignedDuration,
}

impl Default for Poll {
    fn default() -> Self {
        Self { every: SignedDuration::from_secs(30) }
    }
}

/// A configured pause, never shorter than a second.
#[must_use]
pub fn pause(every: SignedDuration) -> Duration {
    Duration::try_from(every).unwrap_or_default().max(SHORTEST)
}

/// Somebody who can be asked for deliveries.
pub trait Fetch: Debug + Send + Sync {
    /// The source whose deliveries it gives.
    fn source(&self) -> SourceName;

    /// What this way of asking is called; its cursor is kept under this name, so it never changes:
    /// `github.hook`, `github.poll/acme/shop`.
    fn name(&self) -> &str;

    /// The pause between two times of asking.
    fn every(&self) -> Duration;

    /// One page of what there is.
    ///
    /// # Errors
    /// When the source does not answer, or not as its protocol says; the page is asked for again later. One
    /// delivery that cannot be had must not be an error for ever: it is told of in the log and left out.
    fn page<'a>(&'a self, asked: &'a Asked) -> Call<'a, Page>;
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Nothing from before this moment.
    pub since: Timestamp,
    /// The cursor of the last page; none at the first time of asking.
    pub cursor: Option<String>,
    /// Whether what the source says was taken is wanted too.
    pub all: bool,
}

/// What came of asking.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// What was found, oldest first; no more than fits in memory easily.
    pub deliveries: Vec<Delivery>,
    /// Where the next page begins; none leaves the cursor as it is.
    pub cursor: Option<String>,
    /// Whether there is another page now.
    pub more: bool,
    /// The pause that the source asks for before it is asked again.
    pub pause: Option<Duration>,
}
