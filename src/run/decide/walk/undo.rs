//! After a run has failed: taking back what its steps did, the last first.

use serde_json::json;

use super::{Effect, Verdict, Walk};
use crate::id::StepPath;
use crate::run::place;
use crate::run::record::Record;
use crate::run::undo::{Way, plan};
use crate::spec::Step;

impl<'a> Walk<'a> {
    /// What is next to be taken back. What fails here keeps nothing else from being taken back.
    pub(super) fn take_back(&mut self) -> Vec<Effect> {
        for (step, way) in plan(self.run) {
            let verdict = match way {
                Way::Steps(steps) => self.take_back_by(&step, steps),
                Way::Declared { .. } => self.take_back_as_declared(&step),
            };
            if let Verdict::Open(effects) = verdict {
                return effects;
            }
        }
        vec![Effect::Record(Record::TakenBack { account: self.run.account().clone() })]
    }

    fn take_back_as_declared(&mut self, step: &StepPath) -> Verdict {
        let path = place::undo(step);
        match self.run.step(&path) {
            None => self.perform(&path, 1, json!({ "step": step })),
            Some(state) => self.touched(&path, state),
        }
    }

    /// The author's steps see what the step saw that they take back, and what it gave.
    fn take_back_by(&mut self, step: &StepPath, steps: &'a [Step]) -> Verdict {
        let frames = place::frames(self.run, step);
        self.within(frames, |walk| walk.sequence(&place::undo_by_steps(step), steps))
    }
}
