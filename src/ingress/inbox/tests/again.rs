//! What was taken in is taken in once more.

use serde_json::Map;

use super::*;
use crate::ingress::{Again, Rerun};
use crate::run::record::Wait;
use crate::run::{Ending, Entry};
use crate::store::{Commit, Due, Lease};

/// An event that starts standard development, and its run.
async fn begun(office: &Office) -> (EventId, RunId) {
    let answer = office.send_kept("github", "issues.labeled").await;
    (answer.event_id.unwrap(), answer.runs[0])
}

/// Brings every run that is open to its end.
async fn finish(office: &Office) {
    while let Some(lease) = office.store.lease(office.clock.now()).await.unwrap() {
        let Lease { run, .. } = lease;
        let seq = office.store.load(run).await.unwrap().unwrap().entries.len() as u64;
        let concluded = Record::Concluded {
            ending: Ending::Succeeded,
            reason: None,
            results: Map::new(),
            rollback: false,
        };
        let records = [concluded, Record::Ended];
        let entries = (seq..).zip(records).map(|(seq, record)| Entry { seq, at: office.clock.now(), record });
        let entries: Arc<[Entry]> = entries.collect();
        let commit = Commit::Run { lease, entries, due: Due::Ended, heard: Vec::new() };
        office.store.commit(commit).await.unwrap();
    }
}

fn with(inputs: Value) -> Rerun {
    Rerun { inputs: inputs.as_object().cloned().unwrap(), anyway: false }
}

#[tokio::test]
async fn an_old_event_is_shown_to_todays_triggers_once_for_each_key() {
    let office = Office::new();
    let (event, run) = begun(&office).await;
    finish(&office).await;
    let first = office.inbox.replay(&event.to_string(), Some("monday")).await.unwrap();
    assert_eq!((first.answer.status, first.replays), (Status::Accepted, event));
    assert_eq!(first.sentence, "It starts standard-development.");
    let [replayed] = first.answer.runs[..] else { panic!("{first:?}") };
    assert_ne!(replayed, run);
    let started = office.started(replayed).await;
    let before = office.started(run).await;
    assert_eq!((started.trigger, started.rerun_of), (before.trigger, None));
    assert_eq!(started.event.replays, Some(event));
    assert_eq!(started.event.id, first.answer.event_id.unwrap());
    assert_eq!(started.event.payload, before.event.payload);
    let again = office.inbox.replay(&event.to_string(), Some("monday")).await.unwrap();
    assert_eq!((again.answer.status, again.answer.runs), (Status::Duplicate, vec![replayed]));
    let another = office.inbox.replay(&event.to_string(), Some("tuesday")).await.unwrap();
    assert_ne!(another.answer.event_id, first.answer.event_id);
    // A replay of the replay is one of what happened.
    let once_more = office.inbox.replay(&first.answer.event_id.unwrap().to_string(), None).await.unwrap();
    assert_eq!(once_more.replays, event);
}

#[tokio::test]
async fn a_delivery_is_replayed_by_its_senders_own_name_and_what_is_not_there_is_said_to_be_so() {
    let office = Office::new();
    begun(&office).await;
    let name = kept("github", "issues.labeled").delivery().unwrap().headers["x-github-delivery"].clone();
    let again = office.inbox.replay(name.to_str().unwrap(), None).await.unwrap();
    assert_eq!(again.answer.runs.len(), 1);
    let missing = office.inbox.replay("evt_00000000000070008000000000000000", None).await.unwrap_err();
    assert!(matches!(missing, OrderError::Missing("event or delivery")), "{missing}");
}

#[tokio::test]
async fn a_replay_is_held_to_the_guards_like_everything_else() {
    let office = Office::new();
    let (event, _) = begun(&office).await;
    let mut held: Option<Again> = None;
    for _ in 0..30 {
        finish(&office).await;
        let again = office.inbox.replay(&event.to_string(), None).await.unwrap();
        held = Some(again).filter(|again| again.answer.status == Status::Ignored);
        if held.is_some() {
            break;
        }
    }
    let held = held.expect("the breaker holds the rest back");
    assert!(held.sentence.contains("Not started"), "{held:?}");
}

