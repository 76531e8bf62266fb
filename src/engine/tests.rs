//! What the engine promises, on a small store and scripted steps.

mod kept;
mod poison;
mod signals;
mod simulator;
mod stage;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use self::stage::{Script, Shelf, Stops, done, start, until};
use super::Options;
use crate::clock::{Clock as _, ManualClock, SystemClock};
use crate::id::{RunId, StepPath};
use crate::run::fixture::{act, all, at, definition, run_id};
use crate::run::hearing::Words;
use crate::run::{Ending, Next, Record, Signal, StepError, StepState};
use crate::store::Due;

fn shelf(workflow: Value) -> Arc<Shelf> {
    let shelf = Arc::new(Shelf::default());
    shelf.put(run_id(), &definition(workflow));
    shelf
}

fn ending(shelf: &Shelf) -> Option<Ending> {
    let run = shelf.run(run_id());
    run.conclusion().filter(|_| run.ended()).map(|conclusion| conclusion.ending)
}

async fn ended(shelf: &Shelf) {
    until("the run has ended", || shelf.row(run_id()).due == Due::Ended).await;
}

fn state(shelf: &Shelf, step: &str) -> Option<StepState> {
    shelf.run(run_id()).step(&StepPath::root(step)).cloned()
}

fn system() -> Arc<SystemClock> {
    Arc::new(SystemClock)
}

#[tokio::test]
async fn a_run_is_driven_to_its_end_and_an_outcome_and_the_next_start_are_one_commit() {
    let shelf = shelf(json!({ "steps": [act("a", json!({})), act("b", json!({}))] }));
    let script = Script::new(|_| async { done() });
    let (_handle, _lead) = start(Options::default(), &shelf, &script, system());
    ended(&shelf).await;
    assert_eq!(ending(&shelf), Some(Ending::Succeeded));
    assert_eq!(script.names(), ["@start#1", "a#1", "b#1"]);
    assert_eq!(shelf.row(run_id()).batches, [1, 2, 2, 3]);
}

#[tokio::test]
async fn a_finished_step_is_not_performed_again_after_a_crash_and_an_unfinished_one_remembers() {
    let shelf = shelf(json!({ "steps": [act("a", json!({})), act("b", json!({}))] }));
    let dying = Script::new(|context| async move {
        if context.job.step.name() == "b" {
            context.journal.remember("effect/0/intent", json!(1)).await?;
            std::future::pending::<()>().await;
        }
        done()
    });
    let (_handle, lead) = start(Options::default(), &shelf, &dying, system());
    until("the intent is durable", || {
        shelf.records(run_id()).iter().any(|r| matches!(r, Record::Fact { .. }))
    })
    .await;
    lead.abort();
    assert!(lead.await.unwrap_err().is_cancelled());
    shelf.reopen();

    let script = Script::new(|context| async move {
        assert_eq!(context.journal.recall("effect/0/intent"), Some(json!(1)));
        done()
    });
    let (_handle, _lead) = start(Options::default(), &shelf, &script, system());
    ended(&shelf).await;
    assert_eq!(script.names(), ["b#1"]);
    assert_eq!(ending(&shelf), Some(Ending::Succeeded));
}

#[tokio::test]
async fn a_panic_fails_its_step_and_nothing_else() {
    let shelf = shelf(json!({ "steps": [act("a", json!({ "on_error": "continue" })), act("b", json!({}))] }));
    let script = Script::new(|context| async move {
        assert_ne!(context.job.step.name(), "a", "as the script says");
        done()
    });
    let (_handle, _lead) = start(Options::default(), &shelf, &script, system());
    ended(&shelf).await;
    let Some(StepState::Failed { error, .. }) = state(&shelf, "a") else { panic!() };
    assert_eq!(error.code, StepError::PANICKED);
    assert!(error.message.contains("as the script says"), "{error}");
    assert_eq!(ending(&shelf), Some(Ending::Succeeded));
}

