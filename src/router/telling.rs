//! What a person says to an agent at work, by a command where the work was asked for.

use super::decision::addressed;
use crate::event::Event;
use crate::id::RunId;

/// The command by which people say something to an agent at work.
pub const TELL: &str = "tell";

/// Words for an agent, and whose agent it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Telling {
    /// What is said.
    pub text: String,
    /// The run; without it, those whose agents are at work where the event comes from.
    pub target: Option<RunId>,
}

impl Telling {
    /// The words that an event holds, if it holds any.
    #[must_use]
    pub fn of(event: &Event) -> Option<Self> {
        let command = event.command.as_ref().filter(|command| command.name == TELL)?;
        let (target, text) = addressed(command);
        Some(Self { text: text?, target })
    }
}
