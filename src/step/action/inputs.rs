//! An action's inputs by name or alias, typed, with errors that say what was expected.

use serde_json::{Map, Value};

use crate::spec::ActionSpec;
use crate::step::{Context, StepError};

/// What an action was given.
#[derive(Debug, Clone, Copy)]
pub(in crate::step) struct Inputs<'a> {
    spec: Option<&'a ActionSpec>,
    values: &'a Map<String, Value>,
}

impl<'a> Inputs<'a> {
    /// The inputs of the context's job, with the aliases that the action was declared with.
    pub(super) fn of(context: &'a Context, capability: &str, action: &str) -> Self {
        Self { spec: context.definition.action(capability, action), values: &context.job.inputs }
    }

    /// The first of these names (or of their declared aliases) that was given something.
    pub(super) fn value(&self, names: &[&str]) -> Option<&'a Value> {
        let declared = names.iter().filter_map(|name| self.spec?.input(name));
        let declared = declared.flat_map(|field| std::iter::once(&field.name).chain(&field.aliases));
        let all = names.iter().copied().chain(declared.map(String::as_str));
        all.filter_map(|name| self.values.get(name)).find(|value| !is_nothing(value))
    }

    /// A text, if one was given; numbers and truth values are written out.
    pub(in crate::step) fn text(&self, names: &[&str]) -> Result<Option<String>, StepError> {
        match self.value(names) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(value @ (Value::Number(_) | Value::Bool(_))) => Ok(Some(value.to_string())),
            Some(other) => {
                Err(StepError::fatal("invalid_input", format!("`{}` must be text, not {other}", names[0])))
            }
        }
    }

    /// A text that must be there.
    pub(super) fn required(&self, names: &[&str]) -> Result<String, StepError> {
        self.text(names)?.ok_or_else(|| {
            StepError::fatal(
                "invalid_input",
                format!("`{}` is needed and was not given", names.join("` or `")),
            )
        })
    }

    /// A truth value; false unless given.
    pub(super) fn flag(&self, name: &str) -> Result<bool, StepError> {
        match self.value(&[name]) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(Value::String(text)) if text == "true" || text == "false" => Ok(text == "true"),
            Some(other) => {
                Err(StepError::fatal("invalid_input", format!("`{name}` must be true or false, not {other}")))
            }
        }
    }

    /// Everything that was given.
    pub(super) fn all(&self) -> &'a Map<String, Value> {
        self.values
    }
}

fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty())
}
