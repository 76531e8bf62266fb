//! `ostler cancel`, `pause`, `resume` and `retry`: something is said to a run. A running server hears it at once;
//! where none runs, it is kept for the next one.

use serde_json::{Value, json};

use super::exit::Exit;
use super::place::{Kept, Place, address};
use super::screen::{GOOD, Screen};
use crate::clock::{Clock as _, SystemClock};
use crate::config::Environment;
use crate::engine;
use crate::id::{RunId, StepPath};
use crate::run::hearing::{Decision, Words};
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

/// What `ostler approve` and `ostler reject` are called with.
#[derive(Debug, clap::Args)]
pub(super) struct Deciding {
    #[command(flatten)]
    common: Arguments,
    /// The step that asked, where several did.
    #[arg(long)]
    step: Option<String>,
    /// What you have to say to it.
    #[arg(long)]
    comment: Option<String>,
}

impl Deciding {
    pub(super) fn decide(self, approved: bool, environment: &Environment) -> (Arguments, Signal) {
        let decision = Decision { approved, comment: self.comment, event: None, by: person(environment) };
        (self.common, Signal::Decide { step: self.step.as_deref().map(StepPath::root), decision })
    }
}

/// What `ostler tell` is called with.
#[derive(Debug, clap::Args)]
pub(super) struct Telling {
    #[command(flatten)]
    common: Arguments,
    /// What you have to say.
    #[arg(required = true)]
    words: Vec<String>,
    /// The step in which the agent works, where several do.
    #[arg(long)]
    step: Option<String>,
}

impl Telling {
    pub(super) fn tell(self, environment: &Environment) -> (Arguments, Signal) {
        let words = Words { text: self.words.join(" "), event: None, by: person(environment) };
        (self.common, Signal::Tell { step: self.step.as_deref().map(StepPath::root), words })
    }
}

fn person(environment: &Environment) -> Option<String> {
    environment.get("USER").map(str::to_owned)
}

/// Says it, and tells whether it was heard.
pub(super) async fn run(
    (arguments, signal): (Arguments, Signal),
    environment: &Environment,
    screen: &Screen,
) -> anyhow::Result<Exit> {
    let Arguments { run, place, json } = arguments;
    let (what, by) = (signal.name(), person(environment));
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
