//! More comes than can be done: it is done in turns, with no more in hand than there are slots, and what is too much
//! is refused at the door, before anything of it is kept, and taken when it is sent again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ostler::id::RunId;
use ostler::run::Record;
use ostler::store::{Found, Happening, Progress, Query, RunStatus, Store};
use reqwest::{Client, Response};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::harness::{Delivery, Plain, SECRET, alone};

/// How many send at once.
const SENDERS: usize = 16;
/// How many runs are at work at once.
const SLOTS: usize = 2;

/// A bot with two slots, whose runs ask the forge for what does not answer until it is mended.
async fn stuck(backlog: usize) -> Plain {
    let mut bot = Plain::new();
    let slots = format!("max_concurrent_agents: {SLOTS}, max_backlog: {backlog}");
    bot.write("ostler.yaml", &bot.read("ostler.yaml").replace("max_concurrent_agents: 16", &slots));
    bot.write(
        "workflows/note.yaml",
        "name: Note\nsteps:\n  - {name: look, plugin: version_control, action: get_repository_info}\n",
    );
    let forge = json!({"method": "GET", "path": "^/github/api/v3/repos/acme/[a-z]+$"});
    let never = json!({"match": forge, "fault": {"delay_ms": 3_600_000}, "times": 1_000_000});
    bot.twins().fault(never).await;
    bot.spawn();
    bot.ready().await;
    bot
}

/// Lets the forge answer from now on; the bot is started anew, for it would still wait for the old answers.
async fn mend(bot: &mut Plain) {
    bot.twins().mend().await;
    again(bot).await;
}

async fn again(bot: &mut Plain) {
    bot.process().kill();
    bot.spawn();
    bot.ready().await;
}

/// The push of a number, always the same one.
fn push(repository: &str, number: usize) -> Delivery {
    let body = json!({
        "ref": "refs/heads/main", "before": format!("{number:040x}"), "after": format!("{:040x}", number + 1),
        "repository": {"full_name": repository, "default_branch": "main"},
        "sender": {"login": "ada", "type": "User"}, "commits": [],
    });
    let id = format!("00000000-0000-4000-8000-{number:012}");
    Delivery::github_with(SECRET, "push", &id, body.to_string().as_bytes())
}

async fn send(client: &Client, hook: &str, delivery: Delivery) -> Response {
    client.post(hook).headers(delivery.headers).body(delivery.body).send().await.unwrap()
}

/// Sends so many pushes, several at once; gives the answers by their numbers.
async fn storm(
    bot: &Plain,
    repository: &'static str,
    numbers: std::ops::Range<usize>,
) -> BTreeMap<usize, Answer> {
    let (client, hook) = (Client::builder().no_proxy().build().unwrap(), Arc::new(bot.hook()));
    let mut senders = JoinSet::new();
    for sender in 0..SENDERS {
        let (client, hook, numbers) = (client.clone(), Arc::clone(&hook), numbers.clone());
        senders.spawn(async move {
            let mut answers = Vec::new();
            for number in numbers.skip(sender).step_by(SENDERS) {
                answers
                    .push((number, Answer::of(send(&client, &hook, push(repository, number)).await).await));
            }
            answers
        });
    }
    senders.join_all().await.into_iter().flatten().collect()
}

/// What became of a delivery.
#[derive(Debug)]
struct Answer {
    status: u16,
    retry_after: Option<String>,
    body: Value,
}

impl Answer {
    async fn of(response: Response) -> Self {
        let retry_after = response.headers().get("retry-after");
        let retry_after = retry_after.map(|value| value.to_str().unwrap().to_owned());
        Self { status: response.status().as_u16(), retry_after, body: response.json().await.unwrap() }
    }

    /// Whether it was taken; it was refused as too much if not.
    fn is_taken(&self) -> bool {
        if self.status == 503 {
            assert_eq!(self.retry_after.as_deref(), Some("30"), "{self:?}");
            assert_eq!(self.body["type"], "urn:ostler:problem:full", "{self:?}");
            return false;
        }
        assert_eq!((self.status, self.retry_after.as_deref()), (200, None), "{self:?}");
        true
    }
}

fn store_of(bot: &Plain) -> Arc<dyn Store> {
    ostler::store::open(&format!("sled://{}", bot.data().display())).unwrap()
}

