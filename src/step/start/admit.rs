//! Who may start a run: those whom its trigger names or, where it names nobody, whoever is listed and whoever the
//! forge lets push to the repository. Everybody else is refused, once, where the request was made. What cannot be
//! found out is a refusal.
//!
//! Whether somebody may is judged by the event as it was delivered: what was written then was written by the
//! person who is asked about, whoever edits it later.

use serde_json::{Value, json};

use super::rights::Rights;
use crate::event::{Account, Actor, Permission};
use crate::router::{self, Offer};
use crate::spec::{May, Who};
use crate::step::perform::Parts;
use crate::step::reply::{self, Often};
use crate::step::{Context, StepError};

/// The effect of the first act that answers a refused person.
const ANSWER: u32 = 0;

/// Why somebody may not.
#[derive(Debug)]
pub(in crate::step) struct Refusal {
    /// In a sentence for them.
    sentence: String,
    /// Whether nobody said no: their rights could not be found out.
    open: bool,
}

impl Refusal {
    /// Why, for them.
    pub(in crate::step) fn sentence(&self) -> &str {
        &self.sentence
    }

    pub(super) fn no(sentence: String) -> Self {
        Self { sentence, open: false }
    }

    pub(super) fn open(sentence: String) -> Self {
        Self { sentence, open: true }
    }
}

/// Who is answered, as later steps know them, and what they read. Answering asks for less than starting work, because
/// it costs nothing: whoever may start work here, and of those whose rights cannot be found out whoever the source
/// takes for one of the organisation. Of a list of commands they read those that are for them.
pub(super) async fn admit_to_answer(
    parts: &Parts,
    context: &Context,
    text: &str,
) -> Result<Result<(Value, String), Refusal>, StepError> {
    let (admitted, rights) = (admit(parts, context).await?, Rights::new(parts, context));
    let mut theirs = Vec::new();
    let offers = parts.policy.rules.offers();
    for offer in offers.iter().filter(|offer| text.contains(&offer.line)) {
        if use_of(&rights, offer).await? {
            theirs.push(offer);
        }
    }
    let text = router::answer::without(text, &offers, |offer| theirs.contains(&offer));
    Ok(match (admitted, &context.started.event.actor) {
        (Ok(person), _) => Ok((person, text)),
        (Err(_), Some(actor)) if !theirs.is_empty() => Ok((person(actor, None, true), text)),
        (Err(refusal), Some(actor)) if refusal.open => Ok((person(actor, None, false), text)),
        (Err(refusal), _) => Err(refusal),
    })
}

async fn use_of(rights: &Rights<'_>, offer: &Offer) -> Result<bool, StepError> {
    Ok(match &offer.who {
        Some(who) => named(rights, who).await?.is_ok(),
        None => usual(rights).await?.is_ok(),
    })
}

/// Who asked, as later steps know it, or why they may not.
pub(in crate::step) async fn admit(
    parts: &Parts,
    context: &Context,
) -> Result<Result<Value, Refusal>, StepError> {
    let rights = Rights::new(parts, context);
    match &context.started.who {
        Some(who) => named(&rights, who).await,
        None => usual(&rights).await,
    }
}

/// Whether the person is one of those whom a trigger names.
async fn named(rights: &Rights<'_>, who: &Who) -> Result<Result<Value, Refusal>, StepError> {
    let event = &rights.context.started.event;
    let Some(actor) = &event.actor else { return Ok(Err(nobody())) };
    let none = || Refusal::no(format!("this is for {who}, and {} is not among them", actor.name));
    match who.by_event(event, &rights.access().people, None) {
        May::Yes => return Ok(Ok(person(actor, None, true))),
        May::No => return Ok(Err(none())),
        May::Ask | May::Unlinked => {}
    }
    let account = match rights.account(actor)? {
        Ok(account) => account,
        Err(refusal) => return Ok(Err(refusal)),
    };
    if let Some(role) = who.role
        && rights.permission(&account).await? >= role
    {
        return Ok(Ok(person(actor, Some(&account), true)));
    }
    for team in &who.team {
        match rights.is_member(team, &account).await? {
            Ok(true) => return Ok(Ok(person(actor, Some(&account), true))),
            Ok(false) => {}
            Err(refusal) => return Ok(Err(refusal)),
        }
    }
    Ok(Err(none()))
}

/// Whether the person may where a trigger names nobody.
async fn usual(rights: &Rights<'_>) -> Result<Result<Value, Refusal>, StepError> {
    let event = &rights.context.started.event;
    let Some(actor) = &event.actor else { return Ok(Err(nobody())) };
    // Whoever configures a schedule or gives an order at the machine could as well configure who may.
    if event.is_own() || rights.access().allows(&actor.account) {
        return Ok(Ok(person(actor, None, true)));
    }
    if actor.bot || actor.external {
        let kind = if actor.bot { "a program" } else { "a guest" };
        let sentence = format!("{} is {kind}; only those listed under `security` may ask", actor.name);
        return Ok(Err(Refusal::no(sentence)));
    }
    let account = match rights.account(actor)? {
        Ok(account) => account,
        Err(refusal) => return Ok(Err(refusal)),
    };
    if rights.permission(&account).await? >= Permission::Write {
        return Ok(Ok(person(actor, Some(&account), true)));
    }
    let repository = rights.context.repository()?;
    let message = format!("{} may not write to {repository}; somebody who may can ask instead", actor.name);
    Ok(Err(Refusal::no(message)))
}

fn nobody() -> Refusal {
    Refusal::no("it is not known who asked for this".to_owned())
}

/// A person as later steps know them; vouched for are those whose rights were found out.
fn person(actor: &Actor, on_forge: Option<&Account>, vouched: bool) -> Value {
    json!({
        "name": actor.name, "account": actor.account, "forge_account": on_forge, "vouched": vouched,
    })
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
    if context.started.trigger == router::ANSWER {
        return Ok(StepError::fatal(StepError::REFUSED, sentence));
    }
    tell(parts, context, sentence).await
}

/// Tells the person why nothing was started, and gives the error that ends the run.
pub(super) async fn tell(parts: &Parts, context: &Context, sentence: String) -> Result<StepError, StepError> {
    match reply::say(parts, context, &sentence, ANSWER, Often::OnceHere).await {
        Ok(_) => {}
        // An answer that may still arrive is waited for; one that cannot changes nothing about
        // the refusal.
        Err(error) if error.retryable => return Err(error),
        Err(error) => tracing::warn!(run = %context.run, %error, "a refusal could not be told"),
    }
    Ok(StepError::fatal(StepError::REFUSED, sentence))
}
