//! What every store promises of runs that are held back.

use super::*;
use crate::id::EffectKey;
use crate::router::guard::{Group, Limit, Pacing, Per, Voice};
use crate::run::Signal;
use crate::spec::{Period, Priority, Rate, WhenBusy};

fn open_guard() -> Guard {
    Guard {
        trigger: "label".to_owned(),
        subject: "github:acme/shop#12".to_owned(),
        group: None,
        pacing: None,
        limits: Vec::new(),
        priority: Priority::Normal,
        breaker: None,
        origin: None,
        voice: Voice::Silent,
        asks: false,
    }
}

pub(super) fn in_group(when_busy: WhenBusy) -> Guard {
    let group = Group { name: "shop".to_owned(), when_busy, limit: 1 };
    Guard { group: Some(group), ..open_guard() }
}

pub(super) fn paced(debounce: Option<&str>, cooldown: Option<&str>) -> Guard {
    let period = |text| Period::parse(text).unwrap();
    let (debounce, cooldown) = (debounce.map(period), cooldown.map(period));
    Guard { pacing: Some(Pacing { scope: "shop".to_owned(), debounce, cooldown }), ..open_guard() }
}

fn guarded(second: i64, guard: Guard) -> Intake {
    let mut intake = delivery(second);
    intake.runs[0].guard = Some(Box::new(guard));
    intake.answering = Some(Frozen::from(&definition()));
    intake.reasons = judged();
    intake
}

/// What became of a delivery: its runs, and what is told.
pub(super) async fn came(store: &impl Store, second: i64, guard: Guard) -> (Vec<RunId>, Vec<String>) {
    match store.accept(guarded(second, guard)).await.unwrap() {
        Accepted::Fresh { runs, told, .. } => {
            (runs, told.iter().map(|told| told.sentence().to_owned()).collect())
        }
        other => panic!("{other:?}"),
    }
}

/// Ends the run that is due at a second, and says which it was.
pub(super) async fn ended(store: &impl Store, now: i64) -> RunId {
    let lease = leased(store, now).await;
    let records = summary(store, lease.run).await.records;
    let signals = store.load(lease.run).await.unwrap().unwrap().signals;
    let heard = signals.into_iter().map(|(number, _)| number).collect();
    let (run, entries) = (lease.run, finish(records, now).into());
    store.commit(Commit::Run { lease, entries, due: Due::Ended, heard }).await.unwrap();
    run
}

pub(super) async fn nothing_is_due(store: &impl Store) {
    assert_eq!(store.lease(at(100_000)).await.unwrap(), None);
}

pub(super) async fn of_fifty_of_one_group_at_once_one_is_due(home: &impl Home) {
    let store = Arc::new(home.open());
    let tries = (0..50).map(|n| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { came(&*store, 10 + n, in_group(WhenBusy::Queue)).await })
    });
    let mut waiting = 0;
    for came in tries.collect::<Vec<_>>() {
        let (runs, told) = came.await.unwrap();
        assert_eq!(runs.len(), 1);
        waiting += told.len();
    }
    assert_eq!(waiting, 49);
    let _one = leased(&*store, 1000).await;
    nothing_is_due(&*store).await;
}

pub(super) async fn a_queue_drains_in_order_also_over_an_opening(home: &impl Home) {
    let store = home.open();
    for second in 10..14 {
        came(&store, second, in_group(WhenBusy::Queue)).await;
    }
    let high = Guard { priority: Priority::High, ..in_group(WhenBusy::Queue) };
    let (_, told) = came(&store, 14, high).await;
    assert_eq!(told, [format!("Queued behind {}, as number 1.", run_id(10))]);
    let reasons = match store.query(Query::Reasons(event_id(14))).await.unwrap() {
        Found::Reasons(reasons) => reasons.told(),
        other => panic!("{other:?}"),
    };
    assert_eq!(reasons["triggers"][0]["verdict"], "queued");
    assert_eq!(reasons["triggers"][0]["actual"]["position"], 1);
    assert_eq!(reasons["sentence"], format!("label: {}", told[0]));
    assert_eq!(summary(&store, run_id(14)).await.reason.as_ref(), Some(&told[0]));
    assert_eq!(ended(&store, 100).await, run_id(10));
    assert_eq!(summary(&store, run_id(14)).await.reason, None);
    // A crash with the slot taken: it is neither lost nor taken twice.
    let _lost = leased(&store, 100).await;
    store.close();
    let store = home.open();
    assert_eq!(ended(&store, 100).await, run_id(14));
    for second in 11..14 {
        let lease = leased(&store, 100).await;
        assert_eq!(lease.run, run_id(second));
        nothing_is_due(&store).await;
        write(&store, &lease, finish(1, 100), Due::Ended).await.unwrap();
    }
    nothing_is_due(&store).await;
    assert_eq!(came(&store, 20, in_group(WhenBusy::Queue)).await.1, [""; 0]);
}

