//! `ostler runs` and `ostler events`: what is kept. A running server is asked through its admin socket; where
//! none runs, the store is opened itself.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde_json::Value;

use super::exit::Exit;
use super::screen::{BOLD, DIM, Screen};
use crate::app;
use crate::config::{self, Environment};
use crate::event::Event;
use crate::http::views;
use crate::id::{EventId, RunId};
use crate::store::{self, Store};

/// How many lines a list has.
const PAGE: usize = 100;

/// What `ostler runs` and `ostler events` are called with.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Show this one with all that belongs to it.
    id: Option<String>,
    /// The configuration that says where things are kept.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The directory in which things are kept.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
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
    if arguments.json || !screen.is_terminal() || arguments.id.is_some() {
        screen.line(serde_json::to_string_pretty(&answer)?);
    } else {
        list(what, &answer, screen);
    }
    Ok(Exit::Done)
}

async fn ask(what: What, arguments: &Arguments, environment: &Environment) -> anyhow::Result<Value> {
    let data = match &arguments.data {
        Some(data) => data.clone(),
        None => {
            let loaded = config::load(arguments.config.as_deref(), environment)?;
            loaded.config.data_dir().context("a store in memory can only be looked at from within")?
        }
    };
    what.check(arguments.id.as_deref())?;
    if !data.exists() {
        bail!("nothing is kept in {}: no server has run on it yet", data.display());
    }
    let socket = app::admin_socket(&data);
    if socket.exists()
        && let Some(answer) = ask_server(&socket, what, arguments.id.as_deref()).await?
    {
        return Ok(answer);
    }
    let store = store::open(&format!("sled://{}", data.display()))?;
    ask_store(&*store, what, arguments.id.as_deref()).await
}

/// Asks the server behind a socket; nothing when no server is there any more.
async fn ask_server(socket: &Path, what: What, id: Option<&str>) -> anyhow::Result<Option<Value>> {
    let client = reqwest::Client::builder().unix_socket(socket).build()?;
    let path = id.map_or_else(|| what.plural().to_owned(), |id| format!("{}/{id}", what.plural()));
    let answer = match client.get(format!("http://ostler/api/v1/{path}")).send().await {
        Ok(answer) => answer,
        // A socket file outlives a server that was killed.
        Err(error) if error.is_connect() => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let found = answer.status().is_success();
    let body: Value = answer.json().await?;
    if !found {
        bail!("{}", body["detail"].as_str().unwrap_or("the server did not say why not"));
    }
    Ok(Some(body))
}

async fn ask_store(store: &dyn Store, what: What, id: Option<&str>) -> anyhow::Result<Value> {
    let one = match (what, id) {
        (What::Runs, None) => return Ok(views::runs(store, None, PAGE).await?),
        (What::Events, None) => return Ok(views::events(store, None, PAGE).await?),
        (What::Runs, Some(id)) => views::run(store, id.parse()?).await?,
        (What::Events, Some(id)) => views::event(store, id.parse()?).await?,
    };
    one.with_context(|| format!("there is no such {}", what.plural().trim_end_matches('s')))
}

fn list(what: What, answer: &Value, screen: &Screen) {
    let text = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
    for row in answer[what.plural()].as_array().into_iter().flatten() {
        match what {
            What::Runs => screen.line(format_args!(
                "{} {BOLD}{:<10}{BOLD:#} {:<24} {} {DIM}{}{DIM:#}",
                text(row, "id"),
                text(row, "status"),
                text(row, "workflow"),
                text(row, "subject"),
                text(row, "reason"),
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
