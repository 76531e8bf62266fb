//! What an agent remembers across a crash: its start, two facts a turn, and each account of older turns.

use std::fmt::Debug;

use futures_util::future::BoxFuture;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::turn::{Answered, Condensed, Ran, Transcript};

/// Where an attempt's facts are kept, each under its name.
pub trait Memory: Debug + Send + Sync {
    /// The fact of this name.
    fn recall(&self, name: &str) -> Option<Value>;

    /// Keeps a fact; durable when it resolves.
    fn remember<'a>(&'a self, name: &'a str, value: Value) -> BoxFuture<'a, Result<(), Forgotten>>;
}

/// A fact that could not be kept, or not be read back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Forgotten {
    /// It could not be kept: somebody else has the run now.
    #[error("{0}")]
    Lost(String),
    /// It is there and is not what it should be.
    #[error("the recorded fact `{name}` cannot be read: {message}")]
    Unreadable {
        /// Its name.
        name: String,
        /// What is wrong with it.
        message: String,
    },
}

/// What an attempt began with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// The model that was to be asked first.
    #[serde(default)]
    pub model: String,
    /// The commit that the files were taken from.
    #[serde(default)]
    pub base: String,
    /// The files.
    pub tree: String,
    /// The system prompt.
    pub system: String,
    /// The first message.
    pub opening: String,
}

impl Start {
    /// What this attempt began with, if it has.
    ///
    /// # Errors
    /// When the fact cannot be read.
    pub fn recall(memory: &dyn Memory) -> Result<Option<Self>, Forgotten> {
        recall(memory, "start")
    }

    /// Keeps what this attempt begins with.
    ///
    /// # Errors
    /// When it cannot be kept.
    pub async fn remember(&self, memory: &dyn Memory) -> Result<(), Forgotten> {
        remember(memory, "start", self).await
    }
}

impl Transcript {
    /// The turns that are recorded.
    ///
    /// # Errors
    /// When one of them cannot be read.
    pub fn recall(memory: &dyn Memory) -> Result<Self, Forgotten> {
        let mut transcript = Self::default();
        while let Some(said) = recall(memory, &answer_name(transcript.next_turn()))? {
            transcript.answered(said);
            if let Some(ran) = recall(memory, &results_name(transcript.turns.len()))? {
                transcript.ran(ran);
            }
        }
        while let Some(condensed) = recall(memory, &condensed_name(transcript.condensed.len() + 1))? {
            transcript.condense(condensed);
        }
        Ok(transcript)
    }
}

/// Keeps a turn's answer.
///
/// # Errors
/// When it cannot be kept.
pub async fn remember_answer(memory: &dyn Memory, turn: usize, said: &Answered) -> Result<(), Forgotten> {
    remember(memory, &answer_name(turn), said).await
}

/// Keeps what a turn's tools gave.
///
/// # Errors
/// When it cannot be kept.
pub async fn remember_results(memory: &dyn Memory, turn: usize, ran: &Ran) -> Result<(), Forgotten> {
    remember(memory, &results_name(turn), ran).await
}

/// Keeps an account of older turns: the `number`th, from 1.
///
/// # Errors
/// When it cannot be kept.
pub async fn remember_condensed(
    memory: &dyn Memory,
    number: usize,
    condensed: &Condensed,
) -> Result<(), Forgotten> {
    remember(memory, &condensed_name(number), condensed).await
}

/// The name under which a fact of an attempt stands among those of its step.
#[must_use]
pub fn name_in_step(attempt: u32, name: &str) -> String {
    format!("attempt-{attempt}/{name}")
}

fn condensed_name(number: usize) -> String {
    format!("condensed-{number:04}")
}

fn answer_name(turn: usize) -> String {
    format!("turn-{turn:04}/answer")
}

fn results_name(turn: usize) -> String {
    format!("turn-{turn:04}/results")
}

fn recall<T: DeserializeOwned>(memory: &dyn Memory, name: &str) -> Result<Option<T>, Forgotten> {
    let Some(value) = memory.recall(name) else { return Ok(None) };
    serde_json::from_value(value).map(Some).map_err(|error| unreadable(name, &error))
}

async fn remember<T: Serialize + Sync>(memory: &dyn Memory, name: &str, fact: &T) -> Result<(), Forgotten> {
    let value = serde_json::to_value(fact).map_err(|error| unreadable(name, &error))?;
    memory.remember(name, value).await
}

fn unreadable(name: &str, error: &serde_json::Error) -> Forgotten {
    Forgotten::Unreadable { name: name.to_owned(), message: error.to_string() }
}