#[tokio::test]
async fn what_is_replayed_decides_nothing_and_answers_no_question() {
    let office = Office::new();
    let told = office.send_kept("github", "issues.labeled").await;
    let old = match office.store.query(Query::Event(told.event_id.unwrap())).await.unwrap() {
        Found::Event(event) => *event,
        other => panic!("{other:?}"),
    };
    let waiting = |office: &Office| {
        let run = told.runs[0];
        let store = Arc::clone(&office.store);
        async move { store.query(Query::Signals(run)).await.unwrap() }
    };
    let lease = office.store.lease(office.clock.now()).await.unwrap().unwrap();
    let step = crate::run::place::start();
    let at = office.clock.now();
    let begins = Record::StepStarted {
        step: step.clone(),
        kind: "start".to_owned(),
        attempt: 1,
        inputs: Value::Null,
        variables: Map::new(),
    };
    let kinds = vec![crate::event::KindPattern::new(old.kind.as_str())];
    let wait = Wait {
        until: None,
        awaited: Some(crate::run::hearing::Awaited::Event { kinds }),
        places: old.places(),
    };
    let waits = Record::StepWaits { step, attempt: 1, wait };
    let entries: Arc<[Entry]> =
        (1..).zip([begins, waits]).map(|(seq, record)| Entry { seq, at, record }).collect();
    let commit = Commit::Run { lease, entries, due: Due::Waiting, heard: Vec::new() };
    office.store.commit(commit).await.unwrap();
    office.inbox.replay(&old.id.to_string(), None).await.unwrap();
    let Found::Signals(heard) = waiting(&office).await else { panic!("no signals") };
    assert!(heard.is_empty(), "{heard:?}");
    // The same from its sender is heard.
    let mut fresh = kept("github", "issues.labeled");
    fresh.set("issue.updated_at", json!("2026-11-21T09:00:00Z")).unwrap();
    let mut delivery = fresh.delivery().unwrap();
    delivery.headers.insert("x-github-delivery", "another".parse().unwrap());
    office.send("github", delivery).await;
    let Found::Signals(heard) = waiting(&office).await else { panic!("no signals") };
    assert!(!heard.is_empty(), "a fresh one wakes it");
}

#[tokio::test]
async fn a_run_is_done_again_for_the_same_event_and_names_what_it_does_again() {
    let office = Office::new();
    let (event, run) = begun(&office).await;
    let unfinished = office.inbox.rerun(run, &Rerun::default(), None).await.unwrap_err();
    assert!(matches!(unfinished, OrderError::Unfinished { .. }), "{unfinished}");
    finish(&office).await;
    let again = office.inbox.rerun(run, &Rerun::default(), Some("k")).await.unwrap();
    let [id] = again.answer.runs[..] else { panic!("{again:?}") };
    let (started, before) = (office.started(id).await, office.started(run).await);
    assert_eq!((started.rerun_of, started.event.replays), (Some(run), Some(event)));
    assert_eq!((started.trigger, started.inputs), (before.trigger, before.inputs));
    let Found::Run(summary) = office.store.query(Query::Run(id)).await.unwrap() else { panic!("no run") };
    assert_eq!(summary.rerun_of, Some(run));
    // The same call again is the same run, though the first is not over now.
    let same = office.inbox.rerun(run, &Rerun::default(), Some("k")).await.unwrap();
    assert_eq!((same.answer.status, same.answer.runs), (Status::Duplicate, vec![id]));
}

#[tokio::test]
async fn an_unfinished_run_is_done_again_only_on_demand() {
    let office = Office::new();
    let (_, run) = begun(&office).await;
    let anyway = Rerun { anyway: true, ..Rerun::default() };
    let again = office.inbox.rerun(run, &anyway, None).await.unwrap();
    assert_eq!(again.answer.runs.len(), 1, "{again:?}");
}

/// A run of a workflow with an input, ordered at the machine and over.
async fn ordered(office: &Office) -> RunId {
    let order = crate::router::own::Order {
        workflow: "answer".to_owned(),
        inputs: Map::from_iter([("text".to_owned(), json!("one"))]),
        repository: Some("acme/shop".parse().unwrap()),
        task: None,
    };
    let run = office.inbox.order(&order, None).await.unwrap().runs[0];
    finish(office).await;
    run
}

#[tokio::test]
async fn other_inputs_are_those_that_the_workflow_takes() {
    let office = Office::new();
    let run = ordered(&office).await;
    let again = office.inbox.rerun(run, &with(json!({"text": "two"})), Some("k")).await.unwrap();
    let started = office.started(again.answer.runs[0]).await;
    assert_eq!(Value::Object(started.inputs), json!({"text": "two"}));
    finish(&office).await;
    let why = |result: Result<Again, OrderError>| result.unwrap_err().to_string();
    let unknown = why(office.inbox.rerun(run, &with(json!({"txet": "two"})), None).await);
    assert!(unknown.contains("takes no input `txet`"), "{unknown}");
    let wrong = why(office.inbox.rerun(run, &with(json!({"text": 7})), None).await);
    assert!(wrong.contains("`text` is to be a"), "{wrong}");
    let used = office.inbox.rerun(run, &with(json!({"text": "three"})), Some("k")).await.unwrap_err();
    assert!(matches!(used, OrderError::KeyUsed), "{used}");
}

#[tokio::test]
async fn what_only_answered_somebody_is_not_done_again() {
    let office = Office::new();
    let mut comment = kept("github", "issue_comment.created");
    comment.set("comment.body", json!("/ostler dance")).unwrap();
    let answer = office.send("github", comment.delivery().unwrap()).await.answer;
    finish(&office).await;
    let why = office.inbox.rerun(answer.runs[0], &Rerun::default(), None).await.unwrap_err().to_string();
    assert!(why.contains("only answered"), "{why}");
}
