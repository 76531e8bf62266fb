//! The matrix: rows are tasks, columns are models, and below it what it comes to.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::cell::Cell;
use super::model::{Due, Model};
use super::row::{Company, Row};
use crate::cli::screen::{BAD, BOLD, DIM, GOOD, NOTED};
use crate::workspace::sandbox::Sandbox;

/// What was measured.
#[derive(Debug)]
pub(super) struct Matrix {
    models: Vec<Model>,
    sandbox: String,
    /// One for each task.
    pub(super) rows: Vec<Row>,
}

/// Sums over all that was played.
#[derive(Debug, Default)]
struct Sums {
    gold: (usize, usize),
    others: (usize, usize),
    fooled: usize,
    unlike: Vec<String>,
}

/// What a model without a script is due: nothing is known beforehand.
const LIVE: &str = "live";

impl Matrix {
    /// An empty one.
    pub(super) async fn new(company: &Company) -> Self {
        let sandbox = Sandbox::probe(company.sandbox().options()).await;
        let sandbox = format!("level {} by {}", sandbox.level(), sandbox.means());
        Self { models: company.models.clone(), sandbox, rows: Vec::new() }
    }

    /// Whether all came out as it must, and something was played at all.
    pub(super) fn holds(&self) -> bool {
        let played = self.rows.iter().any(|row| row.lacks.is_empty());
        played && self.sums().unlike.is_empty()
    }

    fn names(&self) -> Vec<&'static str> {
        if self.models.is_empty() { vec![LIVE] } else { self.models.iter().map(|model| model.name).collect() }
    }

    fn due(&self, name: &str) -> Option<Due> {
        self.models.iter().find(|model| model.name == name).map(|model| model.due)
    }

    fn sums(&self) -> Sums {
        let mut sums = Sums::default();
        for row in self.rows.iter().filter(|row| row.lacks.is_empty()) {
            if !row.begins_red {
                sums.unlike.push(format!("{}: the hidden tests pass on the base", row.task));
            }
            for (name, cell) in &row.cells {
                sums.add(&row.task, name, cell, self.due(name));
            }
        }
        sums
    }

    /// All of it as one JSON document.
    pub(super) fn document(&self) -> Value {
        let sums = self.sums();
        json!({
            "sandbox": self.sandbox,
            "models": self.models.iter().map(|model| json!({"name": model.name, "does": model.about})).collect::<Vec<_>>(),
            "tasks": self.rows,
            "summary": {
                "gold": {"ready": sums.gold.0, "of": sums.gold.1},
                "others": {"ready": sums.others.0, "of": sums.others.1},
                "fooled": sums.fooled,
                "skipped": self.skipped(),
                "not_as_it_must_be": sums.unlike,
            },
            "holds": self.holds(),
        })
    }

    fn skipped(&self) -> usize {
        self.rows.iter().filter(|row| !row.lacks.is_empty()).count()
    }

    /// All of it for people.
    pub(super) fn render(&self) -> String {
        let mut text = format!("\n{}", self.table());
        let sums = self.sums();
        _ = writeln!(text, "\nsandbox: {}", self.sandbox);
        if self.models.is_empty() {
            _ = writeln!(text, "the configured model: {} of {} ready", sums.others.0, sums.others.1);
        } else {
            _ = writeln!(
                text,
                "gold: {} of {} ready; all others: {} of {} ready",
                sums.gold.0, sums.gold.1, sums.others.0, sums.others.1
            );
        }
        if sums.fooled > 0 {
            _ = writeln!(text, "put up for review although the hidden tests fail: {}", sums.fooled);
        }
        if self.skipped() > 0 {
            _ = writeln!(text, "{NOTED}skipped: {} of {} tasks{NOTED:#}", self.skipped(), self.rows.len());
        }
        for unlike in &sums.unlike {
            _ = writeln!(text, "{BAD}not as it must be{BAD:#}: {unlike}");
        }
        text.trim_end().to_owned()
    }

    fn table(&self) -> String {
        let names = self.names();
        let wide = |name: &str| {
            let words = self.rows.iter().filter_map(|row| row.cells.get(name)).map(|cell| cell.word().len());
            words.chain([name.len()]).max().unwrap_or(1)
        };
        let first = self.rows.iter().map(|row| row.task.len()).chain([4]).max().unwrap_or(4);
        let second = self.rows.iter().map(|row| row.language.len()).max().unwrap_or(1);
        let heads: Vec<String> = names.iter().map(|name| format!("{name:<0$}", wide(name))).collect();
        let mut text = format!("{BOLD}{:<first$} {:<second$} {}{BOLD:#}\n", "task", "", heads.join(" "));
        for row in &self.rows {
            let cells: Vec<String> = names.iter().map(|name| self.shown(row, name, wide(name))).collect();
            let cells = if row.lacks.is_empty() {
                cells
            } else {
                vec![format!("skipped: no {}", row.lacks.join(", "))]
            };
            _ = writeln!(
                text,
                "{:<first$} {:<second$} {}",
                row.task,
                row.language,
                cells.join(" ").trim_end()
            );
        }
        text
    }

    fn shown(&self, row: &Row, name: &str, wide: usize) -> String {
        let Some(cell) = row.cells.get(name) else { return format!("{DIM}{:<wide$}{DIM:#}", "-") };
        let due = self.due(name);
        let style = match due {
            Some(due) if !cell.is_as(due) => BAD,
            _ if cell.is_ready() => GOOD,
            _ if cell.fools() => NOTED,
            _ => DIM,
        };
        format!("{style}{:<wide$}{style:#}", cell.word())
    }
}

impl Sums {
    fn add(&mut self, task: &str, name: &str, cell: &Cell, due: Option<Due>) {
        let of = if due == Some(Due::Ready) { &mut self.gold } else { &mut self.others };
        of.0 += usize::from(cell.is_ready());
        of.1 += 1;
        self.fooled += usize::from(cell.fools());
        if due.is_some_and(|due| !cell.is_as(due)) {
            let why = [&cell.open, &cell.unplayed, &cell.reason].into_iter().flatten().next();
            let why = why.map(|why| format!(" ({why})")).unwrap_or_default();
            self.unlike.push(format!("{task} by {name}: {}{why}", cell.word()));
        }
    }
}
