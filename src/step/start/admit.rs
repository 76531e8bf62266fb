//! Who may start a run: whoever is listed, and whoever the forge lets push to the repository. Everybody
//! else is refused, once, where the request was made. What cannot be found out is a refusal.

use serde_json::{Value, json};

use crate::event::{Account, Actor, SourceName};
use crate::plugin::forge::Permission;
use crate::router;
use crate::run::Access;
use crate::step::perform::Parts;
use crate::step::reply::{self, Often};
use crate::step::{Context, StepError};

/// The effect of the first act that answers a refused person.
const ANSWER: u32 = 0;

/// Why somebody may not.
#[derive(Debug)]
pub(super) struct Refusal {
    /// In a sentence for them.
    sentence: String,
    /// Whether nobody said no: their rights could not be found out.
    open: bool,
}

impl Refusal {
    fn no(sentence: String) -> Self {
        Self { sentence, open: false }
    }

    fn open(sentence: String) -> Self {
        Self { sentence, open: true }
    }
}

/// Who is answered. That asks for less than starting work, because it costs nothing: whoever may start work
/// here, and of those whose rights cannot be found out whoever the source takes for one of the organisation.
pub(super) async fn admit_to_answer(
    parts: &Parts,
    context: &Context,
) -> Result<Result<Value, Refusal>, StepError> {
    Ok(match (admit(parts, context).await?, &context.started.event.actor) {
        (Err(refusal), Some(actor)) if refusal.open => Ok(person(actor, None, false)),
        (admitted, _) => admitted,
    })
}

/// Who asked, as later steps know it, or why they may not.
pub(super) async fn admit(parts: &Parts, context: &Context) -> Result<Result<Value, Refusal>, StepError> {
    let Some(actor) = &context.started.event.actor else {
        return Ok(Err(Refusal::no("it is not known who asked for this".to_owned())));
    };
    // Whoever configures a schedule or gives an order at the machine could as well configure who may.
    if context.started.event.is_own() {
        return Ok(Ok(person(actor, None, true)));
    }
    let access = &context.definition.access;
    if accounts(access, &actor.account).any(|account| access.allow.contains(account)) {
        return Ok(Ok(person(actor, None, true)));
    }
    if actor.bot || actor.external {
        let kind = if actor.bot { "a program" } else { "a guest" };
        let sentence = format!("{} is {kind}; only those listed under `security` may ask", actor.name);
        return Ok(Err(Refusal::no(sentence)));
    }
    let Some(repository) = &context.started.repository else {
        let message = "no repository is known for this request, so nobody's rights in it are".to_owned();
        return Ok(Err(Refusal::open(message)));
    };
    let forge = parts.forge(context)?;
    let Some(account) = on_forge(access, &actor.account, &forge.name()) else {
        let message = format!(
            "{}'s account on {} is not known; whoever runs Ostler can link it with `{}` under `identity`",
            actor.name,
            forge.name(),
            actor.account
        );
        return Ok(Err(Refusal::open(message)));
    };
    match forge.permission(repository, &account).await? {
        permission if permission >= Permission::Write => Ok(Ok(person(actor, Some(&account), true))),
        _ => {
            let message =
                format!("{} may not write to {repository}; somebody who may can ask instead", actor.name);
            Ok(Err(Refusal::no(message)))
        }
    }
}

/// A person as later steps know them; vouched for are those whose rights were found out.
fn person(actor: &Actor, on_forge: Option<&Account>, vouched: bool) -> Value {
    json!({
        "name": actor.name, "account": actor.account, "forge_account": on_forge, "vouched": vouched,
    })
}

/// All accounts of the person that has this one, itself first.
fn accounts<'a>(access: &'a Access, account: &'a Account) -> impl Iterator<Item = &'a Account> {
    let person = access.people.values().find(|accounts| accounts.contains(account));
    std::iter::once(account).chain(person.into_iter().flatten().filter(move |other| *other != account))
}

fn on_forge(access: &Access, account: &Account, forge: &SourceName) -> Option<Account> {
    accounts(access, account).find(|account| account.vendor == *forge).cloned()
}

/// Tells the person where they asked, and gives the error that ends the run. Somebody who may not start
/// anything is told so once under each task or pull request, not each time they ask: a comment by a
/// stranger must not be a way to have the bot write another. An answer of the bot is no work, so that it is
/// refused is not told at all.
pub(super) async fn refuse(
    parts: &Parts,
    context: &Context,
    refusal: Refusal,
) -> Result<StepError, StepError> {
    let sentence = format!("Nothing was started: {}.", refusal.sentence);
    if context.started.trigger != router::ANSWER {
        match reply::say(parts, context, &sentence, ANSWER, Often::OnceHere).await {
            Ok(_) => {}
            // An answer that may still arrive is waited for; one that cannot changes nothing about
            // the refusal.
            Err(error) if error.retryable => return Err(error),
            Err(error) => tracing::warn!(run = %context.run, %error, "a refusal could not be told"),
        }
    }
    Ok(StepError::fatal(StepError::REFUSED, sentence))
}
