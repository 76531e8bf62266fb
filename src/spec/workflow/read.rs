//! Reads a workflow's YAML: every fault is told, and what could be read is handed on.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::called::Signatures;
use super::kinds::KINDS;
use super::steps::{Place, STRATEGIES, Strategies};
use super::{Check, Input, PostExecution, Workflow, keys, makers, needs};
use crate::spec::diagnostic::Source;
use crate::spec::expr;
use crate::spec::handler::event_names;
use crate::spec::scope::{Known, Scope};
use crate::spec::shape::Shape;
use crate::spec::yaml::{self, Entry, Fields, Node, Tree};
use crate::spec::{Field, Kind, Vocabulary};

/// What workflows may refer to.
#[derive(Debug, Clone, Copy)]
pub(in crate::spec) struct World<'a> {
    /// The actions that plugins offer, and the kinds of event that sources make.
    pub(in crate::spec) words: &'a Vocabulary,
    /// The roles' names.
    pub(in crate::spec) roles: &'a BTreeSet<String>,
    /// The prompts, by path.
    pub(in crate::spec) prompts: &'a BTreeMap<String, String>,
    /// What each workflow takes and gives, for those that call it.
    pub(in crate::spec) workflows: &'a Signatures,
}

/// A workflow that is being read.
pub(super) struct Reading<'a> {
    pub(super) source: &'a mut Source,
    pub(super) world: &'a World<'a>,
    /// What is defined where the reading stands.
    pub(super) scope: Scope,
    pub(super) strategies: Strategies,
    /// The id of the workflow that is read.
    pub(super) id: &'a str,
}

/// Names that are defined in every run. `task_data` is the task until a step overwrites it.
const AMBIENT: &[&str] =
    &["task", "task_data", "run", "repository", "change", "person", "system", "thread", "command"];

/// Reads a workflow, and what it gives with its types. Gives nothing when the file is not even a mapping; whoever
/// calls looks at the source's faults.
pub(in crate::spec) fn read<'a>(
    source: &'a mut Source,
    id: &'a str,
    world: &'a World<'_>,
) -> Option<(Workflow, Vec<Field>)> {
    let node = yaml::parse(source)?;
    let fields = Fields::of(&node, &keys::WORKFLOW, source)?;
    let mut reading = Reading::new(source, world, id);
    let mut workflow = reading.head(id, &fields);
    workflow.inputs = reading.inputs(&fields);
    let variables = fields.map("variables");
    workflow.variables = yaml::to_object(variables);
    reading.scope = ambient(&workflow);
    reading.scope.made_by(makers::makers(&node, reading.source));
    reading.strategies = reading.error_handling(&fields);
    workflow.prerequisites = reading.checks(&fields, "prerequisites", &keys::PREREQUISITE);
    workflow.steps = reading.body(&fields);
    // Variables are evaluated when they are first used, so they may use what any step makes.
    for variable in variables {
        reading.variable(variable, &workflow.variables);
    }
    let results = fields.map("results");
    let given = results.iter().map(|entry| reading.result(entry)).collect();
    workflow.results = yaml::to_object(results);
    workflow.success_criteria = reading.checks(&fields, "success_criteria", &keys::CRITERION);
    workflow.post_execution = reading.post_execution(&fields);
    needs::find(&mut workflow);
    Some((workflow, given))
}

/// The names that are defined before the first step.
fn ambient(workflow: &Workflow) -> Scope {
    let mut scope = Scope::default();
    for name in AMBIENT {
        scope.define(&[name], Known::Value(Kind::Any));
    }
    scope.define(&["task_id"], Known::Value(Kind::String));
    scope.define(&["context", "task_id"], Known::Value(Kind::String));
    scope.define(&["context", "repository_path"], Known::Value(Kind::String));
    scope.define(&["event"], event_names());
    scope.define(&["inputs"], Known::Names(BTreeMap::new()));
    for input in &workflow.inputs {
        scope.define(&["inputs", &input.name], Known::Value(input.kind));
    }
    for (name, value) in &workflow.variables {
        scope.define(&[name], literal(value));
    }
    scope
}

