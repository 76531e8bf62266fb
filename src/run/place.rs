//! Where steps stand: paths to steps and back.

use jiff::{SignedDuration, Timestamp};

use super::definition::Definition;
use super::frame::Frames;
use super::state::{Attempt, Run, StepState};
use crate::id::StepPath;
use crate::spec::workflow::PostExecution;
use crate::spec::{OnError, Step, StepKind};

/// The sections of `post_execution`, by the names that they have in paths.
const SECTIONS: [&str; 3] = ["on_success", "on_failure", "always"];
const POST: &str = "@post";
const UNDO: &str = "@undo";
/// What stands between the path of a step and the steps that its author wrote to take it back.
const BY: &str = "@by";

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
    [POST, UNDO].iter().any(|section| behind(path.as_str(), section).is_some())
}

/// The path under which what a step did is taken back: as one step of the way that its action declares, or as what
/// holds the steps that its author wrote.
#[must_use]
pub fn undo(step: &StepPath) -> StepPath {
    StepPath::root(UNDO).child(step.as_str())
}

/// What holds the steps that take a step back, as its author wrote them.
#[must_use]
pub fn undo_by_steps(step: &StepPath) -> StepPath {
    undo(step).child(BY)
}

/// The step that is taken back under a path, and the path of a step among those that its author wrote for it.
#[must_use]
pub fn undone(path: &StepPath) -> Option<(StepPath, Option<&str>)> {
    let rest = behind(path.as_str(), UNDO)?;
    let written =
        rest.split_once(BY).and_then(|(step, inner)| Some((step.strip_suffix('/')?, behind(inner, "")?)));
    Some(match written {
        Some((step, inner)) => (StepPath::root(step), Some(inner)),
        None => (StepPath::root(rest), None),
    })
}

/// What stands behind the first part of a path.
fn behind<'a>(path: &'a str, first: &str) -> Option<&'a str> {
    path.strip_prefix(first)?.strip_prefix('/')
}

/// Whether a step of this kind does something itself, and not only holds others or waits.
#[must_use]
pub fn performs(kind: &str) -> bool {
    !matches!(kind, "parallel" | "condition" | "loop" | "workflow" | "wait")
}

/// Whether an agent works in a step of this kind.
#[must_use]
pub fn has_agent(kind: &str) -> bool {
    matches!(kind, "agent" | "ai_action")
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

/// A step with the frames that it stands in.
#[derive(Debug)]
pub struct Place<'a> {
    /// The step.
    pub step: &'a Step,
    /// Where its names are.
    pub frames: Frames<'a>,
}

/// The step of a path, if every step that holds it is open. Of a `condition` step only the chosen branch is.
#[must_use]
pub fn find<'a>(run: &'a Run, path: &StepPath) -> Option<&'a Step> {
    descend(run.definition(), path, |here, step| open(run, here, step)).map(|place| place.step)
}

/// The step of a path as it was written, whether or not its turn has come.
#[must_use]
pub fn written<'a>(definition: &'a Definition, path: &StepPath) -> Option<&'a Step> {
    locate(definition, path).map(|place| place.step)
}

/// The frames that a step stands in. What Ostler adds itself stands in the run's own workflow.
#[must_use]
pub fn frames<'a>(run: &'a Run, path: &StepPath) -> Frames<'a> {
    let place = locate(run.definition(), path);
    place.map_or_else(|| Frames::top(&run.definition().workflow), |place| place.frames)
}

fn locate<'a>(definition: &'a Definition, path: &StepPath) -> Option<Place<'a>> {
    descend(definition, path, |_, step| within(definition, step))
}

/// The lists of steps that a step's path leads into.
fn within<'a>(definition: &'a Definition, step: &'a Step) -> Vec<&'a [Step]> {
    match &step.kind {
        StepKind::Workflow { workflow } => {
            definition.workflows.get(workflow).map(|called| called.steps.as_slice()).into_iter().collect()
        }
        kind => kind.inside(),
    }
}

