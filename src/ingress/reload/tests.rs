use std::collections::VecDeque;

use super::*;
use crate::clock::ManualClock;
use crate::event::{Account, SourceName};
use crate::ingress::inbox::tests::policy;
use crate::plugin::Registry;

type Reading = Result<Option<Fresh>, Vec<Fault>>;

fn fault(message: &str) -> Fault {
    Fault { file: "handlers/a.yaml".to_owned(), line: Some(3), column: Some(5), message: message.to_owned() }
}

fn fresh(digest: u8) -> Reading {
    let mut policy = policy(Registry::default());
    policy.rules.catalog.digest = Digest::from_bytes([digest; 32]);
    Ok(Some(Fresh { policy, at_next_start: vec!["server.listen".to_owned()] }))
}

/// A reload whose files hold one reading after the other.
fn over(readings: impl IntoIterator<Item = Reading>) -> (Reload, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at("2026-11-21T08:00:00Z".parse().unwrap()));
    let own = vec![Account::new("github", "ostler[bot]")];
    let policy = Arc::new(Current::new(policy(Registry::default()).knowing(own)));
    let mut readings: VecDeque<_> = readings.into_iter().collect();
    let read = Box::new(move || readings.pop_front().expect("it is read no more"));
    (Reload::new(policy, Arc::clone(&clock) as _, read), clock)
}

#[tokio::test]
async fn what_has_a_fault_is_refused_and_the_old_goes_on_until_a_good_one_comes() {
    let (reload, clock) = over([Err(vec![fault("no such key")]), fresh(7)]);
    let before = reload.in_force();
    clock.advance(std::time::Duration::from_secs(5));
    let refused = reload.reload().await;
    assert_eq!(refused.status, Status::Refused);
    assert_eq!((refused.catalog.digest, refused.catalog.loaded_at), (before.digest, before.loaded_at));
    let refusal = refused.catalog.refused.unwrap();
    assert!(refusal.stands);
    assert_eq!(refusal.faults[0].to_string(), "handlers/a.yaml:3:5: no such key");

    clock.advance(std::time::Duration::from_secs(5));
    let taken = reload.reload().await;
    assert_eq!((taken.status, taken.catalog.digest), (Status::Taken, Digest::from_bytes([7; 32])));
    assert_eq!(taken.catalog.loaded_at, clock.now());
    assert_eq!(taken.catalog.at_next_start, ["server.listen"]);
    assert!(!taken.catalog.refused.unwrap().stands, "it is told, as something that is over");
}

#[tokio::test]
async fn who_ostler_is_comes_over_and_who_took_the_old_keeps_it() {
    let (reload, _) = over([fresh(7)]);
    let taken = reload.policy.get();
    reload.reload().await;
    let now = reload.policy.get();
    assert_eq!(now.standing.own, [Account::new("github", "ostler[bot]")]);
    assert_eq!(now.strangers, Vec::<SourceName>::new());
    assert_ne!(taken.rules.catalog.digest, now.rules.catalog.digest);
}

#[tokio::test]
async fn a_fault_that_is_taken_back_stands_no_more_and_one_that_stays_is_told_once() {
    let (reload, clock) = over([Err(vec![fault("a")]), Err(vec![fault("a")]), Ok(None)]);
    let first = reload.reload().await.catalog.refused.unwrap();
    clock.advance(std::time::Duration::from_secs(5));
    let second = reload.reload().await.catalog.refused.unwrap();
    assert_eq!(first, second);
    let left = reload.reload().await;
    assert_eq!(left.status, Status::Unchanged);
    assert!(!left.catalog.refused.unwrap().stands);
}

#[tokio::test]
async fn reading_that_breaks_off_is_a_refusal() {
    let (reload, _) = over([]);
    let refused = reload.reload().await;
    assert_eq!(refused.status, Status::Refused);
    assert!(refused.catalog.refused.unwrap().faults[0].message.contains("broke off"));
}
