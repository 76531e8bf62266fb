//! `ostler rebuild`: the change that agents made, made again from their trajectory, without a model.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde_json::json;
use url::Url;

use super::exit::Exit;
use super::screen::{BAD, GOOD, Screen};
use crate::agent::rebuild::{Rebuilt, rebuild};
use crate::agent::trajectory::{self, Attempt};
use crate::config::{self, Config, Environment};
use crate::plugin::forge::Remote;
use crate::workspace::git::is_object_name;
use crate::workspace::sandbox::Host;
use crate::workspace::{self, Workspace, Workspaces};

/// What `ostler rebuild` is called with.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// What `ostler trajectory` has printed; `-` for standard input.
    trajectory: PathBuf,
    /// The repository: a directory, or an address that asks for no password.
    #[arg(long, value_name = "DIR|URL")]
    repository: String,
    /// The configuration that says what commands run with.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

/// Makes it again, and prints the patch.
pub(super) async fn run(
    arguments: Arguments,
    environment: &Environment,
    screen: &Screen,
) -> anyhow::Result<Exit> {
    let attempts = trajectory::read(&text(&arguments.trajectory)?)?;
    let config = config::load(arguments.config.as_deref(), environment)?.config;
    let place = tempfile::Builder::new().prefix("ostler-rebuild-").tempdir()?;
    let workspace = open(&attempts, (&arguments.repository, place.path()), &config).await?;
    let rebuilt = rebuild(&attempts, &workspace).await.context("the trajectory cannot be followed")?;
    let tree = rebuilt.last().map(|last| last.tree.clone()).context("the trajectory is empty")?;
    let patch = workspace.diff(&tree).await?;
    let same = rebuilt.iter().all(|one| one.differs_from_turn.is_none());
    if arguments.json {
        let report = json!({
            "base": workspace.base, "tree": tree, "same": same, "attempts": rebuilt, "patch": patch,
        });
        screen.line(serde_json::to_string_pretty(&report)?);
    } else {
        rebuilt.iter().for_each(|one| screen.note(told(one)));
        screen.line(patch.trim_end_matches('\n'));
    }
    Ok(if same { Exit::Done } else { Exit::Failed })
}

fn text(file: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    if file == Path::new("-") {
        std::io::stdin().read_to_string(&mut text)?;
        return Ok(text);
    }
    std::fs::read_to_string(file).with_context(|| file.display().to_string())
}

/// A workspace at the commit that all attempts began with.
async fn open(
    attempts: &[Attempt],
    (repository, root): (&str, &Path),
    config: &Config,
) -> anyhow::Result<Workspace> {
    let whose = &attempts.first().context("the trajectory is empty")?.whose;
    if !is_object_name(&whose.base) || attempts.iter().any(|attempt| attempt.whose.base != whose.base) {
        bail!("the trajectory does not name one commit that its files were taken from");
    }
    let mut options = workspace::Options { root: root.to_owned(), ..Default::default() };
    options.git.variables.clone_from(&config.network);
    let url = match std::fs::canonicalize(repository) {
        Ok(directory) => {
            // Only here, where a person names a directory of their own.
            options.git.protocols.push("file".to_owned());
            let url = Url::from_directory_path(&directory).ok();
            url.context("the repository's directory cannot be named")?.to_string()
        }
        Err(_) => repository.to_owned(),
    };
    let workspaces = Workspaces::new(options, Host::new(config.security.sandbox.options()));
    workspaces.host.sandbox().await.demand()?;
    let remote = Remote { url, credential: None };
    let opened = workspaces.open(whose.run, &remote, &whose.base).await;
    opened.with_context(|| format!("{} cannot be taken from {repository}", whose.base))
}

fn told(one: &Rebuilt) -> String {
    let Rebuilt { step, attempt, turns, tree, recorded, .. } = one;
    let found = match one.differs_from_turn {
        None => format!("tree {tree}, {GOOD}as recorded{GOOD:#}"),
        Some(turn) => {
            format!("tree {tree}, {BAD}recorded was {recorded}: they differ from turn {turn} on{BAD:#}")
        }
    };
    format!("{step}, attempt {attempt}: {turns} turns done again, {found}")
}
