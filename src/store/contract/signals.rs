//! What every store promises of what is said to runs.

use super::*;
use crate::router::guard::{Group, Guard, Voice};
use crate::run::{Sent, Signal};
use crate::spec::{Priority, WhenBusy};

async fn say(store: &impl Store, run: RunId, second: i64, signal: Signal) -> Result<(), StoreError> {
    let sent = Sent { at: at(second), by: Some("ada".to_owned()), signal };
    store.commit(Commit::Signal { run, sent }).await
}

fn stop() -> Signal {
    Signal::Pause { reason: None }
}

async fn heard(store: &impl Store, run: RunId) -> Vec<(u64, Signal)> {
    let Found::Signals(signals) = store.query(Query::Signals(run)).await.unwrap() else { panic!() };
    signals.into_iter().map(|(number, sent)| (number, sent.signal)).collect()
}

pub(super) async fn a_signal_is_kept_until_it_is_heard_and_makes_its_run_due(home: &impl Home) {
    let store = home.open();
    accepted(&store, 100).await;
    let run = run_id(100);
    let lease = leased(&store, 100).await;
    write(&store, &lease, vec![fact(1, json!(1))], Due::Waiting).await.unwrap();
    assert!(store.lease(at(90_000)).await.unwrap().is_none(), "it waits for a signal and for no time");
    say(&store, run, 200, stop()).await.unwrap();
    say(&store, run, 201, Signal::Resume).await.unwrap();
    store.close();
    let store = home.open();
    let lease = leased(&store, 201).await;
    assert_eq!(lease.run, run);
    assert!(store.lease(at(90_000)).await.unwrap().is_none(), "it is due once");
    let journal = store.load(run).await.unwrap().unwrap();
    assert_eq!(journal.signals.len(), 2);
    assert_eq!(heard(&store, run).await, [(0, stop()), (1, Signal::Resume)]);
    let commit = Commit::Run {
        lease: lease.clone(),
        entries: [fact(2, json!(2))].into(),
        due: Due::Waiting,
        heard: vec![0, 1],
    };
    store.commit(commit).await.unwrap();
    assert_eq!(heard(&store, run).await, []);
    assert!(store.lease(at(90_000)).await.unwrap().is_none());
}

pub(super) async fn what_is_said_to_a_run_in_hand_keeps_it_from_being_laid_down(home: &impl Home) {
    let store = home.open();
    for (second, due) in (100..).zip([Due::Waiting, Due::At(at(80_000)), Due::Parked]) {
        accepted(&store, second).await;
        let lease = leased(&store, 200).await;
        say(&store, run_id(second), 200, stop()).await.unwrap();
        assert!(store.lease(at(90_000)).await.unwrap().is_none(), "it is in hand");
        write(&store, &lease, Vec::new(), due).await.unwrap();
        assert_eq!(leased(&store, 200).await.run, run_id(second), "{due:?}");
    }
}

pub(super) async fn what_is_finished_can_be_opened_again_by_a_signal_and_by_nothing_else(home: &impl Home) {
    let store = home.open();
    accepted(&store, 100).await;
    let lease = leased(&store, 100).await;
    write(&store, &lease, finish(1, 101), Due::Ended).await.unwrap();
    let open = census(&store).await.open_runs;
    say(&store, run_id(100), 200, Signal::Retry).await.unwrap();
    let lease = leased(&store, 200).await;
    let refused = write(&store, &lease, vec![fact(3, json!(1))], Due::Held).await;
    assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
    let record = Record::Signalled { by: None, signal: Signal::Retry };
    write(&store, &lease, vec![Entry { seq: 3, at: at(200), record }], Due::Held).await.unwrap();
    assert_eq!(summary(&store, run_id(100)).await.status, RunStatus::Open);
    assert_eq!(census(&store).await.open_runs, open + 1);
}

pub(super) async fn nothing_is_said_to_a_run_that_is_not_there(home: &impl Home) {
    let store = home.open();
    let refused = say(&store, run_id(1), 1, stop()).await;
    assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
}

pub(super) async fn a_run_that_waits_for_its_turn_is_made_due_only_to_be_cancelled(home: &impl Home) {
    let store = home.open();
    let guard = || Guard {
        trigger: "label".to_owned(),
        subject: "github:acme/shop#12".to_owned(),
        group: Some(Group { name: "shop".to_owned(), when_busy: WhenBusy::Queue, limit: 1 }),
        pacing: None,
        limits: Vec::new(),
        priority: Priority::Normal,
        breaker: None,
        origin: None,
        voice: Voice::Silent,
        asks: false,
    };
    for second in [10, 11] {
        let mut intake = delivery(second);
        intake.runs[0].guard = Some(Box::new(guard()));
        store.accept(intake).await.unwrap();
    }
    assert_eq!(leased(&store, 100).await.run, run_id(10));
    say(&store, run_id(11), 100, stop()).await.unwrap();
    assert!(store.lease(at(90_000)).await.unwrap().is_none());
    say(&store, run_id(11), 100, Signal::Cancel { reason: None }).await.unwrap();
    assert_eq!(leased(&store, 100).await.run, run_id(11));
}