/// Everything that happened after a place.
async fn happened(store: &dyn Store, after: u64) -> Vec<Progress> {
    store.tail(after, usize::MAX).await.unwrap()
}

#[tokio::test]
async fn a_storm_from_one_repository_keeps_no_other_waiting_and_no_more_is_in_hand_than_there_are_slots() {
    let _alone = alone().await;
    let mut bot = stuck(5_000).await;
    let shop = storm(&bot, "acme/shop", 0..1_900).await;
    let site = storm(&bot, "acme/site", 1_900..2_000).await;
    assert!(shop.values().chain(site.values()).all(Answer::is_taken));
    bot.process().kill();
    let before = happened(&*store_of(&bot), 0).await.last().unwrap().seq;
    bot.twins().mend().await;
    bot.spawn();
    bot.ready().await;
    bot.settle().await;
    assert!(bot.process().terminate().success());

    let store = store_of(&bot);
    let runs_of = |answers: &BTreeMap<usize, Answer>| -> BTreeSet<RunId> {
        answers.values().map(|answer| answer.body["runs"][0].as_str().unwrap().parse().unwrap()).collect()
    };
    let (shop, site) = (runs_of(&shop), runs_of(&site));
    let (mut in_hand, mut most) = (BTreeSet::new(), 0);
    let (mut ended_of_shop, mut left_of_site) = (0, site.clone());
    for Progress { what, .. } in happened(&*store, before).await {
        let Happening::Record { run, entry } = what else { continue };
        in_hand.insert(run);
        most = most.max(in_hand.len());
        if matches!(entry.record, Record::Ended) {
            in_hand.remove(&run);
            left_of_site.remove(&run);
            ended_of_shop += usize::from(!left_of_site.is_empty() && shop.contains(&run));
        }
    }
    println!("{most} in hand at the most; {ended_of_shop} of the many had ended when the few were done");
    assert!(most <= SLOTS, "{most} runs were in hand at once");
    assert!(left_of_site.is_empty());
    assert!(ended_of_shop < 3 * site.len(), "{ended_of_shop} of the many went before the last of the few");
    assert_all_succeeded(&*store, shop.union(&site)).await;
}

#[tokio::test]
async fn what_is_too_much_is_refused_and_taken_once_when_it_is_sent_again() {
    const BACKLOG: usize = 20;
    const ALL: std::ops::Range<usize> = 0..60;
    let _alone = alone().await;
    let mut bot = stuck(BACKLOG).await;
    let first = storm(&bot, "acme/shop", ALL).await;
    assert_eq!(first.values().filter(|answer| answer.is_taken()).count(), BACKLOG);
    let census = bot.census().await;
    assert_eq!((census["events"].as_u64(), census["runs"].as_u64()), (Some(20), Some(20)), "{census}");
    // Whoever opens the door again has counted right who is inside; who was here before is known all the same.
    again(&mut bot).await;
    let second = storm(&bot, "acme/shop", ALL).await;
    for (number, answer) in &second {
        assert_eq!(answer.is_taken(), first[number].is_taken(), "{number}: {answer:?}");
    }
    mend(&mut bot).await;
    let mut left: BTreeSet<usize> = ALL.collect();
    let mut runs = BTreeSet::<RunId>::new();
    while !left.is_empty() {
        for (number, answer) in storm(&bot, "acme/shop", ALL).await {
            if answer.is_taken() && left.remove(&number) {
                runs.insert(answer.body["runs"][0].as_str().unwrap().parse().unwrap());
            }
        }
    }
    bot.settle().await;
    assert!(bot.process().terminate().success());
    let store = store_of(&bot);
    let Found::Census(census) = store.query(Query::Census).await.unwrap() else { panic!("no census") };
    assert_eq!((census.events, census.runs, runs.len()), (60, 60, 60));
    assert_all_succeeded(&*store, runs.iter()).await;
}

async fn assert_all_succeeded(store: &dyn Store, runs: impl Iterator<Item = &RunId>) {
    for run in runs {
        let Found::Run(summary) = store.query(Query::Run(*run)).await.unwrap() else {
            panic!("{run} is lost")
        };
        assert_eq!(summary.status, RunStatus::Succeeded, "{summary:?}");
    }
}
