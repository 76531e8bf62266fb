//! What every store promises of who is next, and of how many are in hand.

use super::*;
use crate::event::{Account, Actor, RepositoryName};
use crate::router::ANSWER;

/// A delivery of a second by a user about a repository, which starts one run of a trigger there.
fn about(second: i64, repository: &str, user: &str, trigger: &str) -> Intake {
    let mut intake = delivery(second);
    let Record::Started(started) = &mut intake.runs[0].first.record else { panic!() };
    started.repository = Some(repository.parse::<RepositoryName>().unwrap());
    started.trigger = trigger.to_owned();
    started.event.actor = Some(Actor {
        account: Account::new("github", user),
        name: user.to_owned(),
        bot: false,
        external: false,
    });
    intake
}

async fn came(store: &impl Store, second: i64, repository: &str, user: &str) {
    let answer = store.accept(about(second, repository, user, "label")).await.unwrap();
    assert!(matches!(answer, Accepted::Fresh { .. }), "{answer:?}");
}

/// All runs that are given out at a second, by the seconds of their deliveries.
async fn given_out(store: &impl Store, now: i64, among: std::ops::Range<i64>) -> Vec<i64> {
    let mut given = Vec::new();
    while let Some(lease) = store.lease(at(now)).await.unwrap() {
        given.extend(among.clone().find(|second| run_id(*second) == lease.run));
    }
    given
}

pub(super) async fn caps_hold_and_free_their_slots_over_an_opening(home: &impl Home) {
    let caps = Caps { all: 4, per_repository: 2, per_user: 3, brief: 1 };
    let store = home.capped(caps);
    for second in 10..20 {
        came(&store, second, "acme/shop", "ada").await;
    }
    for second in 20..24 {
        came(&store, second, "acme/site", "ada").await;
    }
    for second in 24..28 {
        came(&store, second, "acme/bank", "bob").await;
    }
    let first = given_out(&store, 100, 10..28).await;
    assert_eq!(first, [10, 20, 24, 11]);
    store.close();
    let store = home.capped(caps);
    assert_eq!(given_out(&store, 100, 10..28).await, first, "a crash has leaked no slot and given none");
    store.close();
    let store = home.capped(caps);
    // What has ended frees its slot, and so does what is put off: they are the next ones', under the same caps.
    let leases = [leased(&store, 100).await, leased(&store, 100).await, leased(&store, 100).await];
    write(&store, &leases[1], finish(1, 100), Due::Ended).await.unwrap();
    write(&store, &leases[2], vec![fact(1, json!(1))], Due::At(at(500))).await.unwrap();
    assert_eq!(given_out(&store, 100, 10..28).await, [11, 21, 25]);
}

pub(super) async fn one_repository_does_not_wait_for_another_also_over_an_opening(home: &impl Home) {
    let caps = Caps { all: 1, ..Caps::NONE };
    let store = home.capped(caps);
    for second in 10..60 {
        came(&store, second, "acme/shop", "ada").await;
    }
    let lease = leased(&store, 9000).await;
    came(&store, 100, "acme/site", "bob").await;
    assert_eq!(store.lease(at(9000)).await.unwrap(), None);
    write(&store, &lease, finish(1, 100), Due::Ended).await.unwrap();
    assert_eq!(leased(&store, 9000).await.run, run_id(100));
    store.close();
    // The lanes are those of the keys, not only of what was seen to come.
    let store = home.capped(caps);
    let first = leased(&store, 9000).await;
    write(&store, &first, finish(1, 100), Due::Ended).await.unwrap();
    let second = leased(&store, 9000).await;
    assert_eq!([first.run, second.run], [run_id(11), run_id(100)]);
}

pub(super) async fn an_answer_takes_no_slot(home: &impl Home) {
    let store = home.capped(Caps { all: 1, ..Caps::NONE });
    came(&store, 10, "acme/shop", "ada").await;
    let _taken = leased(&store, 100).await;
    came(&store, 11, "acme/shop", "ada").await;
    store.accept(about(12, "acme/shop", "ada", ANSWER)).await.unwrap();
    assert_eq!(leased(&store, 100).await.run, run_id(12));
    assert_eq!(store.lease(at(100)).await.unwrap(), None);
}

#[tokio::test]
async fn what_was_due_before_there_were_lanes_stands_in_its_own() {
    let home = InMemory::default();
    let store = home.open();
    for (second, repository) in [(10, "acme/shop"), (11, "acme/shop"), (12, "acme/site")] {
        came(&store, second, repository, "ada").await;
    }
    drop(store);
    let due: Vec<_> =
        keys::all_due().iter().flat_map(|span| home.0.scan(span, 10).unwrap()).map(|(key, _)| key).collect();
    assert_eq!(due.len(), 3);
    let without = due.into_iter().map(|key| (key, Some(codec::encode(&[]).into()))).collect();
    home.0.apply(&without).unwrap();
    let store = home.capped(Caps { per_repository: 1, ..Caps::NONE });
    assert_eq!(given_out(&store, 100, 10..13).await, [10, 12]);
}
