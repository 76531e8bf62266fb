//! Steps that ask people, and steps that wait for an event.

use std::time::Duration;

use serde_json::{Value, json};

use super::{ending, steps};
use crate::event::{Event, EventKind, PayloadRef, SourceName, Stamp, Subject};
use crate::id::{EventId, StepPath};
use crate::run::decide::{Effect, JobKind, approval_wait, decide, resume};
use crate::run::fixture::{Driver, act, at, echo};
use crate::run::hearing::{Awaited, Decision};
use crate::run::record::{Ending, Record};
use crate::run::signal::{Pointless, Signal};
use crate::run::{StepError, StepState};

fn gate(more: Value, timeout: Value) -> Value {
    json!({ "name": "gate", "kind": { "approval": more }, "inputs": { "message": "Ship?" }, "timeout": timeout,
        "outputs": [["approved", "ok"], ["by", "who"]] })
}

fn listening(more: Value, timeout: Value) -> Value {
    let mut wait = json!({ "kinds": ["github.check.*"] });
    wait.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({ "name": "w", "kind": { "wait": wait }, "timeout": timeout, "outputs": [["event", "heard"], ["timed_out", "late"]] })
}

fn decision(approved: bool) -> Signal {
    let decision = Decision { approved, comment: None, event: None, by: Some("ada".to_owned()) };
    Signal::Decide { step: None, decision }
}

fn event(kind: &str) -> Signal {
    let stamp = Stamp {
        id: EventId::from_bytes([9; 16]),
        source: SourceName::new("github"),
        received_at: at(5),
        payload: PayloadRef::to(b"{}"),
    };
    let event = Event::new(&stamp, EventKind::new(kind), Subject::new("github", "acme/shop#1"));
    Signal::Event { step: StepPath::root("w"), event: Box::new(event) }
}

fn say(driver: &mut Driver, signal: Signal) {
    signal.fits(&driver.run).unwrap_or_else(|why| panic!("{why}: {signal:?}"));
    driver.record(Record::Signalled { by: None, signal });
}

fn stands(driver: &Driver, step: &str) -> bool {
    matches!(driver.run.step(&StepPath::root(step)), Some(StepState::Standing { .. }))
}

/// Drives until the gate has asked.
fn asked(mut driver: Driver) -> Driver {
    while driver.jobs.iter().all(|job| job.step.as_str() != "gate") {
        assert!(driver.turn(echo));
    }
    let job = driver.jobs.pop().unwrap();
    let JobKind::Approval(asking) = &job.kind else { panic!("{job:?}") };
    assert_eq!(asking.decision, None);
    let wait = approval_wait(&driver.run, &job.step, vec!["jira:SHOP-7".to_owned()]);
    driver.record(Record::StepWaits { step: job.step, attempt: job.attempt, wait });
    driver
}

#[test]
fn a_decision_is_looked_at_by_the_step_and_ends_it() {
    let mut driver = asked(steps(vec![gate(json!({}), Value::Null), act("z", json!({}))]));
    assert_eq!(decide(&driver.run, at(9)), []);
    say(&mut driver, decision(true));
    let decided = decide(&driver.run, at(9));
    let [Effect::Perform { record: Record::StepHeard { .. }, job }] = &decided[..] else {
        panic!("{decided:?}")
    };
    let JobKind::Approval(asking) = &job.kind else { panic!() };
    assert_eq!(asking.decision.as_ref().map(Decision::who), Some("ada"));
    let driver = driver.through(|job| match job.step.as_str() {
        "gate" => Ok(json!({ "approved": true, "by": "ada" })),
        _ => echo(job),
    });
    assert_eq!((ending(&driver).0, driver.names()), (Ending::Succeeded, vec!["@start", "gate", "z"]));
    assert_eq!(driver.run.frame(&StepPath::top()).unwrap().outputs["who"], "ada");
}

#[test]
fn a_decision_that_was_not_theirs_leaves_the_step_asking_and_the_next_one_counts() {
    let mut driver = asked(steps(vec![gate(json!({}), Value::Null)]));
    say(&mut driver, decision(false));
    assert!(driver.turn(echo));
    let job = driver.jobs.pop().unwrap();
    // The process dies while the decision is looked at: it is looked at again.
    let again = resume(&driver.run, at(9));
    assert_eq!(again[0].kind, job.kind);
    say(&mut driver, decision(true));
    let wait = approval_wait(&driver.run, &job.step, Vec::new());
    driver.record(Record::StepWaits { step: job.step, attempt: 1, wait });
    assert!(driver.turn(echo));
    let JobKind::Approval(asking) = &driver.jobs[0].kind else { panic!() };
    assert!(asking.decision.as_ref().unwrap().approved);
}

