//! A person's word that what is at work where they are is to stop.

use super::decision::addressed;
use crate::event::Event;
use crate::id::RunId;

/// The commands by which people stop runs.
pub const STOP: &[&str] = &["stop", "cancel"];

/// What is to stop, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stopping {
    /// Why, where they say it.
    pub reason: Option<String>,
    /// The run; without it, all that were asked for where the event comes from.
    pub target: Option<RunId>,
}

impl Stopping {
    /// The word that an event holds, if it holds one.
    #[must_use]
    pub fn of(event: &Event) -> Option<Self> {
        let command = event.command.as_ref().filter(|command| STOP.contains(&command.name.as_str()))?;
        let (target, reason) = addressed(command);
        Some(Self { reason, target })
    }
}
