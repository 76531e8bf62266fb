//! Exit codes: all of them, and what each means. 2 is not here: with it clap ends a process whose command
//! line makes no sense.

use std::process::ExitCode;

use super::place::Declined;
use crate::config::ConfigError;
use crate::ingress::OrderError;

/// How the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: it did what it was asked.
    Done = 0,
    /// 1: it could not.
    Failed = 1,
    /// 3: the configuration, or what `check` looked at, has errors.
    Invalid = 3,
    /// 4: as things stand it is not done, and nothing was changed: the run that was to be done again is not over, the
    /// payload of the event is gone, or the key was used for something else.
    Refused = 4,
}

/// What a server calls the problems that end a command with [`Exit::Refused`].
const REFUSALS: [&str; 3] = ["run-unfinished", "payload-gone", "key-used"];

impl Exit {
    /// The code for an error.
    #[must_use]
    pub fn of(error: &anyhow::Error) -> Self {
        let declined = error.downcast_ref::<Declined>().map(|declined| declined.name.as_str());
        match error.downcast_ref::<OrderError>() {
            _ if error.is::<ConfigError>() => Self::Invalid,
            Some(OrderError::Unfinished { .. } | OrderError::Gone(_) | OrderError::KeyUsed) => Self::Refused,
            _ if declined.is_some_and(|name| REFUSALS.contains(&name)) => Self::Refused,
            _ => Self::Failed,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
