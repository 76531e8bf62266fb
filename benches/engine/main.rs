//! How fast runs are driven, beside what the store makes durable without them in the same run.
//!
//! `cargo bench --bench engine` prints, for stores on disk and steps that do nothing,
//!
//! - what the store makes durable by itself: records of a step's size, appended by 64 writers and by one;
//! - runs of a first act and five steps, 64 at once and one at a time: steps and runs in a second, latencies, the
//!   ratio to the above; a run that is alone, beside six commits;
//! - how soon an engine is ready again after its process died, with 10,000 runs that wait for a retry, and the memory
//!   that each of them takes;
//! - the replay of a journal of 1,000 steps;
//! - the second and the third again on a store with ten times as many finished runs.
//!
//! Each figure has its target beside it. Nothing is asserted: the load, the engine and the disk share the machine, so
//! that only the ratios within one run mean anything. The rounds take turns, and the medians are printed.
//!
//! `-- 2000` drives so many runs in each round. `-- history=20000` keeps so many finished runs, and ten times as many.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement reads the time, prints, and stops at the first surprise"
)]

mod drive;
mod figures;
mod recovery;
mod watched;
mod work;

use std::path::Path;

use ostler::run::Frozen;

use self::drive::PARALLEL;
use self::figures::{Rounds, at_least, at_most, say};
use self::work::STEPS;

const ROUNDS: usize = 5;
/// How many runs wait while an engine is started.
const WAITING: usize = 10_000;
/// How many times as much history a store is given to see whether it tells.
const MORE: usize = 10;
/// The steps of a run with its first act.
const ACTS: usize = STEPS + 1;

fn main() {
    let words: Vec<_> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let number = |at: usize| words[at].parse().unwrap();
    match words.first().map(String::as_str) {
        Some(recovery::FILL) => {
            runtime.block_on(recovery::filled(Path::new(&words[1]), number(2), number(3)));
        }
        Some(recovery::RECOVER) => runtime.block_on(recovery::recovered(Path::new(&words[1]))),
        _ => runtime.block_on(ladder(&words)),
    }
}

async fn ladder(words: &[String]) {
    let named = |name: &str| words.iter().find_map(|word| word.strip_prefix(name)?.parse().ok());
    let runs = words.iter().find_map(|word| word.parse().ok()).unwrap_or(5_000);
    let history = named("history=").unwrap_or(10_000);
    println!("{runs} runs of {ACTS} steps in each of {ROUNDS} rounds");
    speed(runs).await;
    alone().await;
    replay().await;
    let few = tempfile::tempdir().unwrap();
    let many = tempfile::tempdir().unwrap();
    println!("{history} finished runs in the store, and {MORE} times as many");
    let idle = [few.path(), many.path()].into_iter().zip([history, history * MORE]);
    let idle: Vec<_> = idle.map(|(dir, finished)| without_waiting(dir, finished)).collect();
    let few_rates = with_waiting(few.path(), idle[0], "");
    let many_rates = with_waiting(many.path(), idle[1], ", 10x history");
    at_most("time to be ready, 10x history", many_rates / few_rates, 1.1, "times");
    with_history(few.path(), many.path(), runs / 5).await;
}

/// What the store does by itself, and what it does for the engine.
async fn speed(runs: usize) {
    let workflow = Frozen::from(&work::workflow(STEPS));
    let (mut bare, mut one_by_one, mut many, mut ratio) =
        (Rounds::default(), Rounds::default(), Rounds::default(), Rounds::default());
    let (mut middle, mut slow, mut single) = (Rounds::default(), Rounds::default(), Rounds::default());
    for _ in 0..ROUNDS {
        let dir = tempfile::tempdir().unwrap();
        let store = drive::open(dir.path(), PARALLEL);
        let records = drive::bare(&store, &workflow, PARALLEL, runs * ACTS).await;
        drive::close(store).await;
        let dir = tempfile::tempdir().unwrap();
        let store = drive::open(dir.path(), PARALLEL);
        drive::accept(&*store, &workflow, runs).await;
        let driven = drive::through(&store, runs).await;
        drive::close(store).await;
        let (store, few) = (drive::open(dir.path(), 1), runs / 20);
        drive::accept(&*store, &workflow, few).await;
        single.add(drive::through(&store, few).await.rate());
        one_by_one.add(drive::bare(&store, &workflow, 1, few * ACTS).await.rate());
        drive::close(store).await;
        bare.add(records.rate());
        many.add(driven.rate());
        ratio.add(driven.rate() * ACTS as f64 / records.rate());
        middle.add(driven.latencies.at(50));
        slow.add(driven.latencies.at(99));
    }
    let range = |rounds: &Rounds| {
        let (low, high) = rounds.range();
        format!("{:.0} /s  [{low:.0}..{high:.0}]", rounds.median())
    };
    say("records of a step's size, 64 writers", range(&bare));
    say("the same, one writer", range(&one_by_one));
    say("steps, 64 runs at once", format!("{:.0} /s", many.median() * ACTS as f64));
    at_least("  beside the store's own records", ratio.median(), 0.3, "times");
    at_least("runs, 64 at once", many.median(), 3_000.0, "/s");
    say("  in hand, p50 and p99", format!("{:.1} ms, {:.1} ms", middle.median(), slow.median()));
    say("runs, one at a time", format!("{}, {:.0} steps/s", range(&single), single.median() * ACTS as f64));
}

