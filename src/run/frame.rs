//! Where names belong: to a workflow, or to one item of a loop in it.
//!
//! A step sees the names of the frames around it, the innermost first. A sub-workflow's frame is a fresh start:
//! from inside it the names of whoever calls it are not seen.

use serde_json::{Map, Value};

use super::state::{Run, StepState};
use crate::id::StepPath;
use crate::spec::Workflow;

/// What was made under one workflow, or for one item of a loop.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Frame {
    /// The variables that were used, with the values they keep. Only workflows have them.
    pub variables: Map<String, Value>,
    /// What steps put at paths.
    pub outputs: Map<String, Value>,
}

/// The frames that a step stands in, the workflow's first and then an item's for each loop.
#[derive(Debug, Clone, PartialEq)]
pub struct Frames<'a> {
    /// The workflow whose steps these are.
    pub workflow: &'a Workflow,
    chain: Vec<StepPath>,
}

impl<'a> Frames<'a> {
    /// The run's own workflow.
    #[must_use]
    pub fn top(workflow: &'a Workflow) -> Self {
        Self { workflow, chain: vec![StepPath::top()] }
    }

    /// A workflow that a step calls.
    #[must_use]
    pub fn called(workflow: &'a Workflow, step: &StepPath) -> Self {
        Self { workflow, chain: vec![step.clone()] }
    }

    /// An item of a loop that stands in these.
    #[must_use]
    pub fn of_item(&self, item: StepPath) -> Self {
        let mut chain = self.chain.clone();
        chain.push(item);
        Self { workflow: self.workflow, chain }
    }

    /// The workflow's frame: where its variables are.
    #[must_use]
    pub fn outermost(&self) -> &StepPath {
        &self.chain[0]
    }

    /// Where steps put what they make.
    #[must_use]
    pub fn innermost(&self) -> &StepPath {
        &self.chain[self.chain.len() - 1]
    }

    /// All names that are seen from inside, a nearer one in place of a farther one: ambient names, what an item
    /// is called, variables that have a value, and what steps put somewhere.
    #[must_use]
    pub fn names(&self, run: &Run) -> Map<String, Value> {
        let mut names = Map::clone(run.ambient());
        for path in &self.chain {
            names.extend(given(run, path));
            if let Some(frame) = run.frame(path) {
                names.extend(frame.variables.clone());
                names.extend(frame.outputs.clone());
            }
        }
        names
    }

    /// Whether a step put something under a name in the innermost frame.
    #[must_use]
    pub fn is_made_here(&self, run: &Run, name: &str) -> bool {
        run.frame(self.innermost()).is_some_and(|frame| frame.outputs.contains_key(name))
    }

    /// Whether a name is what a variable kept or a step put there.
    #[must_use]
    pub fn is_made(&self, run: &Run, name: &str) -> bool {
        let frames = self.chain.iter().filter_map(|path| run.frame(path));
        frames.into_iter().any(|frame| frame.outputs.contains_key(name) || frame.variables.contains_key(name))
    }
}

/// What a frame begins with: the inputs of a called workflow, the item of a loop.
fn given(run: &Run, path: &StepPath) -> Map<String, Value> {
    let inputs = |path: &StepPath| match run.step(path) {
        Some(StepState::Running(attempt) | StepState::Failed { attempt, .. }) => Some(attempt.inputs.clone()),
        // Steps that take something back see what the step saw.
        Some(StepState::Done) => run.deed(path).map(|deed| deed.inputs.clone()),
        _ => None,
    };
    if let Some(called) = inputs(path) {
        return Map::from_iter([("inputs".to_owned(), called)]);
    }
    let item = path.as_item().and_then(|(of, index)| Some((inputs(&of)?, index)));
    let Some((of, index)) = item else { return Map::new() };
    let name = of["as"].as_str().unwrap_or("item").to_owned();
    Map::from_iter([(name, of["over"][index].clone()), ("index".to_owned(), index.into())])
}
