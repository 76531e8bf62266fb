//! `ostler run`: starts a workflow by its name. A running server is asked through its admin socket; where none
//! runs, the order is stored, and the next server begins it.

use std::path::Path;

use anyhow::{Context as _, anyhow};
use reqwest::Client;
use serde_json::{Map, Value, json};

use super::exit::Exit;
use super::place::{self, Place};
use super::screen::Screen;
use super::{delivery, outlook, test};
use crate::app;
use crate::clock::{Clock as _, SystemClock};
use crate::config::{self, Environment, Loaded};
use crate::event::{RepositoryName, SourceName};
use crate::id::EventId;
use crate::ingress::{Outlook, rehearse};
use crate::router::own::Order;

/// What `ostler run` is called with.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The workflow's id: the name of its file.
    workflow: String,
    /// An input of it; may be given several times.
    #[arg(long = "input", value_name = "NAME=VALUE", value_parser = input)]
    inputs: Vec<(String, String)>,
    /// The repository to work on.
    #[arg(long, value_name = "OWNER/NAME")]
    repo: Option<RepositoryName>,
    /// The task to work on: `SHOP-7`, `acme/shop#12`.
    #[arg(long)]
    task: Option<String>,
    /// Only show what would be done: nothing is performed, stored or asked.
    #[arg(long)]
    dry_run: bool,
    /// What it is about: a kept delivery, a file or `<source>/<name>` of one that is kept or shipped.
    #[arg(long, value_name = "FIXTURE", requires = "dry_run", conflicts_with_all = ["repo", "task"])]
    event: Option<String>,
    #[command(flatten)]
    place: Place,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn input(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| "an input is given as NAME=VALUE".to_owned())?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Orders the run.
pub(super) async fn run(
    arguments: Arguments,
    environment: &Environment,
    screen: &Screen,
) -> anyhow::Result<Exit> {
    let mut loaded = config::load(arguments.place.config.as_deref(), environment)?;
    if let Some(data) = &arguments.place.data {
        loaded.config.store.url = format!("sled://{}", data.display());
    }
    let inputs = arguments.inputs.into_iter().map(|(name, value)| (name, Value::String(value)));
    let order = Order {
        workflow: arguments.workflow,
        inputs: Map::from_iter(inputs),
        repository: arguments.repo,
        task: arguments.task,
    };
    if arguments.dry_run {
        let outlook = foresee(&loaded, &order, arguments.event.as_deref())?;
        return outlook::tell(&outlook, arguments.json, screen);
    }
    let data = loaded.config.data_dir().context("a store in memory takes orders only from within")?;
    let socket = app::admin_socket(&data);
    let asked = if socket.exists() { give_to_server(&socket, &order).await? } else { None };
    let served = asked.is_some();
    let answer = match asked {
        Some(answer) => answer,
        None => json!(app::inbox_alone(&loaded)?.order(&order, None).await?),
    };
    if arguments.json || !screen.is_terminal() {
        screen.line(serde_json::to_string_pretty(&answer)?);
    } else {
        let id = answer["runs"][0].as_str().unwrap_or_default();
        screen.line(format_args!("{id} Look at it with `ostler runs {id}`."));
    }
    if !served {
        screen.note("no server runs here: the run begins with the next `ostler serve`");
    }
    Ok(Exit::Done)
}

/// What the run would do, by the files and the configuration as they are now.
fn foresee(loaded: &Loaded, order: &Order, about: Option<&str>) -> anyhow::Result<Outlook> {
    let (policy, now) = (app::policy_alone(loaded)?, SystemClock.now());
    let event = about.map(|name| -> anyhow::Result<_> {
        let root = if loaded.root.as_os_str().is_empty() { Path::new(".") } else { loaded.root.as_path() };
        let kept = delivery::find(name, root)?;
        let sources = test::sources(loaded)?;
        let source = sources.get(&SourceName::new(&kept.source));
        let source = source.with_context(|| format!("there is no source `{}`", kept.source))?;
        let event = rehearse::event(source.as_ref(), &kept.fixture.delivery()?, now);
        event.map_err(|why| anyhow!("`{name}`: {why}"))
    });
    Ok(Outlook::of_order(order, event.transpose()?, &policy, now)?)
}

/// Gives the order to the server behind a socket; nothing when no server is there any more.
async fn give_to_server(socket: &Path, order: &Order) -> anyhow::Result<Option<Value>> {
    let body = json!({
        "workflow": order.workflow, "inputs": order.inputs, "repository": order.repository, "task": order.task,
    });
    // Should the connection break after the order arrived, it is not taken for another one.
    let key = EventId::at(SystemClock.now()).to_string();
    let request =
        |http: &Client| http.post(place::address("runs")).header("idempotency-key", key).json(&body);
    place::ask_server(socket, request).await
}
