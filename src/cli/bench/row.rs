//! One task, worked on by every model: each has a repository and an issue of its own, and all have one Ostler.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::cell::{Cell, Judged};
use super::model::{Model, OPEN, Targets};
use super::task::Task;
use crate::cli::stage::{self, Setting, Stage};
use crate::clock::{Clock as _, SystemClock};
use crate::config::{Config, SandboxOptions};
use crate::id::{EventId, RunId};
use crate::plugin::forge::Remote;
use crate::run::timeline::Timeline;
use crate::store::{Found, Query, RunStatus, RunSummary};
use crate::twin::{Repository, Secrets, SeedFile};
use crate::workspace::sandbox::Host;
use crate::workspace::{Options, Workspace, Workspaces};

/// How long all runs of a task may take together.
const PATIENCE: Duration = Duration::from_secs(3_600);
/// How long the hidden tests may take.
const ACCEPTING: Duration = Duration::from_secs(300);
/// Where the hidden tests lie for a moment, from the root of what was published.
const HIDDEN: &str = ".acceptance";

/// Who works, and with what.
#[derive(Debug)]
pub(super) struct Company {
    /// The scripted models; none where the configured one works.
    pub(super) models: Vec<Model>,
    /// The configuration that the sandbox and the configured model are taken from.
    pub(super) config: Config,
}

/// What came of a task.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    /// The task.
    pub(super) task: String,
    /// What it is written in.
    pub(super) language: String,
    /// The programs that the sandbox lacks: then nothing was played.
    pub(super) lacks: Vec<String>,
    /// Whether the hidden tests fail on the base, as they must.
    pub(super) begins_red: bool,
    /// What each model brought about.
    pub(super) cells: BTreeMap<String, Cell>,
}

/// Somebody at work on a task: a name, the repository for it, and what is scripted.
struct Place {
    name: String,
    repository: String,
    script: Option<Value>,
}

impl Company {
    /// What commands run with: what is configured, at whatever level this machine has.
    pub(super) fn sandbox(&self) -> SandboxOptions {
        SandboxOptions { minimum: 0, ..self.config.security.sandbox.clone() }
    }

    fn places(&self, task: &Task, targets: &Targets) -> Vec<Place> {
        if self.models.is_empty() {
            let repository = format!("acme/{}-live", task.name);
            return vec![Place { name: "live".to_owned(), repository, script: None }];
        }
        let place = |model: &Model| {
            let (name, repository) = (model.name.to_owned(), model.repository(task));
            Some(Place { name, repository, script: Some(model.script(task, targets)?) })
        };
        self.models.iter().filter_map(place).collect()
    }
}

impl Row {
    /// One line about it.
    pub(super) fn told(&self) -> String {
        if !self.lacks.is_empty() {
            return format!("{}: skipped, the sandbox has no {}", self.task, self.lacks.join(", "));
        }
        format!("{}: {} runs", self.task, self.cells.len())
    }
}

/// Lets every model work on a task.
pub(super) async fn play(task: &Task, company: &Company) -> anyhow::Result<Row> {
    let scripts = tempfile::tempdir()?;
    let root = tempfile::Builder::new().prefix("ostler-bench-").tempdir()?;
    // Scripts are read when the twins start, and one of them names the twins' port.
    let twins = TcpListener::bind("127.0.0.1:0").await?;
    let targets = Targets { root: root.path().display().to_string(), port: twins.local_addr()?.port() };
    let places = company.places(task, &targets);
    for place in &places {
        if let Some(script) = &place.script {
            std::fs::write(scripts.path().join(format!("{}.yaml", place.name)), script.to_string())?;
        }
    }
    let configured = || {
        let Config { ai_provider, prices, limits, .. } = company.config.clone();
        (ai_provider, prices, limits)
    };
    let stage = Stage::set(Setting {
        dir: Some(root.path()),
        scripts: Some(scripts.path()),
        repositories: places.iter().map(|place| repository(task, place)).collect(),
        sandbox: Some(company.sandbox()),
        model: company.models.is_empty().then(configured),
        twins: Some(twins),
        ..Setting::default()
    })
    .await?;
    let row = Stand { task, stage: &stage, workspaces: workspaces(&stage, company) }.row(&places).await;
    stage.strike().await;
    row
}

fn repository(task: &Task, place: &Place) -> Repository {
    let (title, body) = (task.about.title.clone(), task.about.issue.clone());
    Repository { name: place.repository.clone(), files: task.base.clone(), title, body }
}

/// Checkouts for the hidden tests, apart from those of runs.
fn workspaces(stage: &Stage, company: &Company) -> Workspaces {
    let options = Options { root: stage.root().join("accepting"), ..Options::default() };
    Workspaces::new(options, Host::new(company.sandbox().options()))
}

/// A stage on which a task is worked on.
struct Stand<'a> {
    task: &'a Task,
    stage: &'a Stage,
    workspaces: Workspaces,
}

