//! How fast deliveries are taken in, beside bare handlers in the same run.
//!
//! `cargo bench --bench intake` prints, for the same requests of about 12 KB over 64 keep-alive connections,
//!
//! - a bare axum handler that reads the body and answers, and one that also checks its signature;
//! - `ostler serve` on a fresh store on disk with a hundred triggers, of which ten take the kind that is sent: verified,
//!   parsed, normalized, deduplicated, routed, stored with payload and reasons, synced, answered;
//! - the ratios, latencies, memory and disk; one connection alone beside the time that the disk takes to sync;
//!   five triggers beside five thousand; how soon it is ready.
//!
//! Every delivery is unlike the others. The servers are processes of their own, the load comes from this one
//! ([`load`] says how), and all of them share the machine, so that only the ratios within one run mean anything.
//! The rounds take turns, and the medians are printed.
//!
//! `-- 50000` sends so many in each round; `-- million` fills a store with a million events first and measures the start on
//! it; `-- peers` runs the servers of `benches/peers` as well, whose README says what to install.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement reads the time, prints, and stops at the first surprise"
)]
#![recursion_limit = "256"]

mod delivery;
mod load;
mod peers;
mod server;

use std::path::Path;

use self::delivery::Delivery;
use self::load::{Measured, median};
use self::server::Server;

const CONNECTIONS: usize = 64;
const ROUNDS: usize = 5;
const HOOK: &str = "/webhooks/github";

fn main() {
    let words: Vec<_> = std::env::args().skip(1).collect();
    let has = |word: &str| words.iter().any(|given| given == word);
    if has("handler") {
        return runtime(true).block_on(server::bare(has("checks")));
    }
    let total = words.iter().find_map(|word| word.parse().ok()).unwrap_or(20_000);
    runtime(false).block_on(async {
        ladder(total, has("peers")).await;
        alone().await;
        triggers(total / 2).await;
        starts().await;
        if has("million") {
            million().await;
        }
    });
}

fn runtime(wide: bool) -> tokio::runtime::Runtime {
    let mut builder = if wide {
        tokio::runtime::Builder::new_multi_thread()
    } else {
        tokio::runtime::Builder::new_current_thread()
    };
    builder.enable_all().build().unwrap()
}

/// The requests of some deliveries.
fn requests(path: &str, numbers: std::ops::Range<usize>) -> Vec<Vec<u8>> {
    numbers.map(|number| Delivery::new(number).request(path)).collect()
}

/// What one server gave in each round.
#[derive(Debug, Default)]
struct Rounds(Vec<(f64, f64, f64)>);

impl Rounds {
    fn add(&mut self, measured: &Measured) {
        self.0.push((measured.rate(), measured.at(50), measured.at(99)));
    }

    fn rate(&self) -> f64 {
        median(self.0.iter().map(|round| round.0).collect())
    }

    fn print(&self, name: &str, beside: &Self) {
        let of = |figure: fn(&(f64, f64, f64)) -> f64| median(self.0.iter().map(figure).collect());
        let (low, high) =
            self.0.iter().fold((f64::MAX, 0.0_f64), |(low, high), r| (low.min(r.0), high.max(r.0)));
        println!(
            "{name:<26}{:>7.0} /s [{low:.0}..{high:.0}]  p50 {:>6.2} ms  p99 {:>6.2} ms  ratio {:.2}",
            self.rate(),
            of(|round| round.1),
            of(|round| round.2),
            self.rate() / beside.rate()
        );
    }
}

