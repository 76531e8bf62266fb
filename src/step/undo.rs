//! Taking back what a step did.
//!
//! Nothing is taken from the step's record but what it may have made: each effect is looked for by its mark, and
//! taken back only where it still is as the step left it. What somebody else has changed since stays as it is,
//! and a person is told. A step that failed half-way is looked after like one that succeeded.

mod chat;
mod docs;
mod forge;
mod tracker;

use std::collections::BTreeMap;
use std::future::Future;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::action::Act;
use super::perform::Parts;
use super::{Context, Outcome, StepError, journal};
use crate::id::{EffectKey, StepPath};
use crate::plugin::effect::Effect;
use crate::run::decide::{Job, JobKind};
use crate::run::undo::{Account, Became, Line};
use crate::spec::Undo;

/// Takes back what the step did that the job's inputs tell of, the last effect first.
///
/// # Errors
/// When something may be taken back later; what is known by then is in the error's details.
pub(super) async fn perform(
    parts: &Parts,
    context: &Context,
    capability: &str,
    action: &str,
) -> Result<Outcome, StepError> {
    let past: Past = serde_json::from_value(Value::Object(context.job.inputs.clone()))
        .map_err(|error| StepError::fatal("invalid_input", format!("what is to be undone: {error}")))?;
    let then = past.context(context, capability, action);
    let undoing = Undoing { act: Act::of(parts, &then, capability, action), past: &past, context };
    let mut told = Told::default();
    let declared = context.definition.action(capability, action).map(|spec| &spec.undo);
    match capability {
        _ if declared == Some(&Undo::Impossible) => {
            told.add(format!("`{}`", past.step), Ok(left("it cannot be taken back")));
        }
        "task_management" => tracker::undo(&undoing, action, &mut told).await,
        "version_control" => forge::undo(&undoing, action, &mut told).await,
        "communication" => chat::undo(&undoing, &mut told).await,
        "documentation" => docs::undo(&undoing, &mut told).await,
        _ => told.unknown(&past.step),
    }
    told.outcome()
}

/// What is known of a step that is to be undone.
#[derive(Debug, Deserialize)]
struct Past {
    step: StepPath,
    #[serde(default)]
    inputs: Map<String, Value>,
    /// Its result; null where it had none.
    #[serde(default)]
    outputs: Value,
    /// What it remembered.
    #[serde(default)]
    facts: BTreeMap<String, Value>,
}

impl Past {
    /// The context as the step had it.
    fn context(&self, now: &Context, capability: &str, action: &str) -> Context {
        let kind = JobKind::Action { capability: capability.to_owned(), action: action.to_owned() };
        let job = Job { step: self.step.clone(), kind, inputs: self.inputs.clone(), ..now.job.clone() };
        Context { job, ..now.clone() }
    }

    /// Something that the step remembered.
    fn fact<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        self.facts.get(name).and_then(|value| serde_json::from_value(value.clone()).ok())
    }

    /// Whether the step got as far as wanting to make this effect.
    fn meant(&self, ordinal: u32) -> bool {
        self.facts.contains_key(&journal::name(ordinal, journal::INTENT))
    }

    /// What the effect gave, where the step got to know it.
    fn made<T: DeserializeOwned>(&self, ordinal: u32) -> Option<T> {
        self.fact(&journal::name(ordinal, journal::DONE))
    }
}

/// What is seen of an effect before it is taken back.
enum Sight<T> {
    /// It is not there, or was taken back by somebody.
    Gone,
    /// It is there, and is not ours alone any more.
    Kept(String),
    /// It is there as the step left it.
    There(T),
}

impl<T> From<Option<T>> for Sight<T> {
    fn from(found: Option<T>) -> Self {
        found.map_or(Self::Gone, Self::There)
    }
}

/// One step being undone.
struct Undoing<'a> {
    /// The step's action as it was performed.
    act: Act<'a>,
    past: &'a Past,
    /// The undoing itself, with its own journal.
    context: &'a Context,
}

impl Undoing<'_> {
    /// The effect that the step made: its mark is what is looked for.
    fn effect(&self, ordinal: u32) -> Effect {
        let key = EffectKey { run: self.context.run, step: self.past.step.clone(), ordinal };
        Effect { key, fresh: false }
    }

    /// Takes one effect back, once: it is looked at, and removed if it is there as the step left it.
    async fn take_back<T, L, R>(
        &self,
        ordinal: u32,
        look: L,
        remove: impl FnOnce(T, Effect) -> R + Send,
    ) -> Result<Became, StepError>
    where
        T: Send,
        L: Future<Output = Result<Sight<T>, StepError>> + Send,
        R: Future<Output = Result<(), StepError>> + Send,
    {
        let journal = self.context.journal.as_ref();
        let begun = journal.recall(&journal::name(ordinal, journal::INTENT)).is_some();
        match look.await? {
            Sight::There(found) => {
                let key = EffectKey { run: self.context.run, step: self.context.job.step.clone(), ordinal };
                let removed = journal::once(journal, key, |effect| Box::pin(remove(found, effect)));
                removed.await.map(|()| Became::Undone)
            }
            // It was there when its removal was begun.
            Sight::Gone if begun => Ok(Became::Undone),
            Sight::Gone => Ok(Became::Nothing),
            Sight::Kept(reason) => Ok(Became::Left { reason }),
        }
    }
}

fn left(reason: &str) -> Became {
    Became::Left { reason: reason.to_owned() }
}

/// What came of a step's effects so far.
#[derive(Default)]
struct Told {
    account: Account,
    /// The first failure that may pass.
    passing: Option<StepError>,
}

impl Told {
    /// Notes what became of an effect. One that could not be taken back does not keep the others.
    fn add(&mut self, effect: impl Into<String>, became: Result<Became, StepError>) {
        let became = became.unwrap_or_else(|error| {
            let reason = error.message.clone();
            if error.retryable {
                self.passing.get_or_insert(error);
            }
            Became::Left { reason }
        });
        self.account.effects.push(Line { effect: effect.into(), became });
    }

    /// Notes a step whose effects nothing here takes back.
    fn unknown(&mut self, step: &StepPath) {
        self.add(format!("`{step}`"), Ok(left("nothing here takes it back")));
    }

    /// Whether something that was noted is still there.
    fn left_something(&self) -> bool {
        self.account.effects.iter().any(|line| matches!(line.became, Became::Left { .. }))
    }

    fn outcome(self) -> Result<Outcome, StepError> {
        let outputs = serde_json::to_value(&self.account)
            .map_err(|error| StepError::fatal("unwritable", error.to_string()))?;
        match self.passing {
            Some(error) => Err(error.with(outputs)),
            None => Ok(Outcome { outputs, ..Outcome::default() }),
        }
    }
}

#[cfg(test)]
mod tests;
