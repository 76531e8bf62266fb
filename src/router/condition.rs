//! A trigger's expressions, evaluated over an event.

use std::cell::OnceCell;

use serde_json::{Map, Value, json};

use super::Reason;
use crate::event::Event;
use crate::spec::Trigger;
use crate::spec::expr::{self, ExprError};

/// The names that expressions see, made when the first expression asks for them.
#[derive(Debug)]
pub struct Names<'a> {
    event: &'a Event,
    names: OnceCell<Map<String, Value>>,
}

impl<'a> Names<'a> {
    /// The names for an event.
    #[must_use]
    pub fn of(event: &'a Event) -> Self {
        Self { event, names: OnceCell::new() }
    }

    /// Says no where the trigger's `if` does not hold.
    ///
    /// # Errors
    /// The reason.
    pub fn check(&self, trigger: &Trigger) -> Result<(), Reason> {
        let Some(condition) = &trigger.condition else { return Ok(()) };
        match expr::test(condition, self.get()) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Reason::unmatched(trigger, "if", json!(condition), json!(false))),
            Err(error) => Err(Reason::failed(trigger, "if", json!(condition), &error.to_string())),
        }
    }

    /// The inputs of the trigger's workflow.
    ///
    /// # Errors
    /// The reason, where one of them cannot be evaluated.
    pub fn inputs(&self, trigger: &Trigger) -> Result<Map<String, Value>, Reason> {
        if trigger.inputs.is_empty() {
            return Ok(Map::new());
        }
        let inputs = Value::Object(trigger.inputs.clone());
        match expr::render(&inputs, self.get()) {
            Ok(Value::Object(inputs)) => Ok(inputs),
            Ok(other) => Err(Reason::failed(trigger, "inputs", inputs, &format!("{other} is no mapping"))),
            Err(error) => Err(Reason::failed(trigger, "inputs", inputs, &error.to_string())),
        }
    }

    /// A text with its expressions evaluated.
    ///
    /// # Errors
    /// When one of them cannot be.
    pub fn render(&self, text: &str) -> Result<String, ExprError> {
        Ok(match expr::render(&json!(text), self.get())? {
            Value::Null => String::new(),
            Value::String(text) => text,
            other => other.to_string(),
        })
    }

    fn get(&self) -> &Map<String, Value> {
        self.names.get_or_init(|| Map::from_iter([("event".to_owned(), json!(self.event))]))
    }
}
