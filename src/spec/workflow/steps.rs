//! Reads steps, in the order in which they run, so that an expression is checked against what is defined by then.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::Map;

use super::read::{Reading, is_name};
use super::{OnError, Step, StepKind};
use crate::spec::scope::{Known, Scope};
use crate::spec::yaml::{self, Entry, Fields, Node, Tree};
use crate::spec::{ActionSpec, Kind};

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
/// The role of an AI step that names none.
const ROLE: &str = "development";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Action,
    Ai,
    Agent,
    Condition,
    Parallel,
    System,
}

const TYPES: &[(&str, Type)] = &[
    ("plugin_action", Type::Action),
    ("ai_action", Type::Ai),
    ("agent", Type::Agent),
    ("condition", Type::Condition),
    ("parallel", Type::Parallel),
    ("system", Type::System),
];
/// Types that have a name already and no meaning yet.
const LATER: &[&str] = &["loop", "workflow", "approval", "wait", "shell"];
const SYSTEM_ACTIONS: &[&str] = &["log", "metric", "emit", "set", "cleanup", "log_success", "send_alert"];

const KEYS: &[&str] = &[
    "name",
    "type",
    "description",
    "condition",
    "plugin",
    "action",
    "agent",
    "prompt_template",
    "inputs",
    "outputs",
    "on_error",
    "retry_count",
    "timeout",
    "steps",
    "then",
    "else",
    "if",
];
const COMMON_KEYS: &[&str] =
    &["name", "type", "description", "condition", "on_error", "retry_count", "timeout"];

impl Type {
    fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Action => &["plugin", "action", "inputs", "outputs"],
            Self::Ai | Self::Agent => &["agent", "prompt_template", "inputs", "outputs"],
            Self::Condition => &["if", "then", "else"],
            Self::Parallel => &["steps"],
            Self::System => &["action", "inputs", "outputs"],
        }
    }

    fn holds_steps(self) -> bool {
        matches!(self, Self::Condition | Self::Parallel)
    }
}

