//! Language models: a conversation with tools, in the words that all providers share.

use std::fmt::Debug;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Call;
use crate::money::Usage;

/// A provider of language models.
pub trait Model: Debug + Send + Sync {
    /// Lets a model answer. A refused or failed call that the provider bills is still an error here;
    /// what it cost is settled by the caller's reservation.
    fn answer<'a>(&'a self, request: &'a Request) -> Call<'a, Answer>;
}

/// A conversation that waits for the model's turn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// The model's name.
    pub model: String,
    /// The system prompt.
    pub system: String,
    /// The turns so far; the last one is the user's.
    pub messages: Vec<Message>,
    /// The tools it may call.
    pub tools: Vec<Tool>,
    /// Tokens that the answer may have.
    pub max_tokens: u32,
}

/// One turn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Whose.
    pub role: Speaker,
    /// What it holds.
    pub content: Vec<Block>,
}

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speaker {
    /// Ostler's.
    User,
    /// The model's.
    Assistant,
}

/// A part of a turn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Block {
    /// Text.
    Text(String),
    /// The model wants a tool to be used.
    ToolUse {
        /// What the result must name.
        id: String,
        /// The tool.
        name: String,
        /// Its arguments.
        input: Value,
    },
    /// What a tool gave.
    ToolResult {
        /// The use that it answers.
        id: String,
        /// What it gave.
        content: String,
        /// Whether it failed.
        is_error: bool,
    },
    /// Something of the provider's own (thinking), to be sent back unchanged.
    Opaque(Value),
}

/// A tool, as the model sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The JSON Schema of its arguments.
    pub input_schema: Value,
}

/// The model's turn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// What it holds.
    pub content: Vec<Block>,
    /// Why it ended.
    pub stop: Stop,
    /// What it used.
    pub usage: Usage,
    /// Whether it comes from a cassette: then nothing was paid for it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub replayed: bool,
}

impl Answer {
    /// The tokens that are paid for.
    #[must_use]
    pub fn paid(&self) -> Usage {
        if self.replayed { Usage::default() } else { self.usage }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// Why a model's turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// It had said all.
    EndTurn,
    /// It wants tools to be used.
    ToolUse,
    /// Its answer was as long as it may be.
    MaxTokens,
    /// It will not answer this.
    Refusal,
    /// The conversation is longer than it can hold.
    ContextFull,
    /// It wants to go on after a pause.
    Pause,
}
