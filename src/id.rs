//! Names of things that live longer than a process.
//!
//! Every identifier is a newtype with a prefix, so that a log line, a file name or a hidden marker says
//! what it names: `evt_…` an event, `run_…` a run. All of them are strings outside and checked inside.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// Text that does not name what it should name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {what}")]
pub struct IdError {
    text: String,
    what: &'static str,
}

impl IdError {
    fn new(text: &str, what: &'static str) -> Self {
        Self { text: text.to_owned(), what }
    }
}

/// Declares a newtype over a UUID that reads and writes as `<prefix>_<32 hex digits>`.
macro_rules! prefixed {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Uuid);

        impl $name {
            /// The identifier's sixteen bytes; they sort by time.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// The identifier with these sixteen bytes.
            #[must_use]
            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }

            /// The last eight digits: enough for a branch name or a table, never for a lookup.
            #[must_use]
            pub fn short(&self) -> String {
                let text = self.0.simple().to_string();
                text[text.len() - 8..].to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "_{}"), self.0.simple())
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                text.strip_prefix(concat!($prefix, "_"))
                    .filter(|digits| digits.len() == 32)
                    .and_then(|digits| Uuid::try_parse(digits).ok())
                    .map(Self)
                    .ok_or_else(|| IdError::new(text, $what))
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }
    };
}

prefixed!(
    /// An event: one thing that happened, as Ostler understood it.
    EventId, "evt", "an event id (`evt_` and 32 hex digits)"
);
prefixed!(
    /// A run: one execution of a workflow.
    RunId, "run", "a run id (`run_` and 32 hex digits)"
);

impl EventId {
    /// A fresh identifier for an event that was received at `time`; later events sort after earlier ones.
    #[must_use]
    pub fn at(time: Timestamp) -> Self {
        let (seconds, nanos) = unix_parts(time);
        let stamp = uuid::Timestamp::from_unix(uuid::NoContext, seconds, nanos);
        Self(Uuid::new_v7(stamp))
    }
}

impl RunId {
    /// The run that `trigger` starts for `event`: always the same one, so that routing an event twice
    /// cannot make two runs.
    #[must_use]
    pub fn of(event: EventId, trigger: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(event.as_bytes());
        hash.update(trigger.as_bytes());
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash.finalize()[..16]);
        // The event's 48 bits of time stay in front, so that runs sort by the moment of their event.
        bytes[..6].copy_from_slice(&event.as_bytes()[..6]);
        Self(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }
}

fn unix_parts(time: Timestamp) -> (u64, u32) {
    let seconds = u64::try_from(time.as_second()).unwrap_or(0);
    let nanos = u32::try_from(time.subsec_nanosecond()).unwrap_or(0);
    (seconds, nanos)
}

/// Where a step stands in its workflow: its name, behind the names of the steps that hold it
/// (`tell_everyone/notify_chat`). Steps that Ostler adds itself begin with `@`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepPath(String);

impl StepPath {
    /// The path of no step: what holds the steps at the top of a workflow.
    #[must_use]
    pub fn top() -> Self {
        Self(String::new())
    }

    /// The path of an item of this loop.
    #[must_use]
    pub fn item(&self, index: usize) -> Self {
        self.child(&index.to_string())
    }

    /// The path of a step at the top of a workflow.
    #[must_use]
    pub fn root(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// The path of a step inside this one.
    #[must_use]
    pub fn child(&self, name: &str) -> Self {
        if self.0.is_empty() { Self(name.to_owned()) } else { Self(format!("{}/{name}", self.0)) }
    }

    /// The loop that this is an item of, and the item's number.
    #[must_use]
    pub fn as_item(&self) -> Option<(Self, usize)> {
        let (of, index) = self.0.rsplit_once('/')?;
        Some((Self(of.to_owned()), index.parse().ok()?))
    }

    /// Whether the step stands within another one, however deep.
    #[must_use]
    pub fn is_inside(&self, other: &Self) -> bool {
        self.0.strip_prefix(other.as_str()).is_some_and(|rest| rest.starts_with('/'))
    }

    /// The step's own name: the last part of its path.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// The whole path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StepPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What makes an effect on the world recognisable: run, step and ordinal within the step. It is derived,
/// never given by an author, and it is the same for every attempt.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EffectKey {
    /// The run that makes the effect.
    pub run: RunId,
    /// The step of it.
    pub step: StepPath,
    /// Which of the step's effects, from 0.
    pub ordinal: u32,
}

impl EffectKey {
    /// The hidden marker for text that knows HTML comments.
    #[must_use]
    pub fn marker(&self) -> String {
        format!("{}{self} -->", Self::MARKER_START)
    }

    /// How every marker of Ostler's begins.
    pub const MARKER_START: &'static str = "<!-- ostler:key=";
}

impl fmt::Display for EffectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.run, self.step, self.ordinal)
    }
}

/// A SHA-256 digest, written as 64 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of some bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The digest's thirty-two bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The digest with these bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl FromStr for Digest {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| IdError::new(text, "a digest (64 hex digits)"))?;
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for Digest {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_back_what_they_write() {
        let event = EventId::at(Timestamp::UNIX_EPOCH);
        assert_eq!(event.to_string().parse(), Ok(event));
        let run = RunId::of(event, "label");
        assert_eq!(run.to_string().parse(), Ok(run));
        assert!("run_12".parse::<RunId>().is_err());
        assert!(event.to_string().parse::<RunId>().is_err());
    }

    #[test]
    fn a_run_is_named_by_its_event_and_trigger() {
        let event = EventId::at(Timestamp::UNIX_EPOCH);
        assert_eq!(RunId::of(event, "a"), RunId::of(event, "a"));
        assert_ne!(RunId::of(event, "a"), RunId::of(event, "b"));
    }

    #[test]
    fn ids_sort_by_time() {
        let early = EventId::at(Timestamp::from_second(1_000).unwrap());
        let late = EventId::at(Timestamp::from_second(2_000).unwrap());
        assert!(early < late);
        assert!(RunId::of(early, "z") < RunId::of(late, "a"));
    }
}
