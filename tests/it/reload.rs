//! Taking effect without a restart: what people write while deliveries arrive, and what is refused of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::harness::{Delivery, Plain, SECRET, ostler};

const PUSHED: &str = "description: Each push.\non: github.push\nbreaker: off\nrun: note\n";

/// How long a reload may take.
const PATIENCE: Duration = Duration::from_secs(30);

fn push(secret: &str, id: &str) -> Delivery {
    let body = json!({
        "ref": "refs/heads/main", "before": "0".repeat(40), "after": "1".repeat(40),
        "repository": {"full_name": "acme/shop", "default_branch": "main"},
        "sender": {"login": "ada", "type": "User"}, "commits": [{"id": id}],
    });
    Delivery::github_with(secret, "push", id, body.to_string().as_bytes())
}

async fn deliver(hook: &str, delivery: Delivery) -> (StatusCode, Value) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = client.post(hook).headers(delivery.headers).body(delivery.body).send().await.unwrap();
    (answer.status(), answer.json().await.unwrap_or(Value::Null))
}

/// The catalog in force, once it is as it should be.
async fn catalog(bot: &Plain, fits: impl Fn(&Value) -> bool) -> Value {
    let began = Instant::now();
    loop {
        let catalog = bot.ask("catalog").await;
        if fits(&catalog) {
            return catalog;
        }
        assert!(began.elapsed() < PATIENCE, "{catalog:#}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Senders that go on until they are told to end.
struct Sending {
    end: Arc<AtomicBool>,
    count: Arc<AtomicU64>,
    senders: Vec<JoinHandle<Vec<(StatusCode, Value)>>>,
}

impl Sending {
    fn begin(hook: &str) -> Self {
        let (end, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let sender = |_| {
            let (hook, end, count) = (hook.to_owned(), Arc::clone(&end), Arc::clone(&count));
            tokio::spawn(async move {
                let mut answers = Vec::new();
                while !end.load(Ordering::Relaxed) {
                    let id = format!("reload-{}", count.fetch_add(1, Ordering::Relaxed));
                    answers.push(deliver(&hook, push(SECRET, &id)).await);
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                answers
            })
        };
        let senders = (0..3).map(sender).collect();
        Self { end, count, senders }
    }

    /// Waits until more have been sent since.
    async fn more(&self) {
        let enough = self.count.load(Ordering::Relaxed) + 10;
        while self.count.load(Ordering::Relaxed) < enough {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn end(self) -> Vec<(StatusCode, Value)> {
        self.end.store(true, Ordering::Relaxed);
        let mut answers = Vec::new();
        for sender in self.senders {
            answers.extend(sender.await.unwrap());
        }
        answers
    }
}

#[tokio::test]
async fn each_delivery_is_judged_by_one_catalog_while_good_and_bad_edits_are_made() {
    let mut bot = Plain::new();
    let note = bot.read("workflows/note.yaml");
    bot.write("workflows/other.yaml", &note.replace("name: Note", "name: Other"));
    bot.spawn();
    bot.ready().await;
    let first = bot.ask("catalog").await;
    assert_eq!(first["refused"], Value::Null);
    let sending = Sending::begin(&bot.hook());
    sending.more().await;

    bot.write("handlers/pushed.yaml", &PUSHED.replace("run: note", "run: other"));
    let second = catalog(&bot, |catalog| catalog["digest"] != first["digest"]).await;
    // As moments: of two texts the one with fewer digits may be the greater.
    let loaded = |catalog: &Value| -> Timestamp { catalog["loaded_at"].as_str().unwrap().parse().unwrap() };
    assert!(loaded(&second) > loaded(&first), "{second:#}");
    sending.more().await;

    bot.write("handlers/pushed.yaml", &PUSHED.replace("run: note", "run: nowhere"));
    let refused = catalog(&bot, |catalog| catalog["refused"]["stands"] == true).await;
    let fault = &refused["refused"]["faults"][0];
    assert!(fault["file"].as_str().unwrap().ends_with("handlers/pushed.yaml"), "{fault}");
    assert_eq!((&fault["line"], &fault["column"]), (&json!(4), &json!(6)), "{fault}");
    assert!(fault["message"].as_str().unwrap().contains("nowhere"), "{fault}");
    assert_eq!((&refused["digest"], &refused["loaded_at"]), (&second["digest"], &second["loaded_at"]));
    sending.more().await;

    bot.write("handlers/pushed.yaml", PUSHED);
    let third = catalog(&bot, |catalog| catalog["digest"] == first["digest"]).await;
    assert_eq!(third["refused"]["stands"], false, "it is over, and still told");
    sending.more().await;

    let answers = sending.end().await;
    bot.settle().await;
    let (mut notes, mut others) = (0, 0);
    for (status, answer) in &answers {
        assert_eq!((*status, &answer["status"]), (StatusCode::OK, &json!("accepted")), "{answer}");
        let [run] = &answer["runs"].as_array().unwrap()[..] else { panic!("{answer}") };
        let event = bot.ask(&format!("events/{}", answer["event_id"].as_str().unwrap())).await;
        let run = bot.ask(&format!("runs/{}", run.as_str().unwrap())).await["run"].clone();
        let expected = if event["reasons"]["catalog"] == first["digest"] { "note" } else { "other" };
        assert_eq!((&run["workflow"], &run["status"]), (&json!(expected), &json!("succeeded")), "{run:#}");
        if expected == "note" {
            notes += 1;
        } else {
            assert_eq!(event["reasons"]["catalog"], second["digest"]);
            others += 1;
        }
    }
    assert!(notes >= 20 && others >= 20, "{notes} and {others}");
}

#[tokio::test]
async fn a_run_keeps_what_it_was_begun_with() {
    let mut bot = Plain::new();
    bot.spawn();
    bot.ready().await;
    let first = bot.ask("catalog").await;
    bot.twins()
        .fault(json!({"match": {"path": "/repos/acme/shop$"}, "fault": {"delay_ms": 5000}, "times": 1}))
        .await;
    let (_, before) = deliver(&bot.hook(), push(SECRET, "before")).await;
    let note = bot.read("workflows/note.yaml");
    bot.write("workflows/note.yaml", &note.replace("{name: note,", "{name: remark,"));
    catalog(&bot, |catalog| catalog["digest"] != first["digest"]).await;
    let run = |answer: &Value| format!("runs/{}", answer["runs"][0].as_str().unwrap());
    assert_eq!(bot.ask(&run(&before)).await["run"]["status"], "open", "it has not come to its step yet");
    let (_, after) = deliver(&bot.hook(), push(SECRET, "after")).await;
    bot.settle().await;
    for (answer, step) in [(before, "note"), (after, "remark")] {
        let told = bot.ask(&run(&answer)).await;
        assert_eq!(told["run"]["status"], "succeeded", "{told:#}");
        let steps: Vec<_> =
            told["timeline"]["steps"].as_array().unwrap().iter().map(|one| &one["step"]).collect();
        assert!(steps.iter().any(|name| *name == step), "{step}: {steps:?}");
    }
}

/// A bot whose secret is in `.env`, and which reads nothing again of itself.
async fn told_only() -> Plain {
    let mut bot = Plain::new();
    let text = bot.read("ostler.yaml").replace(&format!("[{SECRET}]"), "[\"${HOOK_SECRET}\"]");
    bot.write("ostler.yaml", &text.replace("system: {", "system: {watch: false, "));
    bot.write(".env", "HOOK_SECRET=old\n");
    bot.spawn();
    bot.ready().await;
    bot
}

#[tokio::test]
async fn a_rotated_secret_counts_from_a_hangup_on() {
    let mut bot = told_only().await;
    let status = async |bot: &Plain, secret: &str, id: &str| deliver(&bot.hook(), push(secret, id)).await.0;
    bot.write(".env", "HOOK_SECRET=new\n");
    assert_eq!(status(&bot, "old", "1").await, StatusCode::OK);
    assert_eq!(status(&bot, "new", "2").await, StatusCode::UNAUTHORIZED);
    let before = bot.ask("catalog").await;
    bot.process().signal("HUP");
    let after = catalog(&bot, |catalog| catalog["loaded_at"] != before["loaded_at"]).await;
    assert_eq!(after["digest"], before["digest"], "only the configuration is another");
    assert_eq!(status(&bot, "old", "3").await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(&bot, "new", "4").await, StatusCode::OK);
}

#[tokio::test]
async fn the_command_reloads_and_says_what_is_refused_and_what_waits_for_the_next_start() {
    let mut bot = told_only().await;
    let dir = bot.dir().to_owned();
    let reload = |more: &[&str]| {
        let fixed = ["reload", "--config", "ostler.yaml", "--data", "data"];
        ostler(&dir, &[&fixed, more].concat())
    };
    let same = reload(&[]);
    assert!(same.code == 0 && same.out.contains("nothing has changed"), "{same:#?}");
    bot.write("handlers/pushed.yaml", &PUSHED.replace("github.push", "github.pish"));
    assert_eq!(bot.ask("catalog").await["refused"], Value::Null, "nobody has asked for it");
    let refused = reload(&[]);
    assert_eq!(refused.code, 3, "{refused:#?}");
    assert!(refused.out.contains("handlers/pushed.yaml:2:5: "), "{refused:#?}");
    assert_eq!(reload(&["--json"]).json()["status"], "refused");
    bot.write("handlers/pushed.yaml", &PUSHED.replace("Each push.", "Every push."));
    let config = bot.read("ostler.yaml");
    bot.write("ostler.yaml", &config.replace("max_concurrent_agents: 16", "max_concurrent_agents: 8"));
    let taken = reload(&[]);
    assert!(taken.code == 0 && taken.out.contains("reloaded"), "{taken:#?}");
    assert!(taken.out.contains("system.max_concurrent_agents"), "{taken:#?}");
    let told = reload(&["--json"]).json();
    assert_eq!(
        (&told["status"], &told["catalog"]["refused"]["stands"]),
        (&json!("unchanged"), &json!(false))
    );
    assert_eq!(told["catalog"]["at_next_start"], json!(["system.max_concurrent_agents"]));
    // A configuration that cannot be read leaves the server alone as well.
    bot.write("ostler.yaml", &config.replace("github:ada", "ada"));
    bot.process().signal("HUP");
    let refused = catalog(&bot, |catalog| catalog["refused"]["stands"] == true).await;
    assert!(
        refused["refused"]["faults"][0]["message"].as_str().unwrap().contains("security.allow"),
        "{refused:#}"
    );
}

#[test]
fn without_a_server_there_is_nothing_to_reload() {
    let place = tempfile::tempdir().unwrap();
    let said = ostler(place.path(), &["reload", "--data", "data"]);
    assert!(said.code == 1 && said.err.contains("no server runs"), "{said:#?}");
}