/// Two runs of a group, of which the first is parked.
async fn the_first_is_parked(store: &impl Store) {
    for second in 10..12 {
        came(store, second, in_group(WhenBusy::Queue)).await;
    }
    let lease = leased(store, 100).await;
    let parked = entry(1, Record::Parked { reason: "a person is needed".to_owned() });
    write(store, &lease, vec![parked], Due::Parked).await.unwrap();
}

pub(super) async fn a_parked_run_gives_its_slot_up(home: &impl Home) {
    let store = home.open();
    the_first_is_parked(&store).await;
    assert_eq!(leased(&store, 100).await.run, run_id(11));
}

async fn said(store: &impl Store, run: RunId, signal: Signal) {
    let sent = crate::run::Sent { at: at(90), by: None, signal };
    store.commit(Commit::Signal { run, sent }).await.unwrap();
}

pub(super) async fn who_is_taken_up_again_waits_for_its_turn_in_its_group(home: &impl Home) {
    let store = home.open();
    the_first_is_parked(&store).await;
    let _next = leased(&store, 100).await;
    for _ in 0..2 {
        said(&store, run_id(10), Signal::Resume).await;
    }
    nothing_is_due(&store).await;
    let reason = format!("It waits for its turn again, behind {}.", run_id(11));
    assert_eq!(summary(&store, run_id(10)).await.reason, Some(reason));
    store.close();
    let store = home.open();
    assert_eq!(ended(&store, 100).await, run_id(11));
    // It has its turn, and whoever comes now waits for it.
    came(&store, 12, in_group(WhenBusy::Queue)).await;
    assert_eq!(ended(&store, 100).await, run_id(10));
    // Where nobody is in the way it goes on at once, and holds the group.
    assert_eq!(ended(&store, 100).await, run_id(12));
    said(&store, run_id(10), Signal::Retry).await;
    let (_, told) = came(&store, 13, in_group(WhenBusy::Queue)).await;
    assert_eq!(told, [format!("Queued behind {}, as number 1.", run_id(10))]);
    let again = leased(&store, 100).await;
    assert_eq!(again.run, run_id(10));
    // What is said while it is in hand takes it up again before it has given its turn up.
    said(&store, run_id(10), Signal::Resume).await;
    let records = summary(&store, run_id(10)).await.records;
    let parked = entry(records, Record::Signalled { by: None, signal: Signal::Retry });
    let (entries, heard) = (vec![parked].into(), vec![0]);
    store.commit(Commit::Run { lease: again, entries, due: Due::Parked, heard }).await.unwrap();
    assert_eq!(leased(&store, 100).await.run, run_id(10));
    nothing_is_due(&store).await;
}

pub(super) async fn who_skips_names_whom_it_found(home: &impl Home) {
    let store = home.open();
    came(&store, 10, in_group(WhenBusy::Skip)).await;
    let (runs, told) = came(&store, 11, in_group(WhenBusy::Skip)).await;
    assert_eq!(runs, []);
    assert_eq!(told, [format!("Not started: {} is under way.", run_id(10))]);
    assert!(store.load(run_id(11)).await.unwrap().is_none());
    // The same delivery again is told the same runs: none.
    let again = store.accept(guarded(11, in_group(WhenBusy::Skip))).await.unwrap();
    assert_eq!(again, Accepted::Duplicate { event: event_id(11), runs: Vec::new() });
    assert_eq!(ended(&store, 100).await, run_id(10));
    assert_eq!(came(&store, 12, in_group(WhenBusy::Skip)).await.0, [run_id(12)]);
}

