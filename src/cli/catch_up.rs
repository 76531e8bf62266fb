//! `ostler catch-up`: asks sources for what they could not deliver, and shows what was found.

use jiff::Timestamp;
use serde_json::Value;

use super::exit::Exit;
use super::place::{Place, address};
use super::screen::{BAD, BOLD, DIM, GOOD, NOTED, Screen};
use crate::clock::{Clock as _, SystemClock};
use crate::config::Environment;
use crate::event::SourceName;
use crate::ingress::Wanted;
use crate::spec::Period;

/// What `ostler catch-up` is called with.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Ask this source only.
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// Ask for everything since a moment (`2026-11-26T08:00:00Z`) or a while ago (`2h`), whatever was looked at before.
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// Ask for what the source says was taken, too.
    #[arg(long)]
    all: bool,
    /// Only look: take nothing in.
    #[arg(long)]
    dry_run: bool,
    /// Ask nobody; show how asking has gone since the server started.
    #[arg(long, conflicts_with_all = ["source", "since", "all", "dry_run"])]
    status: bool,
    #[command(flatten)]
    place: Place,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Arguments {
    fn wanted(&self) -> anyhow::Result<Wanted> {
        let since = self.since.as_deref().map(|text| moment(text, SystemClock.now())).transpose()?;
        let source = self.source.as_deref().map(SourceName::new);
        Ok(Wanted { source, since, all: self.all, dry_run: self.dry_run })
    }
}

/// Asks, and shows what came of it.
pub(super) async fn run(
    arguments: Arguments,
    environment: &Environment,
    screen: &Screen,
) -> anyhow::Result<Exit> {
    let wanted = arguments.wanted()?;
    let request = |http: &reqwest::Client| {
        let url = address("catch-up");
        if arguments.status { http.get(url) } else { http.post(url).json(&wanted) }
    };
    let answer = arguments.place.of_server(environment, request).await?;
    if arguments.json {
        screen.line(serde_json::to_string_pretty(&answer)?);
    } else if arguments.status {
        tell_ways(&answer, screen);
    } else {
        tell_reports(&answer, arguments.dry_run, screen);
    }
    let failed = list(&answer["reports"]).any(|report| !report["error"].is_null());
    Ok(if failed { Exit::Failed } else { Exit::Done })
}

/// A moment, or a while before now.
fn moment(text: &str, now: Timestamp) -> anyhow::Result<Timestamp> {
    if let Ok(period) = Period::parse(text) {
        return Ok(period.before(now));
    }
    text.parse()
        .map_err(|_| anyhow::anyhow!("`{text}` is neither a moment (2026-11-26T08:00:00Z) nor a while (2h)"))
}

fn tell_reports(answer: &Value, is_look: bool, screen: &Screen) {
    if list(&answer["reports"]).next().is_none() {
        screen.line("nobody is asked: no source here is configured so that it can be (docs/catch-up.md)");
    }
    for report in list(&answer["reports"]) {
        screen.line(format_args!("{BOLD}{}{BOLD:#}: {}", text(&report["way"]), counts(report)));
        for delivery in list(&report["deliveries"]).filter(|delivery| delivery["status"] != "duplicate") {
            tell_delivery(delivery, screen);
        }
        tell_error(report, screen);
    }
    if is_look {
        screen.line(format_args!("{DIM}nothing was taken in{DIM:#}"));
    }
}

fn tell_delivery(delivery: &Value, screen: &Screen) {
    let (status, what) = (text(&delivery["status"]), text(&delivery["what"]));
    let style = match status {
        "accepted" => GOOD,
        "refused" => BAD,
        _ => DIM,
    };
    let event = text(&delivery["event_id"]);
    let runs: Vec<&str> = list(&delivery["runs"]).map(text).collect();
    screen.line(format!("  {style}{status}{style:#} {what} {event} {}", runs.join(" ")).trim_end());
}

fn tell_ways(answer: &Value, screen: &Screen) {
    for way in list(&answer["ways"]) {
        screen.line(format_args!("{BOLD}{}{BOLD:#}: {}", text(&way["way"]), counts(way)));
        let asked = |key: &str| if way[key].is_null() { "not yet" } else { text(&way[key]) };
        screen.line(format_args!("  {DIM}asked {}, and next {}{DIM:#}", asked("last"), asked("next")));
        tell_error(way, screen);
    }
}

fn tell_error(of: &Value, screen: &Screen) {
    if let Some(error) = of["error"].as_str() {
        screen.line(format_args!("  {NOTED}{error}{NOTED:#}"));
    }
}

fn counts(of: &Value) -> String {
    let counts = ["accepted", "duplicate", "ignored", "refused"].map(|key| format!("{} {key}", of[key]));
    counts.join(", ")
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn since_is_a_moment_or_a_while() {
        let now: Timestamp = "2026-11-26T12:00:00Z".parse().unwrap();
        assert_eq!(moment("2h", now).unwrap().to_string(), "2026-11-26T10:00:00Z");
        assert_eq!(moment("2026-11-20T00:00:00Z", now).unwrap().to_string(), "2026-11-20T00:00:00Z");
        assert!(moment("yesterday", now).unwrap_err().to_string().contains("yesterday"));
    }
}
