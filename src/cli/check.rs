//! `ostler check`: everything that people wrote, checked at once, told for people or for programs.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::exit::Exit;
use super::screen::Screen;
use crate::app;
use crate::config::{self, Environment};
use crate::plugin::registry;
use crate::spec::catalog::Origin;
use crate::spec::diagnostic::Diagnostics;
use crate::spec::{ActionSpec, Catalog};

/// What `ostler check` is called with.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The project's directory, with `handlers`, `workflows` and `prompts` in it; the configuration's own unless given.
    dir: Option<PathBuf>,
    /// The configuration, which is checked too.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

/// Checks the configuration and everything that people wrote.
pub(super) fn run(arguments: &Arguments, environment: &Environment, screen: &Screen) -> anyhow::Result<Exit> {
    let loaded = config::load(arguments.config.as_deref(), environment)?;
    loaded.config.vendors()?;
    let mut origin = app::origin(&loaded);
    if arguments.dir.is_some() {
        origin.project.clone_from(&arguments.dir);
    }
    let report = check(&origin, &registry::actions());
    if arguments.json {
        screen.line(serde_json::to_string_pretty(&report.json())?);
    } else {
        for notice in &loaded.notices {
            screen.note(notice);
        }
        screen.line(report.render(screen.is_terminal()).trim_end());
    }
    Ok(if report.is_right() { Exit::Done } else { Exit::Invalid })
}

/// What a check found.
#[derive(Debug)]
pub struct Report {
    found: Result<Catalog, Diagnostics>,
}

/// Checks handlers, workflows, prompts and roles against each other and against the actions that plugins offer.
#[must_use]
pub fn check(origin: &Origin, actions: &[ActionSpec]) -> Report {
    Report { found: Catalog::load_from(origin, actions) }
}

impl Report {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.found.is_ok()
    }

    /// What was checked, where nothing is wrong.
    #[must_use]
    pub fn catalog(&self) -> Option<&Catalog> {
        self.found.as_ref().ok()
    }

    /// The report for people: every fault with its lines and a count, or what there is.
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        match &self.found {
            Ok(catalog) => format!("All is right: {}.\n", inventory(catalog)),
            Err(faults) => {
                let count = counted(faults.items().len(), "fault");
                format!("{}\n\n{count} found.\n", faults.render(colour))
            }
        }
    }

    /// The report for programs: `ok`, what there is, and the faults with file, line and column.
    #[must_use]
    pub fn json(&self) -> Value {
        match &self.found {
            Ok(catalog) => json!({
                "ok": true,
                "triggers": catalog.triggers.len(),
                "workflows": catalog.workflows.len(),
                "prompts": catalog.prompts.len(),
                "roles": catalog.roles.len(),
                "digest": catalog.digest.to_string(),
                "errors": [],
            }),
            Err(faults) => json!({"ok": false, "errors": faults}),
        }
    }
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
        // Without any plugin, nothing serves what the shipped workflows need.
        let report = check(&Origin::default(), &[]);
        let errors = report.json()["errors"].as_array().unwrap().len();
        assert!(!report.is_right() && errors > 1);
        assert!(report.render(false).ends_with(&format!("\n{errors} faults found.\n")));
        let first = &report.json()["errors"][0];
        assert_eq!(first["file"], "workflows/standard-development.yaml");
        assert!(first["line"].as_u64() > Some(1) && first["column"].as_u64() > Some(1));
    }
}
