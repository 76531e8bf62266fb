//! An attempt as JSON lines, for people and tools to read: the export of what is recorded, never a
//! second truth.

use std::collections::{HashMap, HashSet};

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::memory::{self, Forgotten, Memory, Start};
use super::turn::{Transcript, Turn};
use crate::id::{Digest, RunId, StepPath};
use crate::money::Money;
use crate::run::{Entry, Record};

/// The shape of the lines; a reader looks here first.
const SCHEMA: u32 = 1;

/// Whose attempt it was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Whose {
    /// The run.
    pub run: RunId,
    /// The step.
    pub step: StepPath,
    /// The attempt.
    pub attempt: u32,
    /// The model.
    pub model: String,
    /// The commit that the files were taken from.
    pub base: String,
}

/// One attempt's lines: what it began with, then one line for each turn with what all turns cost until then, then one for
/// each account of older turns.
#[must_use]
pub fn render(whose: &Whose, start: &Start, transcript: &Transcript) -> String {
    let head = json!({
        "schema": SCHEMA,
        "attempt": whose,
        "tree": start.tree,
        "system_sha256": Digest::of(start.system.as_bytes()),
        "opening_sha256": Digest::of(start.opening.as_bytes()),
        "system": start.system,
        "opening": start.opening,
    });
    let spent = transcript.turns.iter().scan(Money::ZERO, |spent, turn| {
        *spent = *spent + turn.said.cost;
        Some(*spent)
    });
    let turns = (1_usize..)
        .zip(&transcript.turns)
        .zip(spent)
        .map(|((number, turn), spent)| line(number, turn, spent));
    let accounts = transcript.condensed.iter().map(|condensed| json!({ "condensed": condensed }));
    let lines = std::iter::once(head).chain(turns).chain(accounts);
    lines.map(|line| format!("{line}\n")).collect()
}

fn line(number: usize, turn: &Turn, spent: Money) -> Value {
    json!({ "turn": number, "said": turn.said, "ran": turn.ran, "spent": spent })
}

/// An attempt as its lines tell it.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    /// Whose it was.
    pub whose: Whose,
    /// The files that it began with.
    pub tree: String,
    /// What was said and done, oldest first.
    pub turns: Vec<Turn>,
}

/// Lines that are no trajectory.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct Unreadable {
    line: usize,
    message: String,
}

/// What a first line must have.
#[derive(Debug, Deserialize)]
struct Head {
    schema: u32,
    attempt: Whose,
    tree: String,
}

/// The attempts that lines tell of.
///
/// # Errors
/// When they are of another shape, or none at all.
pub fn read(text: &str) -> Result<Vec<Attempt>, Unreadable> {
    let mut attempts = Vec::new();
    for (line, text) in (1..).zip(text.lines()) {
        take(text, &mut attempts).map_err(|message| Unreadable { line, message })?;
    }
    let none = || Unreadable { line: 1, message: "no attempt begins here".to_owned() };
    if attempts.is_empty() { Err(none()) } else { Ok(attempts) }
}

fn take(line: &str, attempts: &mut Vec<Attempt>) -> Result<(), String> {
    let line: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
    if line.get("schema").is_some() {
        let Head { schema, attempt: whose, tree } =
            serde_json::from_value(line).map_err(|error| error.to_string())?;
        if schema != SCHEMA {
            return Err(format!("a trajectory of the shape {schema}; known is {SCHEMA}"));
        }
        attempts.push(Attempt { whose, tree, turns: Vec::new() });
    } else if line.get("turn").is_some() {
        let turn = serde_json::from_value(line).map_err(|error| error.to_string())?;
        attempts.last_mut().ok_or("a turn of no attempt")?.turns.push(turn);
    }
    Ok(())
}

/// The lines of every attempt that a journal tells of, in the order in which they began. One that cannot be read is
/// left out, and the log says so.
#[must_use]
pub fn of_journal(run: RunId, journal: &[Entry]) -> String {
    let facts = journal.iter().filter_map(|entry| match &entry.record {
        Record::Fact { step, name, value } => Some(((step, name.as_str()), value)),
        _ => None,
    });
    let facts: Facts<'_> = facts.collect();
    let begun = journal.iter().filter_map(|entry| match &entry.record {
        Record::StepStarted { step, attempt, .. } => Some((step, *attempt)),
        _ => None,
    });
    // One that was interrupted begins again.
    let mut known = HashSet::new();
    let attempts = begun.filter(|begun| known.insert(*begun)).filter_map(|(step, attempt)| {
        let recorded = Recorded { facts: &facts, step, attempt };
        let lines = recorded.lines(run);
        lines.inspect_err(|error| tracing::warn!(%run, %step, attempt, %error, "left out")).ok().flatten()
    });
    attempts.collect()
}

/// Values by step and name.
type Facts<'a> = HashMap<(&'a StepPath, &'a str), &'a Value>;

/// An attempt as a journal tells it.
#[derive(Debug)]
struct Recorded<'a> {
    facts: &'a Facts<'a>,
    step: &'a StepPath,
    attempt: u32,
}

impl Recorded<'_> {
    /// Its lines, if an agent worked in it.
    fn lines(&self, run: RunId) -> Result<Option<String>, Forgotten> {
        let Some(start) = Start::recall(self)? else { return Ok(None) };
        let (model, base) = (start.model.clone(), start.base.clone());
        let whose = Whose { run, step: self.step.clone(), attempt: self.attempt, model, base };
        Ok(Some(render(&whose, &start, &Transcript::recall(self)?)))
    }
}

impl Memory for Recorded<'_> {
    fn recall(&self, name: &str) -> Option<Value> {
        let name = memory::name_in_step(self.attempt, name);
        self.facts.get(&(self.step, name.as_str())).map(|value| (*value).clone())
    }

    fn remember<'a>(&'a self, name: &'a str, _: Value) -> BoxFuture<'a, Result<(), Forgotten>> {
        let lost = Forgotten::Lost(format!("`{name}` cannot be added to what is over"));
        Box::pin(std::future::ready(Err(lost)))
    }
}