#[tokio::test]
async fn a_step_that_takes_too_long_is_stopped_and_has_failed() {
    let shelf = shelf(json!({ "steps": [act("a", json!({ "timeout": 30, "on_error": { "retry": 0 } }))] }));
    let script = Script::new(|context| async move {
        if context.job.step.name() == "a" {
            context.cancel.cancelled().await;
            return Err(StepError::fatal("stopped", "as it was told"));
        }
        done()
    });
    let clock = Arc::new(ManualClock::at(at(0)));
    let (_handle, _lead) = start(Options::default(), &shelf, &script, clock.clone());
    until("the step is performed", || script.names().len() == 2).await;
    clock.advance(Duration::from_secs(29));
    tokio::task::yield_now().await;
    assert!(matches!(state(&shelf, "a"), Some(StepState::Running(_))));
    clock.advance(Duration::from_secs(1));
    ended(&shelf).await;
    let Some(StepState::Failed { error, .. }) = state(&shelf, "a") else { panic!() };
    assert_eq!(error.code, StepError::TIMEOUT);
    assert!(error.retryable);
}

#[tokio::test]
async fn a_step_that_does_not_stop_is_dropped_after_the_grace() {
    let shelf = shelf(json!({ "steps": [act("a", json!({ "timeout": 30, "on_error": { "retry": 0 } }))] }));
    let script = Script::new(|context| async move {
        if context.job.step.name() == "a" {
            std::future::pending::<()>().await;
        }
        done()
    });
    let clock = Arc::new(ManualClock::at(at(0)));
    let (_handle, _lead) = start(Options::default(), &shelf, &script, clock.clone());
    until("the step is performed", || script.names().len() == 2).await;
    for _ in 0..4 {
        clock.advance(Duration::from_secs(10));
        SystemClock.sleep(Duration::from_millis(1)).await;
    }
    ended(&shelf).await;
    assert_eq!(ending(&shelf), Some(Ending::Failed));
}

#[tokio::test]
async fn a_retry_waits_for_its_moment_without_holding_the_run() {
    let shelf = shelf(json!({ "steps": [act("a", json!({}))] }));
    let script = Script::new(|context| async move {
        let failing = context.job.step.name() == "a" && context.job.attempt == 1;
        if failing {
            return Err(StepError { retry_after: Some(60), ..StepError::passing("rate_limited", "later") });
        }
        done()
    });
    let clock = Arc::new(ManualClock::at(at(0)));
    let (handle, _lead) = start(Options::default(), &shelf, &script, clock.clone());
    until("the run waits", || shelf.row(run_id()).due == Due::At(at(60)) && handle.in_hand() == 0).await;
    clock.advance(Duration::from_secs(59));
    SystemClock.sleep(Duration::from_millis(5)).await;
    assert_eq!(script.names(), ["@start#1", "a#1"]);
    clock.advance(Duration::from_secs(1));
    ended(&shelf).await;
    assert_eq!(script.names(), ["@start#1", "a#1", "a#2"]);
    assert_eq!(ending(&shelf), Some(Ending::Succeeded));
}

#[tokio::test]
async fn a_parallel_retry_waits_while_its_sibling_goes_on() {
    let inside = vec![act("x", json!({})), act("y", json!({}))];
    let shelf = shelf(json!({ "steps": [all("p", inside, json!({}))] }));
    let release = Arc::new(tokio::sync::Notify::new());
    let held = Arc::clone(&release);
    let script = Script::new(move |context| {
        let held = Arc::clone(&held);
        async move {
            match (context.job.step.name(), context.job.attempt) {
                ("x", 1) => return Err(StepError::passing("unavailable", "later")),
                ("y", _) => held.notified().await,
                _ => {}
            }
            done()
        }
    });
    let clock = Arc::new(ManualClock::at(at(0)));
    let (_handle, _lead) = start(Options::default(), &shelf, &script, clock.clone());
    until("x has failed", || matches!(state(&shelf, "p/x"), Some(StepState::Waiting { .. }))).await;
    clock.advance(Duration::from_secs(3));
    until("x was tried again beside y", || state(&shelf, "p/x") == Some(StepState::Done)).await;
    assert!(matches!(state(&shelf, "p/y"), Some(StepState::Running(_))));
    release.notify_one();
    ended(&shelf).await;
    assert_eq!(ending(&shelf), Some(Ending::Succeeded));
}