/// Follows a path, looking at each step on it into the lists that `inside` gives.
fn descend<'a>(
    definition: &'a Definition,
    path: &StepPath,
    inside: impl Fn(&StepPath, &'a Step) -> Vec<&'a [Step]>,
) -> Option<Place<'a>> {
    let Beginning { list, mut here, mut frames, rest } = beginning(definition, path)?;
    let (mut names, mut lists) = (rest.split('/'), vec![list]);
    let mut name = names.next()?;
    loop {
        let step = lists.iter().flat_map(|steps| steps.iter()).find(|step| step.name == name)?;
        here = here.child(name);
        let Some(next) = names.next() else { return Some(Place { step, frames }) };
        lists = inside(&here, step);
        name = next;
        match &step.kind {
            StepKind::Loop(_) => {
                here = here.item(name.parse().ok()?);
                frames = frames.of_item(here.clone());
                name = names.next()?;
            }
            StepKind::Workflow { workflow } => {
                frames = Frames::called(definition.workflows.get(workflow)?, &here);
            }
            _ => {}
        }
    }
}

/// Where a path begins.
struct Beginning<'a, 'p> {
    list: &'a [Step],
    here: StepPath,
    frames: Frames<'a>,
    /// The names from there on.
    rest: &'p str,
}

/// The list of steps that the first name of a path stands in: the workflow's, one of `post_execution`, or one that
/// takes a step back.
fn beginning<'a, 'p>(definition: &'a Definition, path: &'p StepPath) -> Option<Beginning<'a, 'p>> {
    let workflow = &definition.workflow;
    if let Some((step, inner)) = undone(path) {
        let Place { step: written, frames } = locate(definition, &step)?;
        let list = written.undo.as_deref()?;
        return Some(Beginning { list, here: undo_by_steps(&step), frames, rest: inner? });
    }
    let frames = Frames::top(workflow);
    if let Some(rest) = behind(path.as_str(), POST) {
        let (name, rest) = rest.split_once('/')?;
        let list = section(&workflow.post_execution, name);
        return Some(Beginning { list, here: StepPath::root(POST).child(name), frames, rest });
    }
    Some(Beginning { list: &workflow.steps, here: StepPath::top(), frames, rest: path.as_str() })
}

/// When the time of a step that holds others is up.
#[must_use]
pub fn deadline(step: &Step, attempt: &Attempt) -> Option<Timestamp> {
    let seconds = i64::try_from(step.timeout?).ok()?;
    attempt.at.checked_add(SignedDuration::from_secs(seconds)).ok()
}

/// The deadlines of the steps that hold a step.
pub fn deadlines(run: &Run, path: &StepPath) -> impl Iterator<Item = Timestamp> {
    let holders = path.as_str().match_indices('/').map(|(at, _)| StepPath::root(&path.as_str()[..at]));
    holders.filter_map(|holder| match run.step(&holder) {
        Some(StepState::Running(attempt)) => deadline(find(run, &holder)?, attempt),
        _ => None,
    })
}

/// What a step's failure means. A failed first act fails the run.
#[must_use]
pub fn on_error(run: &Run, path: &StepPath) -> OnError {
    find(run, path).map_or(OnError::Fail, |step| step.on_error)
}

/// The steps inside a step, while it is open.
fn open<'a>(run: &'a Run, path: &StepPath, step: &'a Step) -> Vec<&'a [Step]> {
    let Some(StepState::Running(attempt)) = run.step(path) else { return Vec::new() };
    match (&step.kind, attempt.taken) {
        (StepKind::Condition { then, .. }, Some(true)) => vec![then],
        (StepKind::Condition { otherwise, .. }, Some(false)) => vec![otherwise],
        (StepKind::Condition { .. }, None) => Vec::new(),
        _ => within(run.definition(), step),
    }
}
