//! What a signal does to a run.

use jiff::Timestamp;

use super::Run;
use crate::run::illegal::Illegal;
use crate::run::place;
use crate::run::record::Next;
use crate::run::signal::Signal;
use crate::run::state::StepState;

impl Run {
    pub(super) fn hear(&mut self, at: Timestamp, by: Option<&str>, signal: &Signal) -> Result<(), Illegal> {
        signal.fits(self).map_err(Illegal::Pointless)?;
        match signal {
            Signal::Cancel { reason } => {
                self.cancelled = Some(told("cancelled", by, reason.as_deref()));
                self.parked = None;
            }
            Signal::Pause { reason } => self.paused = Some(told("paused", by, reason.as_deref())),
            Signal::Resume => (self.paused, self.parked) = (None, None),
            Signal::Retry => self.reopen(at),
        }
        Ok(())
    }

    /// What failed is tried again as if its next attempt had been waited for; what came after the conclusion is
    /// done anew.
    fn reopen(&mut self, at: Timestamp) {
        (self.conclusion, self.parked, self.ended) = (None, None, false);
        self.results.clear();
        if let Some((began, _)) = &mut self.began {
            *began = at;
        }
        self.steps.retain(|path, _| !place::is_after_conclusion(path));
        self.finished.retain(|path| !place::is_after_conclusion(path));
        self.steps.retain(|_, state| {
            !matches!(state, StepState::Failed { attempt, next, .. }
            if attempt.kind.is_empty() && *next != Next::Continue)
        });
        for state in self.steps.values_mut() {
            let again = match state {
                StepState::Failed { attempt, next, .. } if *next != Next::Continue => {
                    let attempt = attempt.clone();
                    if place::performs(&attempt.kind) {
                        StepState::Waiting { attempt, at }
                    } else {
                        StepState::Running(super::Attempt { at, ..attempt })
                    }
                }
                _ => continue,
            };
            *state = again;
        }
    }
}

/// What happened to the run, in a sentence for people.
fn told(what: &str, by: Option<&str>, reason: Option<&str>) -> String {
    match (by, reason) {
        (None, Some(reason)) => reason.to_owned(),
        (Some(by), Some(reason)) => format!("{what} by {by}: {reason}"),
        (Some(by), None) => format!("{what} by {by}"),
        (None, None) => what.to_owned(),
    }
}
