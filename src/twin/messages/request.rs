//! A request of the Messages API, and the rules that it must keep.

use std::collections::BTreeSet;

use regex::Regex;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::id::Digest;

/// Marks that a request may carry for the cache.
const CACHE_MARKS: usize = 4;

/// A request that keeps the rules.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    /// Of the whole request, as it came.
    #[serde(skip)]
    pub(super) digest: String,
    pub(super) model: String,
    max_tokens: u64,
    pub(super) messages: Vec<Message>,
    #[serde(default)]
    pub(super) system: Value,
    #[serde(default)]
    pub(super) tools: Vec<Tool>,
    #[serde(default)]
    tool_choice: Option<Value>,
    #[serde(default)]
    temperature: Option<f64>,
    #[serde(default)]
    top_p: Option<f64>,
    #[serde(default)]
    top_k: Option<u64>,
    #[serde(default, rename = "thinking")]
    _thinking: Option<Value>,
    #[serde(default, rename = "stop_sequences")]
    _stop_sequences: Option<Vec<String>>,
    #[serde(default)]
    stream: Option<bool>,
    #[serde(default, rename = "metadata")]
    _metadata: Option<Value>,
    #[serde(default, rename = "service_tier")]
    _service_tier: Option<String>,
    #[serde(default)]
    pub(super) output_config: Option<Value>,
    #[serde(default)]
    cache_control: Option<Value>,
}

/// One turn of the conversation.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Message {
    role: String,
    content: Value,
}

/// A tool that the model may call.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tool {
    pub(super) name: String,
    #[serde(default, rename = "description")]
    _description: Option<String>,
    pub(super) input_schema: Value,
    #[serde(default, rename = "strict")]
    _strict: Option<bool>,
    #[serde(default, rename = "cache_control")]
    cache_control: Option<Value>,
    #[serde(default, rename = "type")]
    _kind: Option<String>,
}

impl Message {
    pub(super) fn is_assistants(&self) -> bool {
        self.role == "assistant"
    }

    /// Its blocks; a string is one block of text.
    pub(super) fn blocks(&self) -> Vec<Value> {
        match &self.content {
            Value::Array(blocks) => blocks.clone(),
            text => vec![json!({"type": "text", "text": text})],
        }
    }

    fn of_type<'a>(&self, blocks: &'a [Value], kind: &str) -> Vec<&'a Value> {
        blocks.iter().filter(|block| block["type"] == *kind).collect()
    }

    /// What its texts say, or its tools' results where it has some.
    pub(super) fn text(&self) -> String {
        self.blocks().iter().map(block_text).collect::<Vec<_>>().join("\n")
    }
}

/// The text of a block, or of the result of a tool.
fn block_text(block: &Value) -> String {
    match (&block["type"], &block["content"]) {
        (Value::String(kind), Value::Array(blocks)) if kind == "tool_result" => {
            blocks.iter().map(block_text).collect::<Vec<_>>().join("\n")
        }
        (Value::String(kind), Value::String(text)) if kind == "tool_result" => text.clone(),
        _ => block["text"].as_str().unwrap_or_default().to_owned(),
    }
}

impl Request {
    /// Reads a request; the error is the sentence that the service would say.
    pub(super) fn read(body: &[u8], version: &str) -> Result<Self, String> {
        let mut request: Self = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        request.digest = Digest::of(body).to_string();
        request.check(version)?;
        request.check_tools()?;
        request.check_conversation()?;
        request.check_cache()?;
        Ok(request)
    }

    fn check(&self, version: &str) -> Result<(), String> {
        if self.model.is_empty() {
            return Err("model: String should have at least 1 character".into());
        }
        if self.max_tokens == 0 {
            return Err("max_tokens: Input should be greater than or equal to 1".into());
        }
        let sampled = self.temperature.is_some() || self.top_p.is_some() || self.top_k.is_some();
        if sampled && version != "2023-06-01" {
            return Err("temperature, top_p, top_k: Extra inputs are not permitted".into());
        }
        if self.stream == Some(true) {
            return Err("stream: this twin answers at once, or not at all".into());
        }
        match &self.system {
            Value::Null | Value::String(_) => Ok(()),
            Value::Array(blocks) => blocks.iter().enumerate().try_for_each(|(index, block)| {
                check_block(block, &["text"]).map_err(|why| format!("system.{index}.{why}"))
            }),
            _ => Err("system: Input should be a valid string or list".into()),
        }
    }

