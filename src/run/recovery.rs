//! Whether a run that is taken up again would still be given what it was given.

use std::sync::Arc;

use serde_json::Value;

use super::decide::{Effect, decide};
use super::definition::Definition;
use super::illegal::Illegal;
use super::record::{Entry, Record};
use super::state::Run;
use crate::id::RunId;

/// Why a run cannot be taken up again by itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Its journal is not one of a run.
    #[error("its journal cannot be read: {0}")]
    Unreadable(#[from] Illegal),
    /// What is under way would be performed in another way today.
    #[error("it cannot be taken up where it stood: {0}")]
    Diverged(String),
}

/// Takes up the run that a journal tells of, comparing each attempt that is under way with what would be
/// performed in its place today.
///
/// The definition is frozen, so a difference means that the program reads it in another way than the one
/// which began the attempt; performing it again could then make another effect under the same key.
///
/// # Errors
/// When the journal cannot be folded, or an attempt would be given something else.
pub fn take_up(id: RunId, definition: &Arc<Definition>, entries: &[Entry]) -> Result<Run, Unfit> {
    let last = Run::replay(id, Arc::clone(definition), entries)?;
    // A later attempt is given what was recorded for the first one; only that one was evaluated.
    let first = last.under_way().filter(|(_, attempt)| attempt.number == 1);
    let doubtful: Vec<u64> = first.map(|(_, attempt)| attempt.seq).collect();
    let until = doubtful.iter().max().map_or(0, |seq| seq + 1);
    let mut run = Run::new(id, Arc::clone(definition));
    for entry in entries.iter().filter(|entry| entry.seq < until) {
        if doubtful.contains(&entry.seq) {
            difference(&run, entry).map_or(Ok(()), |difference| Err(Unfit::Diverged(difference)))?;
        }
        run.apply(entry)?;
    }
    Ok(last)
}

/// A value as it comes back from a journal: reading a number need not give the very same one that
/// was written.
fn as_stored(value: &Value) -> Value {
    serde_json::from_str(&value.to_string()).unwrap_or_default()
}

/// Compares the recorded start of an attempt with what is decided at the same place.
fn difference(run: &Run, entry: &Entry) -> Option<String> {
    let Record::StepStarted { step, kind, inputs, .. } = &entry.record else { return None };
    let today = decide(run, entry.at).into_iter().find_map(|effect| match effect {
        Effect::Perform { record: Record::StepStarted { step: today, kind, inputs, .. }, .. }
            if today == *step =>
        {
            Some((kind, as_stored(&inputs)))
        }
        _ => None,
    });
    match today {
        None => Some(format!("step `{step}` would not be performed at this point any more")),
        Some((today, _)) if today != *kind => {
            Some(format!("step `{step}` was a `{kind}` and would be a `{today}`"))
        }
        Some((_, today)) if today != *inputs => {
            Some(format!("step `{step}` was given {inputs} and would be given {today}"))
        }
        Some(_) => None,
    }
}
