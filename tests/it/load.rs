//! `kill -9` under load: a sender in a process of its own, which knows only what it was answered, sends unique
//! and doubled deliveries while the bot dies again and again. What was answered 2xx has its runs, none twice.

mod sender;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use ostler::id::RunId;
use ostler::run::Record;
use ostler::store::{Found, Query, RunStatus, Store};

use self::sender::{Acknowledged, HALT, LOG, TARGET};
use crate::harness::{Plain, Random, alone, variable};

/// How often the bot is killed unless `OSTLER_KILLS` says otherwise.
const KILLS: usize = 40;

/// The longest that the bot lives once it listens, unless the machine is slow.
const LIFE_MILLIS: u64 = 400;

/// How many times as long as it needs to come up it lives at the longest, where that is more.
const LIVES: u64 = 3;

/// Starts the sender: this very program, asked for the one test that sends.
fn start_sender(bot: &Plain) -> Child {
    let place = bot.dir();
    Command::new(std::env::current_exe().unwrap())
        .args(["load::sender::sends", "--exact", "--ignored", "--nocapture"])
        .env(TARGET, bot.hook())
        .env(LOG, place.join("acknowledged"))
        .env(HALT, place.join("halt"))
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

#[tokio::test]
async fn killed_under_load_what_was_acknowledged_is_there_once() {
    let _alone = alone().await;
    let (mut random, mut bot) = (Random::new(), Plain::new());
    let mut sender = start_sender(&bot);
    bot.spawn();
    let longest = LIFE_MILLIS.max(LIVES * bot.process().millis_to_come_up().await);
    bot.process().kill();
    for _ in 0..variable("OSTLER_KILLS").unwrap_or(KILLS) {
        bot.spawn();
        bot.ready().await;
        tokio::time::sleep(random.pause(longest)).await;
        bot.process().kill();
    }
    bot.spawn();
    bot.ready().await;
    std::fs::write(bot.dir().join("halt"), "").unwrap();
    let sent = tokio::task::spawn_blocking(move || sender.wait().unwrap()).await.unwrap();
    assert!(sent.success(), "the sender was answered in a way that it must not be");
    bot.settle().await;
    assert!(bot.process().terminate().success());
    assert_kept_once(&bot.data(), &Acknowledged::read(&bot.dir().join("acknowledged"))).await;
}

/// Every delivery that was acknowledged is one event with one run, which was performed once, and there is
/// nothing else.
async fn assert_kept_once(data: &Path, acknowledged: &[Acknowledged]) {
    let mut answers: BTreeMap<&str, BTreeSet<(&str, &str)>> = BTreeMap::new();
    for answer in acknowledged {
        answers.entry(&answer.delivery).or_default().insert((&answer.event, &answer.run));
    }
    let again = acknowledged.iter().filter(|answer| answer.status == "duplicate").count();
    println!("{} deliveries, {} answers, {again} of them duplicates", answers.len(), acknowledged.len());
    assert!(again > 0, "nothing was ever sent twice");
    let store = ostler::store::open(&format!("sled://{}", data.display())).unwrap();
    for (delivery, told) in &answers {
        assert_eq!(told.len(), 1, "{delivery} was answered with different events or runs: {told:?}");
        let (event, run) = told.iter().next().unwrap();
        let event = store.query(Query::Event(event.parse().unwrap())).await.unwrap();
        assert!(matches!(event, Found::Event(_)), "the event of {delivery} is lost");
        assert_performed_once(&*store, run.parse().unwrap()).await;
    }
    let Found::Census(census) = store.query(Query::Census).await.unwrap() else { panic!("no census") };
    // Everything that was ever sent was sent until it was acknowledged.
    assert_eq!((census.events, census.runs), (answers.len() as u64, answers.len() as u64));
}

async fn assert_performed_once(store: &dyn Store, run: RunId) {
    let Found::Run(summary) = store.query(Query::Run(run)).await.unwrap() else { panic!("{run} is lost") };
    assert_eq!(summary.status, RunStatus::Succeeded, "{summary:?}");
    let journal = store.load(run).await.unwrap().unwrap();
    let count =
        |wanted: fn(&Record) -> bool| journal.entries.iter().filter(|entry| wanted(&entry.record)).count();
    assert_eq!(count(|record| matches!(record, Record::Started(_))), 1);
    assert_eq!(
        count(|record| matches!(record, Record::StepSucceeded { step, .. } if step.to_string() == "note")),
        1
    );
    assert_eq!(count(|record| matches!(record, Record::Ended)), 1);
}