pub(super) async fn who_replaces_ends_what_waits_and_stops_what_is_under_way(home: &impl Home) {
    let store = home.open();
    came(&store, 10, in_group(WhenBusy::Replace)).await;
    // Nothing was done in it yet: it is ended where it stands.
    came(&store, 11, in_group(WhenBusy::Replace)).await;
    let ended_so = summary(&store, run_id(10)).await;
    let reason = format!("replaced by {}", run_id(11));
    assert_eq!((ended_so.status, ended_so.reason), (RunStatus::Cancelled, Some(reason)));
    let lease = leased(&store, 100).await;
    assert_eq!(lease.run, run_id(11));
    nothing_is_due(&store).await;
    write(&store, &lease, vec![fact(1, json!(1))], Due::At(at(50_000))).await.unwrap();
    match store.accept(guarded(12, in_group(WhenBusy::Replace))).await.unwrap() {
        Accepted::Fresh { signalled, .. } => assert_eq!(signalled, [run_id(11)]),
        other => panic!("{other:?}"),
    }
    // What is to stop survives, and stops now instead of when it had wanted to go on.
    store.close();
    let store = home.open();
    let signals = store.load(run_id(11)).await.unwrap().unwrap().signals;
    let reason = Some(format!("replaced by {}", run_id(12)));
    assert!(matches!(&signals[..], [(0, sent)] if sent.signal == Signal::Cancel { reason }), "{signals:?}");
    assert_eq!(ended(&store, 100).await, run_id(11));
    assert_eq!(leased(&store, 100).await.run, run_id(12));
    assert_eq!(census(&store).await.open_runs, 1);
}

pub(super) async fn a_flurry_is_one_run_once_it_is_quiet(home: &impl Home) {
    let store = home.open();
    let guard = || Guard { breaker: Rate::parse("2/1h").ok(), ..paced(Some("5s"), None) };
    came(&store, 100, guard()).await;
    for second in 101..149 {
        came(&store, second, guard()).await;
    }
    assert_eq!(census(&store).await.open_runs, 1, "and it is counted as one start");
    assert_eq!(store.lease(at(149)).await.unwrap(), None);
    // It is put off ten times as long as it has to be quiet, not for ever.
    assert_eq!(leased(&store, 150).await.run, run_id(148));
    came(&store, 151, guard()).await;
    assert_eq!(store.lease(at(155)).await.unwrap(), None);
    assert_eq!(leased(&store, 156).await.run, run_id(151));
}

pub(super) async fn a_trigger_cools_down(home: &impl Home) {
    let store = home.open();
    came(&store, 100, paced(None, Some("10m"))).await;
    store.close();
    let store = home.open();
    let (runs, told) = came(&store, 699, paced(None, Some("10m"))).await;
    assert_eq!((runs.len(), told.len()), (0, 1), "{told:?}");
    assert!(told[0].contains("rests until 1970-01-01 00:11:40 UTC"), "{told:?}");
    assert_eq!(came(&store, 700, paced(None, Some("10m"))).await.0.len(), 1);
}

pub(super) async fn a_rate_is_exact_at_once_and_over_an_opening(home: &impl Home) {
    let guard = || {
        let rate = Rate::parse("5/1m").unwrap();
        let limit = Limit { per: Per::Actor, whose: "github:octocat".to_owned(), rate };
        Guard { limits: vec![limit], ..open_guard() }
    };
    let store = Arc::new(home.open());
    let tries = (0..50).map(|n| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { came(&*store, 1000 + n, guard()).await.0.len() })
    });
    let mut started = 0;
    for one in tries.collect::<Vec<_>>() {
        started += one.await.unwrap();
    }
    assert_eq!(started, 5);
    Arc::into_inner(store).unwrap().close();
    let store = home.open();
    let (runs, told) = came(&store, 1059, guard()).await;
    assert_eq!(runs, []);
    assert!(told[0].contains("5 times within 1m for github:octocat"), "{told:?}");
    let mut other = guard();
    other.limits[0].whose = "github:hubot".to_owned();
    assert_eq!(came(&store, 1058, other).await.0.len(), 1);
    assert_eq!(came(&store, 1200, guard()).await.0.len(), 1);
}

