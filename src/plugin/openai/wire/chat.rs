//! The Chat Completions API: a conversation is a list of messages, and each result of a tool is one.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{output, tool_use};
use crate::money::Usage;
use crate::plugin::model::{Answer, Block, Message, Request, Speaker, Stop, Tool};

/// A request as the API wants it; `length` is the key under which it takes how long the answer may be.
pub(in super::super) fn body(request: &Request, effort: Option<&str>, length: &str) -> Value {
    let mut messages = Vec::new();
    if !request.system.is_empty() {
        messages.push(json!({ "role": "system", "content": request.system }));
    }
    messages.extend(request.messages.iter().flat_map(sent));
    let mut body = json!({ "model": request.model, "messages": messages });
    body[length] = request.max_tokens.into();
    if !request.tools.is_empty() {
        body["tools"] = request.tools.iter().map(tool).collect();
    }
    if let Some(effort) = effort {
        body["reasoning_effort"] = effort.into();
    }
    body
}

fn tool(tool: &Tool) -> Value {
    let function =
        json!({ "name": tool.name, "description": tool.description, "parameters": tool.input_schema });
    json!({ "type": "function", "function": function })
}

fn sent(message: &Message) -> Vec<Value> {
    match message.role {
        Speaker::User => told(message),
        Speaker::Assistant => said(message).into_iter().collect(),
    }
}

/// Results come first: each call is answered before anything else is said.
fn told(message: &Message) -> Vec<Value> {
    let results = message.content.iter().filter_map(|block| match block {
        Block::ToolResult { id, content, is_error } => {
            Some(json!({ "role": "tool", "tool_call_id": id, "content": output(content, *is_error) }))
        }
        _ => None,
    });
    let words = words(message).map(|text| json!({ "role": "user", "content": text }));
    results.chain(words).collect()
}

fn said(message: &Message) -> Option<Value> {
    let calls = message.content.iter().filter_map(|block| match block {
        Block::ToolUse { id, name, input } => {
            let function = json!({ "name": name, "arguments": input.to_string() });
            Some(json!({ "id": id, "type": "function", "function": function }))
        }
        _ => None,
    });
    let calls: Vec<Value> = calls.collect();
    let words = words(message);
    if calls.is_empty() {
        return words.map(|text| json!({ "role": "assistant", "content": text }));
    }
    Some(json!({ "role": "assistant", "content": words, "tool_calls": calls }))
}

/// All that a message says in words.
fn words(message: &Message) -> Option<String> {
    let texts = message.content.iter().filter_map(|block| match block {
        Block::Text(text) if !text.trim().is_empty() => Some(text.as_str()),
        _ => None,
    });
    let texts: Vec<_> = texts.collect();
    (!texts.is_empty()).then(|| texts.join("\n\n"))
}

#[derive(Debug, Deserialize)]
pub(in super::super) struct Reply {
    choices: Vec<Choice>,
    usage: Option<ReplyUsage>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Choice {
    finish_reason: Option<String>,
    message: ReplyMessage,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ReplyMessage {
    content: Option<String>,
    refusal: Option<String>,
    tool_calls: Option<Vec<ToolCall>>,
}

#[derive(Debug, Deserialize)]
struct ToolCall {
    #[serde(default)]
    id: String,
    function: Function,
}

#[derive(Debug, Deserialize)]
struct Function {
    name: String,
    #[serde(default)]
    arguments: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ReplyUsage {
    prompt_tokens: u64,
    completion_tokens: u64,
    prompt_tokens_details: Option<PromptDetails>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PromptDetails {
    cached_tokens: Option<u64>,
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Self {
        let Choice { finish_reason, message } = reply.choices.into_iter().next().unwrap_or_default();
        let calls = message.tool_calls.unwrap_or_default();
        let stop = match finish_reason.as_deref() {
            Some("length") => Stop::MaxTokens,
            Some("content_filter") => Stop::Refusal,
            // Some servers end with `stop` after calls as well.
            _ if !calls.is_empty() => Stop::ToolUse,
            _ if message.refusal.is_some() => Stop::Refusal,
            _ => Stop::EndTurn,
        };
        let words = [message.content, message.refusal].into_iter().flatten();
        let words = words.filter(|text| !text.is_empty()).map(Block::Text);
        let calls =
            calls.iter().map(|call| tool_use(&call.id, &call.function.name, &call.function.arguments));
        let usage = reply.usage.unwrap_or_default().into();
        Self { content: words.chain(calls).collect(), stop, usage, replayed: false }
    }
}

impl From<ReplyUsage> for Usage {
    fn from(usage: ReplyUsage) -> Self {
        let cache_read = usage.prompt_tokens_details.and_then(|details| details.cached_tokens).unwrap_or(0);
        Self {
            input: usage.prompt_tokens.saturating_sub(cache_read),
            output: usage.completion_tokens,
            cache_write: 0,
            cache_read,
        }
    }
}
