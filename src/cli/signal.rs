//! `ostler cancel`, `pause`, `resume` and `retry`: something is said to a run. A running server hears it at once;
//! where none runs, it is kept for the next one.

use serde_json::{Value, json};

use super::exit::Exit;
use super::place::{Kept, Place, address};
use super::screen::{GOOD, Screen};
use crate::clock::{Clock as _, SystemClock};
use crate::config::Environment;
use crate::engine;
use crate::id::RunId;
use crate::run::{Sent, Signal};

/// What they are called with.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The run.
    run: RunId,
    #[command(flatten)]
    place: Place,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What `ostler cancel` and `ostler pause` are called with.
#[derive(Debug, clap::Args)]
pub(super) struct WithReason {
    #[command(flatten)]
    common: Arguments,
    /// Why, for whoever looks at the run.
    #[arg(long)]
    reason: Option<String>,
}

impl WithReason {
    pub(super) fn cancel(self) -> (Arguments, Signal) {
        (self.common, Signal::Cancel { reason: self.reason })
    }

    pub(super) fn pause(self) -> (Arguments, Signal) {
        (self.common, Signal::Pause { reason: self.reason })
    }
}

/// Says it, and tells whether it was heard.
pub(super) async fn run(
    (arguments, signal): (Arguments, Signal),
    environment: &Environment,
    screen: &Screen,
) -> anyhow::Result<Exit> {
    let Arguments { run, place, json } = arguments;
    let (what, by) = (signal.name(), environment.get("USER").map(str::to_owned));
    let sent = Sent { at: SystemClock.now(), by, signal };
    let at = address(&format!("runs/{run}/signals"));
    if let Kept::Here(store) = place.request(|http| http.post(at).json(&sent), environment).await? {
        engine::signal::send(&*store, run, sent).await?;
    }
    let answer: Value = json!({ "run": run, "signal": what });
    if json {
        screen.line(serde_json::to_string_pretty(&answer)?);
    } else {
        screen.line(format_args!("{GOOD}{what}{GOOD:#} {run}"));
    }
    Ok(Exit::Done)
}
