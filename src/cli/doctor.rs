//! `ostler doctor`: looks over every connection, right and clock, and says what to do.

use std::path::PathBuf;
use std::sync::Arc;

use anstyle::Style;
use serde_json::json;

use super::exit::Exit;
use super::screen::{BAD, BOLD, DIM, GOOD, NOTED, Screen};
use crate::app::doctor::{self, Placed};
use crate::clock::{Clock, SystemClock};
use crate::config::{self, Environment};
use crate::plugin::checkup::Health;

/// What `ostler doctor` is called with.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The configuration; `ostler.yaml` in this directory unless given, else the built-in one.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

/// Looks everything over; fails if anything does.
pub(super) async fn run(
    arguments: Arguments,
    environment: &Environment,
    screen: &Screen,
) -> anyhow::Result<Exit> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let loaded = config::load(arguments.config.as_deref(), environment);
    let findings = doctor::examine(loaded, &clock).await;
    let well = doctor::is_well(&findings);
    if arguments.json {
        screen.line(serde_json::to_string_pretty(&json!({"ok": well, "findings": findings}))?);
    } else {
        tell(&findings, screen);
    }
    Ok(if well { Exit::Done } else { Exit::Failed })
}

fn tell(findings: &[Placed], screen: &Screen) {
    let mut area = "";
    for placed in findings {
        if placed.area != area {
            area = &placed.area;
            screen.line(format_args!("{BOLD}{area}{BOLD:#}"));
        }
        let finding = &placed.finding;
        let (style, word) = mark(finding.health);
        screen.line(format_args!("  {style}{word:<7}{style:#} {}: {}", finding.what, finding.said));
        if let Some(advice) = &finding.advice {
            screen.line(format_args!("          {DIM}→ {advice}{DIM:#}"));
        }
    }
    let count = |health: Health| findings.iter().filter(|placed| placed.finding.health == health).count();
    let (failed, warnings) = (count(Health::Failed), count(Health::Warning));
    screen.line(format_args!("\n{} looked at, {failed} failed, {warnings} to be noted.", findings.len()));
}

fn mark(health: Health) -> (Style, &'static str) {
    match health {
        Health::Ok => (GOOD, "ok"),
        Health::Skipped => (DIM, "skipped"),
        Health::Warning => (NOTED, "warning"),
        Health::Failed => (BAD, "failed"),
    }
}
