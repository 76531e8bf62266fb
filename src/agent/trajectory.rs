//! An attempt as JSON lines, for people and tools to read: the export of what is recorded, never a
//! second truth.

use serde::Serialize;
use serde_json::{Value, json};

use super::memory::Start;
use super::turn::{Transcript, Turn};
use crate::id::{Digest, RunId, StepPath};
use crate::money::Money;

/// The shape of the lines; a reader looks here first.
const SCHEMA: u32 = 1;

/// Whose attempt it was.
#[derive(Debug, Clone, PartialEq, Serialize)]
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
