//! How a run comes along, in the words that people read where it was asked for.

use super::definition::Definition;
use super::place;
use super::record::{Ending, Entry, Record};
use super::signal::Signal;
use super::telling::{Meter, short};
use super::timeline::{StepLine, StepPhase, Timeline};
use crate::id::{RunId, StepPath};
use crate::money::Money;

/// Letters of a reason that are shown.
const REASON: usize = 200;
/// What a run must have cost for that to be shown: less reads as nothing.
const SHOWN: Money = Money::micros(50);

/// What is shown of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The text, in Markdown that reads well as plain text.
    pub text: String,
    /// Whether nothing is left to do in the run.
    pub over: bool,
}

/// What is to be shown of a run; nothing before whoever asked was let in.
#[must_use]
pub fn shown(run: RunId, definition: &Definition, entries: &[Entry]) -> Option<Shown> {
    let timeline = Timeline::of(entries);
    let line = |path: &StepPath| timeline.steps.iter().find(|line| line.step == *path);
    line(&place::start()).filter(|line| line.state == StepPhase::Succeeded)?;
    let mut meter = Meter::of(definition);
    let stand = entries.iter().map(|entry| meter.take(entry)).last();
    let percent = stand.map_or(0, |stand| stand.percent);
    let mut lines = vec![format!("{}: {}", definition.workflow.name, state(entries, percent)), String::new()];
    let steps = definition.workflow.steps.iter();
    lines.extend(steps.map(|step| format!("- {}", item(&step.name, line(&StepPath::root(&step.name))))));
    let made = timeline.work.change_url.as_ref().map(|url| format!("\nPull request: {url}"));
    let cost = stand.map(|stand| stand.cost).filter(|cost| *cost >= SHOWN);
    let cost = cost.map(|cost| format!("\nCost: {cost} of at most {}", definition.limits.max_cost_per_task));
    lines.extend(made.into_iter().chain(cost).chain([format!("\n{run}")]));
    Some(Shown { text: lines.join("\n"), over: meter.has_ended() })
}

/// What the run does, by the newest record that says it.
fn state(entries: &[Entry], percent: u8) -> String {
    let mut state = None;
    for entry in entries {
        match &entry.record {
            Record::Concluded { ending, reason, .. } => state = Some(ended(*ending, reason.as_deref())),
            Record::Parked { reason } => {
                state = Some(format!("stopped, and needs a person: {}", short(reason, REASON)))
            }
            Record::Signalled { signal: Signal::Pause { .. }, .. } => state = Some("paused".to_owned()),
            Record::Signalled { signal: Signal::Retry | Signal::Resume, .. } => state = None,
            _ => {}
        }
    }
    state.unwrap_or_else(|| format!("under way, {percent} %"))
}

fn ended(ending: Ending, reason: Option<&str>) -> String {
    let reason = reason.map(|reason| format!(": {}", short(reason, REASON))).unwrap_or_default();
    match ending {
        Ending::Succeeded => "done".to_owned(),
        other => format!("{other}{reason}"),
    }
}

fn item(name: &str, line: Option<&StepLine>) -> String {
    let Some(line) = line else { return format!("· {name}") };
    let reason =
        line.reason.as_deref().map(|reason| format!(": {}", short(reason, REASON))).unwrap_or_default();
    match line.state {
        StepPhase::Succeeded => format!("✓ {name}"),
        StepPhase::Skipped => format!("– {name} (passed over)"),
        StepPhase::Failed => format!("✗ {name}{reason}"),
        StepPhase::Waiting => format!("… {name}{reason}"),
        StepPhase::Running if line.attempt > 1 => format!("▸ {name} (attempt {})", line.attempt),
        StepPhase::Running => format!("▸ {name}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::run::StepError;
    use crate::run::fixture::{Driver, act, definition, echo, run_id};

    fn steps() -> Driver {
        let steps = [
            act("look", json!({})),
            act("skip", json!({ "condition": "inputs.no" })),
            act("ship", json!({})),
        ];
        Driver::new(&definition(json!({ "steps": steps })))
    }

    fn text(driver: &Driver) -> Option<Shown> {
        shown(run_id(), driver.run.definition(), &driver.entries)
    }

    #[test]
    fn nothing_is_shown_before_whoever_asked_was_let_in() {
        let mut driver = steps();
        assert_eq!(text(&driver), None);
        driver.turn(echo);
        assert_eq!(text(&driver), None, "it is being found out");
        driver.turn(echo);
        assert!(text(&driver).is_some());
        let refused = steps().through(|_| Err(StepError::fatal(StepError::REFUSED, "no")));
        assert_eq!(text(&refused), None);
    }

    #[test]
    fn what_it_has_cost_is_shown_with_the_line() {
        let mut driver = steps();
        for _ in 0..3 {
            driver.turn(echo);
        }
        assert!(!text(&driver).unwrap().text.contains("Cost"), "nothing was paid for");
        let record = Record::StepFailed {
            step: StepPath::root("look"),
            attempt: 1,
            error: StepError::fatal("budget", "no more"),
            next: crate::run::record::Next::Fail,
            cost: Money::micros(42_100),
        };
        let (seq, at) = (driver.entries.len() as u64, driver.entries[0].at);
        driver.entries.push(Entry { seq, at, record });
        let shown = text(&driver).unwrap().text;
        assert!(shown.contains("\nCost: $0.0421 of at most $5.0000\n"), "{shown}");
    }

    #[test]
    fn each_step_has_a_line_and_the_first_one_says_how_far_it_is() {
        let mut driver = steps();
        for _ in 0..4 {
            driver.turn(echo);
        }
        let shown = text(&driver).unwrap();
        assert!(!shown.over);
        insta::assert_snapshot!(shown.text, @r"
        Test: under way, 50 %

        - ✓ look
        - · skip
        - · ship

        run_0199aaaabbbb7ccc8dddeeeeffff0000
        ");
        let driver = driver.through(|job| match job.step.as_str() {
            "ship" => Err(StepError::fatal("broken", "it\nbroke")),
            _ => echo(job),
        });
        let shown = text(&driver).unwrap();
        assert!(shown.over);
        insta::assert_snapshot!(shown.text, @r"
        Test: failed: step `ship` failed: it broke (broken)

        - ✓ look
        - – skip (passed over)
        - ✗ ship: it broke (broken)

        run_0199aaaabbbb7ccc8dddeeeeffff0000
        ");
    }
}
