//! `ostler check`: everything that people wrote, checked at once, told for people or for programs.

#[cfg(test)]
mod corpus;

use std::path::PathBuf;

use serde_json::{Value, json};

use super::exit::Exit;
use super::screen::Screen;
use crate::app;
use crate::config::{self, ConfigError, Environment};
use crate::plugin::registry;
use crate::spec::catalog::Origin;
use crate::spec::diagnostic::Diagnostics;
use crate::spec::{Catalog, Vocabulary};

/// What `ostler check` is called with.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The project's directory, with `handlers`, `workflows` and `prompts` in it; the
    /// configuration's own unless given.
    dir: Option<PathBuf>,
    /// The configuration, which is checked too.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

impl Arguments {
    /// The configuration that belongs to the directory, unless another one is named.
    fn configuration(&self) -> Option<PathBuf> {
        let beside = || Some(self.dir.as_ref()?.join("ostler.yaml")).filter(|file| file.exists());
        self.config.clone().or_else(beside)
    }
}

/// Checks the configuration and everything that people wrote: what is wrong with one hides nothing
/// of the other.
pub(super) fn run(arguments: &Arguments, environment: &Environment, screen: &Screen) -> anyhow::Result<Exit> {
    let loaded = config::load(arguments.configuration().as_deref(), environment);
    let loaded = loaded.and_then(|loaded| loaded.config.vendors().map(|_| loaded));
    let mut origin = match &loaded {
        Ok(loaded) => app::origin(loaded),
        Err(_) => Origin { project: Some(PathBuf::from(".")), ..Origin::default() },
    };
    if arguments.dir.is_some() {
        origin.project.clone_from(&arguments.dir);
    }
    let mut report = check(&origin, &registry::vocabulary());
    let notices = match loaded {
        Ok(loaded) => {
            report.warnings =
                report.catalog().map(|catalog| loaded.config.unpriced(catalog)).unwrap_or_default();
            loaded.notices
        }
        Err(error) => {
            report.configuration = Some(error);
            Vec::new()
        }
    };
    if arguments.json {
        screen.line(serde_json::to_string_pretty(&report.json())?);
    } else {
        for notice in &notices {
            screen.note(notice);
        }
        for warning in &report.warnings {
            screen.note(format_args!("warning: {warning}"));
        }
        screen.line(report.render(screen.is_terminal()).trim_end());
    }
    Ok(if report.is_right() { Exit::Done } else { Exit::Invalid })
}

/// What a check found.
#[derive(Debug)]
pub struct Report {
    found: Result<Catalog, Diagnostics>,
    /// What is wrong with the configuration.
    configuration: Option<ConfigError>,
    /// What is right and worth a word.
    warnings: Vec<String>,
}

/// Checks handlers, workflows, prompts and roles against each other and against what
/// plugins offer.
#[must_use]
pub fn check(origin: &Origin, words: &Vocabulary) -> Report {
    Report { found: Catalog::load_from(origin, words), configuration: None, warnings: Vec::new() }
}

impl Report {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.found.is_ok() && self.configuration.is_none()
    }

    /// What was checked, where nothing is wrong.
    #[must_use]
    pub fn catalog(&self) -> Option<&Catalog> {
        self.found.as_ref().ok()
    }

    /// The report for people: every fault with its lines and a count, or what there is.
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        let broken = self.configuration.as_ref().map(|error| format!("error: {error}"));
        let faults = self.found.as_ref().err();
        let parts: Vec<String> =
            broken.into_iter().chain(faults.map(|faults| faults.render(colour))).collect();
        match &self.found {
            Ok(catalog) if parts.is_empty() => format!("All is right: {}.\n", inventory(catalog)),
            _ => {
                let count = usize::from(self.configuration.is_some())
                    + faults.map_or(0, |faults| faults.items().len());
                format!("{}\n\n{} found.\n", parts.join("\n\n"), counted(count, "fault"))
            }
        }
    }

    /// The report for programs: `ok`, what there is, and the faults: those of the configuration with file and
    /// key, the others with file, line and column.
    #[must_use]
    pub fn json(&self) -> Value {
        let mut errors: Vec<Value> = self.configuration.iter().map(told).collect();
        match &self.found {
            Ok(catalog) if errors.is_empty() => json!({
                "ok": true,
                "triggers": catalog.triggers.len(),
                "workflows": catalog.workflows.len(),
                "prompts": catalog.prompts.len(),
                "roles": catalog.roles.len(),
                "digest": catalog.digest.to_string(),
                "errors": [],
                "warnings": self.warnings,
            }),
            found => {
                let faults = found.as_ref().err().map(Diagnostics::items).unwrap_or_default();
                errors.extend(faults.iter().map(|fault| json!(fault)));
                json!({"ok": false, "errors": errors})
            }
        }
    }
}

fn told(error: &ConfigError) -> Value {
    json!({"file": error.file(), "key": error.key(), "message": error.to_string()})
}

fn inventory(catalog: &Catalog) -> String {
    let parts = [
        counted(catalog.triggers.len(), "trigger"),
        counted(catalog.workflows.len(), "workflow"),
        counted(catalog.prompts.len(), "prompt"),
        counted(catalog.roles.len(), "role"),
    ];
    parts.join(", ")
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_counted_and_told_to_programs_with_their_places() {
        // Without any action, nothing serves what the shipped workflows need.
        let report = check(&Origin::default(), &Vocabulary { actions: Vec::new(), ..registry::vocabulary() });
        let errors = report.json()["errors"].as_array().unwrap().len();
        assert!(!report.is_right() && errors > 1);
        assert!(report.render(false).ends_with(&format!("\n{errors} faults found.\n")));
        let first = &report.json()["errors"][0];
        assert_eq!(first["file"], "workflows/begin-work.yaml");
        assert!(first["line"].as_u64() > Some(1) && first["column"].as_u64() > Some(1));
    }
}
