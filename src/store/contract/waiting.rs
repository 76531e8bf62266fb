//! What every store promises of runs that wait for something to come from somewhere.

use super::*;
use crate::event::{Button, KindPattern};
use crate::id::StepPath;
use crate::router::decision;
use crate::run::hearing::Awaited;
use crate::run::record::Wait;
use crate::run::{Next, Signal, StepError};

fn step() -> StepPath {
    StepPath::root("gate")
}

fn waits(seq: u64, awaited: Awaited) -> Entry {
    let places = vec!["github:acme/shop#12".to_owned()];
    let wait = Wait { until: None, awaited: Some(awaited), places };
    Entry { seq, at: at(1_000_000), record: Record::StepWaits { step: step(), attempt: 1, wait } }
}

/// A run that waits for something from the subject that all deliveries here have.
async fn waiting(store: &impl Store, second: i64, awaited: Awaited) -> RunId {
    accepted(store, second).await;
    let lease = lease_of(store, run_id(second)).await;
    write(store, &lease, vec![waits(1, awaited)], Due::Waiting).await.unwrap();
    run_id(second)
}

/// Leases what is due until it is this run's turn.
async fn lease_of(store: &impl Store, run: RunId) -> Lease {
    loop {
        let lease = leased(store, 1_000).await;
        if lease.run == run {
            return lease;
        }
    }
}

async fn comes(store: &impl Store, intake: Intake) -> (Vec<RunId>, bool) {
    match store.accept(intake).await.unwrap() {
        Accepted::Fresh { signalled, decided, .. } => (signalled, decided),
        Accepted::Duplicate { .. } => (Vec::new(), false),
    }
}

fn labelled() -> Awaited {
    Awaited::Event { kinds: vec![KindPattern::new("github.issue.*")] }
}

async fn heard(store: &impl Store, run: RunId) -> Vec<Signal> {
    let signals = store.load(run).await.unwrap().unwrap().signals;
    signals.into_iter().map(|(_, sent)| sent.signal).collect()
}

pub(super) async fn an_event_wakes_who_waits_for_it_in_the_batch_that_takes_it_in(home: &impl Home) {
    let store = home.open();
    let run = waiting(&store, 100, labelled()).await;
    let other = waiting(&store, 101, Awaited::Event { kinds: vec![KindPattern::new("jira.*")] }).await;
    assert_eq!(heard(&store, run).await.len(), 1, "the second delivery came from there too");
    store.close();
    let store = home.open();
    assert_eq!(comes(&store, delivery(102)).await, (vec![run], false));
    assert_eq!(comes(&store, delivery(102)).await, (vec![], false), "a duplicate wakes nobody");
    assert_eq!((heard(&store, run).await.len(), heard(&store, other).await.len()), (2, 0));
    lease_of(&store, run).await;
}

pub(super) async fn who_has_what_it_waited_for_is_woken_no_more(home: &impl Home) {
    for (second, record) in [
        (
            100,
            Record::StepFailed {
                step: step(),
                attempt: 1,
                error: StepError::fatal("x", "x"),
                next: Next::Fail,
                cost: Default::default(),
            },
        ),
        (
            200,
            Record::Concluded {
                ending: Ending::Cancelled,
                reason: None,
                results: Default::default(),
                rollback: false,
            },
        ),
    ] {
        let store = home.open();
        let run = waiting(&store, second, labelled()).await;
        assert_eq!(comes(&store, delivery(second + 1)).await, (vec![run], false));
        let lease = lease_of(&store, run).await;
        let entry = Entry { seq: 2, at: at(1_000_000), record };
        let commit = Commit::Run { lease, entries: vec![entry].into(), due: Due::Waiting, heard: vec![0] };
        store.commit(commit).await.unwrap();
        assert_eq!(comes(&store, delivery(second + 2)).await, (vec![], false));
        store.close();
    }
}

pub(super) async fn a_decision_finds_the_run_that_asked_and_no_other(home: &impl Home) {
    let store = home.open();
    let run = waiting(&store, 100, Awaited::Decision).await;
    assert_eq!(comes(&store, delivery(101)).await, (vec![], false), "it is no decision");
    let pressed = |second: i64, run: RunId| {
        let mut intake = delivery(second);
        let (action, value) = decision::button(true, run, &step());
        intake.event.button = Some(Button { action, value: Some(value) });
        intake
    };
    assert_eq!(comes(&store, pressed(102, run)).await, (vec![run], true));
    assert_eq!(comes(&store, pressed(103, run_id(101))).await, (vec![], false), "that one asks nothing");
    assert_eq!(comes(&store, pressed(104, run_id(9))).await, (vec![], false), "there is no such run");
    let mut said = delivery(105);
    said.event.command = Some(crate::event::Command::parse("reject not yet"));
    assert_eq!(comes(&store, said).await, (vec![run], true));
    let decisions: Vec<_> = heard(&store, run).await;
    let decided = decisions.iter().map(|signal| match signal {
        Signal::Decide { step, decision } => (step.clone(), decision.approved, decision.comment.clone()),
        other => panic!("{other:?}"),
    });
    let decided: Vec<_> = decided.collect();
    assert_eq!(decided, [(Some(step()), true, None), (Some(step()), false, Some("not yet".to_owned()))]);
}

