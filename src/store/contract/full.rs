//! What every store promises of how much there may be to do before no more is begun.

use jiff::SignedDuration;

use super::*;
use crate::event::KindPattern;
use crate::router::guard::{Group, Guard, Pacing, Voice};
use crate::run::hearing::Awaited;
use crate::run::record::Wait;
use crate::run::{Sent, Signal};
use crate::spec::{Period, Priority, WhenBusy};

fn at_most(backlog: usize) -> Options {
    Options { backlog, ..Options::default() }
}

async fn is_full(store: &impl Store, second: i64) -> bool {
    matches!(store.accept(delivery(second)).await, Err(StoreError::Full))
}

fn guarded(second: i64, change: impl FnOnce(&mut Guard)) -> Intake {
    let mut intake = delivery(second);
    let mut guard = Guard::bare("label", &intake.event);
    change(&mut guard);
    intake.runs[0].guard = Some(Box::new(guard));
    intake.answering = Some(Frozen::from(&definition()));
    intake
}

/// A delivery that comes within the same second as all others of these: the earlier ones have the higher numbers, so
/// that each is overtaken by those that came after it.
fn at_once(number: i64) -> Intake {
    let mut intake = delivery(number);
    intake.runs[0].first.at = at(10) + SignedDuration::from_millis(100 - number);
    intake
}

/// A delivery whose run waits for its turn in a group, unless it is the first.
fn queued(second: i64) -> Intake {
    let group = Group { name: "shop".to_owned(), when_busy: WhenBusy::Queue, limit: 1 };
    guarded(second, |guard| guard.group = Some(group))
}

async fn fresh(store: &impl Store, intake: Intake) {
    let answer = store.accept(intake).await.unwrap();
    assert!(matches!(answer, Accepted::Fresh { .. }), "{answer:?}");
}

pub(super) async fn a_full_house_begins_nothing_and_counts_right_over_an_opening(home: &impl Home) {
    let store = home.with(&at_most(4));
    accepted(&store, 10).await;
    for second in 11..14 {
        fresh(&store, queued(second)).await;
    }
    let in_hand = leased(&store, 100).await;
    assert!(is_full(&store, 20).await, "one is in hand, one is due, and two wait for their turn");
    assert_eq!(
        store.accept(delivery(10)).await.unwrap(),
        Accepted::Duplicate { event: event_id(10), runs: vec![run_id(10)] }
    );
    let expected = Census { events: 4, runs: 4, open_runs: 4, identities: 4 };
    assert_eq!(census(&store).await, expected, "nothing of it was written");
    store.close();
    let store = home.with(&at_most(4));
    assert!(is_full(&store, 20).await, "nothing was forgotten");
    let again = leased(&store, 100).await;
    assert_eq!(again.run, in_hand.run);
    write(&store, &again, finish(1, 100), Due::Ended).await.unwrap();
    fresh(&store, delivery(20)).await;
    assert!(is_full(&store, 21).await, "it was room for one");
    // Who is called to the turn that it waited for counts as it did, and who is cancelled while it waits does too.
    let lease = leased(&store, 100).await;
    assert_eq!(lease.run, run_id(11));
    write(&store, &lease, finish(1, 100), Due::Ended).await.unwrap();
    fresh(&store, delivery(22)).await;
    let cancel = Sent { at: at(90), by: None, signal: Signal::Cancel { reason: None } };
    store.commit(Commit::Signal { run: run_id(13), sent: cancel }).await.unwrap();
    assert!(is_full(&store, 23).await);
    for left in (0..4).rev() {
        let lease = leased(&store, 100).await;
        assert_eq!(store.leases.backlog(at(100)), left + 1);
        let (heard, entries) = (vec![0], finish(1, 100).into());
        store.commit(Commit::Run { lease, entries, due: Due::Ended, heard }).await.unwrap();
        assert_eq!(store.leases.backlog(at(100)), left);
    }
    // Who was called to the turn that it waited for after it was cancelled was due once, not twice.
    let due = keys::all_due().iter().flat_map(|span| store.shelf.scan(span, 9).unwrap()).count();
    assert_eq!(due, 0);
}