#[test]
fn a_look_that_fails_is_repeated_and_does_not_ask_again() {
    let mut driver = asked(steps(vec![gate(json!({}), Value::Null)]));
    say(&mut driver, decision(true));
    let mut tries = 0;
    let driver = driver.through(|job| {
        let JobKind::Approval(asking) = &job.kind else { return echo(job) };
        assert!(asking.decision.is_some());
        tries += 1;
        if tries == 1 { Err(StepError::passing("unavailable", "later")) } else { echo(job) }
    });
    assert_eq!((tries, ending(&driver).0), (2, Ending::Succeeded));
}

#[test]
fn what_it_means_that_nobody_decides_is_said_by_the_workflow() {
    for (policy, end, approved) in [
        ("fail", Ending::Failed, Value::Null),
        ("continue", Ending::Succeeded, json!(false)),
        ("approve", Ending::Succeeded, json!(true)),
    ] {
        let driver = asked(steps(vec![gate(json!({ "on_timeout": policy }), json!(60))]));
        let began = driver.now;
        let driver = driver.through(echo);
        assert_eq!((ending(&driver).0, driver.now), (end, began + Duration::from_secs(60)), "{policy}");
        let made = driver.run.frame(&StepPath::top()).and_then(|frame| frame.outputs.get("ok")).cloned();
        assert_eq!(made.unwrap_or_default(), approved, "{policy}");
    }
}

#[test]
fn nobody_decides_what_is_not_asked_or_has_been_decided() {
    let mut driver = steps(vec![act("a", json!({})), gate(json!({}), Value::Null)]);
    assert_eq!(decision(true).fits(&driver.run), Err(Pointless::NotAsked));
    driver = asked(driver);
    let other = Signal::Decide {
        step: Some(StepPath::root("a")),
        decision: Decision { approved: true, comment: None, event: None, by: None },
    };
    assert_eq!(other.fits(&driver.run), Err(Pointless::NotAsked));
    for _ in 0..16 {
        say(&mut driver, decision(true));
    }
    assert_eq!(decision(true).fits(&driver.run), Err(Pointless::Enough));
    let driver = driver.through(echo);
    assert_eq!(decision(true).fits(&driver.run), Err(Pointless::Over));
}

#[test]
fn a_click_before_the_question_is_journalled_counts() {
    let mut driver = steps(vec![gate(json!({}), Value::Null)]);
    while driver.jobs.iter().all(|job| job.step.as_str() != "gate") {
        assert!(driver.turn(echo));
    }
    say(&mut driver, decision(true));
    let job = driver.jobs.pop().unwrap();
    let wait = approval_wait(&driver.run, &job.step, Vec::new());
    driver.record(Record::StepWaits { step: job.step, attempt: 1, wait });
    assert_eq!(ending(&driver.through(echo)).0, Ending::Succeeded);
}

#[test]
fn an_event_of_the_kind_that_holds_ends_the_wait() {
    let more = json!({ "condition": "${received.kind == 'github.check.completed' and task.id == 'SHOP-7'}" });
    let mut driver = steps(vec![listening(more, Value::Null)]);
    while !stands(&driver, "w") {
        assert!(driver.turn(echo));
    }
    let Some(StepState::Standing { wait, .. }) = driver.run.step(&StepPath::root("w")) else { panic!() };
    assert_eq!(wait.places, ["repository:acme/shop"]);
    assert!(matches!(wait.awaited, Some(Awaited::Event { .. })));
    assert_eq!(event("github.issue.labeled").fits(&driver.run), Err(Pointless::NotMeant));
    assert_eq!(event("github.check.requested").fits(&driver.run), Err(Pointless::NotMeant));
    say(&mut driver, event("github.check.completed"));
    assert_eq!(event("github.check.completed").fits(&driver.run), Err(Pointless::NotMeant), "one is enough");
    let driver = driver.through(echo);
    let made = &driver.run.frame(&StepPath::top()).unwrap().outputs;
    assert_eq!((&made["heard"]["kind"], &made["late"]), (&json!("github.check.completed"), &json!(false)));
}

#[test]
fn an_event_that_does_not_come_is_waited_for_no_longer_than_the_step_may_take() {
    let driver = steps(vec![listening(json!({}), json!(30))]).through(echo);
    assert!(ending(&driver).1.contains("nothing that it waits for happened in time"));
    let driver = steps(vec![listening(json!({ "on_timeout": "continue" }), json!(30))]).through(echo);
    assert_eq!(driver.run.frame(&StepPath::top()).unwrap().outputs["late"], true);
    assert_eq!((ending(&driver).0, driver.now), (Ending::Succeeded, at(31)));
}
