//! What comes after a death: a store is filled by a process that then aborts, and opened by another, whose time and
//! memory are measured.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use ostler::clock::{Clock as _, SystemClock};
use ostler::run::{Definition, Frozen};
use ostler::step::Step;
use ostler::store::{Found, Query};

use super::drive::{self, PARALLEL, Running};
use super::figures::resident;
use super::work::{self, Later, Nothing, STEPS};

/// The word by which this program is started again to fill a store.
pub(crate) const FILL: &str = "fill";
/// The word by which this program is started again to open a store.
pub(crate) const RECOVER: &str = "recover";

/// What a process found that opened a store.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Recovered {
    /// Until the store was open, in ms.
    pub(crate) open: f64,
    /// Until the engine had driven a run that was due and knew when the next one is, in ms.
    pub(crate) ready: f64,
    /// What the process then had of memory, in KB.
    pub(crate) resident: f64,
}

/// Adds finished runs, runs that wait for a retry in an hour, and at last one that is due, by a process that then
/// aborts.
pub(crate) fn fill(dir: &Path, finished: usize, waiting: usize) {
    let mut filling = again(FILL, dir);
    let status = filling.args([finished.to_string(), waiting.to_string()]).status().unwrap();
    assert!(!status.success(), "it aborts");
}

/// What [`fill`] has another process do.
pub(crate) async fn filled(dir: &Path, finished: usize, waiting: usize) {
    let store = drive::open(dir, PARALLEL);
    let workflow = Frozen::from(&work::workflow(STEPS));
    for (count, step) in [(finished, Arc::new(Nothing) as Arc<dyn Step>), (waiting, Arc::new(Later))] {
        drive::accept(&*store, &workflow, count).await;
        let running = Running::start(&store, step);
        running.watched.until_laid_down(count).await;
        running.stop().await;
    }
    drive::accept_one(&*store, &workflow).await;
    std::process::abort();
}

/// Opens a store in a process of its own.
pub(crate) fn recover(dir: &Path) -> Recovered {
    let output = again(RECOVER, dir).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told = String::from_utf8(output.stdout).unwrap();
    let figures: Vec<f64> = told.split_whitespace().map(|figure| figure.parse().unwrap()).collect();
    Recovered { open: figures[0], ready: figures[1], resident: figures[2] }
}

/// What [`recover`] has another process do: it tells how long it took until the store was open, until the engine
/// was ready, and its memory.
pub(crate) async fn recovered(dir: &Path) {
    let began = Instant::now();
    let store = drive::open(dir, PARALLEL);
    let open = began.elapsed();
    let running = Running::start(&store, Arc::new(Nothing));
    running.watched.until_laid_down(1).await;
    let next = store.query(Query::NextDue).await.unwrap();
    let ready = began.elapsed();
    assert!(!matches!(next, Found::Moment(due) if due <= SystemClock.now()), "nothing else is due");
    println!("{} {} {}", open.as_secs_f64() * 1e3, ready.as_secs_f64() * 1e3, resident());
    running.stop().await;
    drive::close(store).await;
}

fn again(word: &str, dir: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg(word).arg(dir);
    command
}

/// How long a journal of so many steps takes to be loaded from the store, and to be folded, in ms.
pub(crate) async fn replay(dir: &Path, steps: usize) -> (f64, f64) {
    let store = drive::open(dir, PARALLEL);
    let definition: Definition = work::workflow(steps);
    let run = drive::accept_one(&*store, &Frozen::from(&definition)).await;
    drive::through(&store, 1).await;
    let began = Instant::now();
    let mut journal = store.load(run).await.unwrap().unwrap();
    let loaded = began.elapsed();
    // As a crash in the last step leaves it: what is under way is compared with what would be performed today.
    journal.entries.truncate(journal.entries.len() - 3);
    let began = Instant::now();
    let folded = ostler::run::recovery::take_up(run, &journal.definition, &journal.entries).unwrap();
    let took = began.elapsed();
    assert_eq!(folded.under_way().count(), 1);
    drive::close(store).await;
    (loaded.as_secs_f64() * 1e3, took.as_secs_f64() * 1e3)
}
