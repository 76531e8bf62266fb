//! The Messages API's own shapes.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::money::Usage;
use crate::plugin::Problem;
use crate::plugin::client::{Answer as HttpAnswer, Dialect};
use crate::plugin::model::{Answer, Block, Message, Request, Speaker, Stop, Tool};

/// A request as the API wants it. The system prompt and the conversation so far end in marks for the
/// provider's cache, since the next turn begins with the same words.
pub(super) fn body(request: &Request) -> Value {
    let mut messages: Vec<Value> = request.messages.iter().map(message).collect();
    if let Some(block) = messages.last_mut().and_then(|last| last["content"].as_array_mut()?.last_mut()) {
        mark(block);
    }
    let mut body = json!({
        "model": request.model,
        "max_tokens": request.max_tokens,
        "messages": messages,
    });
    if !request.system.is_empty() {
        let mut system = json!({ "type": "text", "text": request.system });
        mark(&mut system);
        body["system"] = json!([system]);
    }
    if !request.tools.is_empty() {
        body["tools"] = request.tools.iter().map(tool).collect();
    }
    body
}

fn mark(block: &mut Value) {
    // Thinking is cached with what follows it and may not be marked itself.
    if !matches!(block["type"].as_str(), Some("thinking" | "redacted_thinking")) {
        block["cache_control"] = json!({ "type": "ephemeral" });
    }
}

fn tool(tool: &Tool) -> Value {
    json!({ "name": tool.name, "description": tool.description, "input_schema": tool.input_schema })
}

fn message(message: &Message) -> Value {
    let role = match message.role {
        Speaker::User => "user",
        Speaker::Assistant => "assistant",
    };
    // Results come before text: text between a use and its result is refused.
    let (results, others): (Vec<_>, Vec<_>) =
        message.content.iter().partition(|block| matches!(block, Block::ToolResult { .. }));
    let content: Vec<Value> = results.into_iter().chain(others).filter_map(block).collect();
    json!({ "role": role, "content": content })
}

fn block(block: &Block) -> Option<Value> {
    Some(match block {
        // An empty text is refused.
        Block::Text(text) if text.trim().is_empty() => return None,
        Block::Text(text) => json!({ "type": "text", "text": text }),
        Block::ToolUse { id, name, input } => {
            json!({ "type": "tool_use", "id": id, "name": name, "input": input })
        }
        Block::ToolResult { id, content, is_error } => {
            json!({ "type": "tool_result", "tool_use_id": id, "content": content, "is_error": is_error })
        }
        // What a model of another provider has reasoned is nothing to this one.
        Block::Opaque(value) if value["type"] == "reasoning" => return None,
        Block::Opaque(value) => value.clone(),
    })
}

#[derive(Debug, Deserialize)]
pub(super) struct Reply {
    content: Vec<Value>,
    stop_reason: Option<String>,
    #[serde(default)]
    usage: ReplyUsage,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ReplyUsage {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Self {
        let usage = Usage {
            input: reply.usage.input_tokens.unwrap_or(0),
            output: reply.usage.output_tokens.unwrap_or(0),
            cache_write: reply.usage.cache_creation_input_tokens.unwrap_or(0),
            cache_read: reply.usage.cache_read_input_tokens.unwrap_or(0),
        };
        Self {
            content: reply.content.into_iter().map(read_block).collect(),
            stop: stop(reply.stop_reason.as_deref()),
            usage,
            replayed: false,
        }
    }
}

fn stop(reason: Option<&str>) -> Stop {
    match reason {
        Some("tool_use") => Stop::ToolUse,
        Some("max_tokens") => Stop::MaxTokens,
        Some("refusal") => Stop::Refusal,
        Some("pause_turn") => Stop::Pause,
        Some("model_context_window_exceeded") => Stop::ContextFull,
        _ => Stop::EndTurn,
    }
}

/// Blocks that Ostler has no word for go back as they came.
fn read_block(value: Value) -> Block {
    let text = |name: &str| value[name].as_str().map(str::to_owned);
    match value["type"].as_str() {
        Some("text") if value.get("citations").is_none_or(Value::is_null) => {
            Block::Text(text("text").unwrap_or_default())
        }
        Some("tool_use") => Block::ToolUse {
            id: text("id").unwrap_or_default(),
            name: text("name").unwrap_or_default(),
            input: value
                .get("input")
                .filter(|input| input.is_object())
                .cloned()
                .unwrap_or(Value::Object(Map::new())),
        },
        _ => Block::Opaque(value),
    }
}

/// Whether a refusal says, as it does in words only, that the conversation is longer than the model can hold.
fn is_too_long(message: &str) -> bool {
    message.starts_with("prompt is too long") || message.contains("exceed context limit")
}

/// How Anthropic says what went wrong.
pub(super) const DIALECT: Dialect = Dialect { message: said, problem: failed };

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Failure {
    error: FailureError,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct FailureError {
    r#type: String,
    message: String,
    details: Option<FailureDetails>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct FailureDetails {
    error_code: Option<String>,
}

fn failure(body: &[u8]) -> FailureError {
    serde_json::from_slice::<Failure>(body).unwrap_or_default().error
}

fn said(body: &[u8]) -> Option<String> {
    let FailureError { r#type, message, .. } = failure(body);
    (!r#type.is_empty()).then(|| format!("{message} ({})", r#type))
}

/// What a message says when the account's credit is used up. It comes as a request that is invalid, which it is not.
const NO_CREDIT: &str = "credit balance is too low";

/// Limits of spending come as 429 like limits of speed, or as 400 like mistakes; only a person can raise them.
fn failed(answer: &HttpAnswer) -> Option<Problem> {
    if answer.status.is_success() {
        return None;
    }
    let error = failure(&answer.body);
    let code = error.details.and_then(|details| details.error_code).unwrap_or_default();
    match (error.r#type.as_str(), code.as_str()) {
        ("billing_error", _) | (_, "enforced_spend_limit_reached" | "contract_spend_limit_reached") => {
            Some(Problem::Exhausted)
        }
        // What a gateway passes on of another provider.
        ("insufficient_quota", _) => Some(Problem::Exhausted),
        _ if error.message.to_lowercase().contains(NO_CREDIT) => Some(Problem::Exhausted),
        ("invalid_request_error", _) if is_too_long(&error.message) => Some(Problem::TooLong),
        _ => None,
    }
}
