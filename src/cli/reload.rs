//! `ostler reload`: a running server reads everything again that people wrote.

use anyhow::Context as _;

use super::exit::Exit;
use super::place::{Place, address};
use super::screen::{BAD, DIM, GOOD, NOTED, Screen};
use crate::config::Environment;
use crate::ingress::reload::{Reloaded, Status};

/// What `ostler reload` is called with.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    place: Place,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Reloads, and tells what came of it.
pub(super) async fn run(
    arguments: Arguments,
    environment: &Environment,
    screen: &Screen,
) -> anyhow::Result<Exit> {
    let answer = arguments.place.of_server(environment, |http| http.post(address("reload"))).await?;
    let reloaded: Reloaded = serde_json::from_value(answer).context("the server is of another version")?;
    if arguments.json {
        screen.line(serde_json::to_string_pretty(&reloaded)?);
    } else {
        tell(&reloaded, screen);
    }
    Ok(if reloaded.status == Status::Refused { Exit::Invalid } else { Exit::Done })
}

fn tell(reloaded: &Reloaded, screen: &Screen) {
    let catalog = &reloaded.catalog;
    for fault in catalog.refused.iter().filter(|refused| refused.stands).flat_map(|refused| &refused.faults) {
        screen.line(format_args!("{BAD}{fault}{BAD:#}"));
    }
    let count = format!("{} triggers, {} workflows", catalog.triggers, catalog.workflows);
    let (digest, since) = (catalog.digest, catalog.loaded_at);
    screen.line(match reloaded.status {
        Status::Taken => format!("{GOOD}reloaded{GOOD:#}: {count} {DIM}{digest}{DIM:#}"),
        Status::Unchanged => format!("nothing has changed since {since}: {count} {DIM}{digest}{DIM:#}"),
        Status::Refused => format!("{BAD}refused{BAD:#}: what is in force since {since} goes on: {count}"),
    });
    for key in &catalog.at_next_start {
        screen.line(format_args!("{NOTED}{key} counts from the next start{NOTED:#}"));
    }
}
