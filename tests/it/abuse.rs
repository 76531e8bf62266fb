//! Senders as nobody wants them, many at once, against the real binary: its memory stays bounded, and who
//! sends as one should is served all the while.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

use crate::harness::{Delivery, Plain, SECRET, alone};

/// How many senders nobody knows.
const STRANGERS: u32 = 10_000;
/// How many of them send at once.
const AT_ONCE: u32 = 200;
/// How many connections never say all that they began to say; more than the bot takes at once.
const DAWDLERS: u32 = 900;
/// What the bot may have in memory, in MB. A debug build on a small store needs a good part of it by itself.
const MEMORY: u64 = 256;

/// A connection from an address of its own, as far as the loopback network has any.
async fn connect(bot: &Plain, number: u32) -> std::io::Result<TcpStream> {
    let [_, a, b, c] = number.to_be_bytes();
    let own = IpAddr::V4(Ipv4Addr::new(127, 1 + a, b, c.max(1)));
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(own, 0))?;
    socket.connect(SocketAddr::from(([127, 0, 0, 1], bot.port()))).await
}

/// Sends bytes and gives the status of the answer, if there is one.
async fn exchange(mut connection: TcpStream, bytes: &[u8]) -> Option<u16> {
    // It may be closed on us before everything is sent: what was answered until then counts.
    drop(connection.write_all(bytes).await);
    let mut answer = Vec::new();
    drop(connection.read_to_end(&mut answer).await);
    String::from_utf8_lossy(&answer).strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
}

/// What a stranger sends: a delivery signed with nothing, to nobody, nested without end, or with a head
/// without end.
fn strange(number: u32) -> Vec<u8> {
    let post = |path: &str, headers: &str, body: &str| {
        let length = body.len();
        format!(
            "POST {path} HTTP/1.1\r\nhost: here\r\nconnection: close\r\ncontent-length: {length}\r\n\
             x-github-event: push\r\nx-github-delivery: stranger-{number}\r\n{headers}\r\n{body}"
        )
        .into_bytes()
    };
    let forged = format!("x-hub-signature-256: sha256={number:064x}\r\n");
    match number % 5 {
        0 => post("/webhooks/github", "", "{}"),
        1 => post("/webhooks/github", &forged, &json!({ "n": number }).to_string()),
        2 => post(&format!("/webhooks/nobody-{number}"), "", "{}"),
        3 => post("/webhooks/github", &forged, &format!("{}{}", "[".repeat(30_000), "]".repeat(30_000))),
        _ => post("/webhooks/github", &format!("x-long: {}\r\n", "a".repeat(300_000)), "{}"),
    }
}

/// All strangers, some at once; how often each status was answered.
async fn strangers(bot: &Arc<Plain>) -> BTreeMap<Option<u16>, u32> {
    let mut told = BTreeMap::new();
    for first in (0..STRANGERS).step_by(AT_ONCE as usize) {
        let mut batch = JoinSet::new();
        for number in first..first + AT_ONCE {
            let bot = Arc::clone(bot);
            batch.spawn(async move { exchange(connect(&bot, number).await.ok()?, &strange(number)).await });
        }
        while let Some(status) = batch.join_next().await {
            *told.entry(status.unwrap()).or_default() += 1;
        }
    }
    told
}

/// Connections that begin a head or a large body and never end it, until told to.
fn dawdle(bot: &Arc<Plain>, until: &Arc<AtomicBool>) -> JoinSet<()> {
    let mut dawdlers = JoinSet::new();
    for number in 0..DAWDLERS {
        let (bot, until) = (Arc::clone(bot), Arc::clone(until));
        dawdlers.spawn(async move {
            let begun = match number % 3 {
                0 => "POST /webhooks/github HTTP/1.1\r\nhost: he".to_owned(),
                1 => "POST /webhooks/github HTTP/1.1\r\nhost: here\r\ncontent-length: 50000\r\n\r\n{"
                    .to_owned(),
                _ => "POST /webhooks/github HTTP/1.1\r\nhost: here\r\ncontent-length: 20000000\r\n\r\n{"
                    .to_owned(),
            };
            while !until.load(Ordering::Relaxed) {
                let Ok(mut connection) = connect(&bot, 1_000_000 + number).await else { continue };
                drop(connection.write_all(begun.as_bytes()).await);
                for _ in 0..600 {
                    if until.load(Ordering::Relaxed) || connection.write_all(b" ").await.is_err() {
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        });
    }
    dawdlers
}

/// Sends good deliveries until told to stop; every one must be taken in. How many there were.
async fn well_behaved(bot: Arc<Plain>, until: Arc<AtomicBool>) -> u64 {
    let client =
        Client::builder().pool_max_idle_per_host(0).timeout(Duration::from_secs(10)).build().unwrap();
    let mut sent = 0;
    while !until.load(Ordering::Relaxed) {
        let body = json!({
            "ref": "refs/heads/main", "after": format!("{sent:040x}"), "commits": [],
            "repository": {"full_name": "acme/shop"}, "sender": {"login": "ada", "type": "User"},
        });
        let delivery =
            Delivery::github_with(SECRET, "push", &format!("good-{sent}"), body.to_string().as_bytes());
        let request = client.post(bot.hook()).headers(delivery.headers.clone()).body(delivery.body.clone());
        let answer = request.send().await.unwrap_or_else(|error| panic!("delivery {sent}: {error:?}"));
        assert_eq!(answer.status(), StatusCode::OK, "delivery {sent}");
        sent += 1;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    sent
}

#[tokio::test]
async fn a_crowd_of_bad_senders_costs_bounded_memory_and_keeps_nobody_out() {
    let _alone = alone().await;
    let mut bot = Plain::new();
    bot.spawn();
    bot.ready().await;
    let process = bot.process().id();
    let bot = Arc::new(bot);
    let (end, calm) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let good = tokio::spawn(well_behaved(Arc::clone(&bot), Arc::clone(&end)));
    let told = strangers(&bot).await;
    let dawdlers = dawdle(&bot, &calm);
    tokio::time::sleep(Duration::from_secs(12)).await;
    let most = peak_memory(process);
    calm.store(true, Ordering::Relaxed);
    end.store(true, Ordering::Relaxed);
    let sent = good.await.unwrap();
    dawdlers.join_all().await;
    println!("{told:?}; {sent} good deliveries; at most {most} MB");
    let count = |status: u16| told.get(&Some(status)).copied().unwrap_or(0);
    assert!(told.keys().flatten().all(|status| [401, 404, 431].contains(status)), "{told:?}");
    assert!(count(401) >= STRANGERS * 3 / 5 - AT_ONCE && count(404) >= STRANGERS / 5 - AT_ONCE, "{told:?}");
    assert!(sent > 50, "{sent}");
    assert!(most < MEMORY, "{most} MB");
    let census: Value = bot.census().await;
    assert_eq!(census["events"], sent, "what was refused left nothing behind");
}

/// The most that a process ever had in memory, in MB.
fn peak_memory(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}