async fn ladder(total: usize, with_peers: bool) {
    let (hooks, plain) = (requests(HOOK, 0..total), requests("/", 0..total));
    let bytes = Delivery::new(0).body.len();
    println!("{total} deliveries of about {bytes} bytes, {CONNECTIONS} connections, {ROUNDS} rounds");
    let (mut bare, mut checked, mut ostler) = (Rounds::default(), Rounds::default(), Rounds::default());
    let (mut idle, mut peak, mut disk, mut processor) = (vec![], vec![], vec![], vec![]);
    for _ in 0..ROUNDS {
        bare.add(&load::send(&Server::bare("plain").address, &plain, CONNECTIONS).await);
        checked.add(&load::send(&Server::bare("checks").address, &plain, CONNECTIONS).await);
        let dir = tempfile::tempdir().unwrap();
        server::project(dir.path(), 100, 10);
        let server = Server::ostler(dir.path());
        idle.push(server.memory().0);
        let spent = server.processor();
        ostler.add(&load::send(&server.address, &hooks, CONNECTIONS).await);
        processor.push((server.processor() - spent) * 1e6 / total as f64);
        peak.push(server.memory().1);
        drop(server);
        disk.push(server::disk(&dir.path().join("data")) as f64 / total as f64);
    }
    bare.print("bare axum handler", &bare);
    checked.print("the same, signature checked", &bare);
    ostler.print("ostler, durable", &bare);
    println!("processor per delivery    {:>7.0} µs", median(processor));
    println!("memory, idle and at most  {:>7.1} MB {:.1} MB", median(idle), median(peak));
    let disk = median(disk);
    println!("disk per delivery         {disk:>7.0} bytes, {:.2} of its payload", disk / bytes as f64);
    if with_peers {
        peers::compare(&plain, ostler.rate()).await;
    }
}

/// One connection, nothing else to do.
async fn alone() {
    let dir = tempfile::tempdir().unwrap();
    server::project(dir.path(), 100, 10);
    let server = Server::ostler(dir.path());
    let one = load::send(&server.address, &requests(HOOK, 0..1000), 1).await;
    let (growing, kept) = server::sync_time(dir.path());
    println!(
        "one connection alone      {:>7.2} ms p50, {:.2} ms p99; the disk syncs 4 KB in {growing:.2} ms at a file's end, \
         in {kept:.2} ms inside it: {:.1} and {:.1} times that",
        one.at(50),
        one.at(99),
        one.at(50) / growing,
        one.at(50) / kept
    );
}

/// Five triggers take the kind in both; the second store has thousands more that do not.
async fn triggers(total: usize) {
    let requests = requests(HOOK, 0..total);
    let (mut few, mut many) = (Rounds::default(), Rounds::default());
    for _ in 0..ROUNDS {
        for (rounds, count) in [(&mut few, 5), (&mut many, 5000)] {
            let dir = tempfile::tempdir().unwrap();
            server::project(dir.path(), count, 5);
            rounds.add(&load::send(&Server::ostler(dir.path()).address, &requests, CONNECTIONS).await);
        }
    }
    few.print("with 5 triggers", &few);
    many.print("with 5000 triggers", &few);
}

/// From the process's start until it takes deliveries, on an empty store.
async fn starts() {
    let dir = tempfile::tempdir().unwrap();
    server::project(dir.path(), 100, 10);
    let first = Server::ostler(dir.path()).ready;
    let again = (0..ROUNDS * 2).map(|_| Server::ostler(dir.path()).ready).collect();
    println!("start to ready            {first:>7.0} ms the first time, {:.0} ms again", median(again));
}

/// The start on a store that keeps a million events.
async fn million() {
    const PORTION: usize = 20_000;
    let dir = tempfile::tempdir().unwrap();
    server::project(dir.path(), 100, 10);
    let server = Server::ostler(dir.path());
    for portion in 0..1_000_000 / PORTION {
        let requests = requests(HOOK, portion * PORTION..(portion + 1) * PORTION);
        load::send(&server.address, &requests, CONNECTIONS).await;
    }
    println!("a million events          {:>7.0} MB of memory while they came", server.memory().1);
    drop(server);
    println!("                          {:>7} MB on disk", server::disk(&dir.path().join("data")) >> 20);
    restarted(dir.path());
}

fn restarted(dir: &Path) {
    let server = Server::ostler(dir);
    println!("                          {:>7.0} ms from start to ready after kill -9", server.ready);
    println!("                          {:>7.0} MB of memory then", server.memory().0);
    drop(server);
}
