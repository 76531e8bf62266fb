//! What every store promises of runs whose person the forge is asked about: until it has answered they take nobody's
//! place.

use super::guards::{came, ended, in_group, nothing_is_due, paced};
use super::*;
use crate::router::ANSWER;
use crate::router::guard::{Limit, Per, Voice};
use crate::spec::{Rate, WhenBusy};

fn asking(guard: Guard) -> Guard {
    let asked = guard.asking(true);
    assert!(asked.asks);
    asked
}

/// The forge says that the person of the run may: it is the one that is due.
async fn let_in(store: &impl Store, run: i64, now: i64) {
    let lease = leased(store, now).await;
    assert_eq!(lease.run, run_id(run));
    let journal = store.load(lease.run).await.unwrap().unwrap();
    assert!(journal.put_off);
    write(store, &lease, vec![fact(1, json!("may"))], Due::Admitted(at(now))).await.unwrap();
    assert!(!store.load(lease.run).await.unwrap().unwrap().put_off);
}

/// The forge says that the person of the run may not.
async fn kept_out(store: &impl Store, run: i64, now: i64) {
    assert_eq!(ended(store, now).await, run_id(run));
}

async fn is_told_to_stop(store: &impl Store, run: i64) -> bool {
    !store.load(run_id(run)).await.unwrap().unwrap().signals.is_empty()
}

pub(super) async fn whoever_may_not_replaces_nobody_and_whoever_may_does(home: &impl Home) {
    let replacing = || asking(in_group(WhenBusy::Replace));
    let store = home.open();
    came(&store, 10, in_group(WhenBusy::Replace)).await;
    let working = leased(&store, 10).await;
    write(&store, &working, vec![fact(1, json!("works"))], Due::Held).await.unwrap();
    let (_, told) = came(&store, 11, replacing()).await;
    assert_eq!(told, [format!("Queued behind {0}, as number 1, in place of {0}.", run_id(10))], "an outlook");
    kept_out(&store, 11, 11).await;
    assert!(!is_told_to_stop(&store, 10).await);
    let (runs, _) = came(&store, 12, in_group(WhenBusy::Skip)).await;
    assert!(runs.is_empty(), "the group is held as before");

    came(&store, 13, replacing()).await;
    let_in(&store, 13, 13).await;
    assert!(is_told_to_stop(&store, 10).await);
    nothing_is_due(&store).await;
    store.close();
    let store = home.open();
    assert_eq!(ended(&store, 14).await, run_id(10));
    let lease = leased(&store, 14).await;
    assert_eq!(lease.run, run_id(13));
    write(&store, &lease, finish(2, 14), Due::Ended).await.unwrap();
    nothing_is_due(&store).await;
}

pub(super) async fn whoever_may_not_has_no_part_in_a_flurry(home: &impl Home) {
    let store = home.open();
    let flurry = || paced(Some("5s"), None);
    came(&store, 10, flurry()).await;
    came(&store, 12, asking(flurry())).await;
    kept_out(&store, 12, 12).await;
    assert!(matches!(store.query(Query::NextDue).await.unwrap(), Found::Moment(next) if next == at(15)));
    came(&store, 13, asking(flurry())).await;
    let_in(&store, 13, 13).await;
    assert_eq!(summary(&store, run_id(10)).await.status, RunStatus::Cancelled);
    // One that was let in and has only waited since makes room like any other.
    came(&store, 14, asking(flurry())).await;
    let_in(&store, 14, 14).await;
    let replaced = summary(&store, run_id(13)).await;
    assert_eq!((replaced.status, replaced.records), (RunStatus::Cancelled, 4));
    assert!(store.lease(at(18)).await.unwrap().is_none());
    assert_eq!(ended(&store, 19).await, run_id(14));
    nothing_is_due(&store).await;
}

pub(super) async fn whoever_may_not_uses_nothing_up_but_what_is_theirs(home: &impl Home) {
    let store = home.open();
    let once = |per, whose: &str| Limit { per, whose: whose.to_owned(), rate: Rate::parse("1/1h").unwrap() };
    let guard = |actor| {
        let limits = vec![once(Per::Actor, actor), once(Per::Repository, "acme/shop")];
        asking(Guard { limits, ..paced(None, Some("1h")) })
    };
    came(&store, 10, guard("mallory")).await;
    kept_out(&store, 10, 10).await;
    let (runs, told) = came(&store, 11, guard("mallory")).await;
    assert!(runs.is_empty() && told[0].contains("once within 1h for mallory"), "{told:?}");
    came(&store, 12, guard("ada")).await;
    let_in(&store, 12, 12).await;
    assert_eq!(ended(&store, 12).await, run_id(12));
    let (runs, told) = came(&store, 13, guard("grace")).await;
    assert!(runs.is_empty() && told[0].contains("rests until"), "{told:?}");
}

pub(super) async fn who_is_held_once_admitted_ends_and_is_told_why(home: &impl Home) {
    let store = home.open();
    let skips = || Guard { voice: Voice::Answer, ..asking(in_group(WhenBusy::Skip)) };
    came(&store, 10, skips()).await;
    came(&store, 11, skips()).await;
    let_in(&store, 10, 10).await;
    let goes_on = leased(&store, 10).await;
    assert_eq!(goes_on.run, run_id(10));
    let_in(&store, 11, 11).await;
    let held = summary(&store, run_id(11)).await;
    let reason = format!("Not started: {} is under way.", run_id(10));
    assert_eq!((held.status, held.reason.as_deref()), (RunStatus::Cancelled, Some(&*reason)));
    let answer = store.load(RunId::of(event_id(11), ANSWER)).await.unwrap().expect("an answer");
    assert!(serde_json::to_string(&answer.entries).unwrap().contains(&reason));
    assert_eq!(census(&store).await.open_runs, 2);
    assert_eq!(leased(&store, 12).await.run, RunId::of(event_id(11), ANSWER));
    nothing_is_due(&store).await;
}