pub(super) async fn who_waits_for_a_moment_or_for_somebody_does_not_count(home: &impl Home) {
    let store = home.with(&at_most(1));
    let waits = [Due::At(at(5_000)), Due::Waiting, Due::Parked];
    for (second, due) in (10..).zip(waits) {
        accepted(&store, second).await;
        assert!(is_full(&store, 100 + second).await);
        let lease = leased(&store, 1_000).await;
        write(&store, &lease, vec![fact(1, json!(1))], due).await.unwrap();
    }
    store.close();
    let store = home.with(&at_most(1));
    let debounce = Period::parse("50s").ok();
    let pacing = Pacing { scope: "shop".to_owned(), debounce, cooldown: None };
    fresh(&store, guarded(4_000, |guard| guard.pacing = Some(pacing))).await;
    fresh(&store, delivery(4_001)).await;
    assert!(is_full(&store, 4_002).await);
    let lease = leased(&store, 4_003).await;
    write(&store, &lease, finish(1, 4_003), Due::Ended).await.unwrap();
    assert_eq!(store.leases.next_due(), Some(at(4_050)));
    // Whose moment has come counts again, and is told of as what comes next although it was counted.
    assert!(is_full(&store, 4_051).await);
    assert_eq!(store.leases.next_due(), Some(at(4_050)));
    assert_eq!(leased(&store, 4_051).await.run, run_id(4_000));
}

pub(super) async fn of_fifty_at_once_no_more_begin_than_there_is_room_for(home: &impl Home) {
    let store = Arc::new(home.with(&at_most(7)));
    // They are judged in whatever order they come to the store, which need not be that of their moments.
    let tries = (0..50).map(|n| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.accept(at_once(10 + n)).await })
    });
    let (mut begun, mut refused) = (0, 0);
    for one in tries.collect::<Vec<_>>() {
        match one.await.unwrap() {
            Ok(Accepted::Fresh { .. }) => begun += 1,
            Err(StoreError::Full) => refused += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((begun, refused, census(&*store).await.runs), (7, 43, 7));
}

pub(super) async fn what_runs_wait_for_is_taken_in_a_full_house(home: &impl Home) {
    let store = home.with(&at_most(1));
    accepted(&store, 100).await;
    let lease = leased(&store, 100).await;
    let awaited = Some(Awaited::Event { kinds: vec![KindPattern::new("github.issue.*")] });
    let wait = Wait { until: None, awaited, places: vec!["github:acme/shop#12".to_owned()] };
    let waits = Record::StepWaits { step: crate::id::StepPath::root("gate"), attempt: 1, wait };
    write(&store, &lease, vec![entry(1, waits)], Due::Waiting).await.unwrap();
    // About something else, so that nobody is woken by it.
    let elsewhere = |second| {
        let mut intake = delivery(second);
        intake.event.subject = Subject::new("github", "acme/shop#99");
        intake
    };
    fresh(&store, elsewhere(101)).await;
    assert!(matches!(store.accept(elsewhere(102)).await, Err(StoreError::Full)));
    let mut nothing = elsewhere(103);
    nothing.runs.clear();
    fresh(&store, nothing).await;
    match store.accept(delivery(104)).await.unwrap() {
        Accepted::Fresh { signalled, .. } => assert_eq!(signalled, [run_id(100)]),
        other => panic!("{other:?}"),
    }
    // Who asked is told why nothing is started, whatever there is to do.
    let skips = |second| {
        let group = Group { name: "shop".to_owned(), when_busy: WhenBusy::Skip, limit: 1 };
        let mut intake = guarded(second, |guard| {
            (guard.group, guard.voice, guard.priority) = (Some(group), Voice::Answer, Priority::High);
        });
        intake.event.subject = Subject::new("github", "acme/shop#99");
        intake
    };
    assert!(matches!(store.accept(skips(105)).await, Err(StoreError::Full)), "nothing holds it back");
    for _ in 0..3 {
        let lease = leased(&store, 200).await;
        let records = summary(&store, lease.run).await.records;
        let heard = vec![0];
        let entries = finish(records, 200).into();
        store.commit(Commit::Run { lease, entries, due: Due::Ended, heard }).await.unwrap();
    }
    fresh(&store, skips(106)).await;
    match store.accept(skips(107)).await.unwrap() {
        Accepted::Fresh { runs, told, .. } => assert_eq!((runs.len(), told.len()), (1, 1), "the answer"),
        other => panic!("{other:?}"),
    }
}
