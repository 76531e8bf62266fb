//! A stage: twins and Ostler, started as a user would start them, on ports of their own. The demo and the bench
//! are played on one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::app::App;
use crate::clock::SystemClock;
use crate::config::{self, AiProvider, Environment, SandboxOptions};
use crate::event::Event;
use crate::id::EventId;
use crate::money::{Limits, PriceList};
use crate::spec::catalog::Origin;
use crate::store::{Found, Query};
use crate::twin;

/// The configuration of `serve` for the twins.
const CONFIG: &str = include_str!("../../fixtures/twins.yaml");
/// The workflow whose place `--workflow` takes.
const STANDARD: &str = "standard-development";

/// What a stage is to be, besides what every one is.
#[derive(Debug, Default)]
pub(super) struct Setting<'a> {
    /// The directory that everything is kept in, instead of a temporary one.
    pub(super) dir: Option<&'a Path>,
    /// A workflow in place of the standard one.
    pub(super) workflow: Option<&'a Path>,
    /// What the model is to say and do, instead of what is in the binary.
    pub(super) scripts: Option<&'a Path>,
    /// Repositories besides those in the binary.
    pub(super) repositories: Vec<twin::Repository>,
    /// What commands run with.
    pub(super) sandbox: Option<SandboxOptions>,
    /// Where the twins listen, instead of anywhere.
    pub(super) twins: Option<TcpListener>,
    /// Who answers prompts in place of the twin, what that costs, and what may be spent.
    pub(super) model: Option<(AiProvider, Option<PriceList>, Limits)>,
}

/// Everything that is played on.
#[derive(Debug)]
pub(super) struct Stage {
    /// Ostler.
    pub(super) app: App,
    twins: twin::Handle,
    stop: CancellationToken,
    client: reqwest::Client,
    root: PathBuf,
    /// Whether another workflow stands in the standard one's place.
    custom: bool,
    /// Removed with everything in it when the stage is struck.
    temporary: Option<TempDir>,
}

impl Stage {
    /// Starts the twins and Ostler.
    pub(super) async fn set(mut setting: Setting<'_>) -> anyhow::Result<Self> {
        let (root, temporary) = place(setting.dir)?;
        let ours = TcpListener::bind("127.0.0.1:0").await?;
        let theirs = match setting.twins.take() {
            Some(listener) => listener,
            None => TcpListener::bind("127.0.0.1:0").await?,
        };
        let hooks = format!("http://{}", ours.local_addr()?);
        let stop = CancellationToken::new();
        let scripts = setting.scripts.map(Path::to_owned);
        let options = twin::Options {
            scripts,
            repositories: setting.repositories.clone(),
            ..twin::Options::new(Url::parse(&hooks)?, Arc::new(SystemClock))
        };
        let twins = twin::serve(theirs, options, stop.clone()).await?;
        let loaded = configuration(&setting, &root, (twins.base(), &hooks))?;
        let replacement = setting.workflow.map(|file| (STANDARD.to_owned(), file.to_owned()));
        let app = App::start_from(loaded, Origin { replacement, ..Origin::default() }, ours).await?;
        Ok(Self {
            app,
            twins,
            stop,
            client: reqwest::Client::new(),
            root,
            custom: setting.workflow.is_some(),
            temporary,
        })
    }

    /// Where Ostler listens.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.app.address())
    }

    /// Where the twins listen, with a slash at the end.
    pub(super) fn twins_url(&self) -> &Url {
        self.twins.base()
    }

    /// Whether what Ostler stored is there when the demo has ended.
    pub(super) fn is_kept(&self) -> bool {
        self.temporary.is_none()
    }

    /// Where Ostler keeps things.
    pub(super) fn data(&self) -> PathBuf {
        data(&self.root)
    }

    /// What all of it is in.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Whether the stories are told by another workflow than the shipped one.
    pub(super) fn is_custom(&self) -> bool {
        self.custom
    }

    /// Lets a person act.
    pub(super) async fn act(&self, act: &Value) -> anyhow::Result<()> {
        let answer = self.client.post(self.twins_url().join("twin/act")?).json(act).send().await?;
        if !answer.status().is_success() {
            bail!("the twins refused {act}: {}", answer.text().await?);
        }
        Ok(())
    }

    /// What the outside world holds.
    pub(super) async fn state(&self) -> anyhow::Result<Value> {
        Ok(self.client.get(self.twins_url().join("twin/state")?).send().await?.json().await?)
    }

    /// The number of the newest thing that happened.
    pub(super) async fn newest(&self) -> anyhow::Result<u64> {
        let mut newest = 0;
        loop {
            let page = self.app.store().tail(newest, 1_000).await?;
            match page.last() {
                Some(last) => newest = last.seq,
                None => return Ok(newest),
            }
        }
    }

    /// An event by its id.
    pub(super) async fn event(&self, id: EventId) -> anyhow::Result<Event> {
        match self.app.store().query(Query::Event(id)).await? {
            Found::Event(event) => Ok(*event),
            _ => bail!("{id} is not in the store"),
        }
    }

    /// Ends everything.
    pub(super) async fn strike(self) {
        self.app.shutdown().await;
        self.stop.cancel();
        self.twins.stopped().await;
    }
}

/// The configuration of Ostler among the twins.
fn configuration(
    setting: &Setting<'_>,
    root: &Path,
    (twins, hooks): (&Url, &str),
) -> anyhow::Result<config::Loaded> {
    let file = root.join("ostler.yaml");
    std::fs::write(&file, CONFIG)?;
    let base = twins.as_str().trim_end_matches('/');
    let environment = Environment::from([("OSTLER_TWINS", base), ("OSTLER_PUBLIC_URL", hooks)]);
    let mut loaded = config::load(Some(&file), &environment)?;
    loaded.config.store.url = format!("sled://{}", data(root).display());
    loaded.config.system.workspace_dir = workspaces(root);
    if let Some(sandbox) = &setting.sandbox {
        loaded.config.security.sandbox = sandbox.clone();
    }
    if let Some((provider, prices, limits)) = &setting.model {
        loaded.config.ai_provider = provider.clone();
        loaded.config.prices.clone_from(prices);
        loaded.config.limits = limits.clone();
    }
    Ok(loaded)
}

fn data(root: &Path) -> PathBuf {
    root.join("data")
}

/// Where runs have their checkouts.
pub(super) fn workspaces(root: &Path) -> PathBuf {
    root.join("workspaces")
}

/// The directory that everything is kept in: the given one, or a temporary one.
fn place(dir: Option<&Path>) -> anyhow::Result<(PathBuf, Option<TempDir>)> {
    if let Some(dir) = dir {
        std::fs::create_dir_all(dir).with_context(|| dir.display().to_string())?;
        return Ok((dir.to_owned(), None));
    }
    let temporary = tempfile::Builder::new().prefix("ostler-demo-").tempdir()?;
    Ok((temporary.path().to_owned(), Some(temporary)))
}
