//! What is said to a run: cancelling, pausing, going on, and trying again what failed.

use serde_json::json;

use super::{ending, failing, steps};
use crate::id::StepPath;
use crate::run::decide::{JobKind, decide};
use crate::run::fixture::{Driver, act, all, at, definition, each, echo, pause};
use crate::run::hearing::Words;
use crate::run::record::{Ending, Record};
use crate::run::signal::{Pointless, Signal};
use crate::run::{Entry, StepError, StepState};

fn say(driver: &mut Driver, signal: Signal) {
    driver.record(Record::Signalled { by: Some("ada".to_owned()), signal });
}

fn cancel() -> Signal {
    Signal::Cancel { reason: Some("enough".to_owned()) }
}

fn stop() -> Signal {
    Signal::Pause { reason: None }
}

/// Drives until a step has a state.
fn until(driver: &mut Driver, step: &str) {
    while driver.run.step(&StepPath::root(step)).is_none() {
        assert!(driver.turn(echo), "{step} was not come to");
    }
}

#[test]
fn a_cancelled_run_concludes_once_nothing_is_under_way_and_does_what_is_always_done() {
    let workflow = definition(json!({
        "steps": [act("a", json!({})), act("b", json!({}))],
        "post_execution": { "always": [act("clean", json!({}))], "on_failure": [act("alarm", json!({}))] },
    }));
    let mut driver = Driver::new(&workflow);
    until(&mut driver, "a");
    say(&mut driver, cancel());
    assert_eq!(decide(&driver.run, at(9)), []);
    let driver = driver.through(echo);
    assert_eq!(driver.names(), ["@start", "a", "@post/always/clean"]);
    assert_eq!(ending(&driver), (Ending::Cancelled, "cancelled by ada: enough".to_owned()));
}

#[test]
fn a_cancelled_wait_is_waited_for_no_longer() {
    let mut driver = steps(vec![pause("w", json!({ "for": "1h" })), act("z", json!({}))]);
    while !matches!(driver.run.step(&StepPath::root("w")), Some(StepState::Standing { .. })) {
        assert!(driver.turn(echo));
    }
    say(&mut driver, cancel());
    let driver = driver.through(echo);
    assert_eq!((ending(&driver).0, driver.now), (Ending::Cancelled, at(1)));
}

#[test]
fn a_paused_run_begins_nothing_until_it_is_resumed() {
    let mut driver = steps(vec![act("a", json!({})), act("b", json!({}))]);
    until(&mut driver, "a");
    say(&mut driver, stop());
    let mut driver = driver.through(echo);
    assert_eq!((driver.names(), driver.run.ended()), (vec!["@start", "a"], false));
    assert_eq!(driver.run.paused(), Some("paused by ada"));
    say(&mut driver, Signal::Resume);
    let driver = driver.through(echo);
    assert_eq!((driver.names(), ending(&driver).0), (vec!["@start", "a", "b"], Ending::Succeeded));
}

#[test]
fn a_parked_run_goes_on_when_somebody_says_so() {
    let mut driver = steps(vec![act("a", json!({}))]);
    until(&mut driver, "a");
    driver.record(Record::Parked { reason: "broken".to_owned() });
    say(&mut driver, Signal::Resume);
    let driver = driver.through(echo);
    assert_eq!(ending(&driver).0, Ending::Succeeded);
}

#[test]
fn what_failed_is_tried_again_and_what_is_done_stays_done() {
    let inside = vec![act("x", json!({})), act("y", json!({}))];
    let held = all("p", vec![each("l", json!([1, 2]), inside, json!({}))], json!({}));
    let workflow = definition(json!({
        "steps": [act("a", json!({})), held, act("z", json!({}))],
        "post_execution": { "always": [act("clean", json!({}))] },
    }));
    let error = StepError::fatal("denied", "no");
    let mut driver = Driver::new(&workflow).through(failing("p/l/1/x", &error));
    assert_eq!(ending(&driver).0, Ending::Failed);
    say(&mut driver, Signal::Retry);
    driver.performed.clear();
    let driver = driver.through(echo);
    assert_eq!(driver.names(), ["p/l/1/x", "p/l/1/y", "z", "@post/always/clean"]);
    let again = &driver.performed[0];
    assert_eq!((again.attempt, matches!(again.kind, JobKind::Action { .. })), (2, true));
    assert_eq!(ending(&driver).0, Ending::Succeeded);
}