pub(super) async fn a_loop_is_told_of_once_and_then_met_with_silence(home: &impl Home) {
    let store = home.open();
    let guard = || Guard { breaker: Rate::parse("3/1h").ok(), voice: Voice::Notice, ..open_guard() };
    for second in 100..103 {
        assert_eq!(came(&store, second, guard()).await.0, [run_id(second)]);
    }
    let (runs, told) = came(&store, 103, guard()).await;
    let notice = RunId::of(event_id(103), crate::router::ANSWER);
    assert_eq!(runs, [notice]);
    assert!(told[0].contains("stopped listening"), "{told:?}");
    let journal = store.load(notice).await.unwrap().unwrap();
    let Record::Started(started) = &journal.entries[0].record else { panic!() };
    let text = started.inputs["text"].as_str().unwrap();
    assert!(
        text.starts_with("I stopped listening here until 1970-01-01 01:01:43 UTC, because `label`"),
        "{text}"
    );
    store.close();
    let store = home.open();
    assert_eq!(came(&store, 104, guard()).await.0, []);
    assert_eq!(came(&store, 3702, guard()).await.0, []);
    // Another subject was never concerned, and this one is heard again.
    let other = Guard { subject: "github:acme/shop#13".to_owned(), ..guard() };
    assert_eq!(came(&store, 105, other).await.0.len(), 1);
    assert_eq!(came(&store, 3703, guard()).await.0, [run_id(3703)]);
}

pub(super) async fn what_came_out_of_too_many_runs_is_refused(home: &impl Home) {
    let store = home.open();
    let guard = |origin| Guard { origin, voice: Voice::Notice, ..open_guard() };
    came(&store, 100, guard(None)).await;
    for second in 101..104 {
        let (runs, _) = came(&store, second, guard(Some(run_id(second - 1)))).await;
        assert_eq!(runs, [run_id(second)]);
    }
    let journal = store.load(run_id(103)).await.unwrap().unwrap();
    assert!(matches!(&journal.entries[0].record, Record::Started(started) if started.hops == 3));
    let (runs, told) = came(&store, 104, guard(Some(run_id(103)))).await;
    assert_eq!(runs, [RunId::of(event_id(104), crate::router::ANSWER)], "one notice");
    assert_eq!(told, ["Not started: Ostler's own work led to it, 4 runs in a row."]);
    assert_eq!(came(&store, 105, guard(Some(run_id(103)))).await.0, [], "and no second one");
    // A mark of a run that there never was says nothing.
    let key = EffectKey { run: run_id(9), step: crate::id::StepPath::root("x"), ordinal: 0 };
    assert_eq!(came(&store, 106, guard(Some(key.run))).await.0, [run_id(106)]);
}

pub(super) async fn a_higher_priority_goes_first_and_a_lower_one_not_never(home: &impl Home) {
    let store = home.open();
    let of = |priority| Guard { priority, ..open_guard() };
    came(&store, 1000, of(Priority::Low)).await;
    came(&store, 1001, of(Priority::Normal)).await;
    came(&store, 1002, of(Priority::High)).await;
    came(&store, 4700, of(Priority::High)).await;
    let mut order = Vec::new();
    for _ in 0..4 {
        let lease = leased(&store, 5000).await;
        order.push(lease.run);
        // Put off and due again, it keeps its priority.
        write(&store, &lease, vec![], Due::At(at(90_000))).await.unwrap();
    }
    assert_eq!(order, [1002, 1001, 1000, 4700].map(run_id));
    assert_eq!(leased(&store, 90_000).await.run, run_id(1002));
}

pub(super) async fn what_guards_know_is_forgotten_when_it_is_old(home: &impl Home) {
    let store = home.open();
    let week = 7 * 24 * 3600;
    came(&store, 100, paced(None, Some("168h"))).await;
    let known = || store.shelf.scan(&keys::all_guarded(), 10).unwrap().len();
    store.prune(at(100 + week), at(0)).await.unwrap();
    assert_eq!(known(), 1);
    store.prune(at(101 + week), at(0)).await.unwrap();
    assert_eq!(known(), 0);
}
