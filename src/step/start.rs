//! The run's first act: may this person, which task, which pull request.
//!
//! Nothing that costs money happens before it succeeded. What it finds out is journalled as its outputs and
//! is what every later step means by `task`, `change`, `repository`.

pub(super) mod admit;
mod hydrate;
mod rights;

use serde_json::{Value, json};

use super::perform::Parts;
use super::{Context, Outcome, StepError};
use crate::event::RepositoryName;
use crate::plugin::forge::{Change, Repository};
use crate::plugin::tracker::Task;
use crate::router;
use crate::run::Work;

/// Admits the person and finds out what the run is about.
pub(super) async fn perform(parts: &Parts, context: &Context) -> Result<Outcome, StepError> {
    if context.started.trigger == router::REFUSED {
        return Err(admit::tell(parts, context, said(context)).await?);
    }
    if is_answer(context) {
        return answer(parts, context).await;
    }
    let person = match admit::admit(parts, context).await? {
        Ok(person) => person,
        Err(refusal) => return Err(admit::refuse(parts, context, refusal).await?),
    };
    let repository = match &context.started.repository {
        Some(name) => Some(parts.forge(context)?.repository(name).await?),
        None => None,
    };
    let change = change(parts, context).await?;
    let task = hydrate::task(parts, context, repository.as_ref(), change.as_ref()).await?;
    let work = Work {
        branch: change.as_ref().map(|change| change.head_branch.clone()),
        change: change.as_ref().map(|change| change.number),
        change_url: change.as_ref().map(|change| change.url.clone()),
        ..Work::default()
    };
    let outputs = json!({
        "task": task.as_ref().map(named).transpose()?,
        "repository": repository.as_ref().map(described),
        "change": change,
        "person": person,
        "thread": context.thread(),
        "system": { "help": parts.policy.rules.help(), "answer": null },
    });
    Ok(Outcome { outputs, work, ..Outcome::default() })
}

/// A task with the name that tells it from others of its tracker: `SHOP-7`, `acme/shop#12`.
fn named(task: &Task) -> Result<Value, StepError> {
    let value = serde_json::to_value(task);
    let mut value = value.map_err(|error| StepError::fatal("unwritable", error.to_string()))?;
    value["key"] = json!(task.reference.key);
    Ok(value)
}

/// Whether the run does nothing but answer. A project's own file of that name may do anything, so
/// what it does is looked at.
fn is_answer(context: &Context) -> bool {
    context.started.trigger == router::ANSWER && context.definition.workflow.costs_nothing()
}

/// The first act of a run that only answers: it reads nothing, and a pull request that cannot be
/// continued is answered, too.
async fn answer(parts: &Parts, context: &Context) -> Result<Outcome, StepError> {
    let (person, text) = match admit::admit_to_answer(parts, context, &said(context)).await? {
        Ok(admitted) => admitted,
        Err(refusal) => return Err(admit::refuse(parts, context, refusal).await?),
    };
    let outputs = json!({
        "task": null, "repository": null, "change": null, "person": person, "thread": context.thread(),
        "system": { "help": parts.policy.rules.help(), "answer": text },
    });
    Ok(Outcome { outputs, ..Outcome::default() })
}

/// What the run is to say.
fn said(context: &Context) -> String {
    let (_, input) = router::ANSWERING;
    context.started.inputs.get(input).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn described(repository: &Repository) -> Value {
    json!({
        "name": repository.name, "url": repository.url, "default_branch": repository.default_branch,
        "private": repository.private,
    })
}

/// The pull request that the event is about, read whole: a run continues it on its own branch.
async fn change(parts: &Parts, context: &Context) -> Result<Option<Change>, StepError> {
    let Some(mention) = &context.started.event.change else { return Ok(None) };
    let repository = context.repository()?;
    if mention.repository != *repository {
        let message = format!("the pull request is in {}, the run works on {repository}", mention.repository);
        return Err(StepError::fatal("foreign_target", message));
    }
    let change = parts.forge(context)?.change(repository, mention.number).await?;
    continuable(&change, repository, mention.head_sha.as_deref())?;
    Ok(Some(change))
}

/// Whether Ostler may push to a pull request's branch: an open one of this very repository, still where it
/// was when it was asked for.
fn continuable(change: &Change, repository: &RepositoryName, asked: Option<&str>) -> Result<(), StepError> {
    let number = change.number;
    if change.head_repository.as_ref() != Some(repository) {
        let message =
            format!("pull request {number} comes from a fork, whose branch is not Ostler's to push to");
        return Err(StepError::fatal("fork", message));
    }
    if !change.open {
        return Err(StepError::fatal("closed", format!("pull request {number} is not open")));
    }
    if asked.is_some_and(|sha| sha != change.head_sha) {
        let message = format!("pull request {number} has moved since it was asked for; ask again");
        return Err(StepError::fatal("branch_moved", message));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
