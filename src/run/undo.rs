//! What would have to be taken back, and what came of it.

use serde::{Deserialize, Serialize};

use super::place;
use super::state::Run;
use crate::id::StepPath;
use crate::spec::{StepKind, Undo};

/// What came of taking a step's effects back: the outputs of the undoing, and the details of its failure.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The last effect first.
    pub effects: Vec<Line>,
}

/// What became of one effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Which effect, for people: `the comment on SHOP-7`.
    pub effect: String,
    /// What became of it.
    #[serde(flatten)]
    pub became: Became,
}

/// What can become of an effect that is to be taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "became", rename_all = "snake_case")]
pub enum Became {
    /// It was taken back.
    Undone,
    /// There was nothing to take back: it was never made, or is gone.
    Nothing,
    /// It is still there, and a person has to look at it.
    Left {
        /// Why, as a sentence without a full stop.
        reason: String,
    },
}

/// The effects of the finished steps that are to be undone, newest first, each with the way that
/// its action declares.
#[must_use]
pub fn plan(run: &Run) -> Vec<(StepPath, Undo)> {
    run.finished().iter().rev().filter_map(|path| Some((path.clone(), declared(run, path)?))).collect()
}

/// The plan as a sentence for people.
#[must_use]
pub fn outlook(run: &Run) -> String {
    let parts: Vec<_> = plan(run).iter().map(|(path, undo)| told(path, undo)).collect();
    if parts.is_empty() {
        "nothing is to be undone".to_owned()
    } else {
        format!("to be undone: {}", parts.join(", "))
    }
}

fn declared(run: &Run, path: &StepPath) -> Option<Undo> {
    let StepKind::Action { capability, action } = &place::written(run.definition(), path)?.kind else {
        return None;
    };
    let undo = run.definition().action(capability, action)?.undo.clone();
    (undo != Undo::Nothing).then_some(undo)
}

fn told(path: &StepPath, undo: &Undo) -> String {
    match undo {
        Undo::Nothing => format!("`{path}` leaves nothing"),
        Undo::Action(action) => format!("`{path}` by {action}"),
        Undo::Restore => format!("`{path}` by restoring what was there before"),
        Undo::Impossible => format!("`{path}` cannot be undone"),
    }
}
