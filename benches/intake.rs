//! How fast deliveries are taken in, beside a bare handler in the same run.
//!
//! `cargo bench --bench intake` starts `ostler serve` on a fresh store with a hundred triggers, sends it
//! signed GitHub deliveries of about 12 KB, each unlike the others, over 64 keep-alive connections, and
//! prints requests per second, p50, p99, memory and disk; kills it and starts it again on what it kept; then
//! the same load for an axum handler that only reads the body. Ratios within one run are what counts.
//! `cargo bench --bench intake -- 100000` sends so many.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement reads the time, prints, and stops at the first surprise"
)]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::routing::post;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::Client;
use serde_json::json;
use sha2::Sha256;
use tokio::net::TcpListener;

const CONNECTIONS: usize = 64;
const SECRET: &str = "bench-secret";

#[tokio::main]
async fn main() {
    let total: usize = std::env::args().filter_map(|word| word.parse().ok()).next().unwrap_or(20_000);
    let deliveries: Arc<Vec<Delivery>> = Arc::new((0..total).map(Delivery::new).collect());
    println!("{total} deliveries of {} bytes, {CONNECTIONS} connections", deliveries[0].body.len());

    let dir = tempfile::tempdir().unwrap();
    configure(dir.path());
    let (server, url) = serve(dir.path());
    println!("memory, idle        {:>8.1} MB", memory(server.id()));
    let ostler = load(&format!("{url}/webhooks/github"), &deliveries).await;
    println!("memory, after load  {:>8.1} MB", memory(server.id()));
    kill(server);
    println!("disk per delivery   {:>8.0} bytes", disk(dir.path()) as f64 / total as f64);
    println!("killed, and again on what it kept:");
    let (server, _) = serve(dir.path());
    println!("memory, idle        {:>8.1} MB", memory(server.id()));
    kill(server);
    let bare = load(&format!("{}/", bare().await), &deliveries).await;
    ostler.print("ostler, durable");
    bare.print("bare axum handler");
    println!("ratio               {:>8.2}", ostler.rate() / bare.rate());
}

/// A signed delivery.
struct Delivery {
    id: String,
    signature: String,
    body: Bytes,
}

impl Delivery {
    fn new(number: usize) -> Self {
        let person = json!({"login": "ada", "id": 1, "type": "User", "site_admin": false});
        let text = prose(number);
        let event = json!({
            "action": "labeled", "number": number, "label": {"name": "triage", "color": "ededed"},
            "issue": {"number": number, "title": format!("Issue {number}"), "body": text, "user": person,
                      "labels": [{"name": "triage"}], "assignees": [], "state": "open"},
            "repository": {"id": 1, "name": "shop", "full_name": "acme/shop", "default_branch": "main",
                           "owner": {"login": "acme"}, "private": true},
            "sender": person,
        });
        let body = Bytes::from(event.to_string());
        let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
        mac.update(&body);
        let signature = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
        Self { id: format!("00000000-0000-4000-8000-{number:012}"), signature, body }
    }
}

/// Some 10 KB that no other delivery has in the same order.
fn prose(number: usize) -> String {
    const WORDS: [&str; 16] = [
        "the", "totals", "are", "wrong", "whenever", "a", "discount", "and", "voucher", "meet", "in", "one",
        "order", "of", "more", "lines",
    ];
    let mut state = number as u64 + 1;
    let mut word = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        WORDS[(state >> 60) as usize]
    };
    (0..2_100).map(|_| word()).collect::<Vec<_>>().join(" ")
}

/// A project with a hundred triggers, of which ten take the kind that is sent, and none the label.
fn configure(dir: &Path) {
    let off = "{enabled: false, provider: none}";
    let config = format!(
        "sources: {{github: {{secrets: [{SECRET}]}}}}\n\
         plugins: {{task_management: {off}, version_control: {off}, communication: {off}}}\n"
    );
    std::fs::write(dir.join("ostler.yaml"), config).unwrap();
    let handlers = dir.join("handlers");
    std::fs::create_dir(&handlers).unwrap();
    for n in 0..100 {
        let on = if n < 10 { "github.issue.labeled".to_owned() } else { format!("jira.kind{n}.done") };
        let handler =
            format!("description: One of many.\non: {on}\nlabel: label-{n}\nrun: standard-development\n");
        std::fs::write(handlers.join(format!("handler-{n}.yaml")), handler).unwrap();
    }
}

/// Starts the server and waits until it says where it listens.
fn serve(dir: &Path) -> (Child, String) {
    let began = Instant::now();
    let config = dir.join("ostler.yaml");
    let mut server = Command::new(env!("CARGO_BIN_EXE_ostler"))
        .args(["serve", "--config", config.to_str().unwrap(), "--listen", "127.0.0.1:0"])
        .args(["--data", dir.join("data").to_str().unwrap()])
        .env("OSTLER_LOG", "error")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = line.split_whitespace().last().unwrap().to_owned();
    println!("start to ready      {:>8.1} ms", began.elapsed().as_secs_f64() * 1e3);
    (server, url)
}

fn kill(mut server: Child) {
    server.kill().unwrap();
    server.wait().unwrap();
}

/// The bytes of all files below a directory.
fn disk(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).unwrap().map(Result::unwrap);
    entries
        .map(
            |entry| if entry.path().is_dir() { disk(&entry.path()) } else { entry.metadata().unwrap().len() },
        )
        .sum()
}

/// A handler that reads the body and answers.
async fn bare() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let routes = Router::new().route("/", post(|body: Bytes| async move { body.len().to_string() }));
    let routes = routes.layer(DefaultBodyLimit::max(25 << 20));
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    format!("http://{address}")
}

/// What a load gave.
struct Measured {
    latencies: Vec<Duration>,
    took: Duration,
}

async fn load(url: &str, deliveries: &Arc<Vec<Delivery>>) -> Measured {
    let next = Arc::new(AtomicUsize::new(0));
    let began = Instant::now();
    let workers: Vec<_> = (0..CONNECTIONS)
        .map(|_| tokio::spawn(send(url.to_owned(), Arc::clone(deliveries), Arc::clone(&next))))
        .collect();
    let mut latencies = Vec::new();
    for worker in workers {
        latencies.extend(worker.await.unwrap());
    }
    let took = began.elapsed();
    latencies.sort_unstable();
    Measured { latencies, took }
}

async fn send(url: String, deliveries: Arc<Vec<Delivery>>, next: Arc<AtomicUsize>) -> Vec<Duration> {
    let client = Client::builder().pool_max_idle_per_host(1).build().unwrap();
    let mut latencies = Vec::new();
    while let Some(delivery) = deliveries.get(next.fetch_add(1, Ordering::Relaxed)) {
        let began = Instant::now();
        let request = client.post(&url).header("content-type", "application/json");
        let request = request.header("x-github-event", "issues").header("x-github-delivery", &delivery.id);
        let request = request.header("x-hub-signature-256", &delivery.signature);
        let answer = request.body(delivery.body.clone()).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
        answer.bytes().await.unwrap();
        latencies.push(began.elapsed());
    }
    latencies
}

impl Measured {
    fn rate(&self) -> f64 {
        f64::from(u32::try_from(self.latencies.len()).unwrap()) / self.took.as_secs_f64()
    }

    fn print(&self, name: &str) {
        let at = |share: usize| self.latencies[self.latencies.len() * share / 100].as_secs_f64() * 1e3;
        println!("{name:<20}{:>8.0} req/s   p50 {:>6.2} ms   p99 {:>6.2} ms", self.rate(), at(50), at(99));
    }
}

/// A process's resident memory in MB.
fn memory(process: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}
