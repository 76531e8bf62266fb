//! Where steps stand: paths to steps and back.

use super::definition::Definition;
use super::state::{Run, StepState};
use crate::id::StepPath;
use crate::spec::workflow::PostExecution;
use crate::spec::{OnError, Step, StepKind};

/// The sections of `post_execution`, by the names that they have in paths.
const SECTIONS: [&str; 3] = ["on_success", "on_failure", "always"];
const POST: &str = "@post";

/// The implicit first step of every run: may this person, which task, which repository.
#[must_use]
pub fn start() -> StepPath {
    StepPath::root("@start")
}

/// The path of a step of a `post_execution` section.
#[must_use]
pub fn post(section: &str, name: &str) -> StepPath {
    StepPath::root(POST).child(section).child(name)
}

/// Whether a step belongs after the run's conclusion.
#[must_use]
pub fn is_after_conclusion(path: &StepPath) -> bool {
    path.as_str().strip_prefix(POST).is_some_and(|rest| rest.starts_with('/'))
}

/// Whether a kind of step does nothing but hold others.
#[must_use]
pub fn holds_steps(kind: &str) -> bool {
    matches!(kind, "parallel" | "condition")
}

/// The steps of a `post_execution` section.
#[must_use]
pub fn section<'a>(post: &'a PostExecution, name: &str) -> &'a [Step] {
    match SECTIONS.iter().position(|section| *section == name) {
        Some(0) => &post.on_success,
        Some(1) => &post.on_failure,
        Some(_) => &post.always,
        None => &[],
    }
}

/// The step of a path, if every step that holds it is open. Of a `condition` step only the chosen branch is.
#[must_use]
pub fn find<'a>(run: &'a Run, path: &StepPath) -> Option<&'a Step> {
    descend(run.definition(), path, |here, step| open(run, here, step))
}

/// The step of a path as it was written, whether or not its turn has come.
#[must_use]
pub fn written<'a>(definition: &'a Definition, path: &StepPath) -> Option<&'a Step> {
    descend(definition, path, |_, step| match &step.kind {
        StepKind::Parallel { steps } => vec![steps],
        StepKind::Condition { then, otherwise, .. } => vec![then, otherwise],
        _ => Vec::new(),
    })
}

/// Follows a path, looking at each step on it into the lists that `inside` gives.
fn descend<'a>(
    definition: &'a Definition,
    path: &StepPath,
    inside: impl Fn(&StepPath, &'a Step) -> Vec<&'a [Step]>,
) -> Option<&'a Step> {
    let workflow = &definition.workflow;
    let mut names = path.as_str().split('/');
    let mut name = names.next()?;
    let (mut lists, mut here) = (vec![workflow.steps.as_slice()], None::<StepPath>);
    if name == POST {
        let section_name = names.next()?;
        lists = vec![section(&workflow.post_execution, section_name)];
        here = Some(StepPath::root(POST).child(section_name));
        name = names.next()?;
    }
    loop {
        let step = lists.iter().flat_map(|steps| steps.iter()).find(|step| step.name == name)?;
        let path = here.map_or_else(|| StepPath::root(name), |here| here.child(name));
        let Some(next) = names.next() else { return Some(step) };
        lists = inside(&path, step);
        (here, name) = (Some(path), next);
    }
}

/// What a step's failure means. A failed first act fails the run.
#[must_use]
pub fn on_error(run: &Run, path: &StepPath) -> OnError {
    find(run, path).map_or(OnError::Fail, |step| step.on_error)
}

/// The steps inside a step, while it is open.
fn open<'a>(run: &Run, path: &StepPath, step: &'a Step) -> Vec<&'a [Step]> {
    let Some(StepState::Running(attempt)) = run.step(path) else { return Vec::new() };
    match (&step.kind, attempt.taken) {
        (StepKind::Parallel { steps }, _) => vec![steps],
        (StepKind::Condition { then, .. }, Some(true)) => vec![then],
        (StepKind::Condition { otherwise, .. }, Some(false)) => vec![otherwise],
        _ => Vec::new(),
    }
}
