//! What an agent and its tools have said to each other: the agent's whole state.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::money::{Money, Usage};
use crate::plugin::model::{Answer, Block, Stop};

/// All turns so far, oldest first. Every turn but the last has its results, unless nothing was to be run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Transcript {
    /// The turns.
    pub turns: Vec<Turn>,
    /// The accounts that stand for the older of them; the last one counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub condensed: Vec<Condensed>,
}

/// An account of the older turns, paid for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Condensed {
    /// How many turns it stands for, from the first.
    pub covers: usize,
    /// How many there were when it was made.
    pub at_turn: usize,
    /// What it says.
    pub account: String,
    /// What it used.
    pub usage: Usage,
    /// What it cost.
    pub cost: Money,
    /// When it was recorded.
    pub at: Timestamp,
}

/// A model's answer and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Turn {
    /// What the model said.
    pub said: Answered,
    /// What its tools gave, once they have run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ran: Option<Ran>,
}

/// A model's answer, paid for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answered {
    /// The answer.
    pub answer: Answer,
    /// The model that gave it, where that was not the one to be asked first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// What it cost.
    pub cost: Money,
    /// When it was recorded.
    pub at: Timestamp,
    /// What people had said since the answer before it, and this one has read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub told: Vec<Told>,
}

/// Something that a person said to the agent while it worked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Who.
    pub by: String,
    /// What.
    pub text: String,
}

/// What the tools of one turn gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ran {
    /// One result for each call, in the calls' order.
    pub results: Vec<ToolResult>,
    /// The files after the last of them.
    pub tree: String,
    /// When they were recorded.
    pub at: Timestamp,
}

/// A tool that the model wants to be used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// What the result must name.
    pub id: String,
    /// The tool.
    pub name: String,
    /// Its arguments.
    pub input: Value,
}

/// What a tool gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolResult {
    /// The call that it answers.
    pub id: String,
    /// What the model reads.
    pub content: String,
    /// Whether the tool failed.
    #[serde(default)]
    pub is_error: bool,
    /// Whether the call was not one that could be run: an unknown tool, or arguments that do not fit.
    #[serde(default)]
    pub malformed: bool,
    /// The agent's answer, where the call was a `finish` with all that it needs. Together with an error it is one that
    /// was given back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Map<String, Value>>,
}

/// Why nothing of an answer can be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It was as long as it may be, so its end is missing.
    Cut,
    /// Two calls go by one id, or one has none.
    Ids,
    /// A call's arguments are not an object.
    Arguments,
    /// It calls no tool.
    NoCall,
}

impl Transcript {
    /// Adds a model's answer.
    pub fn answered(&mut self, said: Answered) {
        self.turns.push(Turn { said, ran: None });
    }

    /// Adds what the last answer's tools gave.
    pub fn ran(&mut self, ran: Ran) {
        if let Some(turn) = self.turns.last_mut() {
            turn.ran = Some(ran);
        }
    }

    /// Adds an account of the older turns.
    pub fn condense(&mut self, condensed: Condensed) {
        self.condensed.push(condensed);
    }

    /// How many turns the newest account stands for.
    #[must_use]
    pub fn covered(&self) -> usize {
        self.condensed.last().map_or(0, |condensed| condensed.covers)
    }

    /// Whether an account was the last thing that was added.
    #[must_use]
    pub fn is_condensed_now(&self) -> bool {
        self.condensed.last().is_some_and(|condensed| condensed.at_turn == self.turns.len())
    }

    /// The number of the turn that the next answer will be, from 1.
    #[must_use]
    pub fn next_turn(&self) -> usize {
        self.turns.len() + 1
    }

    /// The files after the last tool that is recorded.
    #[must_use]
    pub fn tree(&self) -> Option<&str> {
        self.turns.iter().rev().find_map(|turn| turn.ran.as_ref()).map(|ran| ran.tree.as_str())
    }

    /// How much of what people said the answers have read.
    #[must_use]
    pub fn heard(&self) -> usize {
        self.turns.iter().map(|turn| turn.said.told.len()).sum()
    }

    /// What all answers and accounts cost.
    #[must_use]
    pub fn cost(&self) -> Money {
        let accounts = self.condensed.iter().map(|condensed| condensed.cost);
        self.turns.iter().map(|turn| turn.said.cost).chain(accounts).sum()
    }

    /// What all answers and accounts used.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let accounts = self.condensed.iter().map(|condensed| condensed.usage);
        let turns = self.turns.iter().map(|turn| turn.said.answer.usage);
        turns.chain(accounts).fold(Usage::default(), |sum, usage| sum + usage)
    }
}

impl Turn {
    /// The tools that the answer calls, in order.
    #[must_use]
    pub fn calls(&self) -> Vec<ToolCall> {
        let blocks = self.said.answer.content.iter();
        let calls = blocks.filter_map(|block| match block {
            Block::ToolUse { id, name, input } => {
                Some(ToolCall { id: id.clone(), name: name.clone(), input: input.clone() })
            }
            Block::Text(_) | Block::ToolResult { .. } | Block::Opaque(_) => None,
        });
        calls.collect()
    }

    /// Why nothing of the answer can be run, if so. Such calls are never executed, and they are not sent
    /// back either: a provider refuses a conversation that holds them.
    #[must_use]
    pub fn fault(&self) -> Option<Fault> {
        let calls = self.calls();
        match self.said.answer.stop {
            Stop::MaxTokens | Stop::ContextFull => Some(Fault::Cut),
            Stop::Pause => None,
            _ if calls.is_empty() => Some(Fault::NoCall),
            _ if has_bad_ids(&calls) => Some(Fault::Ids),
            _ if calls.iter().any(|call| !call.input.is_object()) => Some(Fault::Arguments),
            _ => None,
        }
    }

    /// Whether the turn was of no use because of its form: nothing of it could be run.
    #[must_use]
    pub fn is_malformed(&self) -> bool {
        let all_malformed = |ran: &Ran| ran.results.iter().all(|result| result.malformed);
        self.fault().is_some() || self.ran.as_ref().is_some_and(all_malformed)
    }
}

impl Fault {
    /// What the model is told.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            Self::Cut => {
                "Your answer reached the limit on its length and was cut. Nothing of it was run. \
                 Answer again in smaller steps."
            }
            Self::Ids => {
                "Every tool call needs an id of its own. Nothing was run. Call the tools again, \
                 one at a time."
            }
            Self::Arguments => {
                "A tool's arguments must be a JSON object. Nothing was run. Call the tools again."
            }
            Self::NoCall => {
                "You called no tool. Go on with the work, or call `finish` if it is done or cannot be done."
            }
        }
    }
}

fn has_bad_ids(calls: &[ToolCall]) -> bool {
    calls
        .iter()
        .enumerate()
        .any(|(place, call)| call.id.is_empty() || calls[..place].iter().any(|earlier| earlier.id == call.id))
}
