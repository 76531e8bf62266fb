//! The Responses API: a conversation is a list of items. Nothing is stored with OpenAI; what a model reasoned comes
//! encrypted and goes back with the calls that it led to.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{FailureError, output, problem, tool_use};
use crate::money::Usage;
use crate::plugin::Problem;
use crate::plugin::model::{Answer, Block, Message, Request, Speaker, Stop, Tool};

/// A request as the API wants it.
pub(in super::super) fn body(request: &Request, effort: Option<&str>) -> Value {
    let mut body = json!({
        "model": request.model,
        "input": request.messages.iter().flat_map(items).collect::<Vec<_>>(),
        "max_output_tokens": request.max_tokens,
        "store": false,
    });
    if !request.system.is_empty() {
        body["instructions"] = request.system.as_str().into();
    }
    if !request.tools.is_empty() {
        body["tools"] = request.tools.iter().map(tool).collect();
    }
    if let Some(effort) = effort {
        body["reasoning"] = json!({ "effort": effort });
    }
    body
}

fn tool(tool: &Tool) -> Value {
    json!({
        "type": "function", "name": tool.name, "description": tool.description,
        "parameters": tool.input_schema, "strict": false,
    })
}

fn items(message: &Message) -> Vec<Value> {
    let calls = message.content.iter().any(|block| matches!(block, Block::ToolUse { .. }));
    let (results, others): (Vec<_>, Vec<_>) =
        message.content.iter().partition(|block| matches!(block, Block::ToolResult { .. }));
    results.into_iter().chain(others).filter_map(|block| item(message.role, block, calls)).collect()
}

fn item(role: Speaker, block: &Block, calls: bool) -> Option<Value> {
    Some(match block {
        Block::Text(text) if text.trim().is_empty() => return None,
        Block::Text(text) => {
            let role = match role {
                Speaker::User => "user",
                Speaker::Assistant => "assistant",
            };
            json!({ "type": "message", "role": role, "content": text })
        }
        Block::ToolUse { id, name, input } => {
            json!({ "type": "function_call", "call_id": id, "name": name, "arguments": input.to_string() })
        }
        Block::ToolResult { id, content, is_error } => {
            json!({ "type": "function_call_output", "call_id": id, "output": output(content, *is_error) })
        }
        // What was reasoned is refused without what it led to, and without its content nobody can read it.
        Block::Opaque(value)
            if calls && value["type"] == "reasoning" && value["encrypted_content"].is_string() =>
        {
            value.clone()
        }
        Block::Opaque(_) => return None,
    })
}

#[derive(Debug, Deserialize)]
pub(in super::super) struct Reply {
    status: Option<String>,
    #[serde(default)]
    output: Vec<Value>,
    error: Option<FailureError>,
    incomplete_details: Option<Incomplete>,
    usage: Option<ReplyUsage>,
}

#[derive(Debug, Deserialize)]
struct Incomplete {
    reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ReplyUsage {
    input_tokens: u64,
    input_tokens_details: InputDetails,
    output_tokens: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct InputDetails {
    cached_tokens: Option<u64>,
    cache_write_tokens: Option<u64>,
}

impl Reply {
    /// The model's turn, or what went wrong after the request was taken.
    pub(in super::super) fn into_answer(self) -> Result<Answer, (Problem, String)> {
        if self.status.as_deref() == Some("failed") {
            let error = self.error.unwrap_or_default();
            let message = error.message.clone().unwrap_or_else(|| "the answer failed".to_owned());
            // What it took until then may be billed.
            return Err((problem(&error).unwrap_or(Problem::Unknown), message));
        }
        let stop = self.stop();
        Ok(Answer {
            content: self.output.into_iter().flat_map(read_item).collect(),
            stop,
            usage: self.usage.unwrap_or_default().into(),
            replayed: false,
        })
    }

    fn stop(&self) -> Stop {
        let reason = self.incomplete_details.as_ref().and_then(|details| details.reason.as_deref());
        let is_refusal = |item: &Value| {
            item["content"].as_array().is_some_and(|parts| parts.iter().any(|part| part["type"] == "refusal"))
        };
        match (self.status.as_deref(), reason) {
            (_, Some("content_filter")) => Stop::Refusal,
            (Some("incomplete"), _) => Stop::MaxTokens,
            _ if self.output.iter().any(|item| item["type"] == "function_call") => Stop::ToolUse,
            _ if self.output.iter().any(is_refusal) => Stop::Refusal,
            _ => Stop::EndTurn,
        }
    }
}

fn read_item(item: Value) -> Vec<Block> {
    let text = |name: &str| item[name].as_str().unwrap_or_default();
    match item["type"].as_str() {
        Some("function_call") => vec![tool_use(text("call_id"), text("name"), text("arguments"))],
        Some("message") => {
            let parts = item["content"].as_array().into_iter().flatten();
            let said = parts.filter_map(|part| part["text"].as_str().or(part["refusal"].as_str()));
            said.map(|text| Block::Text(text.to_owned())).collect()
        }
        _ => vec![Block::Opaque(item)],
    }
}

impl From<ReplyUsage> for Usage {
    /// All that was read counts as input there, also what came from the cache or went into it.
    fn from(usage: ReplyUsage) -> Self {
        let cache_read = usage.input_tokens_details.cached_tokens.unwrap_or(0);
        let cache_write = usage.input_tokens_details.cache_write_tokens.unwrap_or(0);
        let input = usage.input_tokens.saturating_sub(cache_read).saturating_sub(cache_write);
        Self { input, output: usage.output_tokens, cache_write, cache_read }
    }
}
