//! `ostler explain`: why something happened, or nothing.

use anyhow::Context as _;

use super::exit::Exit;
use super::place::{Kept, Place};
use super::screen::{BAD, BOLD, DIM, GOOD, Screen};
use crate::app;
use crate::config::{self, Environment};
use crate::ingress::explain::{Explained, Explanation, Line, Rules, Said, What};
use crate::router::Verdict;

/// What `ostler explain` is called with.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// An event (`evt_…`), a run (`run_…`), a delivery by its sender's own id, or a subject
    /// (`github:acme/shop#12`, `jira:SHOP-7`); the newest of everything unless given.
    #[arg(default_value = "")]
    what: String,
    /// Ask the triggers of today instead of telling what they said when it came.
    #[arg(long)]
    today: bool,
    #[command(flatten)]
    place: Place,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Explains.
pub(super) async fn run(
    arguments: Arguments,
    environment: &Environment,
    screen: &Screen,
) -> anyhow::Result<Exit> {
    let explained = ask(&arguments, environment).await?;
    if arguments.json || !screen.is_terminal() {
        screen.line(serde_json::to_string_pretty(&explained)?);
    } else {
        tell(&explained, screen);
    }
    Ok(Exit::Done)
}

async fn ask(arguments: &Arguments, environment: &Environment) -> anyhow::Result<Explained> {
    let Arguments { what, today, place, .. } = arguments;
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("what", what)
        .append_pair("today", &today.to_string())
        .finish();
    match place.ask(&format!("explain?{query}"), environment).await? {
        Kept::Told(answer) => Ok(serde_json::from_value(answer)?),
        Kept::Here(store) => {
            let loaded = config::load(place.config.as_deref(), environment)?;
            let explainer = app::explainer(&loaded, store).await?;
            let Ok(what) = what.parse::<What>();
            let explained = explainer.explain(&what, *today).await?;
            explained.context("there is no such delivery, event, subject or run")
        }
    }
}

fn tell(explained: &Explained, screen: &Screen) {
    if let Some(explanation) = &explained.explanation {
        tell_one(explanation, screen);
    }
    if !explained.also.is_empty() && explained.explanation.is_some() {
        screen.line(format_args!("\n{BOLD}Also{BOLD:#}"));
    }
    for line in &explained.also {
        let Line { time, id, what, subject, sentence } = line;
        screen.line(format_args!(
            "{DIM}{time:.0}{DIM:#} {id} {BOLD}{what}{BOLD:#} {subject} {DIM}{sentence}{DIM:#}"
        ));
    }
    if explained.explanation.is_none() && explained.also.is_empty() {
        screen.line("Nothing has come yet.");
    }
}

fn tell_one(explanation: &Explanation, screen: &Screen) {
    screen.line(format_args!("{BOLD}{}{BOLD:#}", explanation.sentence));
    if let Some(event) = &explanation.event {
        let by = event.actor.as_ref().map_or_else(String::new, |actor| format!(" by {}", actor.account));
        screen.line(format_args!(
            "{DIM}{} {} {}{by} at {:.0}{DIM:#}",
            event.id, event.kind, event.subject, event.time
        ));
    }
    if let Some(refused) = &explanation.refused {
        screen.line(format_args!("{DIM}{} to {} at {:.0}{DIM:#}", refused.cause, refused.path, refused.time));
        for (name, id) in &refused.ids {
            screen.line(format_args!("{DIM}{name}: {id}{DIM:#}"));
        }
        if refused.nth > 1 {
            screen.line(format_args!("{DIM}the {}. time from {}{DIM:#}", refused.nth, refused.source));
        }
    }
    if let Some(advice) = &explanation.advice {
        screen.line(format_args!("\n{advice}"));
    }
    for said in &explanation.triggers {
        tell_trigger(said, screen);
    }
    for run in &explanation.runs {
        let reason = run.reason.as_deref().unwrap_or_default();
        screen.line(format_args!("  {} {BOLD}{}{BOLD:#} {reason}", run.id, run.workflow));
    }
    if explanation.rules == Rules::Changed && !explanation.today {
        screen.note(
            "The handlers have changed since: this is what they said then; `--today` asks those of today.",
        );
    }
}

fn tell_trigger(said: &Said, screen: &Screen) {
    let (style, sign) = match said.reason.verdict {
        Verdict::Matched => (GOOD, "✓"),
        Verdict::Unmatched if said.reason.condition.as_deref() == Some("on") => (DIM, "·"),
        Verdict::Unmatched => (BOLD, "✗"),
        _ => (BAD, "!"),
    };
    screen.line(format_args!("  {style}{sign} {:<24}{style:#} {}", said.reason.trigger, said.sentence));
}
