//! One run as people read it: what it is, its steps, and what it gave.

use serde_json::Value;

use crate::cli::screen::{BOLD, DIM};

/// The lines of a run as [`views::run`](crate::http::views::run) tells of it.
pub(super) fn run(answer: &Value) -> Vec<String> {
    let (run, timeline) = (&answer["run"], &answer["timeline"]);
    let mut told = vec![format!(
        "{} {BOLD}{}{BOLD:#} {} {}",
        text(run, "id"),
        text(run, "status"),
        text(run, "workflow"),
        text(run, "subject"),
    )];
    for name in ["reason", "rerun_of", "trigger", "event", "started_at", "updated_at", "cost"] {
        if !run[name].is_null() {
            line(&mut told, name, &run[name]);
        }
    }
    let waits = &run["waits"]["sentence"];
    if !waits.is_null() {
        line(&mut told, "waits", waits);
    }
    steps(&mut told, &timeline["steps"]);
    named(&mut told, "work", &timeline["work"]);
    named(&mut told, "results", &timeline["results"]);
    told
}

fn steps(told: &mut Vec<String>, steps: &Value) {
    heading(told, "steps", !list(steps).is_empty());
    for step in list(steps) {
        let attempts = step["attempt"].as_u64().filter(|attempt| *attempt > 1);
        let attempts = attempts.map(|attempt| format!(" (attempt {attempt})")).unwrap_or_default();
        let (name, state, reason) = (text(step, "step"), text(step, "state"), text(step, "reason"));
        let reason = if reason.is_empty() { String::new() } else { format!(" {DIM}{reason}{DIM:#}") };
        told.push(format!("  {name:<28} {BOLD}{state}{BOLD:#}{attempts}{reason}"));
    }
}

fn named(told: &mut Vec<String>, title: &str, values: &Value) {
    let values = values.as_object().filter(|values| !values.is_empty());
    heading(told, title, values.is_some());
    for (name, value) in values.into_iter().flatten() {
        line(told, name, value);
    }
}

fn heading(told: &mut Vec<String>, title: &str, wanted: bool) {
    if wanted {
        told.push(format!("{BOLD}{title}{BOLD:#}"));
    }
}

fn line(told: &mut Vec<String>, name: &str, value: &Value) {
    let value = value.as_str().map_or_else(|| value.to_string(), |text| text.replace('\n', "\n    "));
    told.push(format!("  {DIM}{name}{DIM:#} {value}"));
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_run_is_told_with_its_steps_and_what_it_gave() {
        let told = run(&json!({
            "run": {"id": "run_1", "status": "succeeded", "workflow": "notes", "subject": "github:acme/shop#1",
                "trigger": "notes", "event": "evt_1", "reason": null, "cost": 12},
            "timeline": {
                "steps": [
                    {"step": "look", "state": "failed", "attempt": 2, "reason": "down (unavailable)"},
                    {"step": "write", "state": "succeeded", "attempt": 1},
                ],
                "work": {}, "results": {"url": "https://acme.example/1", "count": 3, "text": "one\ntwo"},
            },
        }));
        insta::assert_snapshot!(anstream::adapter::strip_str(&told.join("\n")).to_string(), @r"
        run_1 succeeded notes github:acme/shop#1
          trigger notes
          event evt_1
          cost 12
        steps
          look                         failed (attempt 2) down (unavailable)
          write                        succeeded
        results
          count 3
          text one
            two
          url https://acme.example/1
        ");
    }
}
