//! Exit codes: all of them, and what each means.

use std::process::ExitCode;

use crate::config::ConfigError;

/// How the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: it did what it was asked.
    Done = 0,
    /// 1: it could not.
    Failed = 1,
    /// 2: the command line makes no sense (clap uses this number too).
    Usage = 2,
    /// 3: the configuration, or what `check` looked at, has errors.
    Invalid = 3,
    /// 4: no server is running where the command looked for one.
    NotRunning = 4,
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
