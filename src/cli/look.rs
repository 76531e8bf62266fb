//! `ostler runs` and `ostler events`: what is kept. A running server is asked through its admin socket; where
//! none runs, the store is opened itself.

mod one;

use anyhow::Context as _;
use serde_json::Value;

use super::exit::Exit;
use super::place::{Kept, Place};
use super::screen::{BOLD, DIM, Screen};
use crate::clock::{Clock as _, SystemClock};
use crate::config::Environment;
use crate::event::Event;
use crate::http::views;
use crate::id::{EventId, RunId};
use crate::store::Store;

/// How many lines a list has.
const PAGE: usize = 100;

/// What `ostler runs` and `ostler events` are called with.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Show this one with all that belongs to it.
    id: Option<String>,
    #[command(flatten)]
    place: Place,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What `ostler events` is called with.
#[derive(Debug, clap::Args)]
pub(super) struct EventArguments {
    #[command(flatten)]
    common: Arguments,
    /// Print the event as CloudEvents 1.0 write it down (structured JSON).
    #[arg(long, requires = "id")]
    cloudevents: bool,
}

/// Shows events, or one of them.
pub(super) async fn events(
    arguments: EventArguments,
    environment: &Environment,
    screen: &Screen,
) -> anyhow::Result<Exit> {
    let EventArguments { common, cloudevents } = arguments;
    if !cloudevents {
        return run(What::Events, common, environment, screen).await;
    }
    let answer = ask(What::Events, &common, environment).await?;
    let event: Event = serde_json::from_value(answer["event"].clone())?;
    screen.line(serde_json::to_string_pretty(&event.to_cloud_event())?);
    Ok(Exit::Done)
}

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// Runs.
    Runs,
    /// Events.
    Events,
}

impl What {
    fn plural(self) -> &'static str {
        match self {
            Self::Runs => "runs",
            Self::Events => "events",
        }
    }

    /// Whether an id can be one of these: better said at once than asked of a server.
    fn check(self, id: Option<&str>) -> anyhow::Result<()> {
        let Some(id) = id else { return Ok(()) };
        match self {
            Self::Runs => drop(id.parse::<RunId>()?),
            Self::Events => drop(id.parse::<EventId>()?),
        }
        Ok(())
    }
}

/// Shows a list, or one of its members.
pub(super) async fn run(
    what: What,
    arguments: Arguments,
    environment: &Environment,
    screen: &Screen,
) -> anyhow::Result<Exit> {
    let answer = ask(what, &arguments, environment).await?;
    match (what, &arguments.id) {
        _ if arguments.json || !screen.is_terminal() => {
            screen.line(serde_json::to_string_pretty(&answer)?);
        }
        (_, None) => list(what, &answer, screen),
        (What::Runs, Some(_)) => one::run(&answer).iter().for_each(|line| screen.line(line)),
        (What::Events, Some(_)) => screen.line(serde_json::to_string_pretty(&answer)?),
    }
    Ok(Exit::Done)
}

async fn ask(what: What, arguments: &Arguments, environment: &Environment) -> anyhow::Result<Value> {
    let id = arguments.id.as_deref();
    what.check(id)?;
    let path = id.map_or_else(|| what.plural().to_owned(), |id| format!("{}/{id}", what.plural()));
    match arguments.place.ask(&path, environment).await? {
        Kept::Told(answer) => Ok(answer),
        Kept::Here(store) => ask_store(&*store, what, id).await,
    }
}

async fn ask_store(store: &dyn Store, what: What, id: Option<&str>) -> anyhow::Result<Value> {
    let one = match (what, id) {
        (What::Runs, None) => return Ok(views::runs(store, None, PAGE, SystemClock.now()).await?),
        (What::Events, None) => return Ok(views::events(store, None, PAGE).await?),
        (What::Runs, Some(id)) => views::run(store, id.parse()?, SystemClock.now()).await?,
        (What::Events, Some(id)) => views::event(store, id.parse()?).await?,
    };
    one.with_context(|| format!("there is no such {}", what.plural().trim_end_matches('s')))
}

fn list(what: What, answer: &Value, screen: &Screen) {
    let text = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
    for row in answer[what.plural()].as_array().into_iter().flatten() {
        match what {
            What::Runs => screen.line(format_args!(
                "{} {BOLD}{:<10}{BOLD:#} {:<24} {} {DIM}{}{}{DIM:#}",
                text(row, "id"),
                text(row, "status"),
                text(row, "workflow"),
                text(row, "subject"),
                row["rerun_of"].as_str().map(|of| format!("again {of} ")).unwrap_or_default(),
                Some(text(&row["waits"], "sentence"))
                    .filter(|it| !it.is_empty())
                    .unwrap_or(text(row, "reason")),
            )),
            What::Events => screen.line(format_args!(
                "{} {BOLD}{:<28}{BOLD:#} {} {DIM}{}{DIM:#}",
                text(row, "id"),
                text(row, "kind"),
                text(row, "subject"),
                text(row, "time"),
            )),
        }
    }
}
