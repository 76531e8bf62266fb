//! A request without what differs from one run to the next and means nothing, and without secrets.
//!
//! | what | becomes | where |
//! |---|---|---|
//! | what looks like a secret | `[redacted]` | everywhere |
//! | the ids of tool calls | `call-1`, `call-2`, … in their order | calls and results |
//! | Ostler's own ids (`run_…`, `evt_…`) | `run_0`, `evt_0` | all text |
//! | the place of a run's checkout on this machine | `/workspace` | all text |
//! | a port of this machine (`127.0.0.1:8090`) | `127.0.0.1:0` | all text |
//! | a point in time to the second (`2026-11-21T08:00:00Z`) | `<time>` | all text |
//! | a file that `mktemp` and its like have named | `/tmp/0` | all text |
//! | how long something took (`0.03 s`) | `<duration>` | what tools gave |
//!
//! Nothing else is: two requests that differ in anything else are two requests. The canonical form of a canonical form
//! is itself.

use std::collections::HashMap;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use crate::plugin::model::{Answer, Block, Message, Request};
use crate::workspace::guard::secrets;

/// What is taken out of all text, and what stands in its place.
const NOISE: &[(&str, &str)] = &[
    (r"(?:/[\w.+@~-]+)*/run_[0-9a-f]{32}/files\b", "/workspace"),
    (r"\b(run|evt)_[0-9a-f]{32}\b", "${1}_0"),
    (r"(127\.0\.0\.1|localhost|\[::1\]):[0-9]{2,5}\b", "${1}:0"),
    (
        r"\b[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?",
        "<time>",
    ),
    (r"/tmp/(?:tmp\.[A-Za-z0-9]{6,12}|\.tmp[A-Za-z0-9]{6}|tmp[a-z0-9_]{8})\b", "/tmp/0"),
];

/// What is taken out of what tools gave besides.
const DURATION: &str = r"\b[0-9]+(?:\.[0-9]+)? ?(?:ms|µs|s|secs?|seconds?)\b";

static PATTERNS: LazyLock<Vec<(Regex, &'static str)>> =
    LazyLock::new(|| NOISE.iter().map(|(pattern, place)| (compiled(pattern), *place)).collect());
static DURATIONS: LazyLock<Regex> = LazyLock::new(|| compiled(DURATION));

fn compiled(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the patterns are constants, and a test compiles them")
}

/// The canonical form of a request.
#[must_use]
pub fn request(request: &Request) -> Request {
    let mut ids = Ids::default();
    let message = |message: &Message| Message {
        role: message.role,
        content: message.content.iter().map(|block| ids.block(block)).collect(),
    };
    Request {
        model: request.model.clone(),
        system: text(&request.system),
        messages: request.messages.iter().map(message).collect(),
        tools: request.tools.clone(),
        max_tokens: request.max_tokens,
    }
}

/// An answer as it may be kept: all of it, what looks like a secret blacked out.
#[must_use]
pub fn answer(answer: &Answer) -> Answer {
    let kept = |block: &Block| match block {
        Block::Text(text) => Block::Text(secrets::redacted(text)),
        Block::ToolUse { id, name, input } => {
            Block::ToolUse { id: id.clone(), name: name.clone(), input: each(input, &secrets::redacted) }
        }
        Block::ToolResult { id, content, is_error } => {
            Block::ToolResult { id: id.clone(), content: secrets::redacted(content), is_error: *is_error }
        }
        Block::Opaque(value) => Block::Opaque(each(value, &secrets::redacted)),
    };
    Answer { content: answer.content.iter().map(kept).collect(), ..answer.clone() }
}

/// The canonical form of a text.
#[must_use]
pub fn text(text: &str) -> String {
    let plain = secrets::redacted(text);
    PATTERNS.iter().fold(plain, |plain, (pattern, place)| pattern.replace_all(&plain, *place).into_owned())
}

fn given(result: &str) -> String {
    DURATIONS.replace_all(&text(result), "<duration>").into_owned()
}

/// A value with each of its texts changed.
fn each(value: &Value, change: &dyn Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => Value::String(change(text)),
        Value::Array(items) => items.iter().map(|item| each(item, change)).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| (name.clone(), each(value, change))).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

/// The ids of tool calls, by the order in which they were met.
#[derive(Debug, Default)]
struct Ids(HashMap<String, usize>);

impl Ids {
    fn of(&mut self, id: &str) -> String {
        let next = self.0.len() + 1;
        format!("call-{}", self.0.entry(id.to_owned()).or_insert(next))
    }

    fn block(&mut self, block: &Block) -> Block {
        match block {
            Block::Text(said) => Block::Text(text(said)),
            Block::ToolUse { id, name, input } => {
                Block::ToolUse { id: self.of(id), name: name.clone(), input: each(input, &text) }
            }
            Block::ToolResult { id, content, is_error } => {
                Block::ToolResult { id: self.of(id), content: given(content), is_error: *is_error }
            }
            Block::Opaque(value) => Block::Opaque(each(value, &text)),
        }
    }
}
