//! Deaths of the process, at moments of chance and at every named place: what was acknowledged is done, once.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use ostler::failpoint;
use ostler::run::{Entry, Record};
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::harness::{Random, State, Tale, Twins, World, alone, variable};

/// How often the bot is killed unless `OSTLER_KILLS` says otherwise.
const KILLS: usize = 50;

/// The longest that the bot lives between two kills, unless the machine is slow.
const LIFE_MILLIS: u64 = 1500;

/// How many times as long as it needs to come up it lives at the longest, where that is more.
const LIVES: u64 = 5;

/// Every so many lives it lives until each run has come further: one that gets no further in ten is rightly taken for
/// poison.
const REST: usize = 5;

/// No step takes longer than that, on any machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// How many runs are under way at once while it is killed.
const BUSY: usize = 3;

#[tokio::test]
async fn killed_at_any_instant_every_story_is_told_once() {
    let _alone = alone().await;
    let mut random = Random::new();
    let mut world = World::without_bot(&[]);
    world.restart();
    let longest = LIFE_MILLIS.max(LIVES * world.bot().millis_to_come_up().await);
    world.kill();
    let (mut told, mut telling) = (0, JoinSet::new());
    for kill in 1..=variable("OSTLER_KILLS").unwrap_or(KILLS) {
        let rests = kill.is_multiple_of(REST);
        let life = if rests { PATIENCE } else { random.pause(longest) };
        world.spawn();
        let living = async {
            if !world.ready().await {
                return false;
            }
            world.redeliver().await;
            let mut first = None;
            loop {
                if let Ok(runs) = world.try_runs().await {
                    let first = first.get_or_insert_with(|| runs.clone());
                    if rests && first.iter().all(|run| is_further(run, &runs)) {
                        return true;
                    }
                    if open(&runs) < BUSY {
                        telling.spawn(tell(world.twins.clone(), told));
                        told += 1;
                    }
                }
                sleep(random.pause(200)).await;
            }
        };
        let lived = timeout(life, living).await;
        assert_eq!(lived.ok(), rests.then_some(true), "it did not come up, or not on: {}", world.log());
        world.kill();
    }
    let tales = telling.join_all().await;
    end_well(&mut world, &tales).await;
}

fn open(runs: &[Value]) -> usize {
    runs.iter().filter(|run| run["status"] == "open").count()
}

/// Whether a run has come further than it was, or has nowhere to go. That it was taken up is a record, and no further.
fn is_further(run: &Value, now: &[Value]) -> bool {
    let is_it = |other: &&Value| other["id"] == run["id"];
    let records = |run: &Value| run["records"].as_u64().unwrap_or_default();
    let more = |other: &Value| records(other) > records(run) + 1;
    run["status"] != "open" || now.iter().find(is_it).is_some_and(more)
}

/// Lets somebody want something: first the four ways in, then more of one kind.
async fn tell(twins: Twins, number: usize) -> Tale {
    let tale = match Tale::FOUR.get(number) {
        Some(tale) => *tale,
        None => Tale::another(&twins, number).await,
    };
    tale.tell(&twins).await;
    tale
}

/// Lets the bot finish undisturbed, and looks at everything that is to be seen from outside and inside. Gives how many
/// answers were asked for again before they were recorded.
pub(crate) async fn end_well(world: &mut World, tales: &[Tale]) -> usize {
    world.restart();
    world.redeliver().await;
    let runs = world.settle(tales.len()).await;
    assert_eq!(runs.len(), tales.len(), "{runs:#?}");
    assert!(runs.iter().all(|run| run["status"] == "succeeded"), "{runs:#?}\n{}", world.log());
    let state = world.state().await;
    assert_acknowledged(&state, &runs);
    state.assert_told_once(tales);
    assert!(world.terminate().success());
    assert_paid_once(&state, &world.journals(&runs).await)
}

/// Every delivery was answered 2xx in the end, and every run that an answer named is there.
fn assert_acknowledged(state: &State, runs: &[Value]) {
    for delivery in state.deliveries() {
        let status = delivery["status"].as_u64().unwrap_or_default();
        assert!((200..300).contains(&status), "{delivery:#}");
        let answer: Value = serde_json::from_str(delivery["answer"].as_str().unwrap()).unwrap_or_default();
        for promised in answer["runs"].as_array().into_iter().flatten() {
            assert!(runs.iter().any(|run| run["id"] == *promised), "{promised} was promised and is lost");
        }
    }
}