    fn check_tools(&self) -> Result<(), String> {
        let name = Regex::new("^[a-zA-Z0-9_-]{1,128}$").map_err(|error| error.to_string())?;
        let mut names = BTreeSet::new();
        for (index, tool) in self.tools.iter().enumerate() {
            if !name.is_match(&tool.name) {
                return Err(format!("tools.{index}.name: String should match pattern '{name}'"));
            }
            if !names.insert(&tool.name) {
                return Err("tools: Tool names must be unique.".into());
            }
            if tool.input_schema["type"] != "object" {
                return Err(format!("tools.{index}.input_schema.type: Input should be 'object'"));
            }
        }
        let chosen = self.tool_choice.as_ref().filter(|choice| choice["type"] == "tool");
        if chosen.is_some_and(|choice| !self.tools.iter().any(|tool| choice["name"] == *tool.name)) {
            return Err("tool_choice: Tool not found in provided tools".into());
        }
        Ok(())
    }

    fn check_conversation(&self) -> Result<(), String> {
        let first = self.messages.first().ok_or("messages: at least one message is required")?;
        if first.is_assistants() {
            return Err("messages: first message must use the \"user\" role".into());
        }
        if self.messages.last().is_some_and(Message::is_assistants) {
            return Err("messages: the conversation must end with a user message".into());
        }
        let mut waiting = Vec::new();
        for (index, message) in self.messages.iter().enumerate() {
            if !["user", "assistant"].contains(&message.role.as_str()) {
                return Err(format!("messages.{index}.role: Input should be 'user' or 'assistant'"));
            }
            if index > 0 && self.messages[index - 1].role == message.role {
                return Err(format!(
                    "messages.{index}: roles must alternate between \"user\" and \"assistant\""
                ));
            }
            waiting = check_message(index, message, &waiting)?;
        }
        Ok(())
    }

    fn check_cache(&self) -> Result<(), String> {
        let in_blocks = |blocks: &Value| {
            let blocks = blocks.as_array().into_iter().flatten();
            blocks.filter(|block| !block["cache_control"].is_null()).count()
        };
        let marks = in_blocks(&self.system)
            + self.messages.iter().map(|message| in_blocks(&message.content)).sum::<usize>()
            + self.tools.iter().filter(|tool| tool.cache_control.is_some()).count();
        if marks > CACHE_MARKS {
            let limit = "A maximum of 4 blocks with cache_control may be provided.";
            return Err(format!("{limit} Found {marks}."));
        }
        Ok(())
    }

    /// The first thing that the user said.
    pub(super) fn opening(&self) -> String {
        self.messages.first().map(Message::text).unwrap_or_default()
    }

    /// The results that the tools of assistant turn `index` gave, as one text.
    pub(super) fn results(&self, index: usize) -> String {
        self.messages.get(2 * index + 2).map(Message::text).unwrap_or_default()
    }

    /// How many turns the model has had.
    pub(super) fn turns(&self) -> usize {
        self.messages.iter().filter(|message| message.is_assistants()).count()
    }

    /// What the request and its answer are billed as: four bytes are a token. With a mark for the cache, what
    /// an earlier request had is read from it and the rest is written to it.
    pub(super) fn usage(&self, answer: &Value) -> Value {
        let tokens = |bytes: usize| bytes.div_ceil(4);
        let sizes: Vec<_> = self.messages.iter().map(|message| message.content.to_string().len()).collect();
        let tools: usize = self.tools.iter().map(|tool| tool.input_schema.to_string().len()).sum();
        let fixed = self.system.to_string().len() + tools;
        let old: usize = sizes.iter().rev().skip(2).sum();
        let new: usize = sizes.iter().rev().take(2).sum();
        let (input, written, read) = match (self.is_cached(), self.turns()) {
            (false, _) => (fixed + old + new, 0, 0),
            (true, 0) => (0, fixed + new, 0),
            (true, _) => (0, new, fixed + old),
        };
        json!({
            "input_tokens": tokens(input),
            "cache_creation_input_tokens": tokens(written),
            "cache_read_input_tokens": tokens(read),
            "cache_creation": {"ephemeral_5m_input_tokens": tokens(written), "ephemeral_1h_input_tokens": 0},
            "output_tokens": tokens(answer.to_string().len()),
            "service_tier": "standard",
        })
    }

