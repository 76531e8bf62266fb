//! What the person who asked reads at once.

use super::stopping::STOP;
use super::telling::TELL;
use super::{ANSWER, REFUSED, Reason, Refusal, Standing, Start, Verdict, decision, filter, question};
use crate::event::{Command, Event};
use crate::spec::{May, Trigger, Who};

/// What answers are made of.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// What happened.
    pub event: &'a Event,
    /// All triggers that there are.
    pub triggers: &'a [Trigger],
    /// What is known of the world.
    pub standing: &'a Standing,
}

/// A command as it is listed, and who may use it.
#[derive(Debug, Clone, PartialEq)]
pub struct Offer {
    /// Its line.
    pub line: String,
    /// Who may, where the trigger says it.
    pub who: Option<Who>,
}

impl Asked<'_> {
    /// The answer to a request, under the name that its run goes by: what is available, or why nothing starts. Who
    /// merely did something is told nothing, except that it was not theirs to ask for.
    #[must_use]
    pub fn answer(
        self,
        starts: &[Start],
        reasons: &[Reason],
        refusal: Option<&Refusal>,
    ) -> Option<(&'static str, String)> {
        if !starts.is_empty() || !question::is_request(self.event, self.standing) {
            return None;
        }
        let held = reasons.iter().find(|reason| reason.verdict != Verdict::Unmatched);
        if let Some(refused) = held.filter(|reason| reason.verdict == Verdict::Refused) {
            return Some((REFUSED, self.refused(refused)));
        }
        let command = self.event.command.as_ref()?;
        Some((ANSWER, self.of_command(command, held, refusal)))
    }

    fn of_command(self, command: &Command, held: Option<&Reason>, refusal: Option<&Refusal>) -> String {
        if let Some(refusal) = refusal {
            return refusal.sentence();
        }
        if command.is_help() {
            return self.help();
        }
        if [decision::APPROVE, decision::REJECT].contains(&command.name.as_str()) {
            return "Nothing here waits for a decision.".to_owned();
        }
        if command.name == TELL {
            return "No agent is at work here that could be told.".to_owned();
        }
        if STOP.contains(&command.name.as_str()) {
            return "Nothing is at work here that could be stopped.".to_owned();
        }
        if command.name == question::USE {
            return "No question of Ostler's to you is open here.".to_owned();
        }
        held.map_or_else(
            || format!("Nothing here is called `{}`.\n{}", bounded(&command.name), self.help()),
            why,
        )
    }

    /// Why a trigger is not this person's to start.
    fn refused(self, reason: &Reason) -> String {
        let command = self.event.command.as_ref().map(|command| format!("`{}`", bounded(&command.name)));
        let what = command.unwrap_or_else(|| reason.trigger.clone());
        let [who, name] = ["for", "name"].map(|part| reason.actual[part].as_str().unwrap_or_default());
        format!("Nothing was started: {what} is for {who}; {name} is not among them.")
    }

    /// The commands that this person can give here, a line each, and how to say what they are about where the place
    /// does not say it.
    fn help(self) -> String {
        let repository = self.event.repository.as_ref();
        let at_forge = repository.is_some_and(|repository| repository.forge == self.event.source);
        // Elsewhere a command may choose its repository.
        let here = |trigger: &&Trigger| {
            trigger.on.iter().any(|on| on.matches(&self.event.kind))
                && (!at_forge || filter::repository_fits(trigger, self.event))
        };
        let mine =
            |trigger: &&Trigger| matches!(self.standing.lets(trigger, self.event), May::Yes | May::Ask);
        let list = list(&offers(self.triggers.iter().filter(here).filter(mine)));
        let list = format!("{list}{}", self.unlinked(self.triggers.iter().filter(here)));
        if at_forge {
            return list;
        }
        let what = if self.event.task.is_none() {
            "Name a task (`implement SHOP-7`), or say what is to be done. "
        } else {
            ""
        };
        format!("{list}\n{what}`--repo owner/name` chooses one of the repositories that Ostler works on.")
    }

    /// What would have to be done so that there are more commands for this person.
    fn unlinked<'t>(self, mut triggers: impl Iterator<Item = &'t Trigger>) -> String {
        let unlinked = |trigger: &Trigger| {
            !trigger.filter.command.is_empty() && self.standing.lets(trigger, self.event) == May::Unlinked
        };
        let actor = self.event.actor.as_ref().filter(|_| triggers.any(unlinked));
        let Some((actor, forge)) = actor.zip(self.standing.forge.as_ref()) else { return String::new() };
        format!(
            "\nOther commands are for whoever has rights on {forge}, where your account is not known; whoever runs \
             Ostler can link it with `{}` under `identity`.",
            actor.account
        )
    }
}

/// Letters of an unknown command's name that are said back.
const NAME: usize = 40;

/// A name without what would break out of the quotation that it is shown in.
fn bounded(name: &str) -> String {
    name.chars().filter(|c| *c != '`' && !c.is_control()).take(NAME).collect()
}

/// The commands of some triggers.
pub fn offers<'a>(triggers: impl Iterator<Item = &'a Trigger>) -> Vec<Offer> {
    let offer = |trigger: &Trigger| {
        let about = if trigger.description.is_empty() { &trigger.run } else { &trigger.description };
        let names: Vec<_> = trigger.filter.command.iter().map(|name| named(name)).collect();
        let line = format!("• {}: {}", names.join(", "), about.trim().replace('\n', " "));
        Offer { line, who: trigger.who.clone() }
    };
    triggers.filter(|trigger| !trigger.filter.command.is_empty()).map(offer).collect()
}

const HEADING: &str = "Available here:";
const NOTHING: &str = "No commands are available here to you.";

/// Some commands, a line each.
#[must_use]
pub fn list(offers: &[Offer]) -> String {
    if offers.is_empty() {
        return NOTHING.to_owned();
    }
    let lines: Vec<_> = offers.iter().map(|offer| offer.line.as_str()).collect();
    format!("{HEADING}\n{}\n• {}: This list.", lines.join("\n"), named("help"))
}

/// A list with what stands around it, without the commands that turned out not to be the person's.
#[must_use]
pub fn without(text: &str, offers: &[Offer], theirs: impl Fn(&Offer) -> bool) -> String {
    let offered = |line: &str| offers.iter().any(|offer| offer.line == line);
    let mine = |line: &str| offers.iter().any(|offer| offer.line == line && theirs(offer));
    let lines: Vec<&str> = text.lines().filter(|line| !offered(line) || mine(line)).collect();
    let has_more = lines.iter().any(|line| offered(line));
    let said = lines.join("\n");
    let list = format!("{HEADING}\n• {}: This list.", named("help"));
    if has_more { said } else { said.replace(&list, NOTHING) }
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
