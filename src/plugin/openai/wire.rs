//! The APIs' own shapes: what both of them share.

pub(super) mod chat;
pub(super) mod responses;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::plugin::Problem;
use crate::plugin::client::{Answer as HttpAnswer, Dialect};
use crate::plugin::model::Block;

/// How OpenAI says what went wrong.
pub(super) const DIALECT: Dialect = Dialect { message: said, problem: failed };

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Failure {
    error: FailureError,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct FailureError {
    r#type: Option<String>,
    message: Option<String>,
    // Other servers put numbers here.
    code: Value,
}

impl FailureError {
    /// The most telling of its names.
    fn name(&self) -> &str {
        self.code.as_str().or(self.r#type.as_deref()).unwrap_or_default()
    }
}

fn failure(body: &[u8]) -> FailureError {
    serde_json::from_slice::<Failure>(body).unwrap_or_default().error
}

fn said(body: &[u8]) -> Option<String> {
    let error = failure(body);
    let message = error.message.as_deref()?;
    Some(if error.name().is_empty() { message.to_owned() } else { format!("{message} ({})", error.name()) })
}

fn failed(answer: &HttpAnswer) -> Option<Problem> {
    if answer.status.is_success() {
        return None;
    }
    problem(&failure(&answer.body))
}

/// A quota that is used up comes as 429 like a limit of speed; only a person can raise it.
fn problem(error: &FailureError) -> Option<Problem> {
    let named = |name: &str| error.code == *name || error.r#type.as_deref() == Some(name);
    let exhausted = ["insufficient_quota", "billing_hard_limit_reached", "billing_not_active"];
    if exhausted.into_iter().any(named) {
        return Some(Problem::Exhausted);
    }
    // Other servers only say it.
    let message = error.message.as_deref().unwrap_or_default();
    let is_too_long =
        message.contains("maximum context length") || message.contains("exceeds the context window");
    (named("context_length_exceeded") || is_too_long).then_some(Problem::TooLong)
}

/// A tool's arguments as they are written: JSON in a text. What is not an object stays what it is, and is told the
/// model as its mistake.
fn arguments(text: &str) -> Value {
    if text.trim().is_empty() {
        return Value::Object(Map::new());
    }
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

fn tool_use(id: &str, name: &str, written: &str) -> Block {
    Block::ToolUse { id: id.to_owned(), name: name.to_owned(), input: arguments(written) }
}

/// What a tool gave, which has no other place to say that it failed.
fn output(content: &str, is_error: bool) -> String {
    if is_error { format!("[failed] {content}") } else { content.to_owned() }
}
