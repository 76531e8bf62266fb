//! Reads what a step does, by its type.

use serde_json::Value;

use super::read::{Reading, is_name, literal};
use super::steps::Place;
use super::{Loop, StepKind, keys};
use crate::spec::scope::{Known, Scope};
use crate::spec::shape::Shape;
use crate::spec::yaml::{self, Fields, Node};
use crate::spec::{ActionSpec, Field, Kind};

/// The role of an AI step that names none.
const ROLE: &str = "development";
/// What the item of a loop is called that does not say it.
const ITEM: &str = "item";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::spec) enum Type {
    Action,
    Ai,
    Agent,
    Condition,
    Parallel,
    Loop,
    Workflow,
    Wait,
    Approval,
    Shell,
    System,
}

pub(in crate::spec) const TYPES: &[(&str, Type)] = &[
    ("plugin_action", Type::Action),
    ("ai_action", Type::Ai),
    ("agent", Type::Agent),
    ("condition", Type::Condition),
    ("parallel", Type::Parallel),
    ("loop", Type::Loop),
    ("workflow", Type::Workflow),
    ("wait", Type::Wait),
    ("approval", Type::Approval),
    ("shell", Type::Shell),
    ("system", Type::System),
];
/// The types of values, by the names that inputs give them.
pub(super) const KINDS: &[(&str, Kind)] = &[
    ("string", Kind::String),
    ("number", Kind::Number),
    ("boolean", Kind::Boolean),
    ("list", Kind::List),
    ("object", Kind::Object),
    ("any", Kind::Any),
];
pub(super) const SYSTEM_ACTIONS: &[&str] =
    &["log", "metric", "emit", "set", "reply", "cleanup", "log_success", "send_alert"];

/// The keys of every type of step.
pub(super) fn shapes() -> Vec<&'static Shape> {
    TYPES.iter().map(|(_, kind)| kind.shape()).collect()
}

impl Type {
    /// The keys that only such a step has.
    pub(in crate::spec) fn shape(self) -> &'static Shape {
        match self {
            Self::Action => &keys::ACTION,
            Self::Ai => &keys::AI,
            Self::Agent => &keys::WORK,
            Self::Condition => &keys::BRANCHES,
            Self::Parallel => &keys::PARALLEL,
            Self::Loop => &keys::LOOP,
            Self::Workflow => &keys::CALL,
            Self::Wait => &keys::WAIT,
            Self::Approval => &keys::APPROVAL,
            Self::Shell => &keys::SHELL,
            Self::System => &keys::SYSTEM,
        }
    }

    pub(super) fn holds_steps(self) -> bool {
        matches!(self, Self::Condition | Self::Parallel | Self::Loop | Self::Workflow)
    }
}

/// What is known of the items of a list that is written out.
fn items(over: &Value) -> Known {
    let all = over.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut known = all.iter().map(literal);
    match known.next() {
        Some(first) if known.all(|other| other == first) => first,
        _ => Known::Value(Kind::Any),
    }
}

impl Reading<'_> {
    pub(super) fn step_type(&mut self, fields: &Fields<'_>, place: Place) -> Option<Type> {
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
        let text = fields.text("type")?;
        yaml::word("type", text, node, TYPES, self.source)
    }

    pub(super) fn step_kind(
        &mut self,
        kind: Type,
        fields: &Fields<'_>,
        name: &str,
    ) -> (StepKind, Option<ActionSpec>) {
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
                let nodes = fields.list("steps");
                (StepKind::Parallel { steps: self.siblings(nodes) }, None)
            }
            Type::Loop => (self.repeated(fields), None),
            Type::Workflow => self.called(fields),
            Type::Wait => (StepKind::Wait(self.event_wait(fields)), None),
            Type::Approval => (StepKind::Approval(Box::new(self.approval(fields))), None),
            Type::Shell => (StepKind::Shell(Box::new(self.shell(fields))), None),
            Type::System => {
                let action = fields.text("action").unwrap_or_default().to_owned();
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
        let capability = fields.text("plugin").unwrap_or_default().to_owned();
        let action = fields.text("action").unwrap_or_default().to_owned();
        let actions = &self.world.words.actions;
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
        let role = fields.text("agent").unwrap_or(ROLE).to_owned();
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
        let Some(text) = fields.text("prompt_template") else {
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
        let test = fields.text("if").unwrap_or_default().to_owned();
        if let (false, Some(node)) = (test.is_empty(), fields.value("if")) {
            self.scope.check_condition(node, &test, self.source);
            self.reachable(node, (&test, false), "`then`");
            if !fields.list("else").is_empty() {
                self.reachable(node, (&test, true), "`else`");
            }
        }
        let before = self.scope.clone();
        let nodes = fields.list("then");
        let then = self.sequence(nodes, Place::Body);
        let after_then: Scope = std::mem::replace(&mut self.scope, before);
        let nodes = fields.list("else");
        let otherwise = self.sequence(nodes, Place::Body);
        self.scope.join(after_then);
        StepKind::Condition { test, then, otherwise }
    }

    /// The steps of a loop see the item and its number; what they make is the item's own.
    fn repeated(&mut self, fields: &Fields<'_>) -> StepKind {
        let over = self.collection(fields);
        let item = fields.text("as").unwrap_or(ITEM).to_owned();
        if let (false, Some(node)) = (is_name(&item), fields.value("as")) {
            let message = format!("`{item}` is not a name that an expression could use");
            self.source.fault_with_help(node.span.clone(), message, "use letters, digits and `_`");
        }
        let around = self.scope.clone();
        self.scope.define(&[&item], items(&over));
        self.scope.define(&["index"], Known::Value(Kind::Number));
        let nodes = fields.list("steps");
        let steps = self.sequence(nodes, Place::Body);
        let collect = fields.value("collect");
        collect.iter().for_each(|node| self.scope.check(node, self.source));
        self.scope = around;
        let concurrency = fields.count("concurrency").unwrap_or(1);
        StepKind::Loop(Box::new(Loop {
            over,
            item,
            concurrency: u32::try_from(concurrency).unwrap_or(u32::MAX),
            collect: collect.map(Node::to_json),
            steps,
        }))
    }

    /// What a loop goes over: a list, or an expression.
    fn collection(&mut self, fields: &Fields<'_>) -> Value {
        let Some(node) = fields.given("over") else { return Value::Null };
        self.scope.check(node, self.source);
        self.scope.check_kind(&Field::required("over", Kind::List), node, self.source);
        node.to_json()
    }
}
