//! The sender: sends until it is answered 2xx, as sources do, sends some again that were answered, and keeps
//! what it was answered where the test can read it.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::Client;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::harness::{Delivery, Random, SECRET};

/// The variables that say where to send, where to write, and which file's coming ends it.
pub(super) const TARGET: &str = "OSTLER_LOAD_TARGET";
pub(super) const LOG: &str = "OSTLER_LOAD_LOG";
pub(super) const HALT: &str = "OSTLER_LOAD_HALT";

/// How many send at once.
const SENDERS: usize = 12;
/// The longest that one pauses between two deliveries.
const PAUSE_MILLIS: u64 = 16;
/// Of how many deliveries one is sent again once it was answered, and one twice at the same moment.
const AGAIN: u64 = 4;

/// An answer 2xx.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Acknowledged {
    pub(super) delivery: String,
    pub(super) status: String,
    pub(super) event: String,
    pub(super) run: String,
}

impl Acknowledged {
    /// All that a sender kept.
    pub(super) fn read(log: &Path) -> Vec<Self> {
        let text = std::fs::read_to_string(log).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// What the senders share.
struct Post {
    client: Client,
    target: String,
    log: Mutex<File>,
    number: AtomicU64,
}

impl Post {
    /// Sends a delivery until it is answered, and keeps the answer. A connection that breaks off is no answer;
    /// an answer other than 2xx or 503 ends the sender.
    async fn send(&self, delivery: &Delivery, id: &str) {
        loop {
            let request = self.client.post(&self.target).headers(delivery.headers.clone());
            let Ok(answer) = request.body(delivery.body.clone()).send().await else {
                tokio::time::sleep(Duration::from_millis(5)).await;
                continue;
            };
            let status = answer.status();
            // The head of an answer is the acknowledgement, whether or not its body arrives.
            let body = answer.json().await.unwrap_or(Value::Null);
            if status.as_u16() == 503 {
                continue;
            }
            assert!(status.is_success(), "{status}: {body}");
            if body.is_null() {
                continue;
            }
            return self.keep(id, &body);
        }
    }

    fn keep(&self, id: &str, body: &Value) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        assert_eq!(body["runs"].as_array().map(Vec::len), Some(1), "{body}");
        let answer = Acknowledged {
            delivery: id.to_owned(),
            status: text(&body["status"]),
            event: text(&body["event_id"]),
            run: text(&body["runs"][0]),
        };
        let line = serde_json::to_string(&answer).unwrap() + "\n";
        self.log.lock().unwrap().write_all(line.as_bytes()).unwrap();
    }

    /// One delivery, perhaps twice at once, perhaps again afterwards.
    async fn one(&self, luck: u64) {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let id = format!("00000000-0000-4000-8000-{number:012}");
        let delivery = push(number, &id);
        if luck == 0 {
            tokio::join!(self.send(&delivery, &id), self.send(&delivery, &id));
        } else {
            self.send(&delivery, &id).await;
        }
        if luck == 1 {
            self.send(&delivery, &id).await;
        }
    }
}

/// A push that no other is like.
fn push(number: u64, id: &str) -> Delivery {
    let body = json!({
        "ref": "refs/heads/main", "before": format!("{number:040x}"), "after": format!("{:040x}", number + 1),
        "repository": {"full_name": "acme/shop", "default_branch": "main"},
        "sender": {"login": "ada", "type": "User"}, "commits": [],
    });
    Delivery::github_with(SECRET, "push", id, body.to_string().as_bytes())
}

#[tokio::test]
#[ignore = "it is started by the test that kills, in a process of its own"]
async fn sends() {
    let variable = |name: &str| std::env::var(name).unwrap();
    let log = OpenOptions::new().create(true).append(true).open(variable(LOG)).unwrap();
    let client = Client::builder().timeout(Duration::from_secs(30)).build().unwrap();
    let post =
        Arc::new(Post { client, target: variable(TARGET), log: Mutex::new(log), number: AtomicU64::new(0) });
    let halt = variable(HALT);
    let senders = (0..SENDERS).map(|_| {
        let (post, halt) = (Arc::clone(&post), halt.clone());
        let mut random = Random::new();
        tokio::spawn(async move {
            while !Path::new(&halt).exists() {
                post.one(random.below(AGAIN * 2)).await;
                tokio::time::sleep(random.pause(PAUSE_MILLIS)).await;
            }
        })
    });
    for sender in senders.collect::<Vec<_>>() {
        sender.await.unwrap();
    }
}
