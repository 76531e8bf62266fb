//! Signals to runs in hand and to runs that nobody has in hand.

use super::*;

fn two_steps() -> Arc<Shelf> {
    shelf(json!({ "steps": [act("a", json!({})), act("b", json!({}))] }))
}

fn cancel() -> Signal {
    Signal::Cancel { reason: None }
}

fn stop() -> Signal {
    Signal::Pause { reason: None }
}

#[tokio::test]
async fn a_pause_lets_the_step_in_hand_end_and_holds_no_slot() {
    let shelf = two_steps();
    let release = Arc::new(tokio::sync::Notify::new());
    let held = Arc::clone(&release);
    let script = Script::new(move |context| {
        let held = Arc::clone(&held);
        async move {
            if context.job.step.name() == "a" {
                held.notified().await;
            }
            done()
        }
    });
    let (handle, _lead) = start(Options::default(), &shelf, &script, system());
    until("the step is performed", || script.names().len() == 2).await;
    shelf.signal(run_id(), stop());
    handle.signalled(run_id());
    until("it has heard", || shelf.row(run_id()).signals.is_empty()).await;
    release.notify_one();
    until("it is laid down", || handle.in_hand() == 0 && shelf.row(run_id()).due == Due::Waiting).await;
    assert_eq!(script.names(), ["@start#1", "a#1"]);
    shelf.signal(run_id(), Signal::Resume);
    handle.signalled(run_id());
    ended(&shelf).await;
    assert_eq!(script.names(), ["@start#1", "a#1", "b#1"]);
}

#[tokio::test]
async fn what_is_said_before_a_run_is_taken_up_counts_from_its_beginning() {
    let shelf = two_steps();
    shelf.signal(run_id(), cancel());
    let script = Script::new(|_| async { done() });
    let (_handle, _lead) = start(Options::default(), &shelf, &script, system());
    ended(&shelf).await;
    assert_eq!(script.names(), [""; 0]);
    assert_eq!(ending(&shelf), Some(Ending::Cancelled));
}

#[tokio::test]
async fn a_run_that_died_while_it_was_cancelled_performs_nothing_again() {
    let (shelf, script) = (two_steps(), hanging());
    let (handle, lead) =
        start(Options { grace_seconds: 3600, ..Options::default() }, &shelf, &script, system());
    until("the step is performed", || script.names().len() == 2).await;
    shelf.signal(run_id(), cancel());
    handle.signalled(run_id());
    until("it has heard", || shelf.row(run_id()).signals.is_empty()).await;
    lead.abort();
    shelf.reopen();
    let script = Script::new(|_| async { done() });
    let (_handle, _lead) = start(Options::default(), &shelf, &script, system());
    ended(&shelf).await;
    assert_eq!(script.names(), [""; 0]);
    assert_eq!(ending(&shelf), Some(Ending::Cancelled));
}

fn asks_to_stop() -> Signal {
    Signal::Stop { words: Words { text: "wrong".to_owned(), event: None, by: Some("ada".to_owned()) } }
}

/// A script that never gets done with its second step.
fn hanging() -> Arc<Script> {
    Script::new(|context| async move {
        if context.job.step.name() == "a" {
            std::future::pending::<()>().await;
        }
        done()
    })
}

#[tokio::test]
async fn whoever_may_stop_a_run_stops_what_is_under_way() {
    let (shelf, script) = (two_steps(), hanging());
    let (handle, _lead) = start(Options::default(), &shelf, &script, system());
    until("the step is performed", || script.names().len() == 2).await;
    shelf.signal(run_id(), asks_to_stop());
    handle.signalled(run_id());
    ended(&shelf).await;
    assert_eq!(ending(&shelf), Some(Ending::Cancelled));
    let cancelled = Signal::Cancel { reason: Some("wrong".to_owned()) };
    let told = Record::Signalled { by: Some("ada".to_owned()), signal: cancelled };
    assert!(shelf.records(run_id()).contains(&told), "{:#?}", shelf.records(run_id()));
    assert!(shelf.row(run_id()).signals.is_empty());
}

