//! What every store promises to tell of runs that wait.

use super::*;
use crate::event::{Account, Actor, Command, KindPattern, RepositoryName};
use crate::router::guard::{Group, Guard, Voice};
use crate::run::hearing::Awaited;
use crate::run::record::Wait;
use crate::run::{Sent, Signal};
use crate::spec::WhenBusy;

/// A delivery of a second in which a user says something about a repository, which starts one run there.
fn asked(second: i64, repository: &str, user: &str) -> Intake {
    let mut intake = delivery(second);
    let Record::Started(started) = &mut intake.runs[0].first.record else { panic!() };
    started.repository = Some(repository.parse::<RepositoryName>().unwrap());
    started.event.actor = Some(Actor {
        account: Account::new("github", user),
        name: user.to_owned(),
        bot: false,
        external: false,
    });
    started.event.command = Some(Command::parse("implement it"));
    let guard = Guard { voice: Voice::Answer, ..Guard::bare("label", &intake.event) };
    intake.runs[0].guard = Some(Box::new(guard));
    intake.answering = Some(Frozen::from(&definition()));
    intake
}

fn in_group(second: i64) -> Intake {
    let mut intake = delivery(second);
    let group = Group { name: "shop".to_owned(), when_busy: WhenBusy::Queue, limit: 1 };
    let guard = Guard { group: Some(group), ..Guard::bare("label", &intake.event) };
    intake.runs[0].guard = Some(Box::new(guard));
    intake
}

async fn waits(store: &impl Store, second: i64, now: i64) -> Option<Waits> {
    let query = Query::Waits { runs: vec![run_id(second)], now: at(now) };
    match store.query(query).await.unwrap() {
        Found::Waits(all) => all.into_iter().map(|(_, waits)| waits).next(),
        other => panic!("{other:?}"),
    }
}

async fn told(store: &impl Store, second: i64, now: i64) -> (Awaits, Option<Timestamp>, String) {
    let waits = waits(store, second, now).await.unwrap();
    (waits.what, waits.next, waits.sentence)
}

fn stands(seq: u64, awaited: Awaited) -> Entry {
    let wait = Wait { until: None, awaited: Some(awaited), places: vec!["github:acme/shop#99".to_owned()] };
    entry(seq, Record::StepWaits { step: crate::id::StepPath::root("gate"), attempt: 1, wait })
}

pub(super) async fn each_run_says_what_it_waits_for(home: &impl Home) {
    let store = home.open();
    for second in 10..13 {
        store.accept(in_group(second)).await.unwrap();
    }
    leased(&store, 100).await;
    assert_eq!(waits(&store, 10, 100).await, None, "it is at work");
    let group = |behind, place| {
        format!("It waits for its turn in its group behind {behind}, as number {place} of 2.")
    };
    for (second, behind, place) in [(11, 10, 1), (12, 11, 2)] {
        let told = waits(&store, second, 100).await.unwrap();
        assert_eq!((told.what, told.position, told.of), (Awaits::Group, Some(place), Some(2)));
        assert_eq!(told.sentence, group(run_id(behind), place));
    }
    // Whoever opens the store again says the same.
    store.close();
    let store = home.open();
    assert_eq!(told(&store, 12, 100).await.2, group(run_id(11), 2));
    let about_to = told(&store, 10, 100).await;
    assert_eq!(about_to, (Awaits::Slot, None, "It is about to go on, as number 1 of 1.".to_owned()));
    let lease = leased(&store, 100).await;
    write(&store, &lease, vec![fact(1, json!(1))], Due::At(at(500))).await.unwrap();
    let moment = (Awaits::Moment, Some(at(500)), "It goes on at 1970-01-01 00:08:20 UTC.".to_owned());
    assert_eq!(told(&store, 10, 100).await, moment);
    let lease = leased(&store, 500).await;
    write(&store, &lease, vec![stands(2, Awaited::Decision)], Due::Waiting).await.unwrap();
    let decision = (Awaits::Person, None, "It waits for somebody's decision.".to_owned());
    assert_eq!(told(&store, 10, 600).await, decision);
    let resume = Sent { at: at(90), by: None, signal: Signal::Resume };
    store.commit(Commit::Signal { run: run_id(10), sent: resume }).await.unwrap();
    let lease = leased(&store, 600).await;
    let kinds = vec![KindPattern::new("github.check_run.*")];
    let (entries, heard) = (vec![stands(3, Awaited::Event { kinds })].into(), vec![0]);
    store.commit(Commit::Run { lease, entries, due: Due::At(at(900)), heard }).await.unwrap();
    let (what, next, sentence) = told(&store, 10, 700).await;
    assert_eq!((what, next), (Awaits::Event, Some(at(900))));
    assert_eq!(sentence, "It waits for github.check_run.*, until 1970-01-01 00:15:00 UTC at the most.");
    let lease = leased(&store, 900).await;
    let parked = entry(4, Record::Parked { reason: "it is torn".to_owned() });
    write(&store, &lease, vec![parked], Due::Parked).await.unwrap();
    assert_eq!(told(&store, 10, 900).await.2, "It waits for a person: it is torn");
    let lease = leased(&store, 900).await;
    write(&store, &lease, finish(1, 900), Due::Ended).await.unwrap();
    assert_eq!(waits(&store, 11, 900).await, None, "it is over");
}

pub(super) async fn who_asks_while_all_slots_are_taken_is_told_which_place_it_has(home: &impl Home) {
    let store = home.capped(Caps { all: 2, per_repository: 1, ..Caps::NONE });
    let came = async |second, repository: &str| match store
        .accept(asked(second, repository, "ada"))
        .await
        .unwrap()
    {
        Accepted::Fresh { runs, told, .. } => {
            let told: Vec<_> = told.iter().map(|told| told.sentence().to_owned()).collect();
            (runs.len(), told.join(" "))
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(came(10, "acme/shop").await, (1, String::new()));
    let first = leased(&store, 100).await;
    let full = "It waits for a slot, as number 1 of 1: as many runs of acme/shop are at work as may be (1).";
    // The second run is the answer, which says so where it was asked for.
    assert_eq!(came(11, "acme/shop").await, (2, full.to_owned()));
    let answer = RunId::of(event_id(11), crate::router::ANSWER);
    let journal = store.load(answer).await.unwrap().unwrap();
    let Record::Started(started) = &journal.entries[0].record else { panic!() };
    assert_eq!(started.inputs["text"], full);
    assert_eq!(leased(&store, 100).await.run, answer);
    assert_eq!(came(12, "acme/site").await, (1, String::new()));
    assert_eq!(leased(&store, 100).await.run, run_id(12));
    came(13, "acme/shop").await;
    let all = "It waits for a slot, as number 1 of 3: as many runs are at work as may be (2).";
    assert_eq!(came(14, "acme/bank").await, (2, all.to_owned()), "repositories take turns");
    let last = waits(&store, 13, 100).await.unwrap();
    assert_eq!((last.what, last.since, last.position), (Awaits::Slot, at(13), Some(3)));
    assert_eq!(summary(&store, run_id(14)).await.reason, None, "what changes is not kept");
    write(&store, &first, finish(1, 100), Due::Ended).await.unwrap();
    assert_eq!(told(&store, 11, 100).await.0, Awaits::Slot);
}