/// What is known of a value as it is written: of one expression, nothing before its names are.
pub(super) fn literal(value: &Value) -> Known {
    match value {
        Value::String(text) if expr::is_one(text) => Known::Value(Kind::Any),
        Value::Object(fields) => {
            Known::Names(fields.iter().map(|(name, field)| (name.clone(), literal(field))).collect())
        }
        value => Known::shape(value),
    }
}

impl<'a> Reading<'a> {
    pub(super) fn new(source: &'a mut Source, world: &'a World<'_>, id: &'a str) -> Self {
        Self { source, world, scope: Scope::default(), strategies: Strategies::default(), id }
    }
}

impl Reading<'_> {
    fn head(&mut self, id: &str, fields: &Fields<'_>) -> Workflow {
        Workflow {
            id: id.to_owned(),
            name: fields.text("name").unwrap_or(id).to_owned(),
            description: fields.text("description").unwrap_or_default().to_owned(),
            version: fields.text("version").unwrap_or_default().to_owned(),
            variables: Map::new(),
            inputs: Vec::new(),
            prerequisites: Vec::new(),
            steps: Vec::new(),
            success_criteria: Vec::new(),
            post_execution: PostExecution::default(),
            timeout: fields.count("timeout"),
            results: Map::new(),
        }
    }

    pub(super) fn inputs(&mut self, fields: &Fields<'_>) -> Vec<Input> {
        fields.map("inputs").iter().filter_map(|entry| self.input(entry)).collect()
    }

    /// An input: its type alone, or a mapping that says more of it.
    fn input(&mut self, entry: &Entry) -> Option<Input> {
        self.name(entry);
        let named = |kind| Input {
            name: entry.key.clone(),
            kind,
            required: true,
            default: None,
            description: String::new(),
        };
        if let Tree::Text(text) = &entry.value.value {
            return yaml::word("type", text, &entry.value, KINDS, self.source).map(named);
        }
        let Tree::Map(_) = entry.value.value else { return None };
        let fields = Fields::of(&entry.value, &keys::INPUT, self.source)?;
        let kind = fields.word("type", KINDS, self.source).unwrap_or(Kind::Any);
        let default = fields.value("default");
        if let Some(node) = default {
            let field = Field::required(&entry.key, kind);
            self.scope.check_kind(&field, node, self.source);
        }
        Some(Input {
            required: fields.boolean("required").unwrap_or(default.is_none()),
            default: default.map(Node::to_json),
            description: fields.text("description").unwrap_or_default().to_owned(),
            ..named(kind)
        })
    }

    fn variable(&mut self, entry: &Entry, variables: &Map<String, Value>) {
        self.name(entry);
        self.scope.check(&entry.value, self.source);
        // Each variable of a circle is defined by itself; it is told of at the first.
        let first =
            |way: &Vec<&str>| variables.keys().find(|name| way.contains(&name.as_str())) == Some(&entry.key);
        if let Some(way) = circle(&entry.key, variables).filter(first) {
            let message = format!("the variable `{}` is defined by itself: {}", entry.key, way.join(" → "));
            self.source.fault(entry.key_span.clone(), message);
        }
    }

    fn result(&mut self, entry: &Entry) -> Field {
        self.name(entry);
        self.scope.check(&entry.value, self.source);
        let kind = self.scope.kind_of(&entry.value.to_json());
        Field::required(&entry.key, kind.unwrap_or(Kind::Any))
    }

    /// Expressions can only use names that look like names.
    fn name(&mut self, entry: &Entry) {
        if !is_name(&entry.key) {
            let message = format!("`{}` is not a name that an expression could use", entry.key);
            self.source.fault_with_help(entry.key_span.clone(), message, "use letters, digits and `_`");
        }
    }

    fn error_handling(&mut self, fields: &Fields<'_>) -> Strategies {
        let mut strategies = Strategies::default();
        let Some(node) = fields.given("error_handling") else { return strategies };
        let Some(fields) = Fields::of(node, &keys::ERROR_HANDLING, self.source) else { return strategies };
        strategies.default = fields.word("default_strategy", STRATEGIES, self.source);
        for entry in fields.map("step_overrides") {
            let Some(text) = entry.value.as_text() else { continue };
            let word = yaml::word("on_error", text, &entry.value, STRATEGIES, self.source);
            strategies.overrides.extend(word.map(|word| (entry.key.clone(), (word, entry.key_span.clone()))));
        }
        strategies
    }

    fn body(&mut self, fields: &Fields<'_>) -> Vec<super::Step> {
        let nodes = fields.list("steps");
        let steps = self.sequence(nodes, Place::Body);
        self.overrides_name_steps(&steps);
        steps
    }

    fn overrides_name_steps(&mut self, steps: &[super::Step]) {
        let mut names = Vec::new();
        overridable(steps, &mut names);
        names.sort_unstable();
        names.dedup();
        for (name, (_, span)) in &self.strategies.overrides {
            if !names.contains(&name.as_str()) {
                let message = format!("there is no step `{name}`");
                self.source.fault_with_help(span.clone(), message, yaml::suggestion(name, &names));
            }
        }
    }

    fn checks(&mut self, fields: &Fields<'_>, key: &str, shape: &'static Shape) -> Vec<Check> {
        let message = shape.keys.iter().find(|key| !key.required).map_or("", |key| key.name);
        let mut checks = Vec::new();
        for node in fields.list(key) {
            let Some(fields) = Fields::of(node, shape, self.source) else { continue };
            let condition = fields.text("condition").map(str::to_owned);
            if let (Some(text), Some(node)) = (&condition, fields.value("condition")) {
                self.scope.check_condition(node, text, self.source);
            }
            let message = fields.text(message).unwrap_or_default().to_owned();
            checks.extend(condition.map(|condition| Check { condition, message }));
        }
        checks
    }

    fn post_execution(&mut self, fields: &Fields<'_>) -> PostExecution {
        let Some(node) = fields.given("post_execution") else { return PostExecution::default() };
        let Some(fields) = Fields::of(node, &keys::POST_EXECUTION, self.source) else {
            return PostExecution::default();
        };
        let mut steps = |key| {
            let nodes = fields.list(key);
            self.sequence(nodes, Place::After)
        };
        PostExecution {
            always: steps("always"),
            on_success: steps("on_success"),
            on_failure: steps("on_failure"),
        }
    }
}

