//! What a signal does to a run.

use jiff::Timestamp;

use super::{Attempt, Run};
use crate::id::StepPath;
use crate::run::hearing::Heard;
use crate::run::illegal::Illegal;
use crate::run::place;
use crate::run::record::Next;
use crate::run::signal::{Pointless, Signal};
use crate::run::state::StepState;

impl Run {
    pub(super) fn hear(&mut self, at: Timestamp, by: Option<&str>, signal: &Signal) -> Result<(), Illegal> {
        signal.fits(self).map_err(Illegal::Pointless)?;
        match signal {
            Signal::Cancel { reason } => {
                self.cancelled = Some(told("cancelled", by, reason.as_deref()));
                self.parked = None;
            }
            Signal::Stop { .. } => return Err(Illegal::Pointless(Pointless::GoesOn)),
            Signal::Pause { reason } => self.paused = Some(told("paused", by, reason.as_deref())),
            Signal::Resume => (self.paused, self.parked) = (None, None),
            Signal::Retry => self.reopen(at),
            Signal::Decide { step, decision } => {
                let heard = Heard::Decision(decision.clone());
                self.tell(self.asking(step.as_ref()).cloned(), heard);
            }
            Signal::Tell { step, words } => {
                self.tell(self.working(step.as_ref()).cloned(), Heard::Words(words.clone()));
            }
            Signal::Event { step, event } => self.tell(Some(step.clone()), Heard::Event(event.clone())),
        }
        Ok(())
    }

    /// The step that asks people something, or the first of several; it may still be about to ask.
    pub(in crate::run) fn asking(&self, named: Option<&StepPath>) -> Option<&StepPath> {
        self.open_step(named, |kind| kind == "approval")
    }

    /// The step in which an agent works, or the first of several; it may be about to be tried again.
    pub(in crate::run) fn working(&self, named: Option<&StepPath>) -> Option<&StepPath> {
        self.open_step(named, place::has_agent)
    }

    fn open_step(&self, named: Option<&StepPath>, is_meant: impl Fn(&str) -> bool) -> Option<&StepPath> {
        let mut open = self.steps.iter().filter(|(_, state)| match state {
            StepState::Running(attempt)
            | StepState::Waiting { attempt, .. }
            | StepState::Standing { attempt, .. } => is_meant(&attempt.kind),
            _ => false,
        });
        open.find(|(path, _)| named.is_none_or(|named| named == *path)).map(|(path, _)| path)
    }

    fn tell(&mut self, step: Option<StepPath>, heard: Heard) {
        let state = step.and_then(|step| self.steps.get_mut(&step));
        if let Some(
            StepState::Running(attempt)
            | StepState::Waiting { attempt, .. }
            | StepState::Standing { attempt, .. },
        ) = state
        {
            attempt.heard.push(heard);
        }
    }

    /// A step that stands still turns to the first decision that it was told.
    pub(super) fn turn(&mut self, path: &StepPath, attempt: u32) -> Result<(), Illegal> {
        self.reachable(path)?;
        let Some(StepState::Standing { attempt: standing, .. }) = self.steps.get(path) else {
            return Err(Illegal::NotRunning(path.clone()));
        };
        super::check_attempt(path, standing.number, attempt)?;
        let mut standing = standing.clone();
        match standing.heard.first() {
            Some(Heard::Decision(decision)) => standing.hearing = Some(decision.clone()),
            _ => return Err(Illegal::NotRunning(path.clone())),
        }
        standing.heard.remove(0);
        self.steps.insert(path.clone(), StepState::Running(standing));
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
                        StepState::Running(Attempt { at, ..attempt })
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
