//! The load generator: HTTP/1.1 by hand over keep-alive connections, on one thread.
//!
//! The requests are made beforehand, head and body in one piece, so that a request costs this process one write and
//! one read: what is measured is the server, as far as both share the machine's cores. Each connection sends its next
//! request when the last was answered.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// What a load gave.
#[derive(Debug)]
pub(crate) struct Measured {
    latencies: Vec<Duration>,
    took: Duration,
}

/// Sends all requests over so many connections.
pub(crate) async fn send(address: &str, requests: &[Vec<u8>], connections: usize) -> Measured {
    let next = AtomicUsize::new(0);
    let began = Instant::now();
    let latencies = join_all((0..connections).map(|_| one_after_the_other(address, requests, &next))).await;
    let took = began.elapsed();
    let mut latencies = latencies.concat();
    latencies.sort_unstable();
    Measured { latencies, took }
}

async fn one_after_the_other(address: &str, requests: &[Vec<u8>], next: &AtomicUsize) -> Vec<Duration> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut answer = Vec::with_capacity(4096);
    let mut latencies = Vec::new();
    while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
        let began = Instant::now();
        stream.write_all(request).await.unwrap();
        answer.clear();
        while !is_whole(&answer) {
            assert!(stream.read_buf(&mut answer).await.unwrap() > 0, "the server hung up");
        }
        latencies.push(began.elapsed());
        assert!(answer.starts_with(b"HTTP/1.1 2"), "{}", String::from_utf8_lossy(&answer));
    }
    latencies
}

/// Whether an answer has arrived to its end.
fn is_whole(answer: &[u8]) -> bool {
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    match field("content-length:") {
        Some(length) => answer.len() >= end + 4 + length.parse::<usize>().unwrap(),
        None if field("transfer-encoding:") == Some("chunked") => answer.ends_with(b"0\r\n\r\n"),
        None => true,
    }
}

impl Measured {
    /// Requests in a second.
    pub(crate) fn rate(&self) -> f64 {
        f64::from(u32::try_from(self.latencies.len()).unwrap()) / self.took.as_secs_f64()
    }

    /// The latency in ms that so many percent were not above.
    pub(crate) fn at(&self, percent: usize) -> f64 {
        self.latencies[(self.latencies.len() - 1) * percent / 100].as_secs_f64() * 1e3
    }
}

/// The one in the middle.
pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_unstable_by(f64::total_cmp);
    figures[figures.len() / 2]
}
