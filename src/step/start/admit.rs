//! Who may start a run: whoever is listed, and whoever the forge lets push to the repository. Everybody
//! else is refused, once, where the request was made. What cannot be found out is a refusal.

use serde_json::{Value, json};

use crate::event::{Account, Actor, SourceName};
use crate::id::EffectKey;
use crate::plugin::chat::NewMessage;
use crate::plugin::effect::Effect;
use crate::plugin::forge::Permission;
use crate::run::Access;
use crate::step::perform::Parts;
use crate::step::{Context, StepError, journal};

/// The effect of the first act that answers a refused person.
const ANSWER: u32 = 0;

/// Why somebody may not, in a sentence for them.
pub(super) struct Refusal(String);

/// Who asked, as later steps know it, or why they may not.
pub(super) async fn admit(parts: &Parts, context: &Context) -> Result<Result<Value, Refusal>, StepError> {
    let Some(actor) = &context.started.event.actor else {
        return Ok(Err(Refusal("it is not known who asked for this".to_owned())));
    };
    let access = &context.definition.access;
    if accounts(access, &actor.account).any(|account| access.allow.contains(account)) {
        return Ok(Ok(person(actor, None)));
    }
    if actor.bot || actor.external {
        let kind = if actor.bot { "a program" } else { "a guest" };
        return Ok(Err(Refusal(format!(
            "{} is {kind}; only those listed under `security.allow` may ask",
            actor.name
        ))));
    }
    let Some(repository) = &context.started.repository else {
        let message = "no repository is known for this request, so nobody's rights in it are".to_owned();
        return Ok(Err(Refusal(message)));
    };
    let forge = parts.forge(context)?;
    let Some(account) = on_forge(access, &actor.account, &forge.name()) else {
        let message = format!(
            "{}'s account on {} is not known; whoever runs Ostler can link it with `{}` under `identity`",
            actor.name,
            forge.name(),
            actor.account
        );
        return Ok(Err(Refusal(message)));
    };
    match forge.permission(repository, &account).await? {
        permission if permission >= Permission::Write => Ok(Ok(person(actor, Some(&account)))),
        _ => Ok(Err(Refusal(format!(
            "{} may not write to {repository}; somebody who may can ask instead",
            actor.name
        )))),
    }
}

fn person(actor: &Actor, on_forge: Option<&Account>) -> Value {
    json!({ "name": actor.name, "account": actor.account, "forge_account": on_forge })
}

/// All accounts of the person that has this one, itself first.
fn accounts<'a>(access: &'a Access, account: &'a Account) -> impl Iterator<Item = &'a Account> {
    let person = access.people.values().find(|accounts| accounts.contains(account));
    std::iter::once(account).chain(person.into_iter().flatten().filter(move |other| *other != account))
}

fn on_forge(access: &Access, account: &Account, forge: &SourceName) -> Option<Account> {
    accounts(access, account).find(|account| account.vendor == *forge).cloned()
}

/// Tells the person where they asked, and gives the error that ends the run.
pub(super) async fn refuse(
    parts: &Parts,
    context: &Context,
    refusal: Refusal,
) -> Result<StepError, StepError> {
    let sentence = format!("Nothing was started: {}.", refusal.0);
    let key = EffectKey { run: context.run, step: context.job.step.clone(), ordinal: ANSWER };
    let said = &sentence;
    let answered: Result<bool, StepError> = journal::once(context.journal.as_ref(), key, |effect| {
        Box::pin(async move { answer(parts, context, said, &effect).await })
    })
    .await;
    match answered {
        Ok(_) => {}
        // An answer that may still arrive is waited for; one that cannot changes nothing about the refusal.
        Err(error) if error.retryable => return Err(error),
        Err(error) => tracing::warn!(run = %context.run, %error, "a refusal could not be told"),
    }
    Ok(StepError::fatal("refused", sentence))
}

/// Writes into the pull request, the conversation or the task that the request came from; false if it came
/// from none of them.
async fn answer(parts: &Parts, context: &Context, said: &str, effect: &Effect) -> Result<bool, StepError> {
    let event = &context.started.event;
    if let Some(change) = &event.change {
        parts.forge(context)?.add_comment(&change.repository, change.number, said, effect).await?;
    } else if let Some(thread) = &event.thread {
        let message = NewMessage {
            channel: Some(thread.channel.clone()),
            thread: thread.message.clone(),
            text: said.to_owned(),
        };
        parts.chat(context)?.send(&message, effect).await?;
    } else if let Some(task) = event.task.as_ref().map(|task| &task.reference) {
        parts.tracker(task)?.add_comment(task, said, effect).await?;
    } else {
        return Ok(false);
    }
    Ok(true)
}
