//! `${…}` expressions: found by a scanner of our own, evaluated by minijinja, strict and typed.
//!
//! A value that is one expression keeps its type; an expression within text is rendered as JSON spells it. An undefined name is
//! an error that says what is defined. `{%` and `{#` mean nothing here.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// An expression that cannot be evaluated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`${{{expression}}}`: {message}")]
pub struct ExprError {
    /// The expression, without `${` and `}`.
    pub expression: String,
    /// What is wrong, and what is defined.
    pub message: String,
    /// Where the expression begins in the text that was scanned, in bytes.
    pub offset: usize,
}

/// Evaluates every expression in a value, however deep.
///
/// # Errors
/// At the first expression that does not parse or uses what is not defined.
pub fn render(value: &Value, names: &Map<String, Value>) -> Result<Value, ExprError> {
    let _ = (value, names);
    unimplemented!("owner: spec")
}

/// Whether a condition holds. The text is one expression, with or without `${` and `}`; only `false`, null, 0, and
/// what is empty do not hold.
///
/// # Errors
/// As [`render`].
pub fn test(condition: &str, names: &Map<String, Value>) -> Result<bool, ExprError> {
    let _ = (condition, names);
    unimplemented!("owner: spec")
}

/// The names at the root of what a value's expressions use: `task` for `${task.id}`.
///
/// # Errors
/// When an expression does not parse.
pub fn roots(value: &Value) -> Result<BTreeSet<String>, ExprError> {
    let _ = value;
    unimplemented!("owner: spec")
}
