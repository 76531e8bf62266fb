//! What the person who asked reads at once.

use super::{Reason, Refusal, Start, Verdict};
use crate::event::Event;
use crate::spec::Trigger;

/// The answer to a command: what is available, or why nothing starts. An event without a command asks for no answer.
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
    let held = reasons.iter().find(|reason| reason.verdict != Verdict::Unmatched);
    Some(held.map_or_else(
        || format!("Nothing here is called `{}`.\n{}", command.name, help(event, triggers)),
        why,
    ))
}

/// The commands that events of this kind can give here, a line each.
fn help(event: &Event, triggers: &[Trigger]) -> String {
    list(triggers.iter().filter(|trigger| trigger.on.iter().any(|pattern| pattern.matches(&event.kind))))
}

/// The commands of some triggers, a line each.
pub fn list<'a>(triggers: impl Iterator<Item = &'a Trigger>) -> String {
    let line = |trigger: &Trigger| {
        let about = if trigger.description.is_empty() { &trigger.run } else { &trigger.description };
        let names: Vec<_> = trigger.filter.command.iter().map(|name| format!("`{name}`")).collect();
        format!("• {}: {}", names.join(", "), about.trim())
    };
    let commands = triggers.filter(|trigger| !trigger.filter.command.is_empty());
    let lines: Vec<String> = commands.map(line).collect();
    if lines.is_empty() {
        return "No commands are available here.".to_owned();
    }
    format!("Available here:\n{}\n• `help`: this list", lines.join("\n"))
}

/// Why a trigger that wanted the event did not start its workflow.
fn why(reason: &Reason) -> String {
    match (reason.verdict, reason.condition.as_deref()) {
        (Verdict::Blocked, Some("repository")) => {
            let tried: Vec<_> = reason.actual["no_entry_for"].as_array().into_iter().flatten().collect();
            let tried: Vec<_> =
                tried.into_iter().filter_map(|key| Some(format!("`{}`", key.as_str()?))).collect();
            let unknown = if tried.is_empty() {
                String::new()
            } else {
                format!(" ({} is not mapped)", tried.join(" or "))
            };
            format!(
                "Which repository is this about{unknown}? Name one with `--repo owner/name`, or ask whoever runs Ostler \
                 to map this channel or project under `repositories`; only repositories listed there can be named."
            )
        }
        (_, condition) => {
            let condition = condition.unwrap_or("condition");
            let problem = reason.actual.as_str().map_or_else(|| reason.actual.to_string(), str::to_owned);
            format!("The trigger {} could not start: `{condition}`: {problem}.", reason.trigger)
        }
    }
}
