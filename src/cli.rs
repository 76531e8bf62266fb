//! The command line: an enum of commands, one file each, and the one place that writes to a terminal.
//!
//! A command reads its arguments and the configuration, lets [`app`](crate::app) or a running server do
//! the work, and tells what came of it through the [`Screen`]. How the process ends is an [`Exit`];
//! nothing else knows the numbers.

pub mod check;
pub mod exit;
pub mod screen;
mod again;
mod bench;
mod catch_up;
mod costs;
mod delivery;
mod demo;
mod doctor;
mod explain;
mod init;
mod logs;
mod look;
mod outlook;
mod place;
mod rebuild;
mod reload;
mod run;
mod schema;
mod send;
mod serve;
mod signal;
mod stage;
mod test;
mod trajectory;
mod twins;

use std::time::Duration;

use clap::{Parser, Subcommand};
use tokio::runtime::Runtime;

use self::exit::Exit;
use self::screen::Screen;
use crate::config::Environment;
use crate::failpoint;
use crate::run::Signal;

/// How long threads may take that are still busy when a command has ended.
const LEFTOVERS: Duration = Duration::from_millis(500);

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
    /// Tell the whole story on this machine, with no account and no key.
    Demo(demo::Arguments),
    /// Check handlers, workflows, prompts and roles, and show every fault with its place.
    Check(check::Arguments),
    /// Print JSON Schemas of workflows, handlers, cases and roles, for editors.
    Schema(schema::Arguments),
    /// Ask what must be known, write the configuration, and set up what can be set up.
    Init(init::Arguments),
    /// Look over every connection, right and clock, and say what to do.
    Doctor(doctor::Arguments),
    /// Let a running server read everything again that you wrote.
    Reload(reload::Arguments),
    /// Ask sources for what they could not deliver, and show what was found.
    CatchUp(catch_up::Arguments),
    /// Start a workflow by its name.
    Run(run::Arguments),
    /// List runs, or show one with all its steps.
    Runs(look::Arguments),
    /// Show what happened in a run, and follow it to its end.
    Logs(logs::Arguments),
    /// Print what a run's agents were told, said and did, turn by turn.
    Trajectory(trajectory::Arguments),
    /// Make the change of a trajectory again, without a model, and compare.
    Rebuild(rebuild::Arguments),
    /// Stop a run; what its workflow always does at the end is still done.
    Cancel(signal::WithReason),
    /// Let a run begin nothing further until it is resumed.
    Pause(signal::WithReason),
    /// Let a run go on that was paused, or that was parked.
    Resume(signal::Arguments),
    /// Say yes to what a run asks.
    Approve(signal::Deciding),
    /// Say no to what a run asks.
    Reject(signal::Deciding),
    /// Say something to the agent that works in a run; it reads it before it goes on.
    Tell(signal::Telling),
    /// Try again what failed, in a run that failed or was cancelled.
    Retry(signal::Arguments),
    /// Do a run again, for the same event, with what is written today.
    Rerun(again::RerunArguments),
    /// Show an old event to the handlers of today.
    Replay(again::ReplayArguments),
    /// Show what a month has cost, and what for.
    Costs(costs::Arguments),
    /// List events, or show one with the reasons of every trigger.
    Events(look::EventArguments),
    /// Say why something happened, or nothing.
    Explain(explain::Arguments),
    /// Sign a kept delivery as its source would, and post it.
    Send(send::Arguments),
    /// Play the cases that stand beside the handlers.
    Test(test::Arguments),
    /// Measure what becomes of the work of agents, good and bad ones.
    Bench(bench::Arguments),
    /// Stand in for GitHub, Jira, Slack and the model, over real HTTP, for tests and trying out.
    Twins(twins::Arguments),
}

impl Command {
    /// What is logged where nothing else is asked for: a server tells what it does, the others only
    /// what is wrong.
    fn log_filter(&self) -> &'static str {
        match self {
            Self::Serve(_) => "warn,ostler=info",
            // What fails there is what is measured.
            Self::Bench(_) => "error",
            _ => "warn",
        }
    }
}

/// Runs the command that the process was called with.
#[must_use]
pub fn main() -> Exit {
    let arguments = Arguments::parse();
    let environment = Environment::of_process();
    let screen = Screen::new();
    run(arguments.command, &environment, &screen).unwrap_or_else(|error| {
        screen.error(&error);
        Exit::of(&error)
    })
}

fn run(command: Command, environment: &Environment, screen: &Screen) -> anyhow::Result<Exit> {
    if let Some(specification) = environment.get("OSTLER_FAILPOINTS") {
        failpoint::arm(specification)?;
    }
    screen::start_log(environment.get("OSTLER_LOG").unwrap_or(command.log_filter()));
    let runtime = Runtime::new()?;
    let ended = runtime.block_on(async {
        match command {
            Command::Serve(arguments) => serve::run(arguments, environment, screen).await,
            Command::Demo(arguments) => demo::run(arguments, screen).await,
            Command::Check(arguments) => check::run(&arguments, environment, screen),
            Command::Schema(arguments) => schema::run(&arguments, screen),
            Command::Init(arguments) => init::run(arguments, environment, screen).await,
            Command::Doctor(arguments) => doctor::run(arguments, environment, screen).await,
            Command::Reload(arguments) => reload::run(arguments, environment, screen).await,
            Command::CatchUp(arguments) => catch_up::run(arguments, environment, screen).await,
            Command::Run(arguments) => run::run(arguments, environment, screen).await,
            Command::Cancel(arguments) => signal::run(arguments.cancel(), environment, screen).await,
            Command::Pause(arguments) => signal::run(arguments.pause(), environment, screen).await,
            Command::Resume(arguments) => signal::run((arguments, Signal::Resume), environment, screen).await,
            Command::Approve(arguments) => {
                signal::run(arguments.decide(true, environment), environment, screen).await
            }
            Command::Reject(arguments) => {
                signal::run(arguments.decide(false, environment), environment, screen).await
            }
            Command::Tell(arguments) => signal::run(arguments.tell(environment), environment, screen).await,
            Command::Retry(arguments) => signal::run((arguments, Signal::Retry), environment, screen).await,
            Command::Logs(arguments) => logs::run(arguments, environment, screen).await,
            Command::Trajectory(arguments) => trajectory::run(arguments, environment, screen).await,
            Command::Rebuild(arguments) => rebuild::run(arguments, environment, screen).await,
            Command::Rerun(arguments) => again::rerun(arguments, environment, screen).await,
            Command::Replay(arguments) => again::replay(arguments, environment, screen).await,
            Command::Costs(arguments) => costs::run(arguments, environment, screen).await,
            Command::Runs(arguments) => look::run(look::What::Runs, arguments, environment, screen).await,
            Command::Events(arguments) => look::events(arguments, environment, screen).await,
            Command::Explain(arguments) => explain::run(arguments, environment, screen).await,
            Command::Send(arguments) => send::run(arguments, environment, screen).await,
            Command::Test(arguments) => test::run(&arguments, environment, screen),
            Command::Bench(arguments) => bench::run(arguments, environment, screen).await,
            Command::Twins(arguments) => twins::run(arguments, screen).await,
        }
    });
    // A thread that hangs in a call of the system's must not keep the process.
    runtime.shutdown_timeout(LEFTOVERS);
    ended
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        super::Arguments::command().debug_assert();
    }
}