pub(super) async fn what_is_said_finds_the_agent_at_work_and_nobody_else(home: &impl Home) {
    let store = home.open();
    let tell = |second: i64, text: &str| {
        let mut said = delivery(second);
        said.event.command = Some(crate::event::Command::parse(text));
        said
    };
    accepted(&store, 100).await;
    let run = run_id(100);
    assert_eq!(comes(&store, tell(101, "tell use tabs")).await, (vec![], false), "nobody works yet");
    let lease = lease_of(&store, run).await;
    let started = |seq, step: &str, kind: &str| {
        let (step, kind, inputs) = (StepPath::root(step), kind.to_owned(), Default::default());
        let variables = Default::default();
        Entry {
            seq,
            at: at(1_000_000),
            record: Record::StepStarted { step, kind, attempt: 1, inputs, variables },
        }
    };
    let works = vec![started(1, "say", "system"), started(2, "work", "agent")];
    write(&store, &lease, works, Due::Held).await.unwrap();
    assert_eq!(comes(&store, tell(102, "tell use tabs")).await, (vec![run], true));
    assert_eq!(comes(&store, tell(103, &format!("tell {run} and run them"))).await, (vec![run], true));
    assert_eq!(comes(&store, tell(104, "tell")).await, (vec![], false), "nothing is said");
    assert_eq!(comes(&store, tell(105, "approve")).await, (vec![], false), "nothing is asked");
    let said: Vec<_> = heard(&store, run).await;
    let said = said.iter().map(|signal| match signal {
        Signal::Tell { step, words } => (step.clone(), words.text.as_str()),
        other => panic!("{other:?}"),
    });
    assert_eq!(
        said.collect::<Vec<_>>(),
        [(Some(StepPath::root("work")), "use tabs"), (None, "and run them")]
    );
    let error = StepError::fatal("x", "x");
    let (step, next, cost) = (StepPath::root("work"), Next::Fail, Default::default());
    let over = Record::StepFailed { step, attempt: 1, error, next, cost };
    write(&store, &lease, vec![Entry { seq: 3, at: at(1_000_000), record: over }], Due::Held).await.unwrap();
    assert_eq!(comes(&store, tell(106, "tell too late")).await, (vec![], false));
}

pub(super) async fn who_wants_to_stop_finds_what_is_not_over_where_they_are_and_nothing_else(
    home: &impl Home,
) {
    let store = home.open();
    let says = |second: i64, text: &str| {
        let mut said = delivery(second);
        (said.event.command, said.runs) = (Some(crate::event::Command::parse(text)), Vec::new());
        said
    };
    assert_eq!(comes(&store, says(99, "stop")).await, (vec![], false), "there is nothing yet");
    for second in [100, 101] {
        accepted(&store, second).await;
    }
    let (one, other) = (run_id(100), run_id(101));
    store.close();
    let store = home.open();
    assert_eq!(comes(&store, says(102, "stop it is wrong")).await, (vec![one, other], true));
    assert_eq!(comes(&store, says(103, &format!("cancel {other}"))).await, (vec![other], true));
    let mut elsewhere = says(104, "stop");
    elsewhere.event.subject = Subject::new("github", "acme/shop#13");
    assert_eq!(comes(&store, elsewhere).await, (vec![], false));
    let said = match &heard(&store, one).await[..] {
        [Signal::Stop { words }] => (words.text.clone(), words.event.is_some()),
        other => panic!("{other:?}"),
    };
    assert_eq!(said, ("it is wrong".to_owned(), true));
    let lease = lease_of(&store, one).await;
    let concluded = Record::Concluded {
        ending: Ending::Failed,
        reason: None,
        results: Default::default(),
        rollback: false,
    };
    let entry = |seq, record| Entry { seq, at: at(1_000_000), record };
    let over = vec![entry(1, concluded), entry(2, Record::Ended)];
    write(&store, &lease, over, Due::Ended).await.unwrap();
    assert_eq!(comes(&store, says(105, "stop")).await, (vec![other], true), "one is over");
    assert_eq!(comes(&store, says(106, &format!("stop {one}"))).await, (vec![], false));
    let lease = lease_of(&store, one).await;
    let again = entry(3, Record::Signalled { by: None, signal: Signal::Retry });
    write(&store, &lease, vec![again], Due::Held).await.unwrap();
    assert_eq!(comes(&store, says(107, "stop")).await, (vec![one, other], true), "it goes on");
}

pub(super) async fn who_listens_hears_that_something_else_is_to_stop(home: &impl Home) {
    let store = home.open();
    let (run, gone) = (waiting(&store, 100, labelled()).await, run_id(9));
    let mut said = delivery(101);
    said.event.command = Some(crate::event::Command::parse(&format!("stop {gone}")));
    assert_eq!(comes(&store, said).await, (vec![run], false));
    assert!(matches!(&heard(&store, run).await[..], [Signal::Event { .. }]));
}
