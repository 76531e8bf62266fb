//! What came of the cases, for people and for programs.

use serde_json::{Value, json};

use super::super::exit::Exit;
use super::super::screen::{BAD, DIM, GOOD, Screen};
use crate::ingress::rehearse::Difference;
use crate::spec::case::Case;
use crate::spec::diagnostic::Diagnostics;

/// What came of all cases.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// What came of each.
    pub(super) outcomes: Vec<Outcome>,
    /// What is wrong with the files; then some cases were not played.
    pub(super) faults: Diagnostics,
}

/// What came of a case.
#[derive(Debug)]
pub(super) struct Outcome {
    /// The file that it is in.
    pub(super) file: String,
    /// The case.
    pub(super) case: Case,
    /// What is otherwise than expected; or why it could not be played.
    pub(super) result: Result<Vec<Difference>, String>,
}

impl Outcome {
    fn is_ok(&self) -> bool {
        self.result.as_ref().is_ok_and(Vec::is_empty)
    }

    fn place(&self) -> String {
        format!("{}:{}:{}", self.file, self.case.line, self.case.column)
    }

    fn tell(&self, screen: &Screen) {
        let name = &self.case.name;
        if self.is_ok() {
            screen.line(format_args!("{GOOD}ok{GOOD:#}      {name}"));
            return;
        }
        screen.line(format_args!("{BAD}FAILED{BAD:#}  {name} {DIM}{}{DIM:#}", self.place()));
        match &self.result {
            Err(why) => screen.line(format_args!("        {why}")),
            Ok(differences) => {
                for Difference { what, expected, actual } in differences {
                    screen.line(format_args!("        {what}"));
                    screen.line(format_args!("          expected {GOOD}{expected}{GOOD:#}"));
                    screen.line(format_args!("          got      {BAD}{actual}{BAD:#}"));
                }
            }
        }
    }

    fn json(&self) -> Value {
        let (differences, error) = match &self.result {
            Ok(differences) => (json!(differences), Value::Null),
            Err(why) => (json!([]), json!(why)),
        };
        let Case { name, line, column, .. } = &self.case;
        json!({
            "file": self.file, "line": line, "column": column, "name": name, "ok": self.is_ok(),
            "differences": differences, "error": error,
        })
    }
}

impl Report {
    fn failed(&self) -> usize {
        self.outcomes.iter().filter(|outcome| !outcome.is_ok()).count()
    }

    /// How the process ends.
    pub(super) fn exit(&self) -> Exit {
        match (self.faults.is_empty(), self.failed()) {
            (false, _) => Exit::Invalid,
            (true, 0) => Exit::Done,
            (true, _) => Exit::Failed,
        }
    }

    /// Tells people.
    pub(super) fn tell(&self, screen: &Screen) {
        let mut file = "";
        for outcome in &self.outcomes {
            if outcome.file != file {
                file = &outcome.file;
                screen.line(format_args!("{DIM}{file}{DIM:#}"));
            }
            outcome.tell(screen);
        }
        if !self.faults.is_empty() {
            screen.line(self.faults.render(screen.is_terminal()).trim_end());
        }
        let failed = self.failed();
        let (passed, faults) = (self.outcomes.len() - failed, self.faults.items().len());
        screen.line(format_args!("\n{passed} passed, {failed} failed, {faults} faults in files."));
    }

    /// Tells programs.
    pub(super) fn json(&self) -> Value {
        let failed = self.failed();
        json!({
            "ok": self.exit() == Exit::Done,
            "passed": self.outcomes.len() - failed,
            "failed": failed,
            "cases": self.outcomes.iter().map(Outcome::json).collect::<Vec<_>>(),
            "errors": self.faults.items(),
        })
    }
}
