//! `ostler test`: the cases that stand beside the handlers.

mod report;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::bail;

use self::report::{Outcome, Report};
use super::delivery;
use super::exit::Exit;
use super::screen::Screen;
use crate::app;
use crate::clock::{Clock, SystemClock};
use crate::config::{self, Environment, Loaded};
use crate::event::SourceName;
use crate::ingress::rehearse::{Difference, rehearse};
use crate::plugin::registry::{self, Registry};
use crate::plugin::source::Source;
use crate::router::{Rules, Standing};
use crate::spec::Catalog;
use crate::spec::case::{self, Case, Cases};
use crate::spec::diagnostic;

/// What `ostler test` is called with.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The project's directory, or one file of cases.
    #[arg(default_value = ".")]
    path: PathBuf,
    /// Play only cases whose name or file holds this.
    #[arg(long, value_name = "WORD")]
    only: Option<String>,
    /// The configuration that says what is known of the world; the project's own unless given.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

/// Plays every case.
pub(super) fn run(arguments: &Arguments, environment: &Environment, screen: &Screen) -> anyhow::Result<Exit> {
    let project = project(&arguments.path)?;
    let own = Some(project.join("ostler.yaml")).filter(|file| file.exists());
    let loaded = config::load(arguments.config.clone().or(own).as_deref(), environment)?;
    let report = play(arguments, &project, &loaded)?;
    if arguments.json {
        screen.line(serde_json::to_string_pretty(&report.json())?);
    } else {
        report.tell(screen);
    }
    Ok(report.exit())
}

/// The project that a path belongs to.
fn project(path: &Path) -> anyhow::Result<PathBuf> {
    if path.is_dir() {
        return Ok(path.to_owned());
    }
    if !path.is_file() {
        bail!("there is no {}", path.display());
    }
    let handlers = path.ancestors().skip(1).find(|folder| folder.ends_with("handlers"));
    let project = handlers.and_then(Path::parent).unwrap_or(Path::new("."));
    Ok(if project.as_os_str().is_empty() { ".".into() } else { project.to_owned() })
}

fn play(arguments: &Arguments, project: &Path, loaded: &Loaded) -> anyhow::Result<Report> {
    let mut origin = app::origin(loaded);
    origin.project = Some(project.to_owned());
    let mut report = Report::default();
    let catalog = match Catalog::load_from(&origin, &registry::vocabulary()) {
        Ok(catalog) => catalog,
        Err(faults) => {
            report.faults = faults;
            return Ok(report);
        }
    };
    let stage = Stage {
        sources: sources(loaded)?,
        rules: Rules::new(catalog),
        standing: app::standing(&loaded.config),
        project: project.to_owned(),
    };
    for file in files(&arguments.path, project)? {
        stage.play(&file, arguments.only.as_deref(), &mut report)?;
    }
    if report.outcomes.is_empty() && report.faults.is_empty() {
        bail!("no case was found: they are read from `handlers/<name>{}`", case::ENDING);
    }
    Ok(report)
}

/// Every source that is known, with a secret or without.
pub(super) fn sources(loaded: &Loaded) -> anyhow::Result<BTreeMap<SourceName, Arc<dyn Source>>> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let mut sources = registry::sources();
    sources.extend(Registry::build(loaded.config.vendors()?, &clock)?.sources);
    Ok(sources)
}

/// The files of cases, in their order.
fn files(path: &Path, project: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    let mut folders = vec![project.join("handlers")];
    while let Some(folder) = folders.pop().filter(|folder| folder.exists()) {
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else if entry.file_name().to_string_lossy().ends_with(case::ENDING) {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// What cases are played against.
struct Stage {
    sources: BTreeMap<SourceName, Arc<dyn Source>>,
    rules: Rules,
    standing: Standing,
    project: PathBuf,
}

impl Stage {
    fn play(&self, file: &Path, only: Option<&str>, report: &mut Report) -> anyhow::Result<()> {
        let shown = file.strip_prefix("./").unwrap_or(file).display().to_string();
        let mut source = diagnostic::Source::new(shown.as_str(), std::fs::read_to_string(file)?);
        let Cases { standing: said, cases } = Cases::read(&mut source);
        if source.faults() > 0 {
            report.faults.take(source);
            return Ok(());
        }
        let mut standing = self.standing.clone();
        standing.own.extend(said.own);
        standing.bots.extend(said.bots);
        standing.repositories.0.extend(said.repositories.0);
        standing.access.people.0.extend(said.people.0);
        for case in cases {
            let wanted = only.is_none_or(|word| case.name.contains(word) || shown.contains(word));
            if wanted {
                let result = self.one(&case, &standing);
                report.outcomes.push(Outcome { file: shown.clone(), case, result });
            }
        }
        Ok(())
    }

    fn one(&self, case: &Case, standing: &Standing) -> Result<Vec<Difference>, String> {
        let kept = delivery::find(&case.delivery, &self.project).map_err(|error| format!("{error:#}"))?;
        let mut fixture = kept.fixture;
        for (path, value) in &case.set {
            fixture.set(path, value.clone()).map_err(|error| error.to_string())?;
        }
        let delivery = fixture.delivery().map_err(|error| error.to_string())?;
        let source = self.sources.get(&SourceName::new(&kept.source));
        let source = source.ok_or_else(|| format!("there is no source `{}`", kept.source))?;
        Ok(rehearse(case, (source.as_ref(), &delivery), &self.rules, standing))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn played(path: &Path, only: Option<&str>) -> Report {
        let arguments =
            Arguments { path: path.to_owned(), only: only.map(str::to_owned), config: None, json: false };
        let loaded = config::load(None, &Environment::default()).unwrap();
        play(&arguments, &project(path).unwrap(), &loaded).unwrap()
    }

    #[test]
    fn the_shipped_handlers_do_what_their_cases_say() {
        let report = played(Path::new(env!("CARGO_MANIFEST_DIR")), None);
        assert_eq!(report.exit(), Exit::Done, "{:#}", report.json());
        assert!(report.outcomes.len() > 20);
    }

    #[test]
    fn a_case_that_does_not_hold_fails_with_both_values_and_a_slip_is_no_pass() {
        let project = tempfile::tempdir().unwrap();
        let handlers = project.path().join("handlers");
        std::fs::create_dir(&handlers).unwrap();
        let file = handlers.join("mine.test.yaml");
        std::fs::write(
            &file,
            "cases:\n  - name: a\n    delivery: github/issues.labeled\n    nothing: {github-labeled: label}\n",
        )
        .unwrap();
        let report = played(project.path(), None);
        assert_eq!(report.exit(), Exit::Failed);
        let first = &report.json()["cases"][0];
        assert_eq!((first["line"].as_u64(), first["column"].as_u64()), (Some(2), Some(5)));
        assert_eq!(first["differences"][0]["actual"], json!(["github-labeled"]));
        std::fs::write(&file, "cases:\n  - name: a\n    delivery: x/y\n    runs: []\n    anser: b\n")
            .unwrap();
        let report = played(&file, None);
        assert_eq!(report.exit(), Exit::Invalid);
        assert_eq!(report.json()["errors"][0]["line"], 5);
        assert!(report.outcomes.is_empty());
    }
}
