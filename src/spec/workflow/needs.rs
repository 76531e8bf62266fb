//! What an agent's answer must hold: the fields that a step puts somewhere, and what later
//! expressions use of them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{AnswerField, Step, StepKind, Workflow};
use crate::spec::expr::{self, Use};

/// What Ostler says of an agent's work itself: the model is not asked for it.
const GIVEN: [&str; 2] = ["cost_usd", "diff_stat"];

/// The AI steps' outputs, in the order written, with what is used of each.
#[derive(Debug, Default)]
struct Outputs {
    /// The members used, by output.
    members: Vec<BTreeSet<String>>,
    /// The outputs that a path may hold where the walk stands.
    current: BTreeMap<Vec<String>, Vec<usize>>,
    /// The outputs that a path ever holds.
    ever: BTreeMap<Vec<String>, Vec<usize>>,
}

/// Fills in the `needs` of every AI step.
pub(super) fn find(workflow: &mut Workflow) {
    let mut outputs = Outputs::default();
    outputs.walk(&workflow.steps, false);
    for check in &workflow.success_criteria {
        outputs.condition(&check.condition);
    }
    workflow.results.values().for_each(|value| outputs.value(value));
    let after = &workflow.post_execution;
    for steps in [&after.always, &after.on_success, &after.on_failure] {
        outputs.walk(steps, true);
    }
    // A variable is evaluated at its first use, wherever that is.
    outputs.current = std::mem::take(&mut outputs.ever);
    for value in workflow.variables.values() {
        outputs.value(value);
    }
    let mut members = outputs.members.into_iter();
    fill(&mut workflow.steps, &mut members);
    let after = &mut workflow.post_execution;
    for steps in [&mut after.always, &mut after.on_success, &mut after.on_failure] {
        fill(steps, &mut members);
    }
}

impl Outputs {
    /// Where `perhaps`, the steps may be left out or run beside others, so what a path held before may stand.
    fn walk(&mut self, steps: &[Step], perhaps: bool) {
        for step in steps {
            step.condition.iter().for_each(|condition| self.condition(condition));
            step.inputs.values().for_each(|value| self.value(value));
            if let StepKind::Wait(Some(wait)) = &step.kind {
                wait.condition.iter().for_each(|condition| self.condition(condition));
            }
            match &step.kind {
                StepKind::Condition { test, then, otherwise } => {
                    self.condition(test);
                    self.walk(then, true);
                    self.walk(otherwise, true);
                }
                StepKind::Parallel { steps } => self.walk(steps, true),
                StepKind::Loop(each) => {
                    self.value(&each.over);
                    self.walk(&each.steps, true);
                    each.collect.iter().for_each(|collect| self.value(collect));
                }
                kind => self.define(step, kind, perhaps || step.condition.is_some()),
            }
            step.undo.iter().for_each(|steps| self.walk(steps, true));
        }
    }

    fn define(&mut self, step: &Step, kind: &StepKind, perhaps: bool) {
        for (_, path) in &step.outputs {
            let path: Vec<String> = path.split('.').map(str::to_owned).collect();
            if !perhaps {
                self.current.remove(&path);
            }
            if matches!(kind, StepKind::Ai { .. } | StepKind::Agent { .. }) {
                let output = self.members.len();
                self.members.push(BTreeSet::new());
                self.current.entry(path.clone()).or_default().push(output);
                self.ever.entry(path).or_default().push(output);
            }
        }
    }

    fn value(&mut self, value: &Value) {
        self.uses(expr::paths(value).unwrap_or_default());
    }

    fn condition(&mut self, condition: &str) {
        self.uses(expr::condition_paths(condition).unwrap_or_default());
    }

    fn uses(&mut self, uses: Vec<Use>) {
        for used in uses.into_iter().filter(|used| !used.optional) {
            for (path, outputs) in &self.current {
                let Some([member, ..]) = used.path.strip_prefix(path.as_slice()) else { continue };
                for output in outputs {
                    self.members[*output].insert(member.clone());
                }
            }
        }
    }
}

fn fill(steps: &mut [Step], members: &mut impl Iterator<Item = BTreeSet<String>>) {
    for step in steps {
        for steps in step.kind.inside_mut() {
            fill(steps, members);
        }
        if let StepKind::Ai { needs, .. } | StepKind::Agent { needs, .. } = &mut step.kind {
            let fields = step.outputs.iter().zip(members.by_ref());
            let field = |((field, _), members): (&(String, String), BTreeSet<String>)| AnswerField {
                field: field.clone(),
                members: members.into_iter().collect(),
            };
            let asked = |need: &AnswerField| !GIVEN.contains(&need.field.as_str());
            *needs = fields.map(field).filter(asked).collect();
        }
        step.undo.iter_mut().for_each(|steps| fill(steps, members));
    }
}
