//! The command line: an enum of commands, one file each, and the one place that writes to a terminal.

pub mod check;
pub mod exit;
pub mod screen;
mod serve;
mod twins;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tokio::runtime::Runtime;

use self::exit::Exit;
use self::screen::Screen;
use crate::config::Environment;
use crate::failpoint;

/// Turns what happens in a team's tools into finished development work.
#[derive(Debug, Parser)]
#[command(name = "ostler", version, about, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Take in webhooks and run what they start.
    Serve(serve::Arguments),
    /// Stand in for GitHub, Jira, Slack and the model, over real HTTP, for tests and trying out.
    Twins(twins::Arguments),
}

/// Runs the command that the process was called with.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let environment = Environment::of_process();
    let screen = Screen::new();
    let exit = run(arguments.command, &environment, &screen).unwrap_or_else(|error| {
        screen.error(&error);
        Exit::of(&error)
    });
    exit.into()
}

fn run(command: Command, environment: &Environment, screen: &Screen) -> anyhow::Result<Exit> {
    if let Some(specification) = environment.get("OSTLER_FAILPOINTS") {
        failpoint::arm(specification)?;
    }
    screen::start_log(environment.get("OSTLER_LOG"));
    let runtime = Runtime::new()?;
    runtime.block_on(async {
        match command {
            Command::Serve(arguments) => serve::run(arguments, environment, screen).await,
            Command::Twins(arguments) => twins::run(arguments, screen).await,
        }
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        super::Arguments::command().debug_assert();
    }
}
