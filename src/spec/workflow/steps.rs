//! Reads steps, in the order in which they run, so that an expression is checked against what is
//! defined by then.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::Map;

use super::kinds::{Type, shapes};
use super::read::Reading;
use super::{OnError, Step, StepKind, keys};
use crate::spec::expr;
use crate::spec::yaml::{Fields, Node, Tree};

/// Where a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Among the workflow's steps.
    Body,
    /// In `post_execution`, where an action alone is enough.
    After,
}

/// What is to be done about failures, as the workflow says it for steps that do not say it themselves.
#[derive(Debug, Default)]
pub(super) struct Strategies {
    pub(super) default: Option<Strategy>,
    pub(super) overrides: BTreeMap<String, (Strategy, Range<usize>)>,
}

/// A word of `on_error`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strategy {
    Fail,
    Retry,
    Continue,
    Rollback,
}

pub(super) const STRATEGIES: &[(&str, Strategy)] = &[
    ("fail", Strategy::Fail),
    ("retry", Strategy::Retry),
    ("continue", Strategy::Continue),
    ("rollback", Strategy::Rollback),
];

/// How often a step is tried again unless it says so.
const RETRIES: u32 = 3;

/// Calls `visit` with every step, however deep, in the order written.
pub(super) fn each<'a>(steps: &'a [Step], visit: &mut impl FnMut(&'a Step)) {
    for step in steps {
        visit(step);
        for steps in step.lists() {
            each(steps, visit);
        }
    }
}

