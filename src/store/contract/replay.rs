//! What the log has and the database has not is there after opening, however often that goes wrong.

use std::fs;
use std::path::Path;

use super::*;

/// A copy of the database as it is on disk, without the log.
fn database_of(home: &OnDisk) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    copy_files(&home.0.path().join("sled"), copy.path());
    copy
}

/// Puts an older database in the place of the newer one: what a crash leaves when only the log was synced.
fn put_back(home: &OnDisk, older: &tempfile::TempDir) {
    let place = home.0.path().join("sled");
    fs::remove_dir_all(&place).unwrap();
    copy_files(older.path(), &place);
}

pub(super) fn copy_files(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_files(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A home whose database was put back to when it had one delivery, while the log has all three and a step.
async fn behind() -> (OnDisk, tempfile::TempDir) {
    let home = OnDisk::default();
    let store = home.open();
    accepted(&store, 10).await;
    store.close();
    let older = database_of(&home);
    let store = home.open();
    accepted(&store, 20).await;
    let lease = leased(&store, 10).await;
    write(&store, &lease, vec![fact(1, json!("done"))], Due::At(at(40))).await.unwrap();
    accepted(&store, 30).await;
    store.close();
    put_back(&home, &older);
    (home, older)
}

async fn assert_whole(store: &impl Store) {
    assert_eq!(census(store).await, Census { events: 3, runs: 3, open_runs: 3, identities: 3 });
    assert_eq!(store.load(run_id(10)).await.unwrap().unwrap().entries[1], fact(1, json!("done")));
    assert_eq!(store.tail(0, 100).await.unwrap().len(), 7);
    for second in [10, 20, 30] {
        let again = store.accept(delivery(second)).await.unwrap();
        assert!(matches!(again, Accepted::Duplicate { .. }), "{again:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_the_log_has_is_there_after_opening() {
    let (home, _) = behind().await;
    assert_whole(&home.open()).await;
    assert_whole(&home.open()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_while_the_log_is_applied_changes_nothing() {
    let (home, older) = behind().await;
    let shelf = || SledShelf::open(home.0.path()).unwrap();
    drop(shelf());
    // Everything was applied, and all of it was lost again, before anything new was written.
    put_back(&home, &older);
    drop(shelf());
    assert_whole(&home.open()).await;
}

/// The database itself. A child that another test starts has the lock too, until it becomes its own program.
fn opened(home: &OnDisk) -> ::sled::Db {
    let mut tries = 0;
    loop {
        match ::sled::open(home.0.path().join("sled")) {
            Err(error) if error.to_string().contains("could not acquire lock") && tries < 500 => {
                tries += 1;
                std::thread::park_timeout(std::time::Duration::from_millis(10));
            }
            answer => return answer.unwrap(),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_forgot_how_far_it_had_come_is_given_all_of_the_log() {
    let (home, _) = behind().await;
    drop(SledShelf::open(home.0.path()).unwrap());
    let database = opened(&home);
    database.insert(keys::settled(), b"not a number").unwrap();
    drop(database);
    assert_whole(&home.open()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_from_before_the_log_began_is_refused() {
    let home = OnDisk::default();
    home.open().close();
    let older = database_of(&home);
    for second in [10, 20] {
        accepted(&home.open(), second).await;
    }
    put_back(&home, &older);
    let error = Sled::open(home.0.path(), &Options::default()).unwrap_err();
    assert!(matches!(&error, StoreError::Corrupt(what) if what.contains("without batch")), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_turns_of_the_log_lose_nothing() {
    let home = OnDisk::default();
    let store = home.open();
    let filling = noise(3000);
    let put_many = |round: u64| {
        let put = (0..1500).map(|n| (format!("{round}/{n}"), Some(filling.clone().into_bytes()))).collect();
        store.commit(Commit::Values { expect: Vec::new(), put })
    };
    for round in 0..9 {
        put_many(round).await.unwrap();
    }
    store.close();
    let sizes = fs::read_dir(home.0.path()).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len());
    assert!(sizes.max().unwrap() < 16 << 20, "its size is bounded");
    let store = home.open();
    for round in 0..9 {
        assert_eq!(value(&store, &format!("{round}/1499")).await.unwrap(), filling.as_bytes());
    }
}
