//! What watchers are told of a run, and how far it says it has come.

use serde_json::json;

use super::*;
use crate::run::StepError;
use crate::run::fixture::{Driver, act, definition, echo, run_id};
use crate::run::signal::Signal;

fn told(driver: &Driver) -> Vec<Telling> {
    let mut meter = Meter::of(driver.run.definition());
    let with = |(seq, entry): (u64, &Entry)| {
        let progress = Some(meter.take(entry));
        Telling { progress, ..Telling::of(seq, run_id(), entry) }
    };
    (7..).zip(&driver.entries).map(with).collect()
}

#[test]
fn a_run_is_told_from_its_start_to_its_end_with_how_far_it_has_come() {
    let steps = json!({ "steps": [act("a", json!({})), act("b", json!({ "condition": "inputs.no" }))] });
    let driver = Driver::new(&definition(steps)).through(echo);
    let told = told(&driver);
    let lines: Vec<(String, u8)> =
        told.iter().map(|telling| (telling.name(), telling.progress.unwrap().percent)).collect();
    let expected = [
        ("run.started", 0),
        ("step.started", 0),
        ("step.succeeded", 33),
        ("step.started", 33),
        ("step.succeeded", 66),
        ("step.skipped", 99),
        ("run.concluded", 100),
        ("run.ended", 100),
    ];
    assert_eq!(lines, expected.map(|(name, percent)| (name.to_owned(), percent)));
    let step = serde_json::to_value(&told[4]).unwrap();
    assert_eq!(step["type"], "step.succeeded");
    assert_eq!((&step["seq"], &step["step"], &step["run"]), (&json!(11), &json!("a"), &json!(run_id())));
    assert_eq!(step["progress"]["cost"], json!(0.000_002));
    assert_eq!(serde_json::from_value::<Telling>(step).unwrap(), told[4]);
}

#[test]
fn a_run_that_is_tried_again_has_not_come_to_its_end_any_more() {
    let driver = Driver::new(&definition(json!({ "steps": [act("a", json!({}))] })));
    let mut driver = driver.through(|_| Err(StepError::fatal("broken", "it broke")));
    assert_eq!(told(&driver).last().unwrap().progress.unwrap().percent, 100);
    driver.record(Record::Signalled { by: Some("ada".to_owned()), signal: Signal::Retry });
    let last = told(&driver).pop().unwrap();
    assert!(last.progress.unwrap().percent < 100, "{last:?}");
    assert_eq!(last.what.said(), (None, "retry by ada".to_owned()));
}

#[test]
fn what_agents_say_and_do_is_told_in_a_line_and_not_in_full() {
    let fact = |value| What::of(&Record::Fact { step: StepPath::root("a"), name: "n".to_owned(), value });
    let line = |value| match fact(value) {
        What::StepLog { message, cost, .. } => (message, cost),
        other => panic!("{other:?}"),
    };
    let answer = json!({ "answer": { "content": [
        { "text": "I look\nat it." }, { "tool_use": { "id": "1", "name": "read", "input": {} } }, { "opaque": 1 },
    ] }, "cost": 0.25 });
    assert_eq!(line(answer), ("I look at it. | uses read".to_owned(), Money::from_dollars(0.25)));
    let results =
        json!({ "results": [{ "content": "x".repeat(5000) }, { "content": "no", "is_error": true }] });
    let (message, _) = line(results);
    assert!(message.len() < 300 && message.ends_with("… | failed: no"), "{message}");
    assert_eq!(line(json!({ "key": "run_1:a:0" })).0, "run_1:a:0");
    assert_eq!(line(json!(7)), (String::new(), None));
}