impl Reading<'_> {
    /// Steps of which each may use what those before it made.
    pub(super) fn sequence(&mut self, nodes: &[Node], place: Place) -> Vec<Step> {
        let mut steps = Vec::new();
        for node in nodes {
            if let Some(step) = self.step(node, place) {
                self.unique(&step, &steps, node);
                steps.push(step);
            }
        }
        steps
    }

    /// Steps that run at once: none may use what another makes.
    pub(super) fn siblings(&mut self, nodes: &[Node]) -> Vec<Step> {
        let before = self.scope.clone();
        let mut after = before.clone();
        let mut steps = Vec::new();
        for node in nodes {
            self.scope = before.clone();
            if let Some(step) = self.step(node, Place::Body) {
                self.unique(&step, &steps, node);
                steps.push(step);
            }
            after.join(std::mem::take(&mut self.scope));
        }
        self.scope = after;
        steps
    }

    /// Steps that take back what a step did. They see its results, and nobody sees theirs; what failures mean to the
    /// workflow's other steps means nothing to them.
    fn undoing(&mut self, nodes: &[Node]) -> Vec<Step> {
        let (scope, strategies) = (self.scope.clone(), std::mem::take(&mut self.strategies));
        let steps = self.sequence(nodes, Place::Body);
        (self.scope, self.strategies) = (scope, strategies);
        self.undone_once(nodes, &steps);
        steps
    }

    /// Whatever takes something back is not taken back itself.
    fn undone_once(&mut self, nodes: &[Node], steps: &[Step]) {
        let Some(first) = nodes.first() else { return };
        let (mut undone, mut rolls_back) = (false, false);
        each(steps, &mut |step| {
            undone |= step.undo.is_some();
            rolls_back |= step.on_error == OnError::Rollback;
        });
        let word = match (undone, rolls_back) {
            (true, _) => "`undo`",
            (_, true) => "`on_error: rollback`",
            _ => return,
        };
        let message = format!("{word} means nothing here: these steps take something back already");
        self.source.fault(first.span.clone(), message);
    }

    fn unique(&mut self, step: &Step, earlier: &[Step], node: &Node) {
        if earlier.iter().any(|other| other.name == step.name) && !step.name.is_empty() {
            let message = format!("there are two steps `{}` here", step.name);
            self.source.fault(node_of(node, "name").span.clone(), message);
        }
    }

    fn step(&mut self, node: &Node, place: Place) -> Option<Step> {
        let common = Fields::one_of_some(node, &keys::STEP, self.source)?;
        let kind = self.step_type(&common, place);
        let fields = common.which_is(kind.map(Type::shape), &shapes(), self.source);
        let name = self.step_name(&fields, place, kind);
        let condition = fields.text("condition").map(str::to_owned);
        if let (Some(text), Some(node)) = (&condition, fields.value("condition")) {
            self.scope.check_condition(node, text, self.source);
            self.reachable(node, (text, false), "the step");
        }
        let on_error = self.on_error(&fields, &name, kind.is_some_and(Type::holds_steps));
        let timeout = fields.count("timeout");
        let description = fields.text("description").unwrap_or_default().to_owned();
        let (kind, spec) = self.step_kind(kind?, &fields, &name);
        let inputs = match kind {
            StepKind::Wait(None) => self.wait_inputs(&fields),
            StepKind::Wait(Some(_)) => Map::new(),
            StepKind::Approval(_) => self.message(&fields),
            StepKind::Shell(_) => self.environment(&fields),
            _ => self.step_inputs(&fields, spec.as_ref()),
        };
        let outputs = self.step_outputs(&fields, &kind, spec.as_ref());
        let undo = fields.given("undo").map(|_| self.undoing(fields.list("undo")));
        Some(Step { name, description, condition, kind, inputs, outputs, on_error, timeout, undo })
    }

    /// Tells of what is never done because a condition comes to this whatever happens.
    pub(super) fn reachable(&mut self, node: &Node, (condition, never): (&str, bool), what: &str) {
        if expr::constant(condition) == Some(never) {
            let always = if never { "always" } else { "never" };
            let message = format!("{what} is never done: `{condition}` {always} holds");
            self.source.fault_with_help(node.span.clone(), message, "take it out, or make it a comment");
        }
    }

    fn step_name(&mut self, fields: &Fields<'_>, place: Place, kind: Option<Type>) -> String {
        if place == Place::After && kind == Some(Type::System) && fields.value("name").is_none() {
            return fields.text("action").unwrap_or_default().to_owned();
        }
        fields.needs(&keys::NAME, self.source);
        let Some(name) = fields.text("name") else { return String::new() };
        let fits = |letter: char| letter.is_alphanumeric() || "_-. ".contains(letter);
        if !name.chars().all(fits) {
            let span = fields.value("name").map_or(fields.span(), |node| node.span.clone());
            let message = format!("`{name}` is no name for a step");
            self.source.fault_with_help(span, message, "use letters, digits, blanks, `_`, `-` and `.`");
        }
        name.to_owned()
    }

    fn on_error(&mut self, fields: &Fields<'_>, name: &str, holds_steps: bool) -> OnError {
        let own = fields.word("on_error", STRATEGIES, self.source);
        let overridden = self.strategies.overrides.get(name).map(|(strategy, _)| *strategy);
        // The default is for the steps within; for those that hold them it would count twice.
        let default = self.strategies.default.filter(|_| !holds_steps);
        let strategy = own.or(overridden).or(default).unwrap_or(Strategy::Fail);
        let count = fields.count("retry_count");
        if let (Some(entry), true) = (fields.get("retry_count"), strategy != Strategy::Retry) {
            let message = "`retry_count` means nothing unless `on_error` is `retry`";
            self.source.fault(entry.key_span.clone(), message);
        }
        match strategy {
            Strategy::Fail => OnError::Fail,
            Strategy::Retry => {
                OnError::Retry(count.map_or(RETRIES, |count| u32::try_from(count).unwrap_or(u32::MAX)))
            }
            Strategy::Continue => OnError::Continue,
            Strategy::Rollback => OnError::Rollback,
        }
    }
}

/// The value under a key of a mapping, or the mapping itself: something to point at.
fn node_of<'a>(node: &'a Node, key: &str) -> &'a Node {
    let Tree::Map(entries) = &node.value else { return node };
    entries.iter().find(|entry| entry.key == key).map_or(node, |entry| &entry.value)
}