#[tokio::test]
async fn parallel_steps_write_one_journal_without_gaps() {
    let inside = (0..4).map(|n| act(&format!("s{n}"), json!({}))).collect();
    let shelf = shelf(json!({ "steps": [all("p", inside, json!({}))] }));
    let script = Script::new(|context| async move {
        for n in 0..8 {
            context.journal.remember(&format!("turn/{n}"), json!(n)).await?;
            assert_eq!(context.journal.recall(&format!("turn/{n}")), Some(json!(n)));
        }
        done()
    });
    let (_handle, _lead) = start(Options::default(), &shelf, &script, system());
    ended(&shelf).await;
    assert_eq!(ending(&shelf), Some(Ending::Succeeded));
    let run = shelf.run(run_id());
    for n in 0..4 {
        assert_eq!(run.facts(&StepPath::root(&format!("p/s{n}"))).unwrap().len(), 8);
    }
}

#[tokio::test]
async fn a_step_dropped_while_it_writes_leaves_the_journal_whole() {
    let shelf = shelf(json!({ "steps": [act("a", json!({ "on_error": "continue" })), act("b", json!({}))] }));
    let script = Script::new(|context| async move {
        if context.job.step.name() == "a" {
            let mut write = context.journal.remember("half", json!(1));
            // The write has begun and is then forgotten.
            assert!(futures_util::poll!(&mut write).is_pending());
            tokio::task::yield_now().await;
            drop(write);
        }
        done()
    });
    let (_handle, _lead) = start(Options::default(), &shelf, &script, system());
    ended(&shelf).await;
    assert_eq!(ending(&shelf), Some(Ending::Succeeded));
    assert!(shelf.run(run_id()).facts(&StepPath::root("a")).is_some());
}

#[tokio::test]
async fn a_drained_engine_leaves_its_runs_due_and_the_same_attempt_is_performed_again() {
    let shelf = shelf(json!({ "steps": [act("a", json!({}))] }));
    let script = Script::new(|context| async move {
        if context.job.step.name() == "a" {
            context.cancel.cancelled().await;
            return Err(StepError::fatal("stopped", "as it was told"));
        }
        done()
    });
    let (handle, lead) = start(Options::default(), &shelf, &script, system());
    until("the step is performed", || script.names().len() == 2).await;
    handle.drain(SystemClock.now(), SystemClock.now() + Duration::from_secs(60)).await;
    lead.await.unwrap();
    assert!(matches!(shelf.row(run_id()).due, Due::At(_)));
    assert!(matches!(state(&shelf, "a"), Some(StepState::Running(_))));

    let script = Script::new(|_| async { done() });
    let (_handle, _lead) = start(Options::default(), &shelf, &script, system());
    ended(&shelf).await;
    assert_eq!(script.names(), ["a#1"]);
}

#[tokio::test]
async fn a_drained_engine_lets_steps_come_to_their_end_and_begins_no_other() {
    let shelf = shelf(json!({ "steps": [act("a", json!({})), act("b", json!({}))] }));
    let script = Script::new(|context| async move {
        if context.job.step.name() == "a" {
            context.rest.cancelled().await;
            assert!(!context.cancel.is_cancelled());
        }
        done()
    });
    let (handle, lead) = start(Options::default(), &shelf, &script, system());
    until("the step is performed", || script.names().len() == 2).await;
    let later = SystemClock.now() + Duration::from_secs(600);
    handle.drain(later, later).await;
    lead.await.unwrap();
    assert!(matches!(shelf.row(run_id()).due, Due::At(_)));
    assert!(matches!(state(&shelf, "a"), Some(StepState::Done)));

    let script = Script::new(|_| async { done() });
    let (_handle, _lead) = start(Options::default(), &shelf, &script, system());
    ended(&shelf).await;
    assert_eq!(script.names(), ["b#1"]);
}

