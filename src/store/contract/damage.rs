//! What is damaged is noticed, named, and keeps nothing else from working.

use super::*;

/// A home with two runs, one record of the first damaged.
async fn damaged(key: keys::Key) -> InMemory {
    let home = InMemory::default();
    let store = home.open();
    accepted(&store, 10).await;
    accepted(&store, 20).await;
    store.close();
    let mut stored = home.0.get(&key).unwrap().unwrap();
    *stored.last_mut().unwrap() ^= 1;
    home.0.apply(&Batch::from([(key, Some(stored.into()))])).unwrap();
    home
}

#[tokio::test]
async fn a_damaged_record_stops_only_its_run() {
    let home = damaged(keys::entry(run_id(10), 0)).await;
    let store = home.open();
    let error = store.load(run_id(10)).await.unwrap_err();
    let expected = format!("record 0 of {}", run_id(10));
    assert!(matches!(&error, StoreError::Corrupt(what) if what.contains(&expected)), "{error}");
    assert!(store.load(run_id(20)).await.unwrap().is_some());
    assert_eq!(store.tail(0, 100).await.unwrap().len(), 3);
    // Its summary says how long the journal is, so that the run can be parked.
    let lease = leased(&store, 10).await;
    let parked = Record::Parked { reason: error.to_string() };
    write(&store, &lease, vec![entry(1, parked)], Due::Parked).await.unwrap();
    assert_eq!(summary(&store, run_id(10)).await.status, RunStatus::Parked);
    assert_eq!(leased(&store, 100).await.run, run_id(20));
}

#[tokio::test]
async fn a_run_whose_head_is_damaged_can_be_put_aside() {
    let home = damaged(keys::run(run_id(10))).await;
    let store = home.open();
    assert!(matches!(store.load(run_id(10)).await, Err(StoreError::Corrupt(_))));
    let found = store.query(Query::Runs { before: None, limit: 10 }).await.unwrap();
    assert!(matches!(found, Found::Runs(runs) if runs.len() == 1 && runs[0].id == run_id(20)));
    let lease = leased(&store, 10).await;
    write(&store, &lease, vec![], Due::Parked).await.unwrap();
    assert_eq!(leased(&store, 100).await.run, run_id(20));
    store.prune(at(1000), at(1000)).await.unwrap();
}

#[tokio::test]
async fn a_gap_is_damage() {
    let home = InMemory::default();
    let store = home.open();
    accepted(&store, 10).await;
    let lease = leased(&store, 10).await;
    write(&store, &lease, vec![fact(1, json!(1)), fact(2, json!(2))], Due::Held).await.unwrap();
    home.0.apply(&Batch::from([(keys::entry(run_id(10), 1), None)])).unwrap();
    let error = store.load(run_id(10)).await.unwrap_err();
    assert!(error.to_string().contains("record 1"), "{error}");
}

#[tokio::test]
async fn a_definition_must_be_the_one_that_was_named() {
    let home = InMemory::default();
    let store = home.open();
    accepted(&store, 10).await;
    let other = Definition { model: "another".to_owned(), ..definition() };
    let stored = codec::encode(&other.to_bytes());
    home.0.apply(&Batch::from([(keys::definition(definition().digest()), Some(stored.into()))])).unwrap();
    assert!(matches!(store.load(run_id(10)).await, Err(StoreError::Corrupt(_))));
}

/// A home with two runs, and what a whole scrub of it says.
async fn scrubbed(store: &impl Store) -> Vec<Damage> {
    let (mut damaged, mut after, mut checked) = (Vec::new(), None, 0);
    loop {
        let portion = store.scrub(after, 3, at(50)).await.unwrap();
        assert!(portion.checked <= 3);
        checked += portion.checked;
        damaged.extend(portion.damaged);
        after = portion.next;
        if after.is_none() {
            assert!(checked > 10, "it goes through everything");
            return damaged;
        }
    }
}

#[tokio::test]
async fn a_scrub_of_what_is_sound_finds_nothing() {
    let home = InMemory::default();
    let store = home.open();
    accepted(&store, 10).await;
    assert_eq!(scrubbed(&store).await, []);
    assert_eq!(summary(&store, run_id(10)).await.status, RunStatus::Open);
}

#[tokio::test]
async fn a_scrub_parks_the_run_of_a_damaged_record_before_it_is_due() {
    let home = damaged(keys::entry(run_id(10), 0)).await;
    let store = home.open();
    let found = scrubbed(&store).await;
    assert_eq!(found.iter().map(|damage| damage.run).collect::<Vec<_>>(), [Some(run_id(10))]);
    let parked = summary(&store, run_id(10)).await;
    assert_eq!(parked.status, RunStatus::Parked);
    assert!(parked.reason.unwrap().contains("damaged"));
    assert_eq!(leased(&store, 100).await.run, run_id(20));
    assert!(store.lease(at(100)).await.unwrap().is_none());
    // Once is enough: it is told of again, and no record is added.
    let records = summary(&store, run_id(10)).await.records;
    assert_eq!(scrubbed(&store).await.len(), 1);
    assert_eq!(summary(&store, run_id(10)).await.records, records);
}

