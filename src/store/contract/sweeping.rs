//! Large values are beside the database, survive what it survives, and give up their room.

use std::fs;

use super::*;

/// The sizes of the volumes, by their names.
fn volumes(home: &OnDisk) -> Vec<(String, u64)> {
    let files = fs::read_dir(home.0.path().join("volumes")).unwrap().map(Result::unwrap);
    let mut sizes: Vec<_> =
        files.map(|file| (file.file_name().into_string().unwrap(), file.metadata().unwrap().len())).collect();
    sizes.sort();
    sizes
}

/// Puts so many values of a megabyte.
async fn put_large(store: &impl Store, names: std::ops::Range<usize>) {
    for name in names {
        put(store, &format!("large/{name}"), Some(megabyte(name).as_bytes())).await;
    }
}

fn megabyte(name: usize) -> String {
    noise(1_000_000 + name)
}

async fn remove_large(store: &impl Store, names: std::ops::Range<usize>) {
    for name in names {
        put(store, &format!("large/{name}"), None).await;
    }
}

async fn sweep(store: &impl Store) {
    assert_eq!(store.prune(at(0), at(0)).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_small_values_stand_in_the_database() {
    let home = OnDisk::default();
    let store = home.open();
    accepted(&store, 10).await;
    put(&store, "large", Some(noise(10_000).as_bytes())).await;
    store.close();
    let database = ::sled::open(home.0.path().join("sled")).unwrap();
    let stored: Vec<_> = database.iter().map(Result::unwrap).collect();
    assert!(stored.len() > 5);
    assert!(stored.iter().all(|(_, value)| value.len() <= 256));
    drop(database);
    assert_eq!(value(&home.open(), "large").await.unwrap(), noise(10_000).as_bytes());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_that_nothing_is_left_in_goes_and_one_with_little_is_emptied() {
    let home = OnDisk::default();
    let store = home.open();
    put_large(&store, 0..90).await;
    sweep(&store).await;
    let all: u64 = volumes(&home).iter().map(|(_, size)| size).sum();
    assert!(volumes(&home).len() >= 2, "{:?}", volumes(&home));
    // Of the first volume little is left, of the second everything.
    remove_large(&store, 1..45).await;
    sweep(&store).await;
    assert_eq!(value(&store, "large/0").await.unwrap(), megabyte(0).as_bytes(), "it stands elsewhere now");
    sweep(&store).await;
    let left = volumes(&home);
    assert!(left.iter().all(|(name, _)| name != "00000001"), "{left:?}");
    assert!(left.iter().map(|(_, size)| size).sum::<u64>() < all, "{left:?}");
    store.close();
    let store = home.open();
    for name in [0, 45, 89] {
        assert_eq!(value(&store, &format!("large/{name}")).await.unwrap(), megabyte(name).as_bytes());
    }
    remove_large(&store, 0..90).await;
    sweep(&store).await;
    assert_eq!(volumes(&home).len(), 1, "only the one that is written: {:?}", volumes(&home));
}

/// A copy of a store as a loss of power leaves it: everything that sled wrote, and of the volumes only what was made
/// durable.
fn without_power(home: &OnDisk, durable: &[(String, u64)]) -> OnDisk {
    let copy = OnDisk::default();
    replay::copy_files(home.0.path(), copy.0.path());
    for (name, _) in volumes(&copy) {
        let kept = durable.iter().find(|(known, _)| *known == name).map_or(0, |(_, size)| *size);
        let file = fs::File::options().write(true).open(copy.0.path().join("volumes").join(name)).unwrap();
        file.set_len(kept).unwrap();
    }
    copy
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_value_that_the_disk_never_got_is_had_from_the_log() {
    let home = OnDisk::default();
    let store = home.open();
    put(&store, "before", Some(noise(10_000).as_bytes())).await;
    store.close();
    let durable = volumes(&home);
    let store = home.open();
    put(&store, "after", Some(noise(20_000).as_bytes())).await;
    store.shelf.apply_all();
    let copy = without_power(&home, &durable);
    let after = copy.open();
    assert_eq!(value(&after, "before").await.unwrap(), noise(10_000).as_bytes());
    assert_eq!(value(&after, "after").await.unwrap(), noise(20_000).as_bytes());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_applied_again_takes_no_room_again() {
    let home = OnDisk::default();
    let store = home.open();
    put(&store, "large", Some(noise(100_000).as_bytes())).await;
    store.shelf.apply_all();
    let before = volumes(&home);
    for _ in 0..3 {
        // As after a kill: the database has it, and does not know that it is durable.
        let copy = without_power(&home, &before);
        let again = copy.open();
        assert_eq!(value(&again, "large").await.unwrap(), noise(100_000).as_bytes());
        again.close();
        assert_eq!(volumes(&copy), before);
    }
}

#[tokio::test]
async fn a_store_of_another_schema_is_refused_and_left_alone() {
    let home = OnDisk::default();
    home.open().close();
    let database = ::sled::open(home.0.path().join("sled")).unwrap();
    let older = hex::decode("01007b4f33de0000000000000001").unwrap();
    database.insert(keys::settled(), older.as_slice()).unwrap();
    drop(database);
    let error = Sled::open(home.0.path(), &Options::default()).unwrap_err();
    assert!(error.to_string().contains("schema 1"), "{error}");
    let database = ::sled::open(home.0.path().join("sled")).unwrap();
    assert_eq!(database.get(keys::settled()).unwrap().unwrap(), older);
}