#[tokio::test]
async fn what_does_not_stop_is_dropped_at_the_drains_deadline() {
    let shelf = shelf(json!({ "steps": [] }));
    let script = Script::new(|_| std::future::pending());
    let (handle, lead) = start(Options::default(), &shelf, &script, system());
    until("the step is performed", || script.names().len() == 1).await;
    handle.drain(SystemClock.now(), SystemClock.now()).await;
    lead.await.unwrap();
    assert_eq!(handle.in_hand(), 0);
}

#[tokio::test]
async fn a_cancelled_run_stops_its_step_and_still_does_what_is_always_done() {
    let shelf = shelf(json!({
        "steps": [act("a", json!({})), act("b", json!({}))],
        "post_execution": { "always": [act("clean", json!({}))] },
    }));
    let script = Script::new(|context| async move {
        if context.job.step.name() == "a" {
            context.cancel.cancelled().await;
            return Err(StepError::passing("stopped", "as it was told"));
        }
        assert!(!context.cancel.is_cancelled());
        done()
    });
    let (handle, _lead) = start(Options::default(), &shelf, &script, system());
    until("the step is performed", || script.names().len() == 2).await;
    shelf.signal(run_id(), Signal::Cancel { reason: None });
    handle.signalled(run_id());
    ended(&shelf).await;
    assert_eq!(script.names(), ["@start#1", "a#1", "@post/always/clean#1"]);
    assert_eq!(ending(&shelf), Some(Ending::Cancelled));
    assert!(matches!(state(&shelf, "@post/always/clean"), Some(StepState::Done)));
}

#[tokio::test]
async fn a_run_that_cannot_be_read_is_parked_and_the_others_go_on() {
    let shelf = shelf(json!({ "steps": [act("a", json!({}))] }));
    let broken = RunId::from_bytes([0; 16]);
    shelf.put(broken, &definition(json!({ "steps": [] })));
    shelf.change(broken, |row| {
        let mut entry = row.entries[0].clone();
        entry.seq = 1;
        row.entries.push(entry);
    });
    let script = Script::new(|_| async { done() });
    let (_handle, _lead) = start(Options::default(), &shelf, &script, system());
    ended(&shelf).await;
    until("it is parked", || shelf.row(broken).due == Due::Parked).await;
    let Some(Record::Parked { reason }) = shelf.records(broken).pop() else { panic!() };
    assert!(reason.contains("a second time"), "{reason}");
}

#[tokio::test]
async fn an_attempt_that_would_be_given_something_else_is_not_performed() {
    let shelf = shelf(json!({ "steps": [act("a", json!({ "inputs": { "x": "${task.id}" } }))] }));
    let script = Script::new(|context| async move {
        if context.job.step.name() == "a" {
            std::future::pending::<()>().await;
        }
        done()
    });
    let (_handle, lead) = start(Options::default(), &shelf, &script, system());
    until("the step is performed", || script.names().len() == 2).await;
    lead.abort();
    shelf.reopen();
    shelf.change(run_id(), |row| {
        let Some(Record::StepStarted { inputs, .. }) = row.entries.last_mut().map(|entry| &mut entry.record)
        else {
            panic!()
        };
        *inputs = json!({ "x": "SHOP-8" });
    });
    let script = Script::new(|_| async { done() });
    let (_handle, _lead) = start(Options::default(), &shelf, &script, system());
    until("it is parked", || shelf.row(run_id()).due == Due::Parked).await;
    assert_eq!(script.names(), [""; 0]);
    let Some(Record::Parked { reason }) = shelf.records(run_id()).pop() else { panic!() };
    assert!(reason.contains("SHOP-8"), "{reason}");
}

