//! Taking back what the steps of a failed run did.

use serde_json::{Value, json};

use super::{ending, failing, steps};
use crate::id::StepPath;
use crate::run::decide::{Job, JobKind};
use crate::run::fixture::{self, Driver, act, all, call, definition, definition_with, each, echo};
use crate::run::record::{Ending, Record};
use crate::run::signal::{Pointless, Signal};
use crate::run::undo::Account;
use crate::run::{Illegal, Run, StepError};

fn broken() -> StepError {
    StepError::fatal("denied", "no")
}

/// A step that fails, and has what was done before it taken back.
fn last() -> Value {
    act("last", json!({ "on_error": "rollback" }))
}

fn does(action: &str) -> Value {
    json!({ "kind": { "action": { "capability": "world", "action": action } } })
}

/// A world in which `last` fails, and one more step does, if it is named.
fn world<'a>(also: &'a str, error: &'a StepError) -> impl FnMut(&Job) -> fixture::Result + 'a {
    move |job| match job.step.as_str() {
        name if name == also => Err(error.clone()),
        name if name.rsplit('/').next() == Some("last") => Err(broken()),
        _ => echo(job),
    }
}

fn undone(driver: &Driver) -> Vec<&str> {
    driver.names().into_iter().filter(|name| name.starts_with("@undo/")).collect()
}

fn left(driver: &Driver) -> Vec<String> {
    driver.run.account().left().collect()
}

#[test]
fn what_finished_steps_did_is_taken_back_the_last_first_and_before_anything_else_is_done() {
    let workflow = definition(json!({
        "steps": [act("a", json!({})), act("read", does("get_task")), act("tell", does("send_message")), last()],
        "post_execution": { "on_failure": [act("alert", json!({}))] },
    }));
    let driver = Driver::new(&workflow).through(world("", &broken()));
    assert_eq!(
        driver.names(),
        ["@start", "a", "read", "tell", "last", "@undo/tell", "@undo/a", "@post/on_failure/alert"]
    );
    let undo = |action: &str| JobKind::Undo { capability: "world".to_owned(), action: action.to_owned() };
    assert_eq!(driver.performed[5].kind, undo("send_message"));
    assert_eq!(driver.performed[6].kind, undo("create_branch"));
    assert_eq!(ending(&driver), (Ending::Failed, "step `last` failed: no (denied)".to_owned()));
    let told = driver.entries.iter().filter(|entry| matches!(entry.record, Record::TakenBack { .. }));
    assert_eq!(told.count(), 1);
}

#[test]
fn nothing_is_taken_back_where_nobody_asks_for_it() {
    let driver = steps(vec![act("a", json!({})), act("last", json!({}))]).through(world("", &broken()));
    assert_eq!(driver.names(), ["@start", "a", "last"]);
    let driver = steps(vec![act("a", json!({})), last()]).through(echo);
    assert_eq!(driver.names(), ["@start", "a", "last"]);
}

#[test]
fn what_takes_back_is_told_what_the_step_was_given_and_gave_and_remembered() {
    let mut driver = steps(vec![act("a", json!({ "inputs": { "name": "x" } })), last()]);
    while driver.run.step(&StepPath::root("a")).is_none() {
        driver.turn(echo);
    }
    let (step, name, value) = (StepPath::root("a"), "0/intent".to_owned(), json!(true));
    driver.record(Record::Fact { step, name, value });
    let driver = driver.through(|job| match job.step.as_str() {
        "a" => Ok(json!({ "made": 7 })),
        _ => world("", &broken())(job),
    });
    let known = Value::Object(driver.performed.last().unwrap().inputs.clone());
    let facts = json!({ "0/intent": true });
    assert_eq!(
        known,
        json!({ "step": "a", "inputs": { "name": "x" }, "outputs": { "made": 7 }, "facts": facts })
    );
}

#[test]
fn a_step_that_failed_after_it_had_begun_an_effect_is_looked_after_and_no_other() {
    let fails = |facts: bool| {
        let mut driver = steps(vec![act("a", json!({})), last()]);
        while driver.run.step(&StepPath::root("last")).is_none() {
            driver.turn(echo);
        }
        if facts {
            let (step, name, value) = (StepPath::root("last"), "0/intent".to_owned(), json!(true));
            driver.record(Record::Fact { step, name, value });
        }
        driver.through(world("", &broken()))
    };
    assert_eq!(undone(&fails(true)), ["@undo/last", "@undo/a"]);
    assert_eq!(undone(&fails(false)), ["@undo/a"]);
}

#[test]
fn steps_of_the_author_come_in_place_of_the_declared_way_and_none_leave_it_as_it_is() {
    let by_hand = json!({ "outputs": [["name", "kept"]], "inputs": { "name": "x" }, "undo": [
        act("say", json!({ "inputs": { "of": "${kept}" } })), act("clean", json!({})),
    ]});
    let driver = steps(vec![act("a", by_hand), act("b", json!({ "undo": [] })), act("c", json!({})), last()]);
    let driver = driver.through(world("", &broken()));
    assert_eq!(undone(&driver), ["@undo/c", "@undo/a/@by/say", "@undo/a/@by/clean"]);
    assert_eq!(driver.performed[driver.performed.len() - 2].inputs["of"], "x");
    assert_eq!(driver.run.account().undone().last().unwrap(), "`a`, by `clean`");
}

