//! What is said to a run from outside, while it goes on or after it came to a stop.
//!
//! A signal is kept beside the run until the run has taken it into its journal, so that it is neither lost nor
//! taken twice, whether or not anybody has the run in hand when it comes.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::record::Ending;
use super::state::Run;

/// A signal on its way to a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// When it was sent.
    pub at: Timestamp,
    /// Who sent it, for people; nobody where Ostler did it itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// What it says.
    pub signal: Signal,
}

/// What a signal says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// Stop what is under way, conclude, and do only what the workflow always does at the end.
    Cancel {
        /// Why, for people.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Begin nothing further; what is under way comes to its end.
    Pause {
        /// Why, for people.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Go on: after a pause, or after the run was parked.
    Resume,
    /// Try again what failed, in a run that failed or was cancelled. What is done stays done.
    Retry,
}

/// Why a signal means nothing to a run as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Pointless {
    /// The run is over, or its outcome is known.
    #[error("the run is over already")]
    Over,
    /// The run neither pauses nor is parked.
    #[error("the run goes on as it is")]
    GoesOn,
    /// The run pauses, or is to be cancelled, already.
    #[error("the run was told so already")]
    Twice,
    /// The run has neither failed nor been cancelled.
    #[error("only a run that failed or was cancelled can be tried again, and only once it is over")]
    NotFailed,
    /// What it had done was taken back.
    #[error("what the run had done was taken back; start it anew")]
    TakenBack,
}

impl Signal {
    /// What it is called in lists.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Cancel { .. } => "cancel",
            Self::Pause { .. } => "pause",
            Self::Resume => "resume",
            Self::Retry => "retry",
        }
    }

    /// Whether it means something to a run as it stands.
    ///
    /// # Errors
    /// Says why it does not. Such a signal changes nothing: a second click, or one that comes too late.
    pub fn fits(&self, run: &Run) -> Result<(), Pointless> {
        let over = run.conclusion().is_some();
        match self {
            Self::Cancel { .. } if over => Err(Pointless::Over),
            Self::Cancel { .. } if run.is_cancelled() => Err(Pointless::Twice),
            Self::Pause { .. } if over => Err(Pointless::Over),
            Self::Pause { .. } if run.paused().is_some() => Err(Pointless::Twice),
            Self::Resume if run.paused().is_none() && run.parked().is_none() => Err(Pointless::GoesOn),
            Self::Retry => fits_retry(run),
            _ => Ok(()),
        }
    }
}

fn fits_retry(run: &Run) -> Result<(), Pointless> {
    let ending = run.conclusion().map(|conclusion| conclusion.ending);
    match ending {
        Some(Ending::Failed | Ending::Cancelled) if run.ended() || run.parked().is_some() => Ok(()),
        _ => Err(Pointless::NotFailed),
    }
}