/// One run, and nothing else to do, beside six bare commits.
async fn alone() {
    const RUNS: usize = 300;
    let workflow = Frozen::from(&work::workflow(STEPS));
    let dir = tempfile::tempdir().unwrap();
    let store = drive::open(dir.path(), PARALLEL);
    let [delivered, due] = drive::alone(&store, &workflow, RUNS).await;
    let six = drive::bare(&store, &workflow, 1, RUNS * 4).await.latencies.at(50) * 6.0;
    drive::close(store).await;
    say("4 KB made durable by the disk", format!("{:.2} ms", figures::sync_time(dir.path())));
    say("six commits, one after the other", format!("{six:.2} ms"));
    say("one run alone, p50 and p99", format!("{:.2} ms, {:.2} ms", due.at(50), due.at(99)));
    at_most("  beside six commits", due.at(50) / six, 1.5, "times");
    say("  from its delivery", format!("{:.2} ms, {:.2} times", delivered.at(50), delivered.at(50) / six));
}

async fn replay() {
    const LONG: usize = 1_000;
    let dir = tempfile::tempdir().unwrap();
    let (loaded, folded) = recovery::replay(dir.path(), LONG).await;
    say("a journal of 1,000 steps: read, folded", format!("{loaded:.1} ms, {folded:.1} ms"));
    at_most("  together", loaded + folded, 200.0, "ms");
}

/// Fills a store with history and opens it without anything that waits; gives the memory.
fn without_waiting(dir: &Path, finished: usize) -> f64 {
    recovery::fill(dir, finished, 0);
    let mut resident = Rounds::default();
    for _ in 0..ROUNDS {
        resident.add(recovery::recover(dir).resident);
        recovery::fill(dir, 0, 0);
    }
    recovery::fill(dir, 0, WAITING);
    resident.median()
}

/// Opens a store in which many runs wait; gives how long that took.
fn with_waiting(dir: &Path, idle: f64, what: &str) -> f64 {
    let (mut open, mut ready, mut resident) = (Rounds::default(), Rounds::default(), Rounds::default());
    for _ in 0..ROUNDS {
        let found = recovery::recover(dir);
        open.add(found.open);
        ready.add(found.ready);
        resident.add(found.resident);
        recovery::fill(dir, 0, 0);
    }
    let each = (resident.median() - idle) / WAITING as f64;
    say(&format!("store open after a kill{what}"), format!("{:.0} ms", open.median()));
    at_most(&format!("  10,000 waiting, ready{what}"), ready.median() / 1e3, 5.0, "s");
    at_most(&format!("  memory of one that waits{what}"), each, 4.0, "KB");
    say(
        "  memory of the process",
        format!("{:.0} MB, {:.0} MB without them", resident.median() / 1e3, idle / 1e3),
    );
    ready.median()
}

/// The engine's speed on stores with little and with much history.
async fn with_history(few: &Path, many: &Path, runs: usize) {
    let workflow = Frozen::from(&work::workflow(STEPS));
    let mut rates = [Rounds::default(), Rounds::default()];
    for _ in 0..ROUNDS {
        for (rates, dir) in rates.iter_mut().zip([few, many]) {
            let store = drive::open(dir, PARALLEL);
            drive::accept(&*store, &workflow, runs).await;
            rates.add(drive::through(&store, runs).await.rate());
            drive::close(store).await;
        }
    }
    let [few, many] = rates;
    say("runs, 64 at once, with history", format!("{:.0} /s, {:.0} /s", few.median(), many.median()));
    at_least("  10x history", many.median() / few.median(), 0.9, "times");
}