/// No answer of the model was asked for again once it was recorded. Gives how many were before.
fn assert_paid_once(state: &State, journals: &[Vec<Entry>]) -> usize {
    let mut asked: BTreeMap<&str, Vec<Timestamp>> = BTreeMap::new();
    for request in state.requests().filter(|request| request["path"] == "/anthropic/v1/messages") {
        let id = request["request_id"].as_str().unwrap().trim_start_matches("req_");
        asked.entry(id).or_default().push(request["at"].as_str().unwrap().parse().unwrap());
    }
    let mut recorded = 0;
    for (at, id) in journals.iter().flatten().filter_map(recorded_answer) {
        recorded += 1;
        let times = asked.get(id.as_str()).unwrap_or_else(|| panic!("{id} was recorded and never asked for"));
        let again = times.iter().filter(|time| **time > at).count();
        assert_eq!(again, 0, "{id} was asked for at {times:?} though it was recorded at {at}");
    }
    // The same conversation is always the same request: every one was recorded, and recorded once.
    assert_eq!(asked.len(), recorded, "distinct requests and recorded answers");
    let all: usize = asked.values().map(Vec::len).sum();
    println!("{recorded} answers recorded, {} asked for again before they were", all - recorded);
    all - recorded
}

/// When a model's answer was recorded, and which request it answers: the ids of its calls tell.
fn recorded_answer(entry: &Entry) -> Option<(Timestamp, String)> {
    let Record::Fact { name, value, .. } = &entry.record else { return None };
    if !name.ends_with("/answer") {
        return None;
    }
    let text = value.to_string();
    let id = text.split("toolu_").nth(1).unwrap_or_else(|| panic!("an answer without a call: {text}"));
    Some((entry.at, id[..24].to_owned()))
}

/// The bot dies when it comes to a place for the first time, after its restart at the second time, and so on.
async fn dies_at(name: &'static str) -> usize {
    let tales = [Tale::Command, Tale::Label(1)];
    let mut world = World::without_bot(&[]);
    let (mut deaths, mut told) = (0, false);
    loop {
        world.set("OSTLER_FAILPOINTS", &format!("{name}=abort@{}", deaths + 1));
        world.spawn();
        if world.ready().await {
            if !told {
                for tale in tales {
                    tale.tell(&world.twins).await;
                }
                told = true;
            }
            world.redeliver().await;
            if world.settle_or_die(tales.len()).await.is_some() {
                break;
            }
        }
        deaths += 1;
        assert!(deaths < 200, "{name}: it does not get on\n{}", world.log());
    }
    world.set("OSTLER_FAILPOINTS", "");
    // The place may lie in its end as well.
    world.terminate();
    end_well(&mut world, &tales).await;
    deaths
}

#[tokio::test]
async fn killed_at_every_named_place_a_story_is_told_once() {
    let mut places = failpoint::NAMES.iter().copied();
    let mut lives = JoinSet::new();
    let mut begin = |lives: &mut JoinSet<_>| {
        places.next().map(|name| lives.spawn(async move { (name, dies_at(name).await) }))
    };
    // As many at once as the machine bears.
    (0..3).for_each(|_| drop(begin(&mut lives)));
    while let Some(lived) = lives.join_next().await {
        let (name, deaths) = lived.unwrap();
        println!("{name}: {deaths} deaths");
        assert!(deaths > 0, "nothing ever comes to {name}");
        begin(&mut lives);
    }
}

#[tokio::test]
async fn told_to_end_it_ends_in_time_and_goes_on_after_a_restart() {
    let mut world = World::start().await;
    for tale in Tale::FOUR {
        tale.tell(&world.twins).await;
    }
    for millis in [100, 400, 800] {
        sleep(Duration::from_millis(millis)).await;
        let asked = std::time::Instant::now();
        assert!(world.terminate().success(), "{}", world.log());
        assert!(asked.elapsed() < Duration::from_secs(12), "it took {:?}", asked.elapsed());
        world.restart();
    }
    world.settle(Tale::FOUR.len()).await;
    assert!(world.terminate().success());
    end_well(&mut world, &Tale::FOUR).await;
}

#[tokio::test]
async fn stopped_and_continued_it_does_nothing_twice() {
    let mut random = Random::new();
    let mut world = World::start().await;
    let telling = {
        let twins = world.twins.clone();
        tokio::spawn(async move {
            for tale in Tale::FOUR {
                tale.tell(&twins).await;
            }
        })
    };
    // The last pause is longer than any call is waited for.
    for pause in [300, 1000, 300, 2000, 300, 35_000] {
        sleep(random.pause(600)).await;
        world.signal("STOP");
        sleep(Duration::from_millis(pause)).await;
        world.signal("CONT");
    }
    telling.await.unwrap();
    world.redeliver().await;
    world.settle(Tale::FOUR.len()).await;
    assert!(world.terminate().success());
    end_well(&mut world, &Tale::FOUR).await;
}
