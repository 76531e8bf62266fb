use super::*;

/// A batch that no other number has: of one value, of many, of none, and of one that takes several blocks.
fn batch(number: u64) -> Batch {
    let size = [10, 3000, 0, 5000][usize::try_from(number % 4).unwrap()];
    let key = format!("key {number}").into_bytes();
    let mut batch = Batch::from([(b"newest".to_vec(), Some(number.to_be_bytes().to_vec().into()))]);
    batch.insert(key, Some(vec![FIRST; size].into()));
    batch.insert(b"gone".to_vec(), None);
    batch
}

fn numbers(batches: &Batches) -> Vec<u64> {
    batches.keys().copied().collect()
}

/// A log with so many batches, and the directory that it is in.
fn written(batches: u64) -> (tempfile::TempDir, Log) {
    let dir = tempfile::tempdir().unwrap();
    let (mut log, missing) = Log::open(dir.path(), Some(0)).unwrap();
    assert!(missing.is_empty());
    for number in 1..=batches {
        assert_eq!(log.append(&batch(number)).unwrap(), number);
    }
    (dir, log)
}

#[test]
fn what_was_written_reads_back_in_order() {
    let (dir, _) = written(9);
    let (log, missing) = Log::open(dir.path(), Some(0)).unwrap();
    assert_eq!(missing, (1..=9).map(|number| (number, batch(number))).collect());
    assert_eq!(log.next, 10);
}

#[test]
fn what_the_database_has_is_not_given_again() {
    let (dir, _) = written(9);
    let (log, missing) = Log::open(dir.path(), Some(7)).unwrap();
    assert_eq!((numbers(&missing), log.next), (vec![8, 9], 10));
    let (log, missing) = Log::open(dir.path(), Some(9)).unwrap();
    assert_eq!((numbers(&missing), log.next), (vec![], 10));
    let (log, missing) = Log::open(dir.path(), Some(40)).unwrap();
    assert_eq!((numbers(&missing), log.next), (vec![], 41), "a log that was lost is not missed");
}

#[test]
fn a_batch_torn_at_any_byte_is_no_batch_and_harms_no_other() {
    let (dir, log) = written(6);
    let path = dir.path().join(NAMES[0]);
    let whole = std::fs::read(&path).unwrap();
    let mut torn = Vec::new();
    fill(&mut torn, 7, &batch(7));
    let at = usize::try_from(log.offset).unwrap();
    let used = torn.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    // What stood there before: nothing, zeros, or older batches.
    for older in [Vec::new(), vec![0; torn.len()], whole[at - torn.len()..at].to_vec()] {
        for arrived in 0..=torn.len() {
            let mut bytes = [&whole[at - BLOCK..at], &torn[..arrived]].concat();
            bytes.extend(older.get(arrived..).unwrap_or_default());
            let mut batches = Batches::new();
            read(&bytes, &mut batches);
            let newest = batches.remove(&7);
            assert!(newest.is_none() || arrived >= used, "{arrived} bytes arrived");
            assert!(newest.is_none_or(|found| found == batch(7)));
            assert_eq!(batches.get(&6), Some(&batch(6)));
        }
    }
}

#[test]
fn a_flipped_bit_is_never_taken_for_what_was_written() {
    let (dir, _) = written(3);
    let path = dir.path().join(NAMES[0]);
    let whole = std::fs::read(&path).unwrap();
    for byte in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[byte] ^= 1 << (byte % 8);
        let mut batches = Batches::new();
        read(&bytes, &mut batches);
        assert!(batches.iter().all(|(number, found)| *found == batch(*number)), "at {byte}");
        assert!(batches.len() >= 2, "it costs one batch at the most");
    }
}

#[test]
fn a_batch_that_is_missing_before_another_is_told() {
    let (dir, _) = written(5);
    let path = dir.path().join(NAMES[0]);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[HEADER + 10] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let error = Log::open(dir.path(), Some(0)).unwrap_err();
    assert!(error.to_string().contains("without batch 1"), "{error}");
    assert!(Log::open(dir.path(), Some(1)).is_ok(), "the database has it");
}

#[test]
fn the_files_take_turns_and_the_older_one_may_be_gone_over() {
    let (dir, mut log) = written(5);
    log.turn();
    for number in 6..=8 {
        log.append(&batch(number)).unwrap();
    }
    // The database has what is in the first file, which is begun anew; the crash comes at once.
    log.turn();
    log.append(&batch(9)).unwrap();
    let (_, missing) = Log::open(dir.path(), Some(5)).unwrap();
    assert_eq!(missing, (6..=9).map(|number| (number, batch(number))).collect());
}

#[test]
fn a_database_that_cannot_tell_gets_everything_without_a_gap() {
    let (dir, mut log) = written(5);
    log.turn();
    (6..=9).for_each(|number| assert_eq!(log.append(&batch(number)).unwrap(), number));
    log.turn();
    log.append(&batch(10)).unwrap();
    // Of the first round, 1 was written over; 2 to 5 still stand behind 10.
    let (log, missing) = Log::open(dir.path(), None).unwrap();
    assert_eq!((numbers(&missing), log.next), ((2..=10).collect(), 11));
    std::fs::write(dir.path().join(NAMES[1]), b"").unwrap();
    let (_, missing) = Log::open(dir.path(), None).unwrap();
    assert_eq!(numbers(&missing), [10]);
}

#[test]
fn a_file_is_full_at_its_bound() {
    let (_dir, mut log) = written(1);
    log.offset = FULL - 1;
    assert!(!log.is_full());
    log.offset = FULL;
    assert!(log.is_full());
    log.turn();
    assert!(!log.is_full());
}