/// Calls `visit` with every step, however deep, in the order written.
pub(super) fn each<'a>(steps: &'a [Step], visit: &mut impl FnMut(&'a Step)) {
    for step in steps {
        visit(step);
        match &step.kind {
            StepKind::Condition { then, otherwise, .. } => {
                each(then, visit);
                each(otherwise, visit);
            }
            StepKind::Parallel { steps } => each(steps, visit),
            _ => {}
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
    fn siblings(&mut self, nodes: &[Node]) -> Vec<Step> {
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

    fn unique(&mut self, step: &Step, earlier: &[Step], node: &Node) {
        if earlier.iter().any(|other| other.name == step.name) && !step.name.is_empty() {
            let message = format!("there are two steps `{}` here", step.name);
            self.source.fault(node_of(node, "name").span.clone(), message);
        }
    }

    fn step(&mut self, node: &Node, place: Place) -> Option<Step> {
        let fields = Fields::of(node, "a step", KEYS, self.source)?;
        let kind = self.step_type(&fields, place);
        let name = self.step_name(&fields, place, kind);
        let condition = fields.text("condition", self.source).map(str::to_owned);
        if let (Some(text), Some(node)) = (&condition, fields.value("condition")) {
            self.scope.check_condition(node, text, self.source);
        }
        let on_error = self.on_error(&fields, &name, kind.is_some_and(Type::holds_steps));
        let timeout = fields.count("timeout", self.source);
        let description = fields.text("description", self.source).unwrap_or_default().to_owned();
        let kind = kind?;
        self.keys_fit(node, kind);
        let (kind, spec) = self.step_kind(kind, &fields, &name);
        let inputs = self.step_inputs(&fields, spec.as_ref());
        let outputs = self.step_outputs(&fields, &kind, spec.as_ref());
        Some(Step { name, description, condition, kind, inputs, outputs, on_error, timeout })
    }

    fn step_name(&mut self, fields: &Fields<'_>, place: Place, kind: Option<Type>) -> String {
        if place == Place::After && kind == Some(Type::System) && fields.value("name").is_none() {
            return fields.text("action", self.source).unwrap_or_default().to_owned();
        }
        let Some(name) = fields.required_text("name", self.source) else { return String::new() };
        let fits = |letter: char| letter.is_alphanumeric() || "_-. ".contains(letter);
        if !name.chars().all(fits) {
            let span = fields.value("name").map_or(fields.span(), |node| node.span.clone());
            let message = format!("`{name}` is no name for a step");
            self.source.fault_with_help(span, message, "use letters, digits, blanks, `_`, `-` and `.`");
        }
        name.to_owned()
    }

    fn step_type(&mut self, fields: &Fields<'_>, place: Place) -> Option<Type> {
        let Some(node) = fields.value("type") else {
            if fields.get("plugin").is_some() {
                return Some(Type::Action);
            }
            if place == Place::After && fields.get("action").is_some() {
                return Some(Type::System);
            }
            self.source.fault(fields.span(), "a step needs `type`, or `plugin` and `action`");
            return None;
        };
        let text = fields.text("type", self.source)?;
        if LATER.contains(&text) {
            let names: Vec<&str> = TYPES.iter().map(|(name, _)| *name).collect();
            let message = format!("steps of type `{text}` are not supported yet");
            self.source.fault_with_help(
                node.span.clone(),
                message,
                format!("there are {}", names.join(", ")),
            );
            return None;
        }
        yaml::word("type", text, node, TYPES, self.source)
    }

    /// Tells of keys that mean something elsewhere, but not in a step of this type.
    fn keys_fit(&mut self, node: &Node, kind: Type) {
        let Tree::Map(entries) = &node.value else { return };
        let name = TYPES.iter().find(|(_, other)| *other == kind).map_or("", |(name, _)| name);
        for Entry { key, key_span, .. } in entries {
            let key = key.as_str();
            if KEYS.contains(&key) && !COMMON_KEYS.contains(&key) && !kind.keys().contains(&key) {
                self.source
                    .fault(key_span.clone(), format!("`{key}` means nothing in a step of type `{name}`"));
            }
        }
    }

    fn on_error(&mut self, fields: &Fields<'_>, name: &str, holds_steps: bool) -> OnError {
        let own = fields.word("on_error", STRATEGIES, self.source);
        let overridden = self.strategies.overrides.get(name).map(|(strategy, _)| *strategy);
        // The default is for the steps within; for those that hold them it would count twice.
        let default = self.strategies.default.filter(|_| !holds_steps);
        let strategy = own.or(overridden).or(default).unwrap_or(Strategy::Fail);
        let count = fields.count("retry_count", self.source);
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

    fn step_kind(&mut self, kind: Type, fields: &Fields<'_>, name: &str) -> (StepKind, Option<ActionSpec>) {
        match kind {
            Type::Action => self.action(fields),
            Type::Ai | Type::Agent => {
                let (role, prompt) = (self.role(fields), self.prompt(fields, name));
                // What the answer needs is known only when all later steps have been read.
                let needs = Vec::new();
                let kind = if kind == Type::Ai {
                    StepKind::Ai { role, prompt, needs }
                } else {
                    StepKind::Agent { role, prompt, needs }
                };
                (kind, None)
            }
            Type::Condition => (self.condition(fields), None),
            Type::Parallel => {
                let nodes = self.held(fields, "steps");
                (StepKind::Parallel { steps: self.siblings(nodes) }, None)
            }
            Type::System => {
                let action = fields.required_text("action", self.source).unwrap_or_default().to_owned();
                if let (false, Some(node)) =
                    (SYSTEM_ACTIONS.contains(&action.as_str()), fields.value("action"))
                {
                    let message = format!("there is no system action `{action}`");
                    self.source.fault_with_help(
                        node.span.clone(),
                        message,
                        yaml::suggestion(&action, SYSTEM_ACTIONS),
                    );
                }
                (StepKind::System { action }, None)
            }
        }
    }

    fn action(&mut self, fields: &Fields<'_>) -> (StepKind, Option<ActionSpec>) {
        let capability = fields.required_text("plugin", self.source).unwrap_or_default().to_owned();
        let action = fields.required_text("action", self.source).unwrap_or_default().to_owned();
        let actions = self.world.actions;
        let spec = actions.iter().find(|spec| spec.capability == capability && spec.name == action).cloned();
        let served: Vec<&str> = actions
            .iter()
            .filter(|spec| spec.capability == capability)
            .map(|spec| spec.name.as_str())
            .collect();
        match (fields.value("plugin"), fields.value("action")) {
            (Some(node), _) if served.is_empty() && !capability.is_empty() => {
                let mut known: Vec<&str> = actions.iter().map(|spec| spec.capability.as_str()).collect();
                known.sort_unstable();
                known.dedup();
                let message = format!("no plugin serves `{capability}`");
                self.source.fault_with_help(
                    node.span.clone(),
                    message,
                    yaml::suggestion(&capability, &known),
                );
            }
            (_, Some(node)) if spec.is_none() && !action.is_empty() && !served.is_empty() => {
                let message = format!("`{capability}` has no action `{action}`");
                self.source.fault_with_help(node.span.clone(), message, yaml::suggestion(&action, &served));
            }
            _ => {}
        }
        (StepKind::Action { capability, action }, spec)
    }

    fn role(&mut self, fields: &Fields<'_>) -> String {
        let role = fields.text("agent", self.source).unwrap_or(ROLE).to_owned();
        if !self.world.roles.contains(&role) {
            let span = fields.value("agent").map_or(fields.span(), |node| node.span.clone());
            let known: Vec<&str> = self.world.roles.iter().map(String::as_str).collect();
            let help = yaml::suggestion(&role, &known);
            self.source.fault_with_help(span, format!("there is no role `{role}`"), help);
        }
        role
    }

    /// The prompt that a step names, else the one that is named after it, else none.
    fn prompt(&mut self, fields: &Fields<'_>, name: &str) -> Option<String> {
        let Some(text) = fields.text("prompt_template", self.source) else {
            let own = format!("prompts/{name}.txt");
            return self.world.prompts.contains_key(&own).then_some(own);
        };
        let path = text.strip_prefix("./").unwrap_or(text).to_owned();
        if let (false, Some(node)) = (self.world.prompts.contains_key(&path), fields.value("prompt_template"))
        {
            let known: Vec<&str> = self.world.prompts.keys().map(String::as_str).collect();
            let message = format!("there is no prompt `{path}`");
            self.source.fault_with_help(node.span.clone(), message, yaml::suggestion(&path, &known));
        }
        Some(path)
    }

    fn condition(&mut self, fields: &Fields<'_>) -> StepKind {
        let test = fields.required_text("if", self.source).unwrap_or_default().to_owned();
        if let (false, Some(node)) = (test.is_empty(), fields.value("if")) {
            self.scope.check_condition(node, &test, self.source);
        }
        let before = self.scope.clone();
        let nodes = self.held(fields, "then");
        let then = self.sequence(nodes, Place::Body);
        let after_then: Scope = std::mem::replace(&mut self.scope, before);
        let nodes = fields.list("else", self.source);
        let otherwise = self.sequence(nodes, Place::Body);
        self.scope.join(after_then);
        StepKind::Condition { test, then, otherwise }
    }

    /// The steps that a step holds; there must be some.
    fn held<'n>(&mut self, fields: &Fields<'n>, key: &'static str) -> &'n [Node] {
        let nodes = fields.list(key, self.source);
        if nodes.is_empty() {
            let span = fields.get(key).map_or(fields.span(), |entry| entry.key_span.clone());
            self.source.fault(span, format!("this step needs `{key}` with a step in it"));
        }
        nodes
    }

    fn step_inputs(
        &mut self,
        fields: &Fields<'_>,
        spec: Option<&ActionSpec>,
    ) -> Map<String, serde_json::Value> {
        let entries = fields.map("inputs", self.source);
        for entry in entries {
            self.scope.check(&entry.value, self.source);
        }
        if let Some(spec) = spec {
            self.inputs_fit(
                entries,
                fields.get("inputs").map_or(fields.span(), |entry| entry.key_span.clone()),
                spec,
            );
        }
        yaml::to_object(entries)
    }

    fn inputs_fit(&mut self, entries: &[Entry], span: Range<usize>, spec: &ActionSpec) {
        let known: Vec<&str> = spec.inputs.iter().map(|field| field.name.as_str()).collect();
        let mut given: BTreeMap<&str, &str> = BTreeMap::new();
        for entry in entries {
            let Some(field) = spec.input(&entry.key) else {
                let message = format!("`{}` takes no input `{}`", spec.name, entry.key);
                self.source.fault_with_help(
                    entry.key_span.clone(),
                    message,
                    yaml::suggestion(&entry.key, &known),
                );
                continue;
            };
            match given.insert(&field.name, &entry.key) {
                Some(other) if other != entry.key => {
                    let message = format!("`{}` and `{other}` are one input", entry.key);
                    self.source.fault(entry.key_span.clone(), message);
                }
                _ => self.scope.check_kind(field, &entry.value, self.source),
            }
        }
        for field in
            spec.inputs.iter().filter(|field| field.required && !given.contains_key(field.name.as_str()))
        {
            self.source.fault(span.clone(), format!("`{}` needs the input `{}`", spec.name, field.name));
        }
    }

    fn step_outputs(
        &mut self,
        fields: &Fields<'_>,
        kind: &StepKind,
        spec: Option<&ActionSpec>,
    ) -> Vec<(String, String)> {
        let mut outputs = Vec::new();
        for entry in fields.map("outputs", self.source) {
            let Tree::Text(path) = &entry.value.value else {
                let message =
                    format!("`{}` goes to a path, which is text, not {}", entry.key, entry.value.kind());
                self.source.fault(entry.value.span.clone(), message);
                continue;
            };
            let parts: Vec<&str> = path.split('.').collect();
            if !parts.iter().all(|part| is_name(part)) {
                let message = format!("`{path}` is not a path that an expression could use");
                self.source.fault_with_help(
                    entry.value.span.clone(),
                    message,
                    "write names with dots between them",
                );
                continue;
            }
            let known = self.output_kind(entry, kind, spec);
            self.scope.define(&parts, Known::Value(known));
            outputs.push((entry.key.clone(), path.clone()));
        }
        outputs
    }

    fn output_kind(&mut self, entry: &Entry, kind: &StepKind, spec: Option<&ActionSpec>) -> Kind {
        let (StepKind::Action { action, .. }, Some(spec)) = (kind, spec) else { return Kind::Any };
        if let Some(field) = spec.output(&entry.key) {
            return field.kind;
        }
        let known: Vec<&str> = spec.outputs.iter().map(|field| field.name.as_str()).collect();
        let message = format!("`{action}` gives no `{}`", entry.key);
        self.source.fault_with_help(entry.key_span.clone(), message, yaml::suggestion(&entry.key, &known));
        Kind::Any
    }
}

/// The value under a key of a mapping, or the mapping itself: something to point at.
fn node_of<'a>(node: &'a Node, key: &str) -> &'a Node {
    let Tree::Map(entries) = &node.value else { return node };
    entries.iter().find(|entry| entry.key == key).map_or(node, |entry| &entry.value)
}
