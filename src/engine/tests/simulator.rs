//! Whole lives of runs in a world in which everything goes wrong, decided by a seed: the real engine, with a store
//! that crashes around every commit, is busy and loses answers, a world that fails and loses answers, people who
//! click too often, too late and without the right to, and a clock that jumps.
//!
//! Each seed makes a random workflow whose end is known in advance, and must come to exactly that end: every effect
//! made once, no wait over too early, nothing parked, a journal that folds to the same run twice.

mod dice;
mod plan;
mod world;

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use self::dice::Dice;
use self::plan::Plan;
use self::world::{Fate, Living, Missing};
use super::*;
use crate::engine::{Engine, Handle, Parts};
use crate::run::fixture::definition_with;
use crate::run::hearing::Decision;
use crate::run::{Run, Signal};
use crate::step::Step;
use crate::store::Store;

/// How many seeds are tried where nobody says.
const SEEDS: u64 = 10_000;
/// How many looks a run may take to come to its end.
const PATIENCE: usize = 20_000;
/// How many of them in a row may see nothing new.
const STILL: usize = 300;

/// How many records no plan of these comes to.
const RECORDS: usize = 1_000;
/// How many signals may lie there unheard.
const UNHEARD: usize = 200;

/// One run's life, from its start to its end.
struct Life {
    fate: Arc<Fate>,
    clock: Arc<ManualClock>,
    plan: Plan,
    cancelled: bool,
}

impl Life {
    fn of(seed: u64, missing: Missing) -> Self {
        let mut dice = Dice::of(seed);
        let plan = Plan::of(Dice::of(dice.roll()));
        let fate = Arc::new(Fate::new(dice, missing));
        let definition = definition_with(plan.workflow.clone(), &plan.called);
        fate.shelf.put(run_id(), &definition);
        Self { fate, clock: Arc::new(ManualClock::at(at(0))), plan, cancelled: false }
    }

    /// Starts an engine; what is done by it is done by the present life of the process.
    fn start(&self) -> (u64, Handle, JoinHandle<()>) {
        let life = self.fate.life();
        let living = Arc::new(Living { fate: Arc::clone(&self.fate), life });
        let store = Arc::clone(&living) as Arc<dyn Store>;
        let parts = Parts { store, step: living as Arc<dyn Step>, clock: Arc::clone(&self.clock) as _ };
        let (handle, lead) = Engine::start(Options::default(), parts);
        (life, handle, lead)
    }

    async fn live(mut self) -> Result<(), String> {
        let mut process = self.start();
        let (mut seen, mut still) = ((0, 0), 0);
        for _ in 0..PATIENCE {
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
            if self.fate.life() != process.0 {
                // Who is taken for dead may go on for a while.
                if self.fate.percent(50) {
                    process.2.abort();
                }
                self.fate.shelf.reopen();
                process = self.start();
            }
            let (due, records, signals) = self.fate.shelf.glance(run_id());
            match due {
                Due::Ended => return self.judge(),
                Due::Parked => {
                    return Err(format!("it was parked: {:?}", self.fate.shelf.records(run_id()).last()));
                }
                _ if records > RECORDS => return Err("its journal grows without end".to_owned()),
                _ if signals > UNHEARD => return Err("nobody hears what is said to it".to_owned()),
                _ => {}
            }
            let come = (records, self.fate.progress());
            still = if come == seen { still + 1 } else { 0 };
            if still > STILL {
                return Err(format!("it comes no further: {:?}", self.fate.shelf.records(run_id()).last()));
            }
            if come == seen {
                self.move_on(&process.1, due);
            } else if self.fate.percent(5) {
                self.say(&process.1);
            }
            seen = come;
        }
        Err(format!("it does not come to an end: {:?}", self.fate.shelf.records(run_id()).last()))
    }

    /// Nothing goes on by itself: time passes, or somebody says something.
    fn move_on(&self, handle: &Handle, due: Due) {
        let now = self.clock.now();
        let ahead = match due {
            Due::At(at) if at > now => Duration::try_from(at.duration_since(now)).unwrap_or_default(),
            // Something sleeps inside the engine, or an answer was lost and the lease with it.
            Due::Held => {
                if self.fate.percent(20) {
                    self.fate.die();
                }
                Duration::from_secs(1)
            }
            _ => Duration::from_secs(1),
        };
        let jump = if self.fate.percent(5) { Duration::from_secs(3600) } else { Duration::ZERO };
        self.clock.advance(ahead + jump);
        if due == Due::Waiting {
            self.signal(handle, Signal::Resume);
            self.decide(handle, if self.fate.percent(60) { "ada" } else { "eve" });
        }
    }

