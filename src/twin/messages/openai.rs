//! The same scripts behind OpenAI's APIs: what comes is put into the words of the Messages API, whose rules it must
//! keep there as well, and what is played is put back.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value, json};
use subtle::ConstantTimeEq as _;

use super::play::{self, Turn};
use super::request::Request;
use crate::id::Digest;
use crate::twin::world::World;

/// The APIs.
pub(in crate::twin) fn routes() -> Router<Arc<World>> {
    Router::new()
        .route("/v1/responses", post(responses))
        .route("/v1/chat/completions", post(chat))
        .route("/v1/models", get(models))
}

/// A request that is not played: its status, OpenAI's code for it, and the sentence.
type Refusal = (StatusCode, &'static str, String);

async fn models(State(world): State<Arc<World>>, headers: HeaderMap) -> Response {
    match authorize(&world, &headers) {
        Ok(()) => {
            Json(json!({"object": "list", "data": [{"id": "scripted", "object": "model"}]})).into_response()
        }
        Err(refusal) => refuse(refusal),
    }
}

async fn responses(State(world): State<Arc<World>>, headers: HeaderMap, body: Bytes) -> Response {
    let (known, told) = (&RESPONSES[..], from_items as fn(&Value) -> Value);
    answer(play(&world, &headers, (&body, known), told).map(|(id, turn, usage)| {
        let cut = match turn.stop.as_str() {
            "max_tokens" => json!({"reason": "max_output_tokens"}),
            "refusal" => json!({"reason": "content_filter"}),
            _ => Value::Null,
        };
        let status = if cut.is_null() { "completed" } else { "incomplete" };
        let status = json!({"id": format!("resp_{id}"), "object": "response", "status": status, "error": null,
            "incomplete_details": cut, "output": turn.content.iter().map(item).collect::<Vec<_>>()});
        let used = json!({"usage": {"input_tokens": usage.read, "output_tokens": usage.written,
            "total_tokens": usage.read + usage.written, "input_tokens_details": {"cached_tokens": 0}}});
        joined(status, used)
    }))
}

async fn chat(State(world): State<Arc<World>>, headers: HeaderMap, body: Bytes) -> Response {
    let (known, told) = (&CHAT[..], from_messages as fn(&Value) -> Value);
    answer(play(&world, &headers, (&body, known), told).map(|(id, turn, usage)| {
        let reason = match turn.stop.as_str() {
            "tool_use" => "tool_calls",
            "max_tokens" => "length",
            "refusal" => "content_filter",
            _ => "stop",
        };
        let choice = json!({"index": 0, "finish_reason": reason, "message": said(&turn.content)});
        json!({"id": format!("chatcmpl-{id}"), "object": "chat.completion", "choices": [choice],
            "usage": {"prompt_tokens": usage.read, "completion_tokens": usage.written,
                "total_tokens": usage.read + usage.written}})
    }))
}

/// The members that a request may have.
const RESPONSES: [&str; 8] =
    ["model", "input", "instructions", "tools", "max_output_tokens", "store", "reasoning", "tool_choice"];
const CHAT: [&str; 7] =
    ["model", "messages", "tools", "max_completion_tokens", "max_tokens", "reasoning_effort", "tool_choice"];

/// How many tokens were read and written.
struct Used {
    read: u64,
    written: u64,
}

fn play(
    world: &World,
    headers: &HeaderMap,
    (body, known): (&[u8], &[&str]),
    told: fn(&Value) -> Value,
) -> Result<(String, Turn, Used), Refusal> {
    authorize(world, headers)?;
    let invalid = |message: String| (StatusCode::BAD_REQUEST, "invalid_request_error", message);
    let body: Value = serde_json::from_slice(body).map_err(|error| invalid(error.to_string()))?;
    let strange = body.as_object().into_iter().flatten().find(|(name, _)| !known.contains(&name.as_str()));
    if let Some((name, _)) = strange {
        return Err(invalid(format!("Unknown parameter: '{name}'.")));
    }
    let told = told(&body).to_string();
    let request = Request::read(told.as_bytes(), super::VERSIONS[0]).map_err(invalid)?;
    let turn = play::turn(&world.scripts, &request);
    let usage = request.usage(&Value::Array(turn.content.clone()));
    let count = |name: &str| usage[name].as_u64().unwrap_or(0);
    let used = Used { read: count("input_tokens"), written: count("output_tokens") };
    Ok((Digest::of(told.as_bytes()).to_string()[..24].to_owned(), turn, used))
}

fn authorize(world: &World, headers: &HeaderMap) -> Result<(), Refusal> {
    let expected = format!("Bearer {}", world.secrets.model_key.expose_secret());
    let given = headers.get("authorization").map_or(&b""[..], |value| value.as_bytes());
    let wrong = || (StatusCode::UNAUTHORIZED, "invalid_api_key", "Incorrect API key provided.".to_owned());
    bool::from(expected.as_bytes().ct_eq(given)).then_some(()).ok_or_else(wrong)
}

fn answer(played: Result<Value, Refusal>) -> Response {
    played.map_or_else(refuse, |body| Json(body).into_response())
}

fn refuse((status, code, message): Refusal) -> Response {
    let error = json!({"message": message, "type": "invalid_request_error", "param": null, "code": code});
    (status, Json(json!({ "error": error }))).into_response()
}

fn joined(mut one: Value, other: Value) -> Value {
    if let (Value::Object(one), Value::Object(other)) = (&mut one, other) {
        one.extend(other);
    }
    one
}

/// A request of the Responses API in the words of the Messages API.
fn from_items(body: &Value) -> Value {
    let items = body["input"].as_array().into_iter().flatten();
    let parts = items.filter_map(|item| {
        let text = |name: &str| item[name].as_str().unwrap_or_default();
        match item["type"].as_str() {
            Some("message") => Some((text("role").to_owned(), words(&item["content"]))),
            Some("function_call") => {
                Some(("assistant".to_owned(), used(&item["call_id"], &item["name"], &item["arguments"])))
            }
            Some("function_call_output") => {
                Some(("user".to_owned(), gave(&item["call_id"], &item["output"])))
            }
            _ => None,
        }
    });
    let tools = body["tools"].as_array().into_iter().flatten().map(offered).collect();
    request(body, &body["max_output_tokens"], &body["instructions"], (parts.collect(), tools))
}

/// A request of Chat Completions in the words of the Messages API.
fn from_messages(body: &Value) -> Value {
    let (mut system, mut parts) = (Value::Null, Vec::new());
    for message in body["messages"].as_array().into_iter().flatten() {
        let role = message["role"].as_str().unwrap_or_default();
        match role {
            "system" => system = message["content"].clone(),
            "tool" => parts.push(("user".to_owned(), gave(&message["tool_call_id"], &message["content"]))),
            _ => {
                if message["content"].is_string() {
                    parts.push((role.to_owned(), words(&message["content"])));
                }
                let calls = message["tool_calls"].as_array().into_iter().flatten();
                parts.extend(calls.map(|call| {
                    let function = &call["function"];
                    (role.to_owned(), used(&call["id"], &function["name"], &function["arguments"]))
                }));
            }
        }
    }
    let tools =
        body["tools"].as_array().into_iter().flatten().map(|tool| offered(&tool["function"])).collect();
    let most =
        if body["max_tokens"].is_null() { &body["max_completion_tokens"] } else { &body["max_tokens"] };
    request(body, most, &system, (parts, tools))
}

type Parts = Vec<(String, Value)>;

fn request(body: &Value, most: &Value, system: &Value, (parts, tools): (Parts, Vec<Value>)) -> Value {
    let mut messages: Vec<(String, Vec<Value>)> = Vec::new();
    for (role, part) in parts {
        match messages.last_mut() {
            Some((last, parts)) if *last == role => parts.push(part),
            _ => messages.push((role, vec![part])),
        }
    }
    let message = |(role, content): &(String, Vec<Value>)| json!({"role": role, "content": content});
    let mut told = json!({"model": body["model"], "max_tokens": most, "tools": tools,
        "messages": messages.iter().map(message).collect::<Vec<_>>()});
    if system.is_string() {
        told["system"] = system.clone();
    }
    told
}

fn words(text: &Value) -> Value {
    json!({"type": "text", "text": text})
}

fn used(id: &Value, name: &Value, arguments: &Value) -> Value {
    let written = arguments.as_str().unwrap_or_default();
    let input = serde_json::from_str(written).unwrap_or(Value::Object(Map::new()));
    json!({"type": "tool_use", "id": id, "name": name, "input": input})
}

fn gave(id: &Value, output: &Value) -> Value {
    json!({"type": "tool_result", "tool_use_id": id, "content": output})
}

fn offered(tool: &Value) -> Value {
    json!({"name": tool["name"], "description": tool["description"], "input_schema": tool["parameters"]})
}

/// A block as an item of the Responses API.
fn item(block: &Value) -> Value {
    if block["type"] == "text" {
        let part = json!({"type": "output_text", "text": block["text"], "annotations": []});
        return json!({"type": "message", "role": "assistant", "status": "completed", "content": [part]});
    }
    json!({"type": "function_call", "call_id": block["id"], "name": block["name"],
        "arguments": block["input"].to_string(), "status": "completed"})
}

/// Blocks as a message of Chat Completions.
fn said(blocks: &[Value]) -> Value {
    let text = blocks.iter().find(|block| block["type"] == "text").map(|block| block["text"].clone());
    let calls = blocks.iter().filter(|block| block["type"] == "tool_use").map(|block| {
        let function = json!({"name": block["name"], "arguments": block["input"].to_string()});
        json!({"id": block["id"], "type": "function", "function": function})
    });
    let calls: Vec<Value> = calls.collect();
    let mut message = json!({"role": "assistant", "content": text});
    if !calls.is_empty() {
        message["tool_calls"] = calls.into();
    }
    message
}