    fn is_cached(&self) -> bool {
        let marked = |blocks: &Value| {
            blocks.as_array().into_iter().flatten().any(|block| !block["cache_control"].is_null())
        };
        self.cache_control.is_some()
            || marked(&self.system)
            || self.messages.iter().any(|message| marked(&message.content))
            || self.tools.iter().any(|tool| tool.cache_control.is_some())
    }
}

/// Checks one message against the tools that wait for their results; gives those that wait after it.
fn check_message(index: usize, message: &Message, waiting: &[String]) -> Result<Vec<String>, String> {
    if !message.content.is_string() && !message.content.is_array() {
        return Err(format!("messages.{index}.content: Input should be a valid string or list"));
    }
    let blocks = message.blocks();
    if blocks.is_empty() {
        return Err(format!("messages.{index}: all messages must have non-empty content"));
    }
    let known: &[&str] = match message.role.as_str() {
        "assistant" => &["text", "tool_use", "thinking", "redacted_thinking"],
        _ => &["text", "tool_result", "image", "document"],
    };
    for (at, block) in blocks.iter().enumerate() {
        check_block(block, known).map_err(|why| format!("messages.{index}.content.{at}.{why}"))?;
    }
    let results = message.of_type(&blocks, "tool_result");
    if blocks.iter().take(results.len()).any(|block| block["type"] != "tool_result") {
        return Err(format!("messages.{index}: `tool_result` blocks must come first in the message"));
    }
    check_results(index, &results, waiting)?;
    let uses = message.of_type(&blocks, "tool_use");
    let ids =
        uses.iter().map(|block| block["id"].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>();
    if ids.iter().collect::<BTreeSet<_>>().len() < ids.len() {
        return Err(format!("messages.{index}: `tool_use` ids must be unique"));
    }
    Ok(ids)
}

/// Every use of a tool has exactly one result, in the very next message.
fn check_results(index: usize, results: &[&Value], waiting: &[String]) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for result in results {
        let id = result["tool_use_id"].as_str().unwrap_or_default();
        if !waiting.iter().any(|waits| waits == id) {
            return Err(format!(
                "messages.{index}: unexpected `tool_use_id` found in `tool_result` blocks: {id}. Each \
                 `tool_result` block must have a corresponding `tool_use` block in the previous message."
            ));
        }
        if !seen.insert(id) {
            return Err(format!(
                "messages.{index}: each tool_use must have a single result. Found multiple `tool_result` \
                 blocks with id: {id}"
            ));
        }
    }
    let missing: Vec<_> =
        waiting.iter().filter(|id| !seen.contains(id.as_str())).map(String::as_str).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(format!(
        "messages.{}: `tool_use` ids were found without `tool_result` blocks immediately after: {}. Each \
         `tool_use` block must have a corresponding `tool_result` block in the next message.",
        index.saturating_sub(1),
        missing.join(", ")
    ))
}

/// Checks one block by itself; `known` are the types that may stand here.
fn check_block(block: &Value, known: &[&str]) -> Result<(), String> {
    let kind = block["type"].as_str().unwrap_or_default();
    if !known.contains(&kind) {
        return Err(format!("type: Input tag '{kind}' does not match any of the expected tags: {known:?}"));
    }
    let members: &[&str] = match kind {
        "text" => &["type", "text", "cache_control", "citations"],
        "tool_use" => &["type", "id", "name", "input", "cache_control", "caller"],
        "tool_result" => &["type", "tool_use_id", "content", "is_error", "cache_control"],
        _ => return Ok(()),
    };
    let given = block.as_object().into_iter().flatten();
    if let Some((extra, _)) = given.clone().find(|(name, _)| !members.contains(&name.as_str())) {
        return Err(format!("{kind}.{extra}: Extra inputs are not permitted"));
    }
    match kind {
        "text" if block["text"].as_str().is_none_or(str::is_empty) => {
            Err("text: text content blocks must be non-empty".into())
        }
        "tool_use"
            if !block["id"].is_string() || !block["name"].is_string() || !block["input"].is_object() =>
        {
            Err("tool_use: id, name and input (a dictionary) are required".into())
        }
        "tool_result" if !block["tool_use_id"].is_string() => {
            Err("tool_result.tool_use_id: Field required".into())
        }
        _ => Ok(()),
    }
}
