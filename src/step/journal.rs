//! What a step remembers across a crash.

use std::fmt::Debug;
use std::future::Future;

use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use crate::failpoint;
use crate::id::EffectKey;
use crate::plugin::effect::Effect;
use crate::run::StepError;
use crate::run::hearing::Words;

/// A step's memory; the engine keeps it in the run's journal.
pub trait Journal: Debug + Send + Sync {
    /// What was remembered under this name, in this attempt or an earlier one.
    fn recall(&self, name: &str) -> Option<Value>;

    /// Remembers; durable when it resolves.
    fn remember<'a>(&'a self, name: &'a str, value: Value) -> BoxFuture<'a, Result<(), JournalLost>>;

    /// What people have said to the step's agent so far, oldest first; it only grows.
    fn words(&self) -> BoxFuture<'_, Vec<Words>> {
        Box::pin(std::future::ready(Vec::new()))
    }
}

/// The run is no longer ours to write to: stop, and leave no further trace.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the run's journal is no longer ours to write: {0}")]
pub struct JournalLost(pub String);

impl From<JournalLost> for StepError {
    fn from(lost: JournalLost) -> Self {
        Self::passing("journal_lost", lost.to_string())
    }
}

/// What is remembered of an effect before it is made.
pub(super) const INTENT: &str = "intent";
/// What is remembered of an effect after it was made: what it gave.
pub(super) const DONE: &str = "done";

/// The name under which something is remembered of an effect.
pub(super) fn name(ordinal: u32, what: &str) -> String {
    format!("effect/{ordinal}/{what}")
}

/// What was found once stands: it is recalled, or found and remembered.
///
/// # Errors
/// What `find` fails with, or that the journal is lost.
pub async fn settled<T, F>(journal: &dyn Journal, name: &str, find: F) -> Result<T, StepError>
where
    F: Future<Output = Result<T, StepError>> + Send,
    T: serde::Serialize + serde::de::DeserializeOwned + Send + Sync,
{
    if let Some(known) = journal.recall(name) {
        return serde_json::from_value(known)
            .map_err(|error| StepError::fatal("journal_unreadable", format!("`{name}`: {error}")));
    }
    let found = find.await?;
    let value = serde_json::to_value(&found)
        .map_err(|error| StepError::fatal("journal_unwritable", format!("`{name}`: {error}")))?;
    journal.remember(name, value).await?;
    Ok(found)
}

/// Makes an effect once: the intent is journalled before `make` is called, the outcome after it, and an
/// effect whose outcome is journalled is not made again.
///
/// `make` is given the [`Effect`] with its key and must look for what it is about to make unless the effect
/// is fresh.
///
/// # Errors
/// What `make` fails with, or that the journal is lost.
pub async fn once<'a, F, T>(journal: &dyn Journal, key: EffectKey, make: F) -> Result<T, StepError>
where
    F: FnOnce(Effect) -> BoxFuture<'a, Result<T, StepError>>,
    T: serde::Serialize + serde::de::DeserializeOwned,
{
    let name = |what: &str| name(key.ordinal, what);
    if let Some(done) = journal.recall(&name(DONE)) {
        return serde_json::from_value(done)
            .map_err(|error| StepError::fatal("journal_unreadable", format!("effect {key}: {error}")));
    }
    let fresh = journal.recall(&name(INTENT)).is_none();
    if fresh {
        journal.remember(&name(INTENT), json!({ "key": key.to_string() })).await?;
    }
    failpoint::hit("before_effect");
    let made = make(Effect { key: key.clone(), fresh }).await?;
    failpoint::hit("after_effect_before_record");
    let value = serde_json::to_value(&made)
        .map_err(|error| StepError::fatal("journal_unwritable", format!("effect {key}: {error}")))?;
    journal.remember(&name(DONE), value).await?;
    Ok(made)
}
