//! Whether a run that is taken up again would still be given what it was given.

use std::sync::Arc;

use super::decide::{Effect, decide};
use super::definition::Definition;
use super::illegal::Illegal;
use super::record::{Entry, Record};
use super::state::Run;
use crate::id::RunId;

/// What differs between an attempt that is under way and what would be performed in its place today, if anything does.
///
/// The definition is frozen, so a difference means that the program reads it in another way than the one
/// which began the attempt; performing it again could then make another effect under the same key.
///
/// # Errors
/// When the journal is not one of a run.
pub fn divergence(
    id: RunId,
    definition: &Arc<Definition>,
    entries: &[Entry],
) -> Result<Option<String>, Illegal> {
    let last = Run::replay(id, Arc::clone(definition), entries)?;
    // A later attempt is given what was recorded for the first one; only that one was evaluated.
    let doubtful: Vec<u64> =
        last.under_way().filter(|(_, attempt)| attempt.number == 1).map(|(_, attempt)| attempt.seq).collect();
    let mut run = Run::new(id, Arc::clone(definition));
    for entry in entries {
        if doubtful.contains(&entry.seq)
            && let Some(difference) = difference(&run, entry)
        {
            return Ok(Some(difference));
        }
        run.apply(entry)?;
    }
    Ok(None)
}

/// Compares the recorded start of an attempt with what is decided at the same place.
fn difference(run: &Run, entry: &Entry) -> Option<String> {
    let Record::StepStarted { step, kind, inputs, .. } = &entry.record else { return None };
    let today = decide(run, entry.at).into_iter().find_map(|effect| match effect {
        Effect::Perform { record: Record::StepStarted { step: today, kind, inputs, .. }, .. }
            if today == *step =>
        {
            Some((kind, inputs))
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