#[test]
fn what_could_not_begin_is_begun_anew() {
    let first = act("a", json!({ "inputs": { "v": "${nowhere}" } }));
    let mut driver = steps(vec![first]).through(echo);
    assert_eq!(ending(&driver).0, Ending::Failed);
    say(&mut driver, Signal::Retry);
    assert_eq!(driver.run.step(&StepPath::root("a")), None);
}

#[test]
fn a_run_whose_time_was_up_has_its_time_again() {
    let workflow = definition(json!({ "timeout": 60, "steps": [pause("w", json!({ "for": 90 }))] }));
    let mut driver = Driver::new(&workflow);
    while !driver.run.ended() {
        driver.turn(echo);
        driver.now = driver.now.max(if driver.run.steps().count() > 1 { at(60) } else { at(0) });
    }
    driver.now = at(100);
    say(&mut driver, Signal::Retry);
    assert_eq!(driver.run.deadline(), Some(at(160)));
}

#[test]
fn a_signal_that_comes_too_late_or_twice_is_named_and_changes_nothing() {
    let run = |driver: &Driver, signal: Signal| signal.fits(&driver.run);
    let mut driver = steps(vec![act("a", json!({}))]);
    until(&mut driver, "a");
    assert_eq!(run(&driver, Signal::Resume), Err(Pointless::GoesOn));
    assert_eq!(run(&driver, Signal::Retry), Err(Pointless::NotFailed));
    say(&mut driver, stop());
    assert_eq!(run(&driver, stop()), Err(Pointless::Twice));
    say(&mut driver, cancel());
    assert_eq!(run(&driver, cancel()), Err(Pointless::Twice));
    let before = driver.run.clone();
    let entry = Entry {
        seq: driver.run.length(),
        at: at(1),
        record: Record::Signalled { by: None, signal: cancel() },
    };
    assert!(driver.run.apply(&entry).is_err());
    assert_eq!(driver.run, before);

    let driver = steps(vec![act("a", json!({}))]).through(echo);
    for (signal, why) in [
        (cancel(), Pointless::Over),
        (stop(), Pointless::Over),
        (Signal::Resume, Pointless::GoesOn),
        (Signal::Retry, Pointless::NotFailed),
    ] {
        assert_eq!(run(&driver, signal), Err(why));
    }
}

#[test]
fn what_is_said_reaches_the_step_in_which_an_agent_works_and_no_other() {
    let words = |text: &str| Words { text: text.to_owned(), event: None, by: Some("ada".to_owned()) };
    let say_to = |text: &str| Signal::Tell { step: None, words: words(text) };
    let agent = json!({ "kind": { "agent": { "role": "development", "prompt": null, "needs": [] } } });
    let mut driver = steps(vec![act("a", json!({})), act("work", agent)]);
    until(&mut driver, "a");
    assert_eq!(say_to("x").fits(&driver.run), Err(Pointless::NotAtWork));
    until(&mut driver, "work");
    say(&mut driver, say_to("use tabs"));
    let work = StepPath::root("work");
    assert_eq!(driver.run.words(&work).collect::<Vec<_>>(), [&words("use tabs")]);
    for _ in 1..16 {
        say(&mut driver, say_to("and"));
    }
    assert_eq!(say_to("more").fits(&driver.run), Err(Pointless::Enough));
    let late = StepError::passing("unavailable", "later");
    driver.turn(|_| Err(late.clone()));
    assert_eq!(driver.run.words(&work).count(), 16, "the next attempt is told, too");
    let driver = driver.through(echo);
    assert_eq!(ending(&driver).0, Ending::Succeeded);
    assert_eq!(say_to("x").fits(&driver.run), Err(Pointless::Over));
}
