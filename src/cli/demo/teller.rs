//! Telling: a spinner for what goes on and a line for what is done on a terminal, plain lines elsewhere.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use std::cell::RefCell;
use std::collections::BTreeMap;

use super::story::{Story, Told};
use crate::cli::screen::{BAD, BOLD, DIM, GOOD, Screen};
use crate::cli::stage::Stage;
use crate::event::Event;
use crate::id::{RunId, StepPath};
use crate::money::Money;
use crate::run::{Ending, Entry, Record};

/// Who tells the stories.
#[derive(Debug)]
pub(super) struct Teller {
    screen: Screen,
    /// Whether to say nothing: the result is wanted as JSON.
    silent: bool,
    spinner: Option<ProgressBar>,
    began: RefCell<BTreeMap<StepPath, Timestamp>>,
}

impl Teller {
    /// A teller for this screen.
    pub(super) fn new(screen: Screen, silent: bool) -> Self {
        let spinner = (screen.is_terminal() && !silent).then(|| {
            let spinner = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("  {spinner:.cyan} {msg}") {
                spinner.set_style(style);
            }
            spinner.enable_steady_tick(Duration::from_millis(100));
            spinner
        });
        Self { screen, silent, spinner, began: RefCell::default() }
    }

    fn line(&self, text: impl std::fmt::Display) {
        if self.silent {
            return;
        }
        match &self.spinner {
            Some(spinner) => spinner.suspend(|| self.screen.line(text)),
            None => self.screen.line(text),
        }
    }

    fn now(&self, text: String) {
        if let Some(spinner) = &self.spinner {
            spinner.set_message(text);
        }
    }

    /// Says what is there before anything happens.
    pub(super) async fn opening(&self, stage: &Stage) {
        self.line(format_args!(
            "{BOLD}Ostler{BOLD:#} on {} · stand-ins on {}",
            stage.url(),
            stage.twins_url()
        ));
        for remark in stage.app.remarks().await {
            self.line(format_args!("{DIM}{remark}{DIM:#}"));
        }
    }

    /// A story begins.
    pub(super) fn begin(&self, story: &Story) {
        self.line(format_args!("\n{BOLD}{}{BOLD:#}", story.about));
        self.now("waiting for the webhook".to_owned());
    }

    /// An event was taken in.
    pub(super) fn event(&self, event: &Event) {
        let by = event.actor.as_ref().map(|actor| format!(" by {}", actor.name)).unwrap_or_default();
        self.line(format_args!(
            "  {GOOD}✓{GOOD:#} {} {DIM}{}{by} · {}{DIM:#}",
            event.kind, event.subject, event.id
        ));
    }

    /// A run got a record.
    pub(super) fn record(&self, run: RunId, entry: &Entry) {
        match &entry.record {
            Record::Started(started) => {
                self.line(format_args!("  {GOOD}✓{GOOD:#} {} {DIM}{run}{DIM:#}", started.workflow));
            }
            Record::StepStarted { step, attempt, .. } => {
                self.began.borrow_mut().insert(step.clone(), entry.at);
                let again = if *attempt > 1 { format!(" (attempt {attempt})") } else { String::new() };
                self.now(format!("{step}{again}"));
            }
            Record::Fact { step, name, .. } => self.now(format!("{step}: {name}")),
            Record::StepSucceeded { step, cost, .. } => {
                let cost = if *cost > Money::ZERO { format!(" · {cost}") } else { String::new() };
                self.line(format_args!(
                    "    {GOOD}✓{GOOD:#} {step} {DIM}{}{cost}{DIM:#}",
                    self.took(step, entry.at)
                ));
            }
            Record::StepFailed { step, error, .. } => {
                self.line(format_args!("    {BAD}✗{BAD:#} {step} {error}"));
            }
            Record::StepSkipped { step, reason, .. } => {
                self.line(format_args!("    {DIM}· {step} {reason}{DIM:#}"))
            }
            Record::Concluded { ending, reason, .. } if *ending != Ending::Succeeded => {
                let reason = reason.as_deref().unwrap_or("no reason recorded");
                self.line(format_args!("  {BAD}✗{BAD:#} {ending:?}: {reason}"));
            }
            Record::Parked { reason } => self.line(format_args!("  {BAD}!{BAD:#} needs a person: {reason}")),
            _ => {}
        }
    }

    fn took(&self, step: &StepPath, at: Timestamp) -> String {
        let began = self.began.borrow().get(step).copied();
        began.map_or_else(String::new, |began| format!("{:.1} s", at.duration_since(began).as_secs_f64()))
    }

    /// What came of a story.
    pub(super) fn result(&self, told: &Told) {
        self.now(String::new());
        let change = &told.pull_request;
        for line in change.diff.lines() {
            let style = match line.as_bytes().first() {
                Some(b'+') => GOOD,
                Some(b'-') => BAD,
                _ => DIM,
            };
            self.line(format_args!("      {style}{line}{style:#}"));
        }
        self.line(format_args!(
            "    pull request  {} {DIM}{} at {}{DIM:#}",
            change.url,
            change.branch,
            short(&change.commit)
        ));
        let ticket = &told.ticket;
        let first = |comment: &String| comment.lines().next().unwrap_or_default().to_owned();
        let comments: Vec<String> = ticket.comments.iter().map(first).collect();
        self.line(format_args!(
            "    ticket        {} is {:?}: {}",
            ticket.key,
            ticket.status,
            comments.join(" · ")
        ));
        self.line(format_args!("    message       {} {}", told.message.channel, told.message.text));
        self.line(format_args!(
            "    cost          ${:.4} {DIM}(scripted model, real price table){DIM:#}",
            told.cost_usd
        ));
    }

    /// What to look at when all is told.
    pub(super) fn closing(&self, stage: &Stage, told: &[Told], stays: bool) {
        if let Some(spinner) = &self.spinner {
            spinner.finish_and_clear();
        }
        let good = told.iter().filter(|one| one.ended_right()).count();
        let total: f64 = told.iter().map(|one| one.cost_usd).sum();
        let style = if good == told.len() { GOOD } else { BAD };
        self.line(format_args!(
            "\n{style}{good} of {} stories ended right{style:#}, for ${total:.4}",
            told.len()
        ));
        if stays {
            self.line(format_args!("  what the outside services hold   {}twin/state", stage.twins_url()));
        }
        if stays || stage.is_kept() {
            let data = stage.data();
            let data = data.display();
            self.line(format_args!("  what the runs did                ostler runs --data {data}"));
            self.line(format_args!("  what arrived, and why            ostler events --data {data}"));
        }
        self.line(if stays {
            "  still serving; Ctrl-C ends it"
        } else {
            "  without --once it goes on serving, so that all of this can be looked at"
        });
    }
}

fn short(sha: &str) -> &str {
    sha.get(..10).unwrap_or(sha)
}
