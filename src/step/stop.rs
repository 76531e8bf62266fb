//! Somebody wants a run stopped from where it was asked for. Whoever asked for it may, and whoever may start it.

use super::perform::Parts;
use super::start::admit::admit;
use super::{Context, StepError, reply, words};
use crate::event::Event;
use crate::id::{EffectKey, EventId};
use crate::plugin::effect::Effect;
use crate::run::hearing::Words;

/// Whether the run is to stop. Who may not have it stopped is told so, once for each time that they say it.
pub(super) async fn perform(parts: &Parts, context: &Context, said: &Words) -> Result<bool, StepError> {
    let Some(event) = &said.event else { return Ok(true) };
    let who = |event: &Event| event.actor.as_ref().map(|actor| actor.account.clone());
    if who(event).is_some_and(|account| who(&context.started.event) == Some(account)) {
        return Ok(true);
    }
    let like_the_starter = context.as_asked_by(event, context.started.who.clone());
    if admit(parts, &like_the_starter).await?.is_ok() {
        return Ok(true);
    }
    let there = context.as_asked_by(event, None);
    let Err(refusal) = admit(parts, &there).await? else { return Ok(true) };
    tell(parts, &there, refusal.sentence()).await?;
    Ok(false)
}

/// Nothing of it is in the journal, so it is looked for before it is written.
async fn tell(parts: &Parts, context: &Context, why: &str) -> Result<(), StepError> {
    let event = &context.started.event;
    let key = EffectKey { run: context.run, step: context.job.step.clone(), ordinal: ordinal(event.id) };
    let task = event.task.as_ref().map(|task| &task.reference);
    let text = words::outgoing(&format!("The run is not stopped: {why}."));
    let run = (&*context.started, &*context.definition);
    reply::post(&parts.policy.registry, run, task, (&text, &Effect { key, fresh: false })).await?;
    Ok(())
}

/// What tells one time of saying it from another.
fn ordinal(event: EventId) -> u32 {
    event.as_bytes().last_chunk().map_or(0, |last| u32::from_be_bytes(*last))
}