/// The names of the steps whose failures people may choose the meaning of: not of those that take something back.
fn overridable<'a>(steps: &'a [super::Step], names: &mut Vec<&'a str>) {
    for step in steps {
        names.push(&step.name);
        step.kind.inside().into_iter().for_each(|steps| overridable(steps, names));
    }
}

/// Whether expressions can use this as a name.
pub(in crate::spec) fn is_name(text: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    text.bytes().next().is_some_and(letter) && text.bytes().all(|byte| letter(byte) || byte.is_ascii_digit())
}

/// The way from a variable back to itself, if there is one.
fn circle<'a>(name: &str, variables: &'a Map<String, Value>) -> Option<Vec<&'a str>> {
    fn follow<'a>(
        at: &str,
        way: &mut Vec<&'a str>,
        seen: &mut BTreeSet<&'a str>,
        all: &'a Map<String, Value>,
    ) -> bool {
        let used = all.get(at).and_then(|value| expr::roots(value).ok()).unwrap_or_default();
        for (next, _) in all.iter().filter(|(next, _)| used.contains(*next)) {
            way.push(next);
            if next == way[0] || (seen.insert(next) && follow(next, way, seen, all)) {
                return true;
            }
            way.pop();
        }
        false
    }
    let (start, _) = variables.get_key_value(name)?;
    let mut way = vec![start.as_str()];
    follow(start, &mut way, &mut BTreeSet::new(), variables).then_some(way)
}
