//! Saying something where a run was asked for: in the pull request, the conversation or the task
//! that its event came from.

use serde::{Deserialize, Serialize};

use super::perform::{self, Parts};
use super::status::Posted;
use super::{Context, StepError, journal, words};
use crate::event::TaskRef;
use crate::id::{EffectKey, EventId, RunId};
use crate::plugin::Registry;
use crate::plugin::chat::NewMessage;
use crate::plugin::effect::Effect;
use crate::run::{Definition, Started};

/// How often somebody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Often {
    /// Once by each run.
    EachRun,
    /// Once by all runs that the same person asked for under the same task or pull request, however often
    /// they ask. For those whose rights nobody vouches for: otherwise whoever may comment could have the bot
    /// write as much as they like. Two runs at the same moment may both find nothing and both write.
    OnceHere,
}

/// Whether there was a place to say it in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Said(pub(super) bool);

/// Says it, as the step's effect of this ordinal.
pub(super) async fn say(
    parts: &Parts,
    context: &Context,
    text: &str,
    ordinal: u32,
    often: Often,
) -> Result<Said, StepError> {
    let own = EffectKey { run: context.run, step: context.job.step.clone(), ordinal };
    let shared = shared(context).filter(|_| often == Often::OnceHere);
    let looking = shared.is_some();
    let key = shared.map_or_else(|| own.clone(), |run| EffectKey { run, ..own.clone() });
    let text = &words::outgoing(text);
    journal::once(context.journal.as_ref(), key, |effect| {
        // Another run may have said it under this key: what is fresh in this run's journal need not be fresh.
        let effect = Effect { fresh: effect.fresh && !looking, ..effect };
        Box::pin(async move { write(parts, context, text, &effect).await.map(Said) })
    })
    .await
}

/// Writes a text as it stands, as the step's effect of this ordinal.
pub(super) async fn write_once(
    parts: &Parts,
    context: &Context,
    text: &str,
    ordinal: u32,
) -> Result<Said, StepError> {
    let key = EffectKey { run: context.run, step: context.job.step.clone(), ordinal };
    journal::once(context.journal.as_ref(), key, |effect| {
        Box::pin(async move { write(parts, context, text, &effect).await.map(Said) })
    })
    .await
}

/// A run that is none: it stands in the key of what all runs of one person about one subject say
/// only once. Conversations are left out: each request there is a subject of its own, and their
/// members were let in by somebody.
fn shared(context: &Context) -> Option<RunId> {
    let event = &context.started.event;
    let actor = event.actor.as_ref().filter(|_| event.thread.is_none())?;
    let always = EventId::from_bytes([0; 16]);
    Some(RunId::of(always, &format!("{} {}", event.subject.as_str(), actor.account)))
}

/// Writes into the pull request, the conversation or the task; false where the event came from none of them.
async fn write(parts: &Parts, context: &Context, text: &str, effect: &Effect) -> Result<bool, StepError> {
    let run = (&*context.started, &*context.definition);
    let task = context.started.event.task.as_ref().map(|task| &task.reference);
    Ok(post(&parts.policy.registry, run, task, (text, effect)).await?.is_some())
}

/// Writes where a run was asked for: into the pull request, the conversation, or this task; nothing where there is none
/// of them. Says where it stands, and whether it stood there already.
pub(super) async fn post(
    registry: &Registry,
    (started, definition): (&Started, &Definition),
    task: Option<&TaskRef>,
    (text, effect): (&str, &Effect),
) -> Result<Option<(Posted, bool)>, StepError> {
    let event = &started.event;
    if let Some(change) = &event.change {
        let forge = perform::forge(registry, started, definition)?;
        let made = forge.add_comment(&change.repository, change.number, text, effect).await?;
        let place = Posted::Change(change.repository.clone(), change.number, made.value);
        return Ok(Some((place, made.found)));
    }
    if let Some(thread) = &event.thread {
        let message = NewMessage {
            channel: Some(thread.channel.clone()),
            thread: thread.message.clone(),
            text: text.to_owned(),
            choices: Vec::new(),
        };
        let made = perform::chat(registry, definition)?.send(&message, effect).await?;
        return Ok(Some((Posted::Chat(made.value), made.found)));
    }
    let Some(task) = task else { return Ok(None) };
    let made = perform::tracker(registry, task)?.add_comment(task, text, effect).await?;
    Ok(Some((Posted::Task(task.clone(), made.value), made.found)))
}
