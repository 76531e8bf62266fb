//! `ostler costs`: what a month has cost, and what for. A running server is asked through its admin socket; where none
//! runs, the book is read from the store.

use serde_json::Value;

use super::exit::Exit;
use super::place::{Kept, Place};
use super::screen::{BOLD, DIM, NOTED, Screen};
use crate::clock::{Clock as _, SystemClock};
use crate::config::{self, Environment};
use crate::http::views;
use crate::ledger::costs::Asked;
use crate::ledger::{By, Month};
use crate::money::Money;

/// What `ostler costs` is called with.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Tell it apart by day, user, role, repository, workflow or model.
    #[arg(long)]
    by: Option<By>,
    /// Another month than this one: `2026-11`.
    #[arg(long)]
    month: Option<Month>,
    #[command(flatten)]
    place: Place,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Shows it.
pub(super) async fn run(
    arguments: Arguments,
    environment: &Environment,
    screen: &Screen,
) -> anyhow::Result<Exit> {
    let answer = ask(&arguments, environment).await?;
    if arguments.json {
        screen.line(serde_json::to_string_pretty(&answer)?);
        return Ok(Exit::Done);
    }
    let lines = if arguments.by.is_some() { table(&answer) } else { summary(&answer) };
    lines.iter().for_each(|line| screen.line(line));
    Ok(Exit::Done)
}

async fn ask(arguments: &Arguments, environment: &Environment) -> anyhow::Result<Value> {
    let Arguments { by, month, place, .. } = arguments;
    let query = [month.map(|month| format!("month={month}")), by.map(|by| format!("by={by}"))];
    let query: Vec<String> = query.into_iter().flatten().collect();
    match place.ask(&format!("costs?{}", query.join("&")), environment).await? {
        Kept::Told(answer) => Ok(answer),
        Kept::Here(store) => {
            let line = config::load(place.config.as_deref(), environment)?.config.limits.monthly_budget;
            let asked = Asked { month: *month, by: *by };
            Ok(views::costs(&*store, asked, line, SystemClock.now()).await?)
        }
    }
}

/// The month, the line, today, what is to be expected, and the dearest runs.
fn summary(answer: &Value) -> Vec<String> {
    let mut lines = vec![head(answer)];
    if !answer["today"].is_null() {
        lines.push(format!("today {}", money(&answer["today"])));
        lines.push(match &answer["forecast"] {
            Value::Null => format!("{DIM}what the month comes to cannot be told on its first day{DIM:#}"),
            forecast => {
                format!("at this pace the month comes to {}", of_line(forecast, &answer["monthly_budget"]))
            }
        });
    }
    lines.push(tokens(answer));
    let dearest = answer["dearest"].as_array().filter(|dearest| !dearest.is_empty());
    lines.extend(dearest.iter().map(|_| format!("\n{BOLD}the dearest runs{BOLD:#}")));
    lines.extend(dearest.into_iter().flatten().map(|dear| {
        let text = |key: &str| dear[key].as_str().unwrap_or_default();
        let about = format!("{} in {} for {}", text("workflow"), text("repository"), text("user"));
        format!("  {:>12}  {}  {DIM}{about}{DIM:#}", money(&dear["spent"]), text("run"))
    }));
    lines
}

fn head(answer: &Value) -> String {
    let month = answer["month"].as_str().unwrap_or_default();
    let reserved = Some(&answer["reserved"]).filter(|reserved| dollars(reserved) != Money::ZERO);
    let reserved = reserved.map(|reserved| format!(" and {} reserved", money(reserved))).unwrap_or_default();
    let (spent, line) = (money(&answer["spent"]), money(&answer["monthly_budget"]));
    format!("{BOLD}{month}{BOLD:#}: {spent} spent{reserved} of {line}; {} left", money(&answer["left"]))
}

/// An amount, marked where it is over the line.
fn of_line(amount: &Value, line: &Value) -> String {
    let told = money(amount);
    if dollars(amount) > dollars(line) { format!("{NOTED}{told}, over the line{NOTED:#}") } else { told }
}

fn tokens(of: &Value) -> String {
    let count = |key: &str| of["usage"][key].as_u64().unwrap_or_default();
    let input = count("input") + count("cache_write") + count("cache_read");
    format!(
        "{} calls, {input} tokens read ({} from the cache), {} written",
        of["calls"],
        count("cache_read"),
        count("output")
    )
}

/// The parts, which add up to the last line.
fn table(answer: &Value) -> Vec<String> {
    let by = answer["by"].as_str().unwrap_or_default();
    let head = format!("{BOLD}{:>14} {:>14} {:>7}  {by}{BOLD:#}", "spent", "reserved", "calls");
    let rows = answer["rows"].as_array().into_iter().flatten();
    let row = |of: &Value, name: &str| {
        let calls = of["calls"].as_u64().unwrap_or_default();
        format!("{:>14} {:>14} {calls:>7}  {name}", exact(&of["spent"]), exact(&of["reserved"]))
    };
    let rows = rows.map(|part| row(part, part["name"].as_str().unwrap_or("unknown")));
    let month = answer["month"].as_str().unwrap_or_default();
    let all = format!("{BOLD}{}{BOLD:#}", row(answer, month));
    std::iter::once(head).chain(rows).chain([all]).collect()
}

fn dollars(amount: &Value) -> Money {
    serde_json::from_value(amount.clone()).unwrap_or_default()
}

fn money(amount: &Value) -> String {
    dollars(amount).to_string()
}

/// An amount to the last millionth, for what is to add up.
fn exact(amount: &Value) -> String {
    format!("${:.6}", dollars(amount).dollars())
}

#[cfg(test)]
mod tests;
