//! Taking back a status, a comment, a task and a link.

use super::{Became, Sight, Told, Undoing, left};
use crate::plugin::tracker::{Position, Status, Task};
use crate::plugin::{PluginError, Problem};
use crate::step::StepError;
use crate::step::action::tracker::{self, BEFORE};

/// Takes back what one of the capability's actions did.
pub(super) async fn undo(undoing: &Undoing<'_>, action: &str, told: &mut Told) {
    match action {
        "update_task_status" => {
            commented(undoing, 1, told).await;
            if undoing.past.meant(0) {
                told.add(of_task("the status of", undoing), status(undoing).await);
            }
        }
        "add_comment" => commented(undoing, 0, told).await,
        "create_task" if undoing.past.meant(0) => told.add(of_new(undoing), task(undoing).await),
        "link" if undoing.past.meant(0) => told.add(of_task("the link from", undoing), link(undoing).await),
        "create_task" | "link" => {}
        _ => told.unknown(&undoing.past.step),
    }
}

/// What is undone, for people: it is about the step's task.
fn of_task(what: &str, undoing: &Undoing<'_>) -> String {
    tracker::own_task(&undoing.act)
        .map_or_else(|_| what.to_owned(), |task| format!("{what} {}", task.short()))
}

async fn status(undoing: &Undoing<'_>) -> Result<Became, StepError> {
    let act = &undoing.act;
    let Some(before) = undoing.past.fact::<Position>(BEFORE) else {
        return Ok(left("where it stood before is not known"));
    };
    let task = &tracker::own_task(act)?;
    let tracker = &act.parts.tracker(task)?;
    let wanted = tracker::wanted(act)?;
    let reached: Option<Position> = undoing.past.made(0);
    let look = async { Ok(stand(tracker.position(task).await?, &before, reached, wanted)) };
    let to = &before;
    let back = |(), effect| async move { Ok(tracker.put_back(task, to, &effect).await?) };
    undoing.take_back(0, look, back).await
}

/// A status that stands where the step put it, where it stood before, or where somebody else put it.
fn stand(now: Position, before: &Position, reached: Option<Position>, wanted: Status) -> Sight<()> {
    if now == *before {
        return Sight::Gone;
    }
    // What a step reached that did not get to know it is what it wanted.
    if reached.map_or(now.status == wanted, |reached| now == reached) {
        return Sight::There(());
    }
    Sight::Kept(format!("it is `{}` now: somebody has moved it on", now.name))
}

async fn commented(undoing: &Undoing<'_>, ordinal: u32, told: &mut Told) {
    if undoing.past.meant(ordinal) {
        told.add(of_task("the comment on", undoing), comment(undoing, ordinal).await);
    }
}

async fn comment(undoing: &Undoing<'_>, ordinal: u32) -> Result<Became, StepError> {
    let act = &undoing.act;
    let task = &tracker::own_task(act)?;
    let tracker = &act.parts.tracker(task)?;
    let effect = undoing.effect(ordinal);
    let look = async { Ok(tracker.find_comment(task, &effect).await?.into()) };
    let remove = |found, _| async move { Ok(tracker.delete_comment(task, &found).await?) };
    undoing.take_back(ordinal, look, remove).await
}

fn of_new(undoing: &Undoing<'_>) -> String {
    let made = undoing.past.made::<Task>(0);
    made.map_or_else(|| "the new task".to_owned(), |task| format!("task {}", task.reference.short()))
}

async fn task(undoing: &Undoing<'_>) -> Result<Became, StepError> {
    let act = &undoing.act;
    let tracker = &act.parts.bound_tracker(act.context)?;
    let (new, effect) = (tracker::new_task(act)?, undoing.effect(0));
    let made = undoing.past.made::<Task>(0);
    let look = async {
        let found = match &made {
            Some(made) => existing(tracker.get_task(&made.reference).await)?,
            None => tracker.find_task(&new, &effect).await?,
        };
        Ok(found.map_or(Sight::Gone, |task| untouched(task, made.as_ref())))
    };
    let close = |task: Task, effect| async move { Ok(tracker.close_task(&task.reference, &effect).await?) };
    undoing.take_back(0, look, close).await
}

fn existing(found: Result<Task, PluginError>) -> Result<Option<Task>, PluginError> {
    match found {
        Err(error) if error.problem == Problem::NotFound => Ok(None),
        found => found.map(Some),
    }
}

/// A task that nobody has taken up since it was made.
fn untouched(now: Task, made: Option<&Task>) -> Sight<Task> {
    let begun = made.map_or(Status::Todo, |made| made.status);
    if now.status == Status::Done {
        Sight::Gone
    } else if now.status != begun {
        Sight::Kept(format!("it is `{}` now: somebody has taken it up", now.status.as_str()))
    } else if made.is_some_and(|made| made.assignee != now.assignee) {
        Sight::Kept("it was given to somebody".to_owned())
    } else {
        Sight::There(now)
    }
}

async fn link(undoing: &Undoing<'_>) -> Result<Became, StepError> {
    let act = &undoing.act;
    let task = &tracker::own_task(act)?;
    let tracker = &act.parts.tracker(task)?;
    let (url, title) = &tracker::page(act)?;
    let before = undoing.past.fact::<Option<String>>(BEFORE).flatten();
    let look = async {
        let now = tracker.linked(task, url).await?;
        Ok(match now {
            Some(now) if Some(&now) == before.as_ref() => Sight::Gone,
            Some(now) if now == *title => Sight::There(()),
            Some(_) => Sight::Kept("somebody has changed it".to_owned()),
            None => Sight::Gone,
        })
    };
    let before = before.as_deref();
    let back = |(), effect| async move {
        match before {
            Some(title) => tracker.link(task, url, title, &effect).await?,
            None => tracker.unlink(task, url).await?,
        }
        Ok(())
    };
    undoing.take_back(0, look, back).await
}
