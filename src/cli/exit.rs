//! Exit codes: all of them, and what each means. 2 is not here: with it clap ends a process whose command
//! line makes no sense.

use std::process::ExitCode;

use crate::config::ConfigError;

/// How the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: it did what it was asked.
    Done = 0,
    /// 1: it could not.
    Failed = 1,
    /// 3: the configuration, or what `check` looked at, has errors.
    Invalid = 3,
}

impl Exit {
    /// The code for an error.
    #[must_use]
    pub fn of(error: &anyhow::Error) -> Self {
        if error.is::<ConfigError>() { Self::Invalid } else { Self::Failed }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
