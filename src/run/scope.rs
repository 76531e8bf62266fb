//! The names that expressions see: what is there from the start, variables, and what steps gave.
//!
//! What a step put at a path comes before a variable of that name, and a variable before an ambient name.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::definition::Definition;
use super::frame::Frames;
use super::record::Started;
use super::state::Run;
use crate::id::RunId;
use crate::spec::expr::{self, ExprError};

/// The path at which agents see the checkout, whatever it is called on the host.
pub const REPOSITORY_PATH: &str = "/workspace";

/// The names that the first act may resolve.
const RESOLVED: [&str; 6] = ["task", "repository", "change", "person", "thread", "system"];

/// The names of a run at one moment, with the variables that were used for the first time at it.
#[derive(Debug)]
pub struct Scope<'a> {
    run: &'a Run,
    frames: Frames<'a>,
    /// All names, once an expression uses one.
    names: Option<Map<String, Value>>,
    fresh: Map<String, Value>,
}

impl<'a> Scope<'a> {
    /// The names as they stand now, seen from inside some frames.
    #[must_use]
    pub fn of(run: &'a Run, frames: Frames<'a>) -> Self {
        Self { run, frames, names: None, fresh: Map::new() }
    }

    /// Adds a name for what is evaluated from here on.
    pub fn add(&mut self, name: &str, value: Value) {
        self.names().insert(name.to_owned(), value);
    }

    /// Evaluates every expression in a value.
    ///
    /// # Errors
    /// When an expression does not parse or uses what is not defined, or variables refer to each
    /// other in a circle.
    pub fn render(&mut self, value: &Value) -> Result<Value, ExprError> {
        if self.define_all(value, &mut Vec::new())? {
            expr::render(value, self.names())
        } else {
            expr::render(value, &Map::new())
        }
    }

    /// Whether a condition holds.
    ///
    /// # Errors
    /// As [`Scope::render`].
    pub fn test(&mut self, condition: &str) -> Result<bool, ExprError> {
        self.define_used(condition)?;
        expr::test(condition, self.names())
    }

    /// What a condition comes to.
    ///
    /// # Errors
    /// As [`Scope::render`].
    pub fn value(&mut self, condition: &str) -> Result<Value, ExprError> {
        self.define_used(condition)?;
        expr::value(condition, self.names())
    }

    /// The variables that were used for the first time since this was last asked.
    pub fn take_fresh(&mut self) -> Map<String, Value> {
        std::mem::take(&mut self.fresh)
    }

    fn names(&mut self) -> &mut Map<String, Value> {
        self.names.get_or_insert_with(|| self.frames.names(self.run))
    }

    /// Gives the variables that a value uses their values; says whether it uses any name.
    fn define_all(&mut self, value: &Value, within: &mut Vec<String>) -> Result<bool, ExprError> {
        let names = expr::roots(value)?;
        for name in &names {
            self.define(name, within)?;
        }
        Ok(!names.is_empty())
    }

    /// Gives the variables that a condition uses their values.
    fn define_used(&mut self, condition: &str) -> Result<(), ExprError> {
        expr::condition_paths(condition)?
            .iter()
            .try_for_each(|used| self.define(used.root(), &mut Vec::new()))
    }

    /// Gives a variable its value, unless the name already has the one that it keeps.
    fn define(&mut self, name: &str, within: &mut Vec<String>) -> Result<(), ExprError> {
        let Some(definition) = self.frames.workflow.variables.get(name) else { return Ok(()) };
        if self.frames.is_made(self.run, name) || self.fresh.contains_key(name) {
            return Ok(());
        }
        within.push(name.to_owned());
        if within[..within.len() - 1].iter().any(|outer| outer == name) {
            return Err(circle(name, within));
        }
        self.define_all(definition, within)?;
        let value = expr::render(definition, self.names())?;
        within.pop();
        self.names().insert(name.to_owned(), value.clone());
        self.fresh.insert(name.to_owned(), value);
        Ok(())
    }
}

fn circle(name: &str, within: &[String]) -> ExprError {
    let message = format!("variables refer to each other in a circle: {}", within.join(" → "));
    ExprError { expression: name.to_owned(), message, offset: 0 }
}

/// The names that a run has before its first act.
#[must_use]
pub fn ambient(id: RunId, definition: &Definition, started: &Started) -> Map<String, Value> {
    let event = &started.event;
    let repository = started.repository.as_ref().map(|name| {
        let told = event.repository.as_ref().filter(|told| told.name == *name);
        json!({ "name": name, "url": null, "default_branch": told.and_then(|told| told.default_branch.clone()) })
    });
    let mut names = Map::new();
    names.insert("event".to_owned(), json(event));
    names.insert("inputs".to_owned(), Value::Object(inputs(definition, started)));
    let run = json!({ "id": id, "workflow": started.workflow, "trigger": started.trigger });
    names.insert("run".to_owned(), run);
    names.insert("command".to_owned(), json(&event.command));
    let known = json!({
        "task": task(started),
        "repository": repository,
        "change": event.change,
        "person": event.actor,
        "thread": event.thread,
        "system": {},
    });
    resolve(&mut names, &known);
    names
}

/// Takes over what the first act resolved.
pub fn resolve(names: &mut Map<String, Value>, resolved: &Value) {
    for name in RESOLVED {
        if let Some(value) = resolved.get(name) {
            names.insert(name.to_owned(), value.clone());
        }
    }
    let task = names.get("task").cloned().unwrap_or_default();
    let id = task.get("id").cloned().unwrap_or_default();
    names.insert("task_data".to_owned(), task);
    names.insert("context".to_owned(), json!({ "task_id": id, "repository_path": REPOSITORY_PATH }));
    names.insert("task_id".to_owned(), id);
}

/// Puts a value at a dotted path, making the maps between; whatever stands in the way gives way.
pub fn put(tree: &mut Map<String, Value>, path: &str, value: Value) {
    let Some((root, rest)) = path.split_once('.') else {
        tree.insert(path.to_owned(), value);
        return;
    };
    let inner = tree.entry(root).or_insert(Value::Null);
    if !inner.is_object() {
        *inner = Value::Object(Map::new());
    }
    if let Value::Object(inner) = inner {
        put(inner, rest, value);
    }
}

/// The workflow's inputs, with their defaults where the trigger gave none.
fn inputs(definition: &Definition, started: &Started) -> Map<String, Value> {
    let defaults = definition.workflow.inputs.iter();
    let defaults = defaults.filter_map(|input| Some((input.name.clone(), input.default.clone()?)));
    let mut inputs: Map<String, Value> = defaults.collect();
    inputs.extend(started.inputs.clone());
    inputs
}

/// The task as far as the event told of it.
fn task(started: &Started) -> Value {
    let Some(reference) = &started.task else { return Value::Null };
    let id = reference.short();
    let told = started.event.task.as_ref().filter(|told| told.reference == *reference);
    let mut task = told.map_or_else(|| json!({}), json);
    task["id"] = json!(id);
    task["task_id"] = json!(id);
    task["key"] = json!(reference.key);
    task
}

fn json(value: &impl Serialize) -> Value {
    // These types have only text keys and finite numbers, so there is nothing that JSON cannot say.
    serde_json::to_value(value).unwrap_or_default()
}