#[test]
fn what_stands_in_loops_and_called_workflows_is_taken_back_with_the_names_that_it_had() {
    let called = json!({ "id": "sub", "steps": [
        act("x", json!({ "undo": [act("y", json!({ "inputs": { "was": "${inputs.of}" } }))] })),
    ]});
    let inside = vec![act("i", json!({ "undo": [act("j", json!({ "inputs": { "was": "${item}" } }))] }))];
    let workflow = json!({ "steps": [
        each("l", json!(["p", "q"]), inside, json!({})),
        call("w", "sub", json!({ "inputs": { "of": "s" } })),
        last(),
    ]});
    let driver = Driver::new(&definition_with(workflow, &[called])).through(world("", &broken()));
    let seen: Vec<_> =
        driver.performed.iter().filter(|job| job.step.as_str().starts_with("@undo/")).collect();
    let seen: Vec<_> =
        seen.iter().map(|job| (job.step.as_str(), job.inputs["was"].as_str().unwrap())).collect();
    assert_eq!(seen, [("@undo/w/x/@by/y", "s"), ("@undo/l/1/i/@by/j", "q"), ("@undo/l/0/i/@by/j", "p")]);
}

#[test]
fn one_that_cannot_be_taken_back_keeps_none_of_the_others_and_is_listed() {
    let driver = steps(vec![act("a", json!({})), act("b", json!({})), act("c", json!({})), last()]);
    let driver = driver.through(world("@undo/b", &broken()));
    assert_eq!(undone(&driver), ["@undo/c", "@undo/b", "@undo/a"]);
    assert_eq!(left(&driver), ["`b` (no)"]);
    assert_eq!(driver.run.ambient()["run"]["left"], json!(["`b` (no)"]));
    assert_eq!(driver.run.ambient()["run"]["undone"], json!(["`c`", "`a`"]));
}

#[test]
fn what_may_pass_is_tried_for_longer_than_a_step_is() {
    let away = StepError::passing("unavailable", "away");
    let driver = steps(vec![act("a", json!({})), last()]).through(world("@undo/a", &away));
    assert_eq!(driver.tries("@undo/a"), 8);
    assert_eq!(left(&driver), ["`a` (away)"]);
}

#[test]
fn what_takes_back_says_itself_what_became_of_which_effect() {
    let account = json!({ "effects": [
        { "effect": "the comment", "became": "undone" },
        { "effect": "the link", "became": "nothing" },
        { "effect": "the status", "became": "left", "reason": "somebody has moved it on" },
    ]});
    let driver = steps(vec![act("a", json!({})), last()]).through(|job| match job.step.as_str() {
        "@undo/a" => Ok(account.clone()),
        _ => world("", &broken())(job),
    });
    let told: Account = serde_json::from_value(account).unwrap();
    assert_eq!(*driver.run.account(), told);
    assert_eq!(
        told.to_string(),
        "taken back: the comment; left as it is: the status (somebody has moved it on)"
    );
}

#[test]
fn a_rollback_that_a_step_inside_asks_for_reaches_the_run() {
    let driver = steps(vec![act("a", json!({})), all("p", vec![last()], json!({}))]);
    assert_eq!(undone(&driver.through(world("", &broken()))), ["@undo/a"]);
}

#[test]
fn a_run_that_was_taken_back_is_not_tried_again() {
    let driver = steps(vec![act("a", json!({})), last()]).through(world("", &broken()));
    assert_eq!(Signal::Retry.fits(&driver.run), Err(Pointless::TakenBack));
    let driver = steps(vec![act("a", json!({})), act("b", json!({}))]).through(failing("b", &broken()));
    assert_eq!(Signal::Retry.fits(&driver.run), Ok(()));
}

#[test]
fn no_record_takes_back_what_is_not_to_be_taken_back() {
    let whole = steps(vec![act("a", json!({})), last()]).through(world("", &broken()));
    let told = |record: &Record| matches!(record, Record::TakenBack { .. });
    let at = whole.entries.iter().position(|entry| told(&entry.record)).unwrap();
    let before = Run::replay(whole.run.id(), whole.run.definition().clone(), &whole.entries[..at]).unwrap();
    let next = |record| crate::run::Entry { record, ..whole.entries[at].clone() };
    let mut run = before;
    let empty = next(Record::TakenBack { account: Account::default() });
    assert_eq!(run.apply(&empty), Err(Illegal::NotTakenBack));
    assert_eq!(run.apply(&next(Record::Ended)), Err(Illegal::NotTakenBack));
    let mut plain = steps(vec![act("a", json!({})), act("b", json!({}))]);
    while plain.run.conclusion().is_none() {
        plain.turn(failing("b", &broken()));
    }
    let (step, kind) = (StepPath::root("@undo/a"), "undo".to_owned());
    let begins = Record::StepStarted {
        step: step.clone(),
        kind,
        attempt: 1,
        inputs: json!({}),
        variables: Default::default(),
    };
    let entry = crate::run::Entry { seq: plain.run.length(), at: plain.now, record: begins };
    assert_eq!(plain.run.apply(&entry), Err(Illegal::OutOfPlace(step)));
}