#[tokio::test]
async fn who_has_lost_the_lease_writes_nothing_more() {
    let shelf = shelf(json!({ "steps": [act("a", json!({})), act("b", json!({}))] }));
    let taken = Arc::clone(&shelf);
    let script = Script::new(move |context| {
        let taken = Arc::clone(&taken);
        async move {
            if context.job.step.name() == "a" {
                taken.change(run_id(), |row| row.epoch += 1);
                assert!(context.journal.remember("x", json!(1)).await.is_err());
                assert!(context.journal.recall("x").is_none());
            }
            done()
        }
    });
    let (handle, _lead) = start(Options::default(), &shelf, &script, system());
    until("the run is laid down", || script.names().len() == 2 && handle.in_hand() == 0).await;
    assert!(matches!(state(&shelf, "a"), Some(StepState::Running(_))));
    assert_eq!(script.names(), ["@start#1", "a#1"]);
}

#[tokio::test]
async fn nothing_is_performed_before_its_start_is_durable() {
    let shelf = shelf(json!({ "steps": [act("a", json!({})), act("b", json!({}))] }));
    let seen = Arc::clone(&shelf);
    let script = Script::new(move |context| {
        let state = state(&seen, context.job.step.as_str());
        async move {
            assert!(matches!(state, Some(StepState::Running(_))));
            done()
        }
    });
    let (_handle, _lead) = start(Options::default(), &shelf, &script, system());
    ended(&shelf).await;
    assert_eq!(ending(&shelf), Some(Ending::Succeeded));
}

#[tokio::test]
async fn a_write_that_comes_after_the_lease_was_given_up_is_refused() {
    let shelf = shelf(json!({ "steps": [act("a", json!({}))] }));
    let kept = Arc::new(std::sync::Mutex::new(None));
    let keep = Arc::clone(&kept);
    let script = Script::new(move |context| {
        *keep.lock().unwrap() = Some(Arc::clone(&context.journal));
        async move {
            match context.job.step.name() {
                "a" => {
                    Err(StepError { retry_after: Some(60), ..StepError::passing("rate_limited", "later") })
                }
                _ => done(),
            }
        }
    });
    let clock = Arc::new(ManualClock::at(at(0)));
    let (_handle, _lead) = start(Options::default(), &shelf, &script, clock);
    until("the run waits", || shelf.row(run_id()).due == Due::At(at(60))).await;
    let journal = kept.lock().unwrap().take().unwrap();
    assert!(journal.remember("late", json!(1)).await.is_err());
    assert_eq!(shelf.row(run_id()).due, Due::At(at(60)));
}

#[tokio::test]
async fn a_busy_store_is_waited_for() {
    let shelf = shelf(json!({ "steps": [] }));
    *shelf.busy.lock().unwrap() = 2;
    let script = Script::new(|_| async { done() });
    let (_handle, _lead) = start(Options::default(), &shelf, &script, system());
    ended(&shelf).await;
    assert_eq!(*shelf.busy.lock().unwrap(), 0);
}

#[tokio::test]
async fn a_failure_is_recorded_with_what_it_has_cost() {
    let shelf = shelf(json!({ "steps": [act("a", json!({}))] }));
    let price = crate::money::Money::micros(2_500);
    let script = Script::new(move |context| async move {
        match context.job.step.name() {
            "a" => Err(StepError::fatal("denied", "no").costing(price)),
            _ => done(),
        }
    });
    let (_handle, _lead) = start(Options::default(), &shelf, &script, system());
    ended(&shelf).await;
    assert_eq!(shelf.run(run_id()).cost(), price);
    let failed = shelf.records(run_id());
    assert!(failed.iter().any(|r| matches!(r, Record::StepFailed { next: Next::Fail, .. })));
}
