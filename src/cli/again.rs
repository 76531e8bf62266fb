//! `ostler rerun` and `ostler replay`: what was done is done again, by what is written today. A running server does it
//! through its admin socket; where none runs it is stored, and the next server begins it.

use reqwest::Url;
use serde_json::{Map, Value, json};

use super::exit::Exit;
use super::outlook;
use super::place::{Kept, Place, address};
use super::run::input;
use super::screen::{DIM, Screen};
use crate::app;
use crate::clock::{Clock as _, SystemClock};
use crate::config::{self, Environment};
use crate::id::{EventId, RunId};
use crate::ingress::{Again, Inbox, Rerun};

/// How both are called.
#[derive(Debug, clap::Args)]
struct Common {
    /// What makes this call recognisable: made again with the same key, it changes nothing and says what came of the
    /// first one.
    #[arg(long)]
    key: Option<String>,
    /// Only show what would be done.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    place: Place,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What `ostler rerun` is called with.
#[derive(Debug, clap::Args)]
pub(super) struct RerunArguments {
    /// The run.
    run: RunId,
    /// An input that is to be another one; may be given several times.
    #[arg(long = "input", value_name = "NAME=VALUE", value_parser = input)]
    inputs: Vec<(String, String)>,
    /// Even though the run is not over.
    #[arg(long)]
    anyway: bool,
    #[command(flatten)]
    common: Common,
}

/// What `ostler replay` is called with.
#[derive(Debug, clap::Args)]
pub(super) struct ReplayArguments {
    /// An event (`evt_…`), or a delivery by its sender's own id.
    what: String,
    #[command(flatten)]
    common: Common,
}

/// Does a run again.
pub(super) async fn rerun(
    arguments: RerunArguments,
    environment: &Environment,
    screen: &Screen,
) -> anyhow::Result<Exit> {
    let RerunArguments { run, inputs, anyway, common } = arguments;
    let inputs = inputs.into_iter().map(|(name, value)| (name, Value::String(value)));
    let how = Rerun { inputs: Map::from_iter(inputs), anyway };
    let (key, body) = (key(&common), json!(how));
    let kept = post(&["runs", &run.to_string(), "rerun"], &common, (&key, &body), environment).await?;
    if common.dry_run {
        let outlook = match kept {
            Kept::Told(answer) => serde_json::from_value(answer)?,
            Kept::Here(store) => alone(&common, store, environment).await?.foresee_rerun(run, &how).await?,
        };
        return outlook::tell(&outlook, common.json, screen);
    }
    let answer = match kept {
        Kept::Told(answer) => (true, serde_json::from_value(answer)?),
        Kept::Here(store) => {
            let inbox = alone(&common, store, environment).await?;
            (false, inbox.rerun(run, &how, Some(&key)).await?)
        }
    };
    tell(answer, &common, screen)
}

/// Replays an event.
pub(super) async fn replay(
    arguments: ReplayArguments,
    environment: &Environment,
    screen: &Screen,
) -> anyhow::Result<Exit> {
    let ReplayArguments { what, common } = arguments;
    let key = key(&common);
    let kept = post(&["events", &what, "replay"], &common, (&key, &Value::Null), environment).await?;
    if common.dry_run {
        let outlook = match kept {
            Kept::Told(answer) => serde_json::from_value(answer)?,
            Kept::Here(store) => alone(&common, store, environment).await?.foresee_replay(&what).await?,
        };
        return outlook::tell(&outlook, common.json, screen);
    }
    let answer = match kept {
        Kept::Told(answer) => (true, serde_json::from_value(answer)?),
        Kept::Here(store) => {
            let inbox = alone(&common, store, environment).await?;
            (false, inbox.replay(&what, Some(&key)).await?)
        }
    };
    // That nothing wants an event is an answer like another.
    tell(answer, &common, screen).map(|_| Exit::Done)
}

/// The key of this call: should a connection break after it arrived, it is not taken for another one.
fn key(common: &Common) -> String {
    common.key.clone().unwrap_or_else(|| EventId::at(SystemClock.now()).to_string())
}

async fn post(
    path: &[&str],
    common: &Common,
    (key, body): (&str, &Value),
    environment: &Environment,
) -> anyhow::Result<Kept> {
    let mut url = Url::parse(&address(""))?;
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
    if common.dry_run {
        url.query_pairs_mut().append_pair("dry_run", "true");
    }
    common.place.request(|http| http.post(url).header("idempotency-key", key).json(body), environment).await
}

async fn alone(
    common: &Common,
    store: std::sync::Arc<dyn crate::store::Store>,
    environment: &Environment,
) -> anyhow::Result<Inbox> {
    let loaded = config::load(common.place.config.as_deref(), environment)?;
    Ok(app::inbox_over(&loaded, store).await?)
}

fn tell((served, again): (bool, Again), common: &Common, screen: &Screen) -> anyhow::Result<Exit> {
    let runs = &again.answer.runs;
    if common.json || !screen.is_terminal() {
        screen.line(serde_json::to_string_pretty(&again)?);
    } else {
        let event = again.answer.event_id.map(|event| event.to_string()).unwrap_or_default();
        screen.line(format_args!("{} {DIM}{event}{DIM:#}", again.sentence));
        for run in runs {
            screen.line(format_args!("{run} Look at it with `ostler runs {run}`."));
        }
    }
    if !served && !runs.is_empty() {
        screen.note("no server runs here: the run begins with the next `ostler serve`");
    }
    Ok(if runs.is_empty() { Exit::Failed } else { Exit::Done })
}
