//! `task_management`: reading, moving and commenting tasks.

use serde_json::{Value, json};

use super::Act;
use crate::event::TaskRef;
use crate::plugin::tracker::{CommentRef, NewTask, Position, Status};
use crate::run::Work;
use crate::step::{Outcome, StepError, journal, words};

/// What a step remembers of how a thing was before it sets it.
pub(in crate::step) const BEFORE: &str = "before";

/// Performs an action, if it is one of this capability's.
pub(super) async fn perform(act: &Act<'_>, action: &str) -> Option<Result<Outcome, StepError>> {
    if action == "create_task" {
        return Some(create_task(act).await);
    }
    let outputs = match action {
        "get_task" => get_task(act).await,
        "update_task_status" => update_task_status(act).await,
        "add_comment" => add_comment(act).await,
        "link" => link(act).await,
        _ => return None,
    };
    Some(outputs.map(|outputs| Outcome { outputs, ..Outcome::default() }))
}

async fn get_task(act: &Act<'_>) -> Result<Value, StepError> {
    let reference = task(act)?;
    let mut task = act.parts.tracker(&reference)?.get_task(&reference).await?;
    if let Some(known) = act.context.task().filter(|known| known.reference == reference) {
        // What the run is about was settled at its start: the text that somebody with the right to ask saw,
        // the repository, the channel. Only where the task stands is news.
        let status = task.status;
        task = crate::plugin::tracker::Task { status, ..known };
    }
    let mut outputs = to_value(&task)?;
    outputs["task"] = to_value(&task)?;
    Ok(outputs)
}

/// The task that is to be made.
pub(in crate::step) fn new_task(act: &Act<'_>) -> Result<NewTask, StepError> {
    let started = &act.context.started;
    Ok(NewTask {
        project: started.project.clone(),
        repository: started.repository.clone(),
        title: words::line(&act.inputs.required(&["title"])?, 200),
        description: words::outgoing(&act.inputs.text(&["description"])?.unwrap_or_default()),
        kind: act.inputs.text(&["type", "kind"])?.unwrap_or_else(|| "feature".to_owned()),
    })
}

async fn create_task(act: &Act<'_>) -> Result<Outcome, StepError> {
    let new = &new_task(act)?;
    let tracker = act.parts.bound_tracker(act.context)?;
    let task = act
        .once(0, |effect| Box::pin(async move { Ok(tracker.create_task(new, &effect).await?.value) }))
        .await?;
    let mut outputs = to_value(&task)?;
    outputs["task"] = to_value(&task)?;
    let work = Work { tasks: vec![task.reference], ..Work::default() };
    Ok(Outcome { outputs, work, ..Outcome::default() })
}

/// A status and, where a comment is given, the comment: two effects under two ordinals.
async fn update_task_status(act: &Act<'_>) -> Result<Value, StepError> {
    let reference = &own_task(act)?;
    let status = wanted(act)?;
    let comment = act.inputs.text(&["comment"])?;
    let tracker = &act.parts.tracker(reference)?;
    let stood = async { Ok(tracker.position(reference).await?) };
    let _: Position = journal::settled(act.context.journal.as_ref(), BEFORE, stood).await?;
    let _: Position = act
        .once(0, |effect| Box::pin(async move { Ok(tracker.set_status(reference, status, &effect).await?) }))
        .await?;
    let mut outputs = json!({ "success": true, "status": status.as_str(), "task_id": reference.short() });
    if let Some(comment) = comment {
        outputs["comment_url"] = json!(comment_on(act, reference, &comment, 1).await?.url);
    }
    Ok(outputs)
}

async fn add_comment(act: &Act<'_>) -> Result<Value, StepError> {
    let reference = own_task(act)?;
    let body = act.inputs.required(&["comment", "body", "text"])?;
    let made = comment_on(act, &reference, &body, 0).await?;
    Ok(json!({ "success": true, "id": made.id, "url": made.url }))
}

async fn link(act: &Act<'_>) -> Result<Value, StepError> {
    let reference = &own_task(act)?;
    let (url, title) = &page(act)?;
    let tracker = &act.parts.tracker(reference)?;
    let stood = async { Ok(tracker.linked(reference, url).await?) };
    let _: Option<String> = journal::settled(act.context.journal.as_ref(), BEFORE, stood).await?;
    act.once(0, |effect| Box::pin(async move { Ok(tracker.link(reference, url, title, &effect).await?) }))
        .await?;
    Ok(json!({ "success": true }))
}

/// The page that is to be linked: its address and its title.
pub(in crate::step) fn page(act: &Act<'_>) -> Result<(String, String), StepError> {
    let url = act.inputs.required(&["url"])?;
    let title = words::line(&act.inputs.text(&["title"])?.unwrap_or_else(|| url.clone()), 200);
    Ok((url, title))
}

/// The status that a task is to be in.
pub(in crate::step) fn wanted(act: &Act<'_>) -> Result<Status, StepError> {
    status(&act.inputs.required(&["status"])?)
}

async fn comment_on(
    act: &Act<'_>,
    task: &TaskRef,
    body: &str,
    ordinal: u32,
) -> Result<CommentRef, StepError> {
    let body = &words::outgoing(body);
    let tracker = &act.parts.tracker(task)?;
    let made = act
        .once(ordinal, |effect| {
            Box::pin(async move { Ok(tracker.add_comment(task, body, &effect).await?.value) })
        })
        .await?;
    Ok(made)
}

/// The task that `task_id` names: the run's own by its short, plain or qualified name, or where nothing is
/// given; else a qualified name, or a key of the bound tracker.
fn task(act: &Act<'_>) -> Result<TaskRef, StepError> {
    let own = act.context.task_reference();
    let Some(named) = act.inputs.text(&["task_id", "task"])? else {
        return own
            .ok_or_else(|| StepError::fatal("invalid_input", "`task_id` is needed: the run has no task"));
    };
    if let Some(own) = own.filter(|own| [own.short(), &own.key, &own.to_string()].contains(&named.as_str())) {
        return Ok(own);
    }
    match named.parse::<TaskRef>() {
        Ok(qualified) if act.parts.tracker(&qualified).is_ok() => Ok(qualified),
        _ => Ok(TaskRef::new(act.parts.bound_tracker(act.context)?.name().as_str(), named)),
    }
}

/// The task that an effect goes to: the run's own, or one that the run made. What `task_id` says may come
/// from a model, which does not choose where Ostler writes.
pub(in crate::step) fn own_task(act: &Act<'_>) -> Result<TaskRef, StepError> {
    let named = task(act)?;
    let own = act.context.task_reference();
    if own.as_ref() == Some(&named) || act.context.work.tasks.contains(&named) {
        return Ok(named);
    }
    let own = own.map_or_else(|| "none".to_owned(), |own| own.to_string());
    Err(StepError::fatal("foreign_target", format!("`{named}` is not this run's task (`{own}`)")))
}

/// A status as people write it: `In Review` is `in_review`.
fn status(word: &str) -> Result<Status, StepError> {
    let plain = word.trim().to_lowercase().replace([' ', '-'], "_");
    Status::from_word(&plain).ok_or_else(|| {
        let known = Status::ALL.map(Status::as_str).join(", ");
        StepError::fatal("invalid_input", format!("`{word}` is no status; known are {known}"))
    })
}

fn to_value(value: &impl serde::Serialize) -> Result<Value, StepError> {
    serde_json::to_value(value).map_err(|error| StepError::fatal("unwritable", error.to_string()))
}