    /// People say things whether or not they make sense.
    fn say(&mut self, handle: &Handle) {
        match self.fate.below(12) {
            0..=2 => self.signal(handle, Signal::Pause { reason: None }),
            3..=5 => self.signal(handle, Signal::Resume),
            6 | 7 => self.decide(handle, "ada"),
            8 | 9 => self.decide(handle, "eve"),
            10 => self.signal(handle, Signal::Retry),
            _ if self.fate.percent(20) => {
                self.cancelled = true;
                self.signal(handle, Signal::Cancel { reason: None });
            }
            _ => {}
        }
    }

    fn decide(&self, handle: &Handle, by: &str) {
        let decision = Decision { approved: true, comment: None, event: None, by: Some(by.to_owned()) };
        self.signal(handle, Signal::Decide { step: None, decision });
    }

    fn signal(&self, handle: &Handle, signal: Signal) {
        self.fate.shelf.signal(run_id(), signal);
        if self.fate.percent(70) {
            handle.signalled(run_id());
        }
    }

    /// Whether the run came to what was known in advance.
    fn judge(&self) -> Result<(), String> {
        let row = self.fate.shelf.row(run_id());
        let fold = || Run::replay(run_id(), Arc::clone(&row.definition), &row.entries);
        let run = fold().map_err(|illegal| illegal.to_string())?;
        if fold() != Ok(run.clone()) {
            return Err("its journal folds to two runs".to_owned());
        }
        no_wait_was_short(&row.entries)?;
        let sums = self.fate.sums()?;
        let ending = run.conclusion().map(|conclusion| conclusion.ending);
        if self.cancelled && ending == Some(Ending::Cancelled) {
            let over = sums.iter().find(|(name, sum)| self.plan.most.get(*name).unwrap_or(&0) < *sum);
            return over.map_or(Ok(()), |over| Err(format!("{over:?} is more than all of it")));
        }
        if ending != Some(self.plan.ending) {
            return Err(format!(
                "it ended as {ending:?}, not {:?}: {:?}",
                self.plan.ending,
                run.conclusion()
            ));
        }
        let wanted: Vec<_> = self.plan.sums.iter().filter(|(_, sum)| **sum != 0).collect();
        let found: Vec<_> = sums.iter().filter(|(_, sum)| **sum != 0).collect();
        if wanted == found { Ok(()) } else { Err(format!("{found:?} instead of {wanted:?}")) }
    }
}

fn no_wait_was_short(entries: &[crate::run::Entry]) -> Result<(), String> {
    let mut until = std::collections::BTreeMap::new();
    for entry in entries {
        match &entry.record {
            Record::StepWaits { step, wait, .. } => drop(until.insert(step.clone(), wait.until)),
            Record::StepSucceeded { step, .. } => {
                if let Some(Some(until)) = until.remove(step)
                    && entry.at < until
                {
                    return Err(format!("{step} waited until {} instead of {until}", entry.at));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn live(seed: u64, missing: Missing) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let lived = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        runtime.block_on(Life::of(seed, missing).live())
    }));
    lived.unwrap_or_else(|_| Err("it panicked".to_owned()))
}

fn number(name: &str) -> Option<u64> {
    #[expect(clippy::disallowed_methods, reason = "a test is told by its environment how long to go on")]
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn whatever_happens_each_run_comes_to_the_end_that_was_known_in_advance() {
    let (first, count) = match number("OSTLER_SIMULATE") {
        Some(seed) => (seed, 1),
        None => (0, number("OSTLER_SEEDS").unwrap_or(SEEDS)),
    };
    for seed in first..first + count {
        if let Err(why) = live(seed, Missing::Nothing) {
            panic!("seed {seed}: {why}; play it again with OSTLER_SIMULATE={seed}");
        }
    }
}

#[test]
fn a_defence_that_is_left_out_is_noticed() {
    for missing in [Missing::Look, Missing::Intent, Missing::Durability, Missing::Mailbox] {
        let noticed = (0..300).find(|seed| live(*seed, missing).is_err());
        assert!(noticed.is_some(), "nobody misses {missing:?}");
    }
}
