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
    home.0.apply(Batch::from([(key, Some(stored))])).unwrap();
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
    home.0.apply(Batch::from([(keys::entry(run_id(10), 1), None)])).unwrap();
    let error = store.load(run_id(10)).await.unwrap_err();
    assert!(error.to_string().contains("record 1"), "{error}");
}

#[tokio::test]
async fn a_definition_must_be_the_one_that_was_named() {
    let home = InMemory::default();
    let store = home.open();
    accepted(&store, 10).await;
    let other = Definition { model: "another".to_owned(), ..definition() };
    let stored = codec::encode(&other.to_bytes()).stored;
    home.0.apply(Batch::from([(keys::definition(definition().digest()), Some(stored))])).unwrap();
    assert!(matches!(store.load(run_id(10)).await, Err(StoreError::Corrupt(_))));
}
