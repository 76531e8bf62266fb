//! How fast deliveries are taken in, beside a bare handler in the same run.
//!
//! `cargo bench --bench intake` starts `ostler serve` on a fresh store, sends it signed GitHub deliveries of about 12 KB, each
//! unlike the others, over 64 keep-alive connections, and prints requests per second, p50, p99 and memory; then
//! the same for an axum handler that only reads the body. Ratios within one run are what counts.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement reads the time, prints, and stops at the first surprise"
)]

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
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
    let began = Instant::now();
    let (mut server, url) = serve(dir.path());
    println!("start to ready      {:>8.1} ms", began.elapsed().as_secs_f64() * 1e3);
    println!("memory, idle        {:>8.1} MB", memory(server.id()));
    let ostler = load(&format!("{url}/webhooks/github"), &deliveries).await;
    println!("memory, after load  {:>8.1} MB", memory(server.id()));
    server.kill().unwrap();
    server.wait().unwrap();
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
        let text = "The totals are wrong whenever a discount and a voucher meet in one order. ".repeat(140);
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

/// Starts the server on an empty store and waits until it says where it listens.
fn serve(dir: &std::path::Path) -> (std::process::Child, String) {
    let config = dir.join("ostler.yaml");
    std::fs::write(&config, format!("sources: {{github: {{secrets: [{SECRET}]}}}}\n")).unwrap();
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
    (server, url)
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