impl Stand<'_> {
    async fn row(&self, places: &[Place]) -> anyhow::Result<Row> {
        let first = places.first().context("no model has anything to do here")?;
        let base = self.checkout(&first.repository, "main").await?;
        let mut row = Row {
            task: self.task.name.clone(),
            language: self.task.about.language.clone(),
            lacks: self.lacks(&base).await?,
            begins_red: false,
            cells: BTreeMap::new(),
        };
        if !row.lacks.is_empty() {
            return Ok(row);
        }
        row.begins_red = !self.accepts(&base).await?;
        for place in places {
            let label = json!({"repository": place.repository, "issue": 1, "label": "ostler", "by": "ada"});
            self.stage.act(&json!({ "label": label })).await?;
        }
        let runs = self.ended(places.len()).await?;
        let state = self.stage.state().await?;
        for place in places {
            let run = runs.iter().find(|run| run.subject.contains(&format!("{}#", place.repository)));
            let run = run.with_context(|| format!("no run came of the issue of {}", place.repository))?;
            row.cells.insert(place.name.clone(), self.cell(place, run, &state).await?);
        }
        Ok(row)
    }

    /// The programs of a task that are not there.
    async fn lacks(&self, workspace: &Workspace) -> anyhow::Result<Vec<String>> {
        let mut lacks = Vec::new();
        for program in &self.task.about.needs {
            let found = workspace.shell(&format!("command -v {program}"), ACCEPTING).await?;
            if found.code != Some(0) {
                lacks.push(program.clone());
            }
        }
        Ok(lacks)
    }

    /// All runs, once they are over.
    async fn ended(&self, count: usize) -> anyhow::Result<Vec<RunSummary>> {
        let clock = SystemClock;
        let deadline = clock.now() + PATIENCE;
        while clock.now() < deadline {
            let all = self.stage.app.store().query(Query::Runs { before: None, limit: 1_000 }).await?;
            if let Found::Runs(runs) = all
                && runs.len() >= count
                && runs.iter().all(|run| run.status != RunStatus::Open)
            {
                return Ok(runs);
            }
            clock.sleep(Duration::from_millis(50)).await;
        }
        bail!("the runs of {} did not end within {} s", self.task.name, PATIENCE.as_secs())
    }

    async fn cell(&self, place: &Place, run: &RunSummary, state: &Value) -> anyhow::Result<Cell> {
        let journal = self.stage.app.store().load(run.id).await?.context("a run has no journal")?;
        let timeline = Timeline::of(&journal.entries);
        let pull = &state["github"]["repositories"][&place.repository]["pulls"][0];
        let published = pull["head"].as_str();
        let failed = run.reason.clone().unwrap_or_default();
        let ostler = match (run.status, published) {
            (RunStatus::Succeeded, Some(_)) if pull["draft"] == true => Judged::Draft,
            (RunStatus::Succeeded, Some(_)) => Judged::Ready,
            (RunStatus::Failed, _) => Judged::of_failure(&failed),
            _ => Judged::Failed,
        };
        let accepted = match published {
            Some(branch) => Some(self.accepts(&self.checkout(&place.repository, branch).await?).await?),
            None => None,
        };
        let held_back = of_steps(&timeline, "held_back");
        let said = of_steps(&timeline, "summary").filter(|said| said.starts_with("I could not do this"));
        Ok(Cell {
            ostler,
            reason: run.reason.clone().or(held_back).filter(|why| !why.is_empty()),
            accepted,
            open: self.found_open(run.id),
            unplayed: said,
            seconds: run.updated_at.duration_since(run.started_at).as_secs_f64(),
            cost_usd: run.cost.dollars(),
        })
    }

    /// What was found open, as the turns of the run's agent tell it.
    fn found_open(&self, run: RunId) -> Option<String> {
        let turns = stage::workspaces(self.stage.root()).join(run.to_string()).join("trajectory");
        let files = std::fs::read_dir(turns).ok()?.filter_map(Result::ok);
        let texts = files.filter_map(|file| std::fs::read_to_string(file.path()).ok());
        let texts: Vec<String> = texts.collect();
        texts.iter().find_map(|text| {
            let found = text.split_once(OPEN)?.1.trim_start();
            Some(found.chars().take_while(|letter| !matches!(letter, '\\' | '"' | '\n')).collect::<String>())
        })
    }

    async fn checkout(&self, repository: &str, branch: &str) -> anyhow::Result<Workspace> {
        let url = self.stage.twins_url().join(&format!("github/git/{repository}.git"))?;
        let credential = Some(("x-access-token".to_owned(), Secrets::default().github_token));
        let run = RunId::of(EventId::at(SystemClock.now()), repository);
        Ok(self.workspaces.open(run, &Remote { url: url.to_string(), credential }, branch).await?)
    }

    /// Whether the hidden tests pass: they are run to their end, and say so.
    async fn accepts(&self, workspace: &Workspace) -> anyhow::Result<bool> {
        lay(&workspace.files.join(HIDDEN), &self.task.hidden)?;
        let output = workspace.shell(&self.task.about.accept, ACCEPTING).await?;
        Ok(output.code == Some(0) && output.text.contains("accepted"))
    }
}

fn lay(directory: &Path, files: &[SeedFile]) -> anyhow::Result<()> {
    for file in files {
        let place = directory.join(&file.path);
        if let Some(parent) = place.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(place, &file.bytes)?;
    }
    Ok(())
}

/// The first text of a name among what steps gave.
fn of_steps(timeline: &Timeline, name: &str) -> Option<String> {
    timeline.steps.iter().find_map(|step| step.outputs[name].as_str()).map(str::to_owned)
}
