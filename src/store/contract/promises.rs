//! What every store promises.

pub(super) use super::admission::*;
pub(super) use super::full::*;
pub(super) use super::guards::*;
pub(super) use super::queues::*;
pub(super) use super::signals::*;
pub(super) use super::turns::*;
pub(super) use super::waiting::*;
use super::*;

pub(super) async fn a_delivery_is_found_whole(home: &impl Home) {
    let store = home.open();
    let intake = delivery(10);
    let (event, payload) = (intake.event.clone(), intake.payload.clone());
    let fresh = store.accept(intake).await.unwrap();
    assert!(
        matches!(&fresh, Accepted::Fresh { event: id, runs, .. } if *id == event.id && *runs == [run_id(10)]),
        "{fresh:?}"
    );
    let found = store.query(Query::Event(event.id)).await.unwrap();
    assert!(matches!(found, Found::Event(found) if *found == event));
    let found = store.query(Query::Payload(event.id)).await.unwrap();
    assert!(matches!(found, Found::Bytes(found) if found == payload));
    let found = store.query(Query::Reasons(event.id)).await.unwrap();
    assert!(matches!(found, Found::Reasons(found) if *found == judged()));
    assert!(matches!(store.query(Query::Event(event_id(11))).await.unwrap(), Found::Nothing));
    let expected = Census { events: 1, runs: 1, open_runs: 1, identities: 1 };
    assert_eq!(census(&store).await, expected);
}

pub(super) async fn a_known_identity_starts_nothing(home: &impl Home) {
    let store = home.open();
    let mut first = delivery(10);
    first.identities = vec!["id/1".to_owned(), "body/1".to_owned(), "id/1".to_owned()];
    store.accept(first).await.unwrap();
    let mut again = delivery(11);
    again.identities = vec!["id/2".to_owned(), "body/1".to_owned()];
    let known = store.query(Query::Identities(again.identities.clone())).await.unwrap();
    let Found::Accepted(Accepted::Duplicate { event, .. }) = known else { panic!("{known:?}") };
    assert_eq!(event, event_id(10));
    let answer = store.accept(again.clone()).await.unwrap();
    assert_eq!(answer, Accepted::Duplicate { event: event_id(10), runs: vec![run_id(10)] });
    let expected = Census { events: 1, runs: 1, open_runs: 1, identities: 2 };
    assert_eq!(census(&store).await, expected);
    // Nothing was written, the other identity neither.
    again.identities = vec!["id/2".to_owned()];
    assert!(matches!(store.accept(again).await.unwrap(), Accepted::Fresh { .. }));
}

pub(super) async fn of_a_hundred_at_once_one_is_fresh(home: &impl Home) {
    let store = Arc::new(home.open());
    let tries = (0..100).map(|n| {
        let store = Arc::clone(&store);
        let intake = Intake { identities: vec!["the same".to_owned()], ..delivery(10 + n) };
        tokio::spawn(async move { store.accept(intake).await.unwrap() })
    });
    let mut fresh = Vec::new();
    let mut known = Vec::new();
    for answer in tries.collect::<Vec<_>>() {
        match answer.await.unwrap() {
            Accepted::Fresh { event, .. } => fresh.push(event),
            Accepted::Duplicate { event, .. } => known.push(event),
        }
    }
    assert_eq!((fresh.len(), known.len()), (1, 99));
    assert!(known.iter().all(|event| *event == fresh[0]));
    assert_eq!(census(&*store).await, Census { events: 1, runs: 1, open_runs: 1, identities: 1 });
}

pub(super) async fn a_delivery_is_all_or_nothing(home: &impl Home) {
    let store = home.open();
    let mut twice = delivery(10);
    twice.runs.push(twice.runs[0].clone());
    assert!(matches!(store.accept(twice).await, Err(StoreError::Conflict)));
    let mut wrong = delivery(10);
    let other = Definition { model: "another".to_owned(), ..definition() };
    wrong.runs[0].definition = Frozen::from(&other);
    assert!(matches!(store.accept(wrong).await, Err(StoreError::Failed(_))));
    assert_eq!(census(&store).await, Census::default());
    assert!(matches!(store.query(Query::Event(event_id(10))).await.unwrap(), Found::Nothing));
    assert!(store.load(run_id(10)).await.unwrap().is_none());
    assert!(store.lease(at(100)).await.unwrap().is_none());
    assert!(store.tail(0, 10).await.unwrap().is_empty());
    accepted(&store, 10).await;
    // An event's id is taken once, whatever the identities say.
    let same = Intake { identities: vec!["new".to_owned()], ..delivery(10) };
    assert!(matches!(store.accept(same).await, Err(StoreError::Conflict)));
}

