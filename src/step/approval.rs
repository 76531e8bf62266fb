//! `approval`: people are asked where they are, and whoever may decides.
//!
//! The question goes to where the run was asked for, to the pull request that it made, and to the team's channel,
//! where it has buttons. A decision of somebody whose it is not to make is told to them and changes nothing. A
//! decision that is made where Ostler itself runs is anybody's who can reach that.

use serde_json::{Value, json};

use super::perform::Parts;
use super::reply::{self, Often};
use super::start::admit;
use super::{Context, Outcome, StepError, journal, words};
use crate::event::TaskRef;
use crate::id::EffectKey;
use crate::plugin::chat::{Choice, NewMessage};
use crate::router::decision;
use crate::run::decide::Asking;
use crate::run::hearing::Decision;

/// The step's effects: the question in three places, the word about a decision, and refusals from here on.
const HERE: u32 = 0;
const CHANNEL: u32 = 1;
const CHANGE: u32 = 2;
const DECIDED: u32 = 3;
const REFUSED: u32 = 16;

/// Asks, or looks at what was decided.
pub(super) async fn perform(parts: &Parts, context: &Context, asking: &Asking) -> Result<Outcome, StepError> {
    match &asking.decision {
        None => ask(parts, context).await,
        Some(decision) => hear(parts, context, asking, decision).await,
    }
}

/// Asks, and waits for the answer.
async fn ask(parts: &Parts, context: &Context) -> Result<Outcome, StepError> {
    let message = context.job.inputs.get("message").and_then(Value::as_str).unwrap_or_default();
    let question = words::outgoing(message);
    let places = asked_in(parts, context)?;
    let in_channel = context.thread().is_some();
    if in_channel {
        send(parts, context, &question).await?;
    } else {
        reply::write_once(parts, context, &hinted(&question), HERE).await?;
        if let Err(error) = send(parts, context, &question).await {
            // Nobody needs a channel to decide.
            tracing::info!(run = %context.run, %error, "the team's channel is not asked");
        }
    }
    if places.len() > 1 {
        comment(parts, context, &hinted(&question)).await?;
    }
    Ok(Outcome { waits: Some(places), ..Outcome::default() })
}

/// Looks at a decision: whether it was this person's to make, and what it means.
async fn hear(
    parts: &Parts,
    context: &Context,
    asking: &Asking,
    decision: &Decision,
) -> Result<Outcome, StepError> {
    if let Some(event) = &decision.event {
        let there = context.as_asked_by(event, asking.who.clone());
        if let Err(refusal) = admit::admit(parts, &there).await? {
            let sentence = format!("This is not yours to decide: {}.", refusal.sentence());
            // Each person's refusal is an effect of its own.
            let ordinal = REFUSED + u32::from(event.id.as_bytes()[15]);
            reply::say(parts, &there, &sentence, ordinal, Often::OnceHere).await?;
            return Ok(Outcome { waits: Some(asked_in(parts, context)?), ..Outcome::default() });
        }
        let verdict = if decision.approved { "Approved" } else { "Rejected" };
        let sentence = format!("{verdict} by {}.", words::line(decision.who(), 80));
        reply::say(parts, &there, &sentence, DECIDED, Often::EachRun).await?;
    }
    if decision.approved || asking.continue_on_reject {
        return Ok(Outcome { outputs: told(decision), ..Outcome::default() });
    }
    let said = decision.comment.as_ref().map(|comment| format!(": {comment}")).unwrap_or_default();
    Err(StepError::fatal("rejected", format!("{} rejected it{said}", decision.who())).with(told(decision)))
}

fn told(decision: &Decision) -> Value {
    json!({
        "approved": decision.approved, "by": decision.who(), "comment": decision.comment, "timed_out": false,
    })
}

/// The question, and how to answer it in words.
fn hinted(question: &str) -> String {
    let (yes, no) = (decision::APPROVE, decision::REJECT);
    format!("{question}\n\nAnswer here with `/ostler {yes}` or `/ostler {no}`, and a reason if you like.")
}

/// Asks with buttons where the team talks, if it does.
async fn send(parts: &Parts, context: &Context, question: &str) -> Result<(), StepError> {
    let chat = &parts.chat(context)?;
    let thread = context.thread();
    let team = context.task().and_then(|task| task.team_channel);
    let channel = thread.as_ref().map(|thread| thread.channel.clone()).or(team);
    let choice = |approved: bool| {
        let (action, value) = decision::button(approved, context.run, &context.job.step);
        let label = if approved { "Approve" } else { "Reject" };
        Choice { action, value, label: label.to_owned() }
    };
    let message = &NewMessage {
        channel,
        thread: thread.and_then(|thread| thread.message),
        text: question.to_owned(),
        choices: vec![choice(true), choice(false)],
    };
    let key = key(context, CHANNEL);
    journal::once(context.journal.as_ref(), key, |effect| {
        Box::pin(async move { Ok(chat.send(message, &effect).await?.value.id) })
    })
    .await
    .map(|_: String| ())
}

/// Asks in the pull request that the run made.
async fn comment(parts: &Parts, context: &Context, question: &str) -> Result<(), StepError> {
    let (forge, repository) = (&parts.forge(context)?, context.repository()?);
    let number = context.work.change.unwrap_or_default();
    journal::once(context.journal.as_ref(), key(context, CHANGE), |effect| {
        Box::pin(async move {
            forge.add_comment(repository, number, question, &effect).await?;
            Ok(true)
        })
    })
    .await
    .map(|_: bool| ())
}

/// The pull request that the run made or continues, by the name that its events have.
fn made_change(parts: &Parts, context: &Context) -> Result<Option<TaskRef>, StepError> {
    let Some(number) = context.work.change else { return Ok(None) };
    Ok(Some(parts.forge(context)?.change_task(context.repository()?, number)))
}

/// Where the question stands: where the run was asked for, and in its pull request where that is another place.
fn asked_in(parts: &Parts, context: &Context) -> Result<Vec<String>, StepError> {
    let subject = context.started.event.subject.to_string();
    let change = made_change(parts, context)?.map(|change| change.to_string());
    let change = change.filter(|change| *change != subject);
    Ok(std::iter::once(subject).chain(change).collect())
}

fn key(context: &Context, ordinal: u32) -> EffectKey {
    EffectKey { run: context.run, step: context.job.step.clone(), ordinal }
}
