//! `ostler trajectory`: what a run's agents were told, said and did, turn by turn, as JSON lines.

use anyhow::Context as _;

use super::exit::Exit;
use super::place::{Kept, Place};
use super::screen::Screen;
use crate::config::Environment;
use crate::http::views;
use crate::id::RunId;

/// What `ostler trajectory` is called with.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The run.
    run: RunId,
    #[command(flatten)]
    place: Place,
}

/// Prints it.
pub(super) async fn run(
    arguments: Arguments,
    environment: &Environment,
    screen: &Screen,
) -> anyhow::Result<Exit> {
    let path = format!("runs/{}/trajectory", arguments.run);
    let told = match arguments.place.ask(&path, environment).await? {
        Kept::Told(told) => told,
        Kept::Here(store) => {
            views::trajectory(&*store, arguments.run).await?.context("there is no such run")?
        }
    };
    let lines = told["trajectory"].as_str().unwrap_or_default();
    if lines.is_empty() {
        screen.note("no agent has worked in this run");
    } else {
        screen.line(lines.trim_end());
    }
    Ok(Exit::Done)
}