pub(super) async fn due_runs_are_given_out_oldest_first_and_once(home: &impl Home) {
    let store = home.open();
    for second in [30, 10, 20] {
        accepted(&store, second).await;
    }
    assert!(matches!(store.query(Query::NextDue).await.unwrap(), Found::Moment(next) if next == at(10)));
    assert!(store.lease(at(9)).await.unwrap().is_none());
    let first = leased(&store, 20).await;
    assert_eq!(first.run, run_id(10));
    assert_eq!(leased(&store, 20).await.run, run_id(20));
    assert!(store.lease(at(29)).await.unwrap().is_none());
    assert!(matches!(store.query(Query::NextDue).await.unwrap(), Found::Moment(next) if next == at(30)));
    write(&store, &first, vec![], Due::At(at(40))).await.unwrap();
    assert_eq!(leased(&store, 30).await.run, run_id(30));
    assert!(store.lease(at(39)).await.unwrap().is_none());
    let again = leased(&store, 40).await;
    assert_eq!(again.run, run_id(10));
    assert!(again.epoch > first.epoch);
    write(&store, &again, vec![], Due::Parked).await.unwrap();
    assert!(store.lease(at(1_000_000)).await.unwrap().is_none());
    assert!(matches!(store.query(Query::NextDue).await.unwrap(), Found::Nothing));
}