#[tokio::test]
async fn whoever_may_not_stop_a_run_changes_nothing_and_the_next_may() {
    let shelf = two_steps();
    shelf.signal(run_id(), asks_to_stop());
    let script = hanging();
    *script.stops.lock().unwrap() = Stops::MayNot;
    let (handle, _lead) = start(Options::default(), &shelf, &script, system());
    until("it goes on", || script.names().len() == 2).await;
    assert!(!shelf.records(run_id()).iter().any(|record| matches!(record, Record::Signalled { .. })));
    assert!(shelf.row(run_id()).signals.is_empty());
    // The next one that says so is asked about anew.
    *script.stops.lock().unwrap() = Stops::May;
    shelf.signal(run_id(), asks_to_stop());
    handle.signalled(run_id());
    ended(&shelf).await;
    assert_eq!(ending(&shelf), Some(Ending::Cancelled));
}

#[tokio::test]
async fn what_cannot_be_found_out_for_a_panic_holds_the_run_up_no_longer() {
    let shelf = two_steps();
    shelf.signal(run_id(), asks_to_stop());
    let script = Script::new(|_| async { done() });
    *script.stops.lock().unwrap() = Stops::Panics;
    let (_handle, _lead) = start(Options::default(), &shelf, &script, system());
    ended(&shelf).await;
    assert_eq!(ending(&shelf), Some(Ending::Succeeded));
}

#[tokio::test]
async fn while_it_is_found_out_nothing_is_begun_and_a_crash_loses_nothing() {
    let shelf = two_steps();
    shelf.signal(run_id(), asks_to_stop());
    let script = Script::new(|_| async { done() });
    *script.stops.lock().unwrap() = Stops::NeverComesOut;
    let (handle, lead) = start(Options::default(), &shelf, &script, system());
    until("it is in hand", || handle.in_hand() == 1).await;
    SystemClock.sleep(Duration::from_millis(100)).await;
    assert_eq!(script.names(), [""; 0]);
    lead.abort();
    shelf.reopen();
    let script = Script::new(|_| async { done() });
    let (_handle, _lead) = start(Options::default(), &shelf, &script, system());
    ended(&shelf).await;
    assert_eq!((script.names(), ending(&shelf)), (Vec::new(), Some(Ending::Cancelled)));
}

#[tokio::test]
async fn a_failed_run_is_tried_again_from_where_it_failed() {
    let shelf = two_steps();
    let script = Script::new(|context| async move {
        match (context.job.step.name(), context.job.attempt) {
            ("b", 1) => Err(StepError::fatal("denied", "no")),
            _ => done(),
        }
    });
    let (handle, _lead) = start(Options::default(), &shelf, &script, system());
    ended(&shelf).await;
    assert_eq!(ending(&shelf), Some(Ending::Failed));
    shelf.signal(run_id(), Signal::Retry);
    handle.signalled(run_id());
    until("it succeeds", || ending(&shelf) == Some(Ending::Succeeded)).await;
    assert_eq!(script.names(), ["@start#1", "a#1", "b#1", "b#2"]);
}

#[tokio::test]
async fn a_signal_that_means_nothing_is_heard_once_and_changes_nothing() {
    let shelf = two_steps();
    let script = Script::new(|_| async { done() });
    let (handle, _lead) = start(Options::default(), &shelf, &script, system());
    ended(&shelf).await;
    let before = shelf.records(run_id());
    shelf.signal(run_id(), cancel());
    handle.signalled(run_id());
    until("it has heard", || shelf.row(run_id()).signals.is_empty()).await;
    until("it is laid down", || handle.in_hand() == 0).await;
    assert_eq!(shelf.records(run_id()), before);
}

#[tokio::test]
async fn a_signal_to_a_run_that_cannot_be_read_does_not_keep_it_due() {
    let shelf = two_steps();
    shelf.change(run_id(), |row| {
        let mut entry = row.entries[0].clone();
        entry.seq = 1;
        row.entries.push(entry);
    });
    shelf.signal(run_id(), stop());
    let script = Script::new(|_| async { done() });
    let (_handle, _lead) = start(Options::default(), &shelf, &script, system());
    until("it is parked", || shelf.row(run_id()).due == Due::Parked).await;
    assert!(shelf.row(run_id()).signals.is_empty());
}
