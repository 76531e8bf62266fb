//! The task that a run is about: the event's, the one that a command names, the pull request's, or a new
//! one from a command's text.

use crate::event::{Command, TaskRef};
use crate::id::EffectKey;
use crate::plugin::forge::{Change, Repository};
use crate::plugin::tracker::{NewTask, Task};
use crate::step::perform::Parts;
use crate::step::{Context, StepError, journal, words};

/// The effect of the first act that makes a task.
const NEW_TASK: u32 = 1;

/// Letters that a title made from a command's text may have.
const TITLE: usize = 120;

/// The whole task, with its repository and its team's channel filled in.
pub(super) async fn task(
    parts: &Parts,
    context: &Context,
    repository: Option<&Repository>,
    change: Option<&Change>,
) -> Result<Option<Task>, StepError> {
    let found = match (reference(parts, context), change) {
        (Some(reference), _) => Some(parts.tracker(&reference)?.get_task(&reference).await?),
        (None, Some(change)) => of_change(parts, context, change).await?,
        (None, None) => created(parts, context).await?,
    };
    let Some(mut task) = found else { return Ok(None) };
    as_asked(context, &mut task);
    if let Some(repository) = repository {
        // The run's repository was resolved before it was accepted: what a ticket's field says does
        // not move it.
        task.repository_url = Some(repository.url.clone());
    }
    task.team_channel = team_channel(parts, context, &task);
    Ok(Some(task))
}

/// Where the task's team talks: what the task itself says comes before the conversation that the
/// request was made in, that before the channel that the configuration gives to the repository, and the
/// tracker's default is last.
fn team_channel(parts: &Parts, context: &Context, task: &Task) -> Option<String> {
    let asked_in = || context.thread().map(|thread| thread.channel);
    let default = || parts.tracker(&task.reference).ok()?.default_channel().map(str::to_owned);
    let field = task.team_channel.clone();
    field.or_else(asked_in).or_else(|| context.started.channel.clone()).or_else(default)
}

/// The task that the event or its command names.
fn reference(parts: &Parts, context: &Context) -> Option<TaskRef> {
    let event = &context.started.event;
    let known =
        context.started.task.clone().or_else(|| event.task.as_ref().map(|task| task.reference.clone()));
    known.or_else(|| named(parts, context, event.command.as_ref()?))
}

/// The task that a command's first argument names: qualified, or as a project's key and number.
fn named(parts: &Parts, context: &Context, command: &Command) -> Option<TaskRef> {
    let first = command.args.first()?;
    if let Ok(task) = first.parse::<TaskRef>() {
        return parts.tracker(&task).is_ok().then_some(task);
    }
    let tracker = parts.bound_tracker(context).ok()?.name();
    let is_key = first.split_once('-').is_some_and(|(project, number)| {
        let upper = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        project.len() > 1 && project.chars().all(upper) && is_number(number)
    });
    if is_key {
        return Some(TaskRef::new(tracker.as_str(), first));
    }
    // `#12` is an issue beside the code, where the tracker is the forge itself.
    let number = first.strip_prefix('#').filter(|number| is_number(number))?;
    let beside = parts.forge(context).is_ok_and(|forge| forge.name() == tracker);
    let repository = context.started.repository.as_ref().filter(|_| beside)?;
    Some(TaskRef::new(tracker.as_str(), format!("{repository}#{number}")))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A pull request as a task: where the forge is a tracker too, it is one of its tasks.
async fn of_change(parts: &Parts, context: &Context, change: &Change) -> Result<Option<Task>, StepError> {
    let reference = parts.forge(context)?.change_task(context.repository()?, change.number);
    let Ok(tracker) = parts.tracker(&reference) else { return Ok(None) };
    let mut task = tracker.get_task(&reference).await?;
    if let Some(asked) = context.started.event.command.as_ref().map(|command| command.text.trim())
        && !asked.is_empty()
    {
        task.description = format!("{asked}\n\n---\n\n{}", task.description);
    }
    Ok(Some(task))
}

/// A new task from a command's text: the run's first, journalled act.
async fn created(parts: &Parts, context: &Context) -> Result<Option<Task>, StepError> {
    let event = &context.started.event;
    let asked = event.command.as_ref().map(|command| command.text.trim()).unwrap_or_default();
    if asked.is_empty() {
        return Ok(None);
    }
    let by = event.actor.as_ref().map(|actor| words::line(&actor.name, 80));
    let by = by.map(|name| format!("\n\nAsked for by {name} ({}).", event.source)).unwrap_or_default();
    let new = &NewTask {
        project: context.started.project.clone(),
        repository: context.started.repository.clone(),
        title: words::line(asked.lines().next().unwrap_or(asked).trim_matches('"'), TITLE),
        description: format!("{}{by}", words::outgoing(asked)),
        kind: "feature".to_owned(),
    };
    let tracker = &parts.bound_tracker(context)?;
    let key = EffectKey { run: context.run, step: context.job.step.clone(), ordinal: NEW_TASK };
    let task = journal::once(context.journal.as_ref(), key, |effect| {
        Box::pin(async move { Ok(tracker.create_task(new, &effect).await?.value) })
    });
    Ok(Some(task.await?))
}

/// Binds title and text to what stood there when somebody with the right to ask asked: an edit in between
/// is not what they saw.
fn as_asked(context: &Context, task: &mut Task) {
    let mention = context.started.event.task.as_ref().filter(|mention| mention.reference == task.reference);
    let Some(mention) = mention else { return };
    if let Some(title) = &mention.title {
        task.title.clone_from(title);
    }
    if let Some(description) = &mention.description {
        task.description.clone_from(description);
    }
}
