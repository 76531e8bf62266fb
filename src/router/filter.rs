//! What an event must have besides its kind.

use globset::Glob;
use serde_json::{Value, json};

use super::{Reason, Standing, own};
use crate::event::{Account, Event};
use crate::spec::Trigger;

/// The word for the bot's own account in `filter.assignee`.
const BOT: &str = "bot";

/// Says no where one of the trigger's filters does not hold.
///
/// # Errors
/// The reason: the first filter that says no, what it asks for, and what the event has.
pub fn check(trigger: &Trigger, event: &Event, standing: &Standing) -> Result<(), Reason> {
    let filter = &trigger.filter;
    let assignee =
        |wanted: &str, actual: &str| actual.parse().is_ok_and(|account| is(&account, wanted, standing));
    own_time(trigger, event)?;
    any(trigger, "label", &filter.label, || labels(event), &same)?;
    any(trigger, "assignee", &filter.assignee, || assignees(event), &assignee)?;
    any(trigger, "command", &filter.command, || command(event), &same)?;
    repository_check(trigger, event)?;
    any(trigger, "branch", &filter.branch, || branch(event).into_iter().collect(), &glob)?;
    any(trigger, "path", &filter.path, || paths(event), &glob)
}

/// Whether a trigger takes events of the event's repository, as far as that is known.
#[must_use]
pub fn repository_fits(trigger: &Trigger, event: &Event) -> bool {
    event.repository.is_none() || repository_check(trigger, event).is_ok()
}

fn repository_check(trigger: &Trigger, event: &Event) -> Result<(), Reason> {
    any(trigger, "repository", &trigger.filter.repository, || repository(event), &glob)
}

/// Whether any of the actual values fits any of the wanted; wanting nothing is content with anything, and does not
/// ask for them.
fn any(
    trigger: &Trigger,
    name: &str,
    wanted: &[String],
    actual: impl FnOnce() -> Vec<String>,
    fits: &dyn Fn(&str, &str) -> bool,
) -> Result<(), Reason> {
    if wanted.is_empty() {
        return Ok(());
    }
    let actual = actual();
    let fit = |value: &String| wanted.iter().any(|wanted| fits(wanted, value));
    if actual.iter().any(fit) {
        return Ok(());
    }
    let actual = match &actual[..] {
        [] => Value::Null,
        [one] => json!(one),
        many => json!(many),
    };
    Err(Reason::unmatched(trigger, name, json!(wanted), actual))
}

/// A trigger on a schedule fires at its own times, not at those of others.
fn own_time(trigger: &Trigger, event: &Event) -> Result<(), Reason> {
    if trigger.schedule.is_none() {
        return Ok(());
    }
    let own = own::schedule_of(&trigger.id);
    if event.subject == own {
        return Ok(());
    }
    Err(Reason::unmatched(trigger, "schedule", json!(own), json!(event.subject)))
}

/// Labels and commands are words to people: their case does not matter.
fn same(wanted: &str, actual: &str) -> bool {
    wanted.eq_ignore_ascii_case(actual)
}

/// Whether an account is the one that a filter names: the bot, `vendor:id`, or the id alone.
fn is(account: &Account, wanted: &str, standing: &Standing) -> bool {
    if wanted == BOT {
        return standing.own.contains(account);
    }
    wanted == account.id || wanted.parse::<Account>().is_ok_and(|wanted| wanted == *account)
}

fn glob(wanted: &str, actual: &str) -> bool {
    Glob::new(wanted).is_ok_and(|glob| glob.compile_matcher().is_match(actual))
}

/// The labels that were just set: all that were added at once, else the one that the event is about.
fn labels(event: &Event) -> Vec<String> {
    if event.labels_added.is_empty() {
        Vec::from_iter(event.label.clone())
    } else {
        event.labels_added.clone()
    }
}

/// Whom it was just given to: all who were assigned at once, else the one that the event is about.
fn assignees(event: &Event) -> Vec<String> {
    let one = event.assignee.as_ref().filter(|_| event.assignees_added.is_empty());
    event.assignees_added.iter().chain(one).map(Account::to_string).collect()
}

fn command(event: &Event) -> Vec<String> {
    event.command.iter().map(|command| command.name.clone()).collect()
}

fn repository(event: &Event) -> Vec<String> {
    event.repository.iter().map(|repository| repository.name.to_string()).collect()
}

/// What a push changed.
fn paths(event: &Event) -> Vec<String> {
    event.push.iter().flat_map(|push| push.paths.iter().cloned()).collect()
}

/// The branch of a push, or the one that a pull request wants to go into.
fn branch(event: &Event) -> Option<String> {
    let push = event.push.as_ref().map(|push| push.branch.clone());
    push.or_else(|| event.change.as_ref().and_then(|change| change.base_branch.clone()))
}
