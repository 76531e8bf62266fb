//! The servers, each a process of its own: Ostler, the bare handlers, and whatever else is compared with.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use axum::Router;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use tokio::net::TcpListener;

use super::delivery::SECRET;

/// A server that runs until it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    process: Child,
    /// `host:port`.
    pub(crate) address: String,
    /// From starting the process until it said where it listens, in ms.
    pub(crate) ready: f64,
}

impl Server {
    /// Starts a command that says on its first line where it listens.
    pub(crate) fn start(command: &mut Command) -> Self {
        let began = Instant::now();
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready = began.elapsed().as_secs_f64() * 1e3;
        let url = line.split_whitespace().last().expect("the server says where it listens");
        Self { process, address: url.trim_start_matches("http://").to_owned(), ready }
    }

    /// Ostler, on the project in a directory.
    pub(crate) fn ostler(dir: &Path) -> Self {
        Self::start(
            Command::new(env!("CARGO_BIN_EXE_ostler"))
                .args(["serve", "--listen", "127.0.0.1:0", "--config"])
                .arg(dir.join("ostler.yaml"))
                .arg("--data")
                .arg(dir.join("data")),
        )
    }

    /// This program again, as one of the [`bare`] handlers.
    pub(crate) fn bare(which: &str) -> Self {
        Self::start(Command::new(std::env::current_exe().unwrap()).args(["handler", which]))
    }

    /// What it has and has had at the most of memory, in MB.
    pub(crate) fn memory(&self) -> (f64, f64) {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let field = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
        };
        (field("VmRSS:"), field("VmHWM:"))
    }

    /// The processor time that it has taken, in seconds.
    pub(crate) fn processor(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id())).unwrap();
        let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        let ticks = |at: usize| fields[at].parse::<f64>().unwrap();
        // A tick is a hundredth of a second on every Linux that there is.
        (ticks(11) + ticks(12)) / 100.0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// A handler that reads the body, checks its signature if it is to, and answers.
pub(crate) async fn bare(checks: bool) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("http://{}", listener.local_addr().unwrap());
    let routes = if checks {
        Router::new().route("/", post(checked))
    } else {
        Router::new().route("/", post(|body: Bytes| async move { body.len().to_string() }))
    };
    axum::serve(listener, routes.layer(DefaultBodyLimit::max(25 << 20))).await.unwrap();
}

async fn checked(headers: HeaderMap, body: Bytes) -> Result<String, StatusCode> {
    let signature =
        headers.get("x-hub-signature-256").and_then(|value| value.to_str().ok()?.strip_prefix("sha256="));
    let signature = signature.and_then(|hex| hex::decode(hex).ok()).ok_or(StatusCode::UNAUTHORIZED)?;
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(&body);
    mac.verify_slice(&signature).map_err(|_| StatusCode::UNAUTHORIZED)?;
    Ok(body.len().to_string())
}

/// A project with so many triggers, of which a few take the kind that is sent, and none its label: it is the way in
/// that is measured, not what a run does.
pub(crate) fn project(dir: &Path, triggers: usize, candidates: usize) {
    let off = "{enabled: false, provider: none}";
    let config = format!(
        "sources: {{github: {{secrets: [{SECRET}]}}}}\n\
         plugins: {{task_management: {off}, version_control: {off}, communication: {off}}}\n"
    );
    std::fs::write(dir.join("ostler.yaml"), config).unwrap();
    let handlers = dir.join("handlers");
    std::fs::create_dir(&handlers).unwrap();
    for n in 0..triggers {
        let on =
            if n < candidates { "github.issue.labeled".to_owned() } else { format!("jira.kind{n}.done") };
        let handler =
            format!("description: One of many.\non: {on}\nlabel: label-{n}\nrun: standard-development\n");
        std::fs::write(handlers.join(format!("handler-{n}.yaml")), handler).unwrap();
    }
}

/// The bytes that all files below a directory take.
pub(crate) fn disk(dir: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    let entries = std::fs::read_dir(dir).unwrap().map(Result::unwrap);
    entries
        .map(|entry| {
            if entry.path().is_dir() { disk(&entry.path()) } else { entry.metadata().unwrap().blocks() * 512 }
        })
        .sum()
}

/// How long the disk under a directory takes to make a write of some KB durable, in ms: the median of many, in a
/// file that grows and in one whose blocks are there.
pub(crate) fn sync_time(dir: &Path) -> (f64, f64) {
    use std::os::unix::fs::FileExt as _;
    const BLOCK: [u8; 4096] = [7; 4096];
    const ROUNDS: usize = 300;
    let path = dir.join("sync-time");
    let file = std::fs::File::create(&path).unwrap();
    let round = || {
        let times = (0..ROUNDS).map(|at| {
            let began = Instant::now();
            file.write_all_at(&BLOCK, (at * BLOCK.len()) as u64).unwrap();
            file.sync_data().unwrap();
            began.elapsed().as_secs_f64() * 1e3
        });
        super::load::median(times.collect())
    };
    let times = (round(), round());
    std::fs::remove_file(path).unwrap();
    times
}