pub(super) async fn a_lease_that_nobody_received_is_given_back(home: &impl Home) {
    let store = home.open();
    accepted(&store, 10).await;
    for polls in 0..20 {
        let mut asking = store.lease(at(10));
        // Asked, and dropped at whatever point the answer had come to.
        for _ in 0..polls {
            if let std::task::Poll::Ready(given) = futures_util::poll!(&mut asking) {
                given.unwrap().inspect(|lease| store.leases.release(lease));
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    // The writer may still have the last that was dropped: whoever is answered now was behind it.
    accepted(&store, 20).await;
    assert_eq!(leased(&store, 10).await.run, run_id(10));
}

pub(super) async fn a_journal_reads_back_in_order(home: &impl Home) {
    let store = home.open();
    accepted(&store, 10).await;
    let lease = leased(&store, 10).await;
    // More than ten: numbers must sort as numbers.
    for seq in 1..20 {
        write(&store, &lease, vec![fact(seq, json!(seq))], Due::Held).await.unwrap();
    }
    let journal = store.load(run_id(10)).await.unwrap().unwrap();
    assert_eq!(journal.entries.len(), 20);
    assert_eq!(journal.entries[0], delivery(10).runs[0].first);
    assert!(journal.entries[1..].iter().zip(1..).all(|(entry, seq)| *entry == fact(seq, json!(seq))));
    assert_eq!(*journal.definition, definition());
    assert!(store.load(run_id(11)).await.unwrap().is_none());
}

pub(super) async fn a_commit_must_continue_the_journal(home: &impl Home) {
    let store = home.open();
    accepted(&store, 10).await;
    let lease = leased(&store, 10).await;
    let again = delivery(10).runs.remove(0).first;
    let wrong = [
        vec![fact(0, json!(0))],
        vec![fact(2, json!(0))],
        vec![fact(1, json!(1)), fact(3, json!(3))],
        vec![fact(1, json!(1)), Entry { seq: 2, ..again }],
    ];
    for entries in wrong {
        let refused = write(&store, &lease, entries, Due::Ended).await;
        assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
    }
    assert_eq!(store.load(run_id(10)).await.unwrap().unwrap().entries.len(), 1);
    assert_eq!(store.tail(0, 100).await.unwrap().len(), 2);
    // The lease is still there: a refused commit gives nothing up.
    write(&store, &lease, finish(1, 20), Due::Held).await.unwrap();
    let after = write(&store, &lease, vec![fact(3, json!(3))], Due::Ended).await;
    assert!(matches!(after, Err(StoreError::Conflict)), "nothing follows the end: {after:?}");
}

pub(super) async fn only_the_newest_lease_may_write(home: &impl Home) {
    let store = home.open();
    accepted(&store, 10).await;
    let old = leased(&store, 10).await;
    write(&store, &old, vec![], Due::At(at(10))).await.unwrap();
    for due in [Due::Held, Due::Ended] {
        let refused = write(&store, &old, vec![fact(1, json!(1))], due).await;
        assert!(matches!(refused, Err(StoreError::Fenced(run)) if run == run_id(10)), "{refused:?}");
    }
    let new = leased(&store, 10).await;
    let refused = write(&store, &old, vec![fact(1, json!("old"))], Due::Held).await;
    assert!(matches!(refused, Err(StoreError::Fenced(_))), "{refused:?}");
    write(&store, &new, vec![fact(1, json!("new"))], Due::Held).await.unwrap();
    let journal = store.load(run_id(10)).await.unwrap().unwrap();
    assert_eq!(journal.entries[1], fact(1, json!("new")));
}

pub(super) async fn a_lease_from_before_an_opening_is_void(home: &impl Home) {
    let store = home.open();
    accepted(&store, 10).await;
    let old = leased(&store, 10).await;
    store.close();
    let store = home.open();
    let refused = write(&store, &old, vec![fact(1, json!(1))], Due::Held).await;
    assert!(matches!(refused, Err(StoreError::Fenced(_))), "{refused:?}");
    // Recovery waits for nothing.
    let new = leased(&store, 10).await;
    assert!(new.epoch > old.epoch);
    let refused = write(&store, &old, vec![fact(1, json!(1))], Due::Held).await;
    assert!(matches!(refused, Err(StoreError::Fenced(_))), "{refused:?}");
    write(&store, &new, vec![fact(1, json!(1))], Due::Held).await.unwrap();
}

pub(super) async fn values_are_written_if_others_are_as_expected(home: &impl Home) {
    let store = home.open();
    let commit = |expect: Option<&[u8]>, to: Option<&[u8]>| {
        let expect = vec![("a".to_owned(), expect.map(<[u8]>::to_vec))];
        let put = vec![("a".to_owned(), to.map(<[u8]>::to_vec)), ("b".to_owned(), Some(b"b".to_vec()))];
        store.commit(Commit::Values { expect, put })
    };
    assert!(matches!(commit(Some(b"1"), Some(b"2")).await, Err(StoreError::Conflict)));
    assert_eq!(value(&store, "b").await, None);
    commit(None, Some(b"1")).await.unwrap();
    assert!(matches!(commit(None, Some(b"2")).await, Err(StoreError::Conflict)));
    commit(Some(b"1"), Some(b"2")).await.unwrap();
    assert_eq!(value(&store, "a").await.unwrap(), b"2");
    put(&store, "ab", Some(b"3")).await;
    let found = store.query(Query::Values("a".to_owned())).await.unwrap();
    let expected = [("a".to_owned(), b"2".to_vec()), ("ab".to_owned(), b"3".to_vec())];
    assert!(matches!(found, Found::Values(found) if found == expected));
    commit(Some(b"2"), None).await.unwrap();
    assert_eq!(value(&store, "a").await, None);
}

pub(super) async fn large_values_read_back(home: &impl Home) {
    let store = home.open();
    let large = noise(300_000);
    let mut intake = delivery(10);
    intake.payload = large.clone().into_bytes().into();
    store.accept(intake).await.unwrap();
    let lease = leased(&store, 10).await;
    write(&store, &lease, vec![fact(1, json!(large)), fact(2, json!(large))], Due::Held).await.unwrap();
    put(&store, "large", Some(large.as_bytes())).await;
    store.close();
    let store = home.open();
    assert_eq!(store.load(run_id(10)).await.unwrap().unwrap().entries[2], fact(2, json!(large)));
    let payload = store.query(Query::Payload(event_id(10))).await.unwrap();
    assert!(matches!(payload, Found::Bytes(found) if found == large.as_bytes()));
    put(&store, "large", Some(b"small")).await;
    store.close();
    assert_eq!(value(&home.open(), "large").await.unwrap(), b"small");
}

pub(super) async fn the_tail_has_no_gaps(home: &impl Home) {
    let store = Arc::new(home.open());
    let deliveries = (0..20).map(|n| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.accept(delivery(10 + n)).await.unwrap() })
    });
    for delivery in deliveries.collect::<Vec<_>>() {
        delivery.await.unwrap();
    }
    let lease = leased(&*store, 100).await;
    assert!(write(&*store, &lease, vec![fact(7, json!(0))], Due::Held).await.is_err());
    write(&*store, &lease, vec![fact(1, json!(1)), fact(2, json!(2))], Due::Held).await.unwrap();
    let all = store.tail(0, 1000).await.unwrap();
    assert_eq!(all.len(), 42);
    assert!(all.iter().zip(1..).all(|(progress, seq)| progress.seq == seq));
    assert!(matches!(&all[41].what, Happening::Record { entry, .. } if *entry == fact(2, json!(2))));
    assert!(matches!(&all[0].what, Happening::Event { .. }));
    assert_eq!(store.tail(40, 1).await.unwrap(), all[40..41]);
    assert_eq!(store.tail(41, 9).await.unwrap(), all[41..], "in the midst of what was written together");
    assert_eq!(store.tail(39, 2).await.unwrap(), all[39..41]);
    assert_eq!(store.tail(0, 0).await.unwrap(), []);
    assert_eq!(store.tail(42, 10).await.unwrap(), []);
}

