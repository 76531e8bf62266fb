//! What the person who asked reads at once.

use super::{Reason, Refusal, Start, Verdict, question};
use crate::event::{Command, Event};
use crate::spec::Trigger;

/// The answer to a command: what is available, or why nothing starts. An event without a command
/// asks for no answer.
#[must_use]
pub fn to(
    event: &Event,
    triggers: &[Trigger],
    starts: &[Start],
    reasons: &[Reason],
    refusal: Option<&Refusal>,
) -> Option<String> {
    let command = event.command.as_ref().filter(|_| starts.is_empty())?;
    if let Some(refusal) = refusal {
        return Some(refusal.sentence());
    }
    if command.is_help() {
        return Some(help(event, triggers));
    }
    if command.name == question::USE {
        return Some("No question of Ostler's to you is open here.".to_owned());
    }
    let held = reasons.iter().find(|reason| reason.verdict != Verdict::Unmatched);
    Some(held.map_or_else(
        || format!("Nothing here is called `{}`.\n{}", bounded(&command.name), help(event, triggers)),
        why,
    ))
}

/// Letters of an unknown command's name that are said back.
const NAME: usize = 40;

/// A name without what would break out of the quotation that it is shown in.
fn bounded(name: &str) -> String {
    name.chars().filter(|c| *c != '`' && !c.is_control()).take(NAME).collect()
}

/// The commands that events of this kind can give here, a line each, and how to say what they are about where
/// the place does not say it.
fn help(event: &Event, triggers: &[Trigger]) -> String {
    let list = list(triggers.iter().filter(|trigger| trigger.on.iter().any(|on| on.matches(&event.kind))));
    let at_forge = event.repository.as_ref().is_some_and(|repository| repository.forge == event.source);
    if at_forge {
        return list;
    }
    let what = if event.task.is_none() {
        "Name a task (`implement SHOP-7`), or say what is to be done. "
    } else {
        ""
    };
    format!("{list}\n{what}`--repo owner/name` chooses one of the repositories that Ostler works on.")
}

/// The commands of some triggers, a line each.
pub fn list<'a>(triggers: impl Iterator<Item = &'a Trigger>) -> String {
    let line = |trigger: &Trigger| {
        let about = if trigger.description.is_empty() { &trigger.run } else { &trigger.description };
        let names: Vec<_> = trigger.filter.command.iter().map(|name| named(name)).collect();
        format!("• {}: {}", names.join(", "), about.trim())
    };
    let commands = triggers.filter(|trigger| !trigger.filter.command.is_empty());
    let lines: Vec<String> = commands.map(line).collect();
    if lines.is_empty() {
        return "No commands are available here.".to_owned();
    }
    format!("Available here:\n{}\n• {}: This list.", lines.join("\n"), named("help"))
}

/// A command with the other names that it goes by.
fn named(command: &str) -> String {
    let aliases: Vec<_> = Command::aliases(command).map(|alias| format!("`{alias}`")).collect();
    if aliases.is_empty() { format!("`{command}`") } else { format!("`{command}` ({})", aliases.join(", ")) }
}

/// Why a trigger that wanted the event did not start its workflow.
fn why(reason: &Reason) -> String {
    match (reason.verdict, reason.condition.as_deref()) {
        (Verdict::Blocked, Some("repository")) => {
            let tried =
                reason.actual["no_entry_for"].as_array().into_iter().flatten().filter_map(|key| key.as_str());
            let tried: Vec<_> = tried.map(|key| format!("`{key}`")).collect();
            let unknown = if tried.is_empty() {
                String::new()
            } else {
                format!(" ({} is not mapped)", tried.join(" or "))
            };
            format!(
                "Nothing was started: it is not known which repository this is about{unknown}. Name one with \
                 `--repo owner/name`, or ask whoever runs Ostler to map this channel or project to one under \
                 `repositories`; only repositories on that map can be named."
            )
        }
        (_, condition) => {
            let condition = condition.unwrap_or("condition");
            let problem = reason.actual.as_str().map_or_else(|| reason.actual.to_string(), str::to_owned);
            format!("The trigger {} could not start: `{condition}`: {problem}.", reason.trigger)
        }
    }
}
