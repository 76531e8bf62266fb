//! Steps that wait, and the time of steps that hold others.

use serde_json::json;

use super::{ending, failing, steps};
use crate::id::StepPath;
use crate::run::decide::{Effect, decide};
use crate::run::fixture::{Driver, act, all, at, definition, echo, pause};
use crate::run::record::Ending;
use crate::run::{StepError, StepState};

#[test]
fn a_wait_is_over_at_its_moment_and_not_before() {
    let mut driver = steps(vec![pause("w", json!({ "for": "10m" })), act("z", json!({}))]);
    while !matches!(driver.run.step(&StepPath::root("w")), Some(StepState::Standing { .. })) {
        assert!(driver.turn(echo));
    }
    let began = driver.now;
    let end = began + std::time::Duration::from_secs(600);
    assert_eq!(decide(&driver.run, began), [Effect::Wake(end)]);
    assert_eq!(decide(&driver.run, end - std::time::Duration::from_nanos(1)), [Effect::Wake(end)]);
    let driver = driver.through(echo);
    assert_eq!(driver.names(), ["@start", "z"]);
    assert!(driver.now >= end);
}

#[test]
fn a_wait_until_a_moment_that_has_passed_is_none() {
    let driver = steps(vec![pause("w", json!({ "until": "2001-01-01T00:00:00Z" }))]).through(echo);
    assert_eq!(ending(&driver).0, Ending::Succeeded);
    assert_eq!(driver.now, at(1));
}

#[test]
fn a_wait_that_does_not_say_how_long_fails() {
    for inputs in [json!({ "for": "soon" }), json!({ "until": 5 }), json!({ "for": "${task.title}" })] {
        let driver = steps(vec![pause("w", inputs)]).through(echo);
        let (end, reason) = ending(&driver);
        assert_eq!(end, Ending::Failed);
        assert!(reason.contains("step `w` failed"), "{reason}");
    }
}

#[test]
fn waits_beside_each_other_are_over_each_at_its_own() {
    let both = vec![pause("x", json!({ "for": 60 })), pause("y", json!({ "for": 30 }))];
    let driver = steps(vec![all("p", both, json!({}))]).through(echo);
    assert_eq!(ending(&driver).0, Ending::Succeeded);
    let done: Vec<_> = driver.run.finished().iter().map(StepPath::as_str).collect();
    assert_eq!(done, ["@start", "p/y", "p/x", "p"]);
}

#[test]
fn a_step_that_holds_others_fails_when_its_time_is_up() {
    let held = vec![act("a", json!({})), pause("w", json!({ "for": "1h" })), act("b", json!({}))];
    let held = all(
        "p",
        vec![json!({ "name": "c", "kind": { "condition": {
        "test": "${true}", "then": held, "otherwise": [] } } })],
        json!({ "timeout": 60, "on_error": "continue" }),
    );
    let driver = steps(vec![held, act("z", json!({}))]).through(echo);
    assert_eq!(driver.names(), ["@start", "p/c/a", "z"]);
    let Some(StepState::Failed { error, .. }) = driver.run.step(&StepPath::root("p")) else { panic!() };
    assert_eq!(error.code, StepError::TIMEOUT);
    assert_eq!(driver.now, at(62));
}

#[test]
fn what_is_under_way_inside_has_no_more_time_than_what_holds_it() {
    let held = all("p", vec![act("a", json!({ "timeout": 300 }))], json!({ "timeout": 60 }));
    let driver = steps(vec![held]).through(echo);
    assert_eq!(driver.performed[1].timeout, Some(60));
}

#[test]
fn the_runs_time_does_not_wait_for_a_wait() {
    let workflow = definition(json!({ "timeout": 60, "steps": [pause("w", json!({ "for": "1h" }))] }));
    let mut driver = Driver::new(&workflow);
    driver.now = at(0);
    while driver.turn(echo) && driver.now < at(60) {}
    driver.now = at(60);
    let driver = driver.through(failing("none", &StepError::fatal("x", "x")));
    let (end, reason) = ending(&driver);
    assert_eq!(end, Ending::Failed);
    assert!(reason.contains("time was up"), "{reason}");
}