pub(super) async fn lists_come_newest_first_in_pages(home: &impl Home) {
    let store = home.open();
    for second in [10, 30, 20, 40] {
        accepted(&store, second).await;
    }
    let Found::Events(first) = store.query(Query::Events { before: None, limit: 2 }).await.unwrap() else {
        panic!("events are asked for");
    };
    let ids: Vec<_> = first.iter().map(|event| event.id).collect();
    assert_eq!(ids, [event_id(40), event_id(30)]);
    let rest = Query::Events { before: Some(event_id(30)), limit: 10 };
    let found = store.query(rest).await.unwrap();
    assert!(matches!(found, Found::Events(rest) if rest.len() == 2 && rest[0].id == event_id(20)));
    let runs = Query::Runs { before: Some(run_id(40)), limit: 2 };
    let found = store.query(runs).await.unwrap();
    let expected = [run_id(30), run_id(20)];
    assert!(matches!(found, Found::Runs(runs) if runs.iter().map(|run| run.id).eq(expected)));
}

pub(super) async fn summaries_follow_the_records(home: &impl Home) {
    let store = home.open();
    accepted(&store, 10).await;
    let lease = leased(&store, 10).await;
    let fresh = summary(&store, run_id(10)).await;
    assert_eq!((fresh.status, fresh.records, fresh.trigger.as_str()), (RunStatus::Open, 1, "label"));
    let step = crate::id::StepPath::root("work");
    let cost = Money::micros(12_500);
    let error = crate::run::StepError::passing("timeout", "too slow");
    let next = crate::run::Next::Retry { at: at(20) };
    let failed = Record::StepFailed { step: step.clone(), attempt: 1, error, next, cost };
    let done = Record::StepSucceeded { step, attempt: 2, outputs: json!({}), work: Work::default(), cost };
    write(&store, &lease, vec![entry(1, failed), entry(2, done)], Due::Held).await.unwrap();
    let parked = Record::Parked { reason: "who may merge?".to_owned() };
    write(&store, &lease, vec![entry(3, parked)], Due::Held).await.unwrap();
    let waiting = summary(&store, run_id(10)).await;
    assert_eq!(waiting.cost, Money::micros(25_000));
    assert_eq!((waiting.status, waiting.reason.as_deref()), (RunStatus::Parked, Some("who may merge?")));
    assert_eq!(census(&store).await.open_runs, 0);
    write(&store, &lease, vec![fact(4, json!("merge"))], Due::Held).await.unwrap();
    assert_eq!(census(&store).await.open_runs, 1);
    write(&store, &lease, finish(5, 3_000_000), Due::Ended).await.unwrap();
    let ended = summary(&store, run_id(10)).await;
    assert_eq!((ended.status, ended.reason.as_deref()), (RunStatus::Succeeded, Some("done")));
    assert_eq!((ended.records, ended.started_at, ended.updated_at), (7, at(10), at(3_000_000)));
    assert_eq!(census(&store).await, Census { events: 1, runs: 1, open_runs: 0, identities: 1 });
}

