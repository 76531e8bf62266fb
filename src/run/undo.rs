//! Taking back what the steps of a run did: what is to be taken back, and what came of it.
//!
//! A run that fails at a step with `on_error: rollback` concludes, and then takes back what its steps did, the last
//! one first: by the steps that the author wrote under `undo`, else in the way that the action declares. Each is a
//! step of its own under `@undo/`, with its attempts and its journal; one that fails keeps none of the others, and
//! what is left is listed.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::decide::JobKind;
use super::error::StepError;
use super::place;
use super::state::{Attempt, Run};
use crate::id::StepPath;
use crate::spec::{Step, StepKind, Undo};

/// The kind's name of a step that takes back what an action did.
pub const KIND: &str = "undo";

/// What a step did that may have to be taken back, or that is seen by what takes it back.
#[derive(Debug, Clone, PartialEq)]
pub struct Deed {
    /// The step.
    pub step: StepPath,
    /// What it was given.
    pub inputs: Value,
    /// What it gave; null where it failed.
    pub outputs: Value,
}

/// How what a step did is taken back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Way<'a> {
    /// By the steps that the author wrote.
    Steps(&'a [Step]),
    /// As the action declares.
    Declared {
        /// The capability.
        capability: &'a str,
        /// The action.
        action: &'a str,
    },
}

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

impl Deed {
    /// What a step that is settled now did, where that may matter. A step that failed half-way is looked after like one
    /// that succeeded.
    #[must_use]
    pub(super) fn of(
        run: &Run,
        path: &StepPath,
        step: Option<&Step>,
        attempt: &Attempt,
        outputs: Option<&Value>,
    ) -> Option<Self> {
        let step = step.filter(|_| run.conclusion().is_none())?;
        let lasts = way(run, step).is_some();
        let matters = match &step.kind {
            StepKind::Action { .. } => lasts && (outputs.is_some() || run.facts(path).is_some()),
            // What is inside them sees what they were given.
            StepKind::Workflow { .. } | StepKind::Loop(_) => outputs.is_some(),
            _ => lasts && outputs.is_some(),
        };
        let outputs = outputs.filter(|_| lasts).cloned().unwrap_or_default();
        matters.then(|| Self { step: path.clone(), inputs: attempt.inputs.clone(), outputs })
    }
}

/// What is to be taken back, the last step first.
#[must_use]
pub fn plan(run: &Run) -> Vec<(StepPath, Way<'_>)> {
    let parts = run.deeds().iter().rev().filter_map(|deed| {
        let step = place::written(run.definition(), &deed.step)?;
        Some((deed.step.clone(), way(run, step)?))
    });
    parts.collect()
}

/// How what a step did is taken back; nothing where it does nothing that lasts.
fn way<'a>(run: &'a Run, step: &'a Step) -> Option<Way<'a>> {
    match (&step.undo, &step.kind) {
        (Some(steps), _) => Some(Way::Steps(steps)),
        (None, StepKind::Action { capability, action }) => {
            let declared = &run.definition().action(capability, action)?.undo;
            (*declared != Undo::Nothing).then_some(Way::Declared { capability, action })
        }
        _ => None,
    }
}

/// Whether a step belongs to taking something back.
#[must_use]
pub fn is_part(path: &StepPath) -> bool {
    place::undone(path).is_some()
}

/// What takes back what an action did, under this path; nothing for any other step.
#[must_use]
pub fn job(run: &Run, path: &StepPath) -> Option<JobKind> {
    let (step, None) = place::undone(path)? else { return None };
    let deed = run.deed(&step)?;
    match way(run, place::written(run.definition(), &deed.step)?)? {
        Way::Declared { capability, action } => {
            Some(JobKind::Undo { capability: capability.to_owned(), action: action.to_owned() })
        }
        Way::Steps(_) => None,
    }
}

/// What is known of the step that is taken back under this path.
#[must_use]
pub fn known(run: &Run, path: &StepPath) -> Option<Value> {
    let (step, _) = place::undone(path)?;
    let Deed { inputs, outputs, .. } = run.deed(&step)?;
    let facts = run.facts(&step).cloned().unwrap_or_default();
    Some(json!({ "step": step, "inputs": inputs, "outputs": outputs, "facts": facts }))
}

/// What is said of how a step came out, if it is one that takes something back.
pub(super) fn lines(path: &StepPath, attempt: &Attempt, outcome: Result<&Value, &StepError>) -> Vec<Line> {
    let Some((step, inner)) = place::undone(path).filter(|_| place::performs(&attempt.kind)) else {
        return Vec::new();
    };
    let told = match outcome {
        Ok(outputs) => outputs,
        Err(error) => &error.details,
    };
    let told = inner.is_none().then(|| serde_json::from_value::<Account>(told.clone()).ok()).flatten();
    let known = told.map(|told| told.effects).filter(|effects| outcome.is_ok() || !effects.is_empty());
    known.unwrap_or_else(|| vec![line(&step, inner, outcome)])
}

impl Account {
    /// What was taken back.
    pub fn undone(&self) -> impl Iterator<Item = String> {
        let undone = self.effects.iter().filter(|line| line.became == Became::Undone);
        undone.map(|line| line.effect.clone())
    }

    /// What is still there, with the reason.
    pub fn left(&self) -> impl Iterator<Item = String> {
        self.effects.iter().filter_map(|line| match &line.became {
            Became::Left { reason } => Some(format!("{} ({reason})", line.effect)),
            _ => None,
        })
    }
}

/// What is said of a step that does not say itself what became of which effect.
fn line(step: &StepPath, inner: Option<&str>, outcome: Result<&Value, &StepError>) -> Line {
    let effect = match inner {
        Some(inner) => format!("`{step}`, by `{inner}`"),
        None => format!("`{step}`"),
    };
    let became = match outcome {
        Ok(_) => Became::Undone,
        Err(error) => Became::Left { reason: error.message.clone() },
    };
    Line { effect, became }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (undone, left): (Vec<_>, Vec<_>) = (self.undone().collect(), self.left().collect());
        match (undone.is_empty(), left.is_empty()) {
            (true, true) => f.write_str("there was nothing to take back"),
            (false, true) => write!(f, "taken back: {}", undone.join(", ")),
            (true, false) => write!(f, "left as it is: {}", left.join(", ")),
            (false, false) => {
                write!(f, "taken back: {}; left as it is: {}", undone.join(", "), left.join(", "))
            }
        }
    }
}