#[tokio::test]
async fn a_scrub_finds_a_record_that_is_not_there_any_more() {
    let home = InMemory::default();
    let store = home.open();
    accepted(&store, 10).await;
    home.0.apply(&Batch::from([(keys::entry(run_id(10), 0), None)])).unwrap();
    let found = scrubbed(&store).await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].run, Some(run_id(10)));
    assert_eq!(summary(&store, run_id(10)).await.status, RunStatus::Parked);
}

#[tokio::test]
async fn a_scrub_leaves_a_run_in_hand_to_whoever_holds_it() {
    let home = damaged(keys::entry(run_id(10), 0)).await;
    let store = home.open();
    let lease = leased(&store, 10).await;
    assert_eq!(scrubbed(&store).await.len(), 1);
    assert_eq!(summary(&store, run_id(10)).await.status, RunStatus::Open);
    write(&store, &lease, vec![fact(1, json!(1))], Due::Held).await.unwrap();
}

#[tokio::test]
async fn damaged_counts_are_counted_anew() {
    for key in [keys::tally(), keys::node()] {
        let home = damaged(key).await;
        let store = home.open();
        let expected = Census { events: 2, runs: 2, open_runs: 2, identities: 2 };
        assert_eq!(census(&store).await, expected);
        assert_eq!(store.tail(0, 100).await.unwrap().len(), 4);
        accepted(&store, 30).await;
        let tail = store.tail(4, 100).await.unwrap();
        assert_eq!(tail.iter().map(|progress| progress.seq).collect::<Vec<_>>(), [5, 6], "no place twice");
        let old = leased(&store, 10).await;
        store.close();
        let new = leased(&home.open(), 10).await;
        assert!(new.epoch > old.epoch);
    }
}

#[tokio::test]
async fn the_places_of_records_that_were_written_together_are_all_counted_anew() {
    let home = InMemory::default();
    let store = home.open();
    accepted(&store, 10).await;
    let lease = leased(&store, 10).await;
    let facts = (1..=3).map(|seq| fact(seq, json!(seq))).collect();
    write(&store, &lease, facts, Due::Held).await.unwrap();
    store.close();
    home.0.apply(&Batch::from([(keys::tally(), Some(b"damaged"[..].into()))])).unwrap();
    let store = home.open();
    accepted(&store, 20).await;
    let places: Vec<_> = store.tail(0, 100).await.unwrap().iter().map(|progress| progress.seq).collect();
    assert_eq!(places, [1, 2, 3, 4, 5, 6, 7]);
}

#[tokio::test]
async fn a_scrub_finds_what_is_missing_behind_records_that_were_written_together() {
    let home = InMemory::default();
    let store = home.open();
    accepted(&store, 10).await;
    let lease = leased(&store, 10).await;
    write(&store, &lease, vec![fact(1, json!(1)), fact(2, json!(2))], Due::Held).await.unwrap();
    write(&store, &lease, vec![fact(3, json!(3))], Due::At(at(20))).await.unwrap();
    assert_eq!(scrubbed(&store).await, []);
    home.0.apply(&Batch::from([(keys::entry(run_id(10), 3), None)])).unwrap();
    assert_eq!(scrubbed(&store).await.len(), 1);
    assert_eq!(summary(&store, run_id(10)).await.status, RunStatus::Parked);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_half_written_snapshot_does_not_keep_the_store_from_opening() {
    let home = OnDisk::default();
    let store = home.open();
    accepted(&store, 10).await;
    store.close();
    let half = home.0.path().join("sled/snap.FFFFFFFFFFFFFFFF.generating");
    std::fs::write(&half, b"half a snapshot, as a crash leaves it").unwrap();
    let store = home.open();
    assert!(store.load(run_id(10)).await.unwrap().is_some());
    assert_eq!(census(&store).await.events, 1);
    assert!(!half.exists());
    let aside = home.0.path().join("aside/snap.FFFFFFFFFFFFFFFF.generating");
    assert_eq!(
        std::fs::read(aside).unwrap(),
        b"half a snapshot, as a crash leaves it",
        "nothing is thrown away"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_a_child_still_holds_is_waited_for() {
    let home = OnDisk::default();
    let store = home.open();
    accepted(&store, 10).await;
    // What a child has between its fork and its exec: a copy of the locked file.
    let log = home.0.path().join("sled/db");
    store.close();
    let held = std::fs::File::open(&log).unwrap();
    held.lock().unwrap();
    let child = std::thread::spawn(move || {
        std::thread::park_timeout(std::time::Duration::from_millis(200));
        drop(held);
    });
    let store = home.open();
    assert!(store.load(run_id(10)).await.unwrap().is_some());
    child.join().unwrap();
}