pub(super) async fn pruning_forgets_what_is_old_and_finished(home: &impl Home) {
    let store = home.open();
    for second in [10, 20, 30] {
        accepted(&store, second).await;
    }
    // The first ends early, the second goes on, the third ends late.
    for (run, ends) in [(10, Some(15)), (20, None), (30, Some(95))] {
        let lease = leased(&store, 30).await;
        assert_eq!(lease.run, run_id(run));
        if let Some(second) = ends {
            write(&store, &lease, finish(1, second), Due::Ended).await.unwrap();
        }
    }
    assert_eq!(store.prune(at(10), at(10)).await.unwrap(), 0);
    assert!(store.prune(at(90), at(25)).await.unwrap() > 0);
    assert!(store.load(run_id(10)).await.unwrap().is_none());
    assert!(matches!(store.query(Query::Event(event_id(10))).await.unwrap(), Found::Nothing));
    assert!(matches!(store.query(Query::Payload(event_id(10))).await.unwrap(), Found::Nothing));
    for kept in [20, 30] {
        assert!(store.load(run_id(kept)).await.unwrap().is_some(), "its definition is still used");
        assert!(matches!(store.query(Query::Event(event_id(kept))).await.unwrap(), Found::Event(_)));
    }
    assert_eq!(census(&store).await, Census { events: 2, runs: 2, open_runs: 1, identities: 1 });
    let known = store.accept(delivery(30)).await.unwrap();
    assert!(matches!(known, Accepted::Duplicate { .. }), "young identities stay");
    let tail = store.tail(0, 100).await.unwrap();
    assert_eq!(tail.len(), 6, "what went is passed over: {tail:?}");
    assert_eq!(store.prune(at(90), at(25)).await.unwrap(), 0);
}

pub(super) async fn more_than_a_page_is_no_hindrance(home: &impl Home) {
    const MANY: i64 = 300;
    let store = home.open();
    let deliveries = (0..MANY).map(|n| store.accept(delivery(10 + n)));
    assert!(futures_util::future::join_all(deliveries).await.iter().all(Result::is_ok));
    let mut leases = Vec::new();
    for n in 0..MANY {
        leases.push(leased(&store, 1000).await);
        assert_eq!(leases.last().unwrap().run, run_id(10 + n));
    }
    assert!(store.lease(at(1000)).await.unwrap().is_none());
    assert!(matches!(store.query(Query::NextDue).await.unwrap(), Found::Nothing));
    let ends = leases.iter().map(|lease| write(&store, lease, finish(1, 500), Due::Ended));
    assert!(futures_util::future::join_all(ends).await.iter().all(Result::is_ok));
    store.prune(at(1000), at(1000)).await.unwrap();
    assert_eq!(census(&store).await, Census::default());
    let left = store.shelf.scan(&keys::everything(None), usize::MAX).unwrap();
    let left: Vec<_> = left.iter().map(|(key, _)| keys::describe(key)).collect();
    assert_eq!(left, ["`node`", "`tally`"], "pruning leaves nothing behind");
}

pub(super) async fn everything_is_there_after_reopening(home: &impl Home) {
    let store = home.open();
    accepted(&store, 10).await;
    accepted(&store, 20).await;
    let lease = leased(&store, 20).await;
    write(&store, &lease, vec![fact(1, json!(1))], Due::At(at(50))).await.unwrap();
    put(&store, "cursor", Some(b"7")).await;
    let (before, told) = (census(&store).await, store.tail(0, 100).await.unwrap());
    store.close();

    let store = home.open();
    assert_eq!(census(&store).await, before);
    assert_eq!(store.tail(0, 100).await.unwrap(), told);
    assert_eq!(value(&store, "cursor").await.unwrap(), b"7");
    assert_eq!(store.load(run_id(10)).await.unwrap().unwrap().entries.len(), 2);
    assert!(matches!(store.accept(delivery(10)).await.unwrap(), Accepted::Duplicate { .. }));
    assert_eq!(leased(&store, 49).await.run, run_id(20));
    assert!(store.lease(at(49)).await.unwrap().is_none());
    assert_eq!(leased(&store, 50).await.run, run_id(10));
    // The sequence goes on where it stood.
    accepted(&store, 60).await;
    assert_eq!(store.tail(told.len() as u64, 1).await.unwrap()[0].seq, told.len() as u64 + 1);
}
