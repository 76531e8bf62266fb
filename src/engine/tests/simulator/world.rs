//! The world of a simulated run: counters that steps add to, and what goes wrong on the way.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::dice::Dice;
use super::plan::ASKED;
use crate::engine::tests::stage::Shelf;
use crate::id::{EffectKey, RunId, StepPath};
use crate::plugin::effect::Effect;
use crate::run::StepError;
use crate::run::decide::{Asking, JobKind};
use crate::step::journal::once;
use crate::step::{Context, Outcome, Step};
use crate::store::{
    Accepted, Answer, Commit, Found, Intake, Journal, Lease, Progress, Query, Scrubbed, Store, StoreError,
};

/// A defence that is left out, to see that the simulator notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    Nothing,
    /// What may be there already is not looked for.
    Look,
    /// What is about to be made is not journalled first.
    Intent,
    /// A commit is answered that was never written.
    Durability,
    /// What a run has heard is not forgotten with the commit that takes it in.
    Mailbox,
}

/// Chance, and which life of the process goes on.
#[derive(Debug)]
pub(super) struct Fate {
    dice: Mutex<Dice>,
    life: AtomicU64,
    /// How much may still go wrong: a run that is hit for ever never ends.
    troubles: AtomicU64,
    pub(super) missing: Missing,
    pub(super) shelf: Shelf,
    effects: Mutex<Effects>,
}

/// What was made.
#[derive(Debug, Default)]
pub(super) struct Effects {
    /// By key: how often, and what.
    made: BTreeMap<String, (u32, String, i64)>,
    /// How often the world failed each step.
    failures: BTreeMap<String, u32>,
}

impl Fate {
    pub(super) fn new(dice: Dice, missing: Missing) -> Self {
        Self {
            dice: Mutex::new(dice),
            life: AtomicU64::new(0),
            troubles: AtomicU64::new(8),
            missing,
            shelf: Shelf::default(),
            effects: Mutex::default(),
        }
    }

    pub(super) fn percent(&self, often: u64) -> bool {
        self.dice.lock().unwrap().percent(often)
    }

    pub(super) fn below(&self, most: u64) -> u64 {
        self.dice.lock().unwrap().below(most)
    }

    pub(super) fn life(&self) -> u64 {
        self.life.load(Ordering::SeqCst)
    }

    fn effects(&self) -> MutexGuard<'_, Effects> {
        self.effects.lock().unwrap()
    }

    /// Whether something goes wrong here that goes wrong so often in a hundred.
    fn trouble(&self, often: u64) -> bool {
        let hit = self.percent(often) && self.troubles.load(Ordering::SeqCst) > 0;
        if hit {
            self.troubles.fetch_sub(1, Ordering::SeqCst);
        }
        hit
    }

    /// The process dies.
    pub(super) fn die(&self) {
        self.life.fetch_add(1, Ordering::SeqCst);
    }

    /// A place at which the process may die, or is dead already: then nothing comes after it.
    async fn survive(&self, life: u64) {
        if self.life() == life && self.trouble(3) {
            self.die();
        }
        if self.life() != life {
            std::future::pending::<()>().await;
        }
        tokio::task::yield_now().await;
    }

    /// What each counter came to; an effect that was made twice is told.
    pub(super) fn sums(&self) -> Result<BTreeMap<String, i64>, String> {
        let mut sums = BTreeMap::new();
        for (key, (count, counter, by)) in &self.effects().made {
            if *count != 1 {
                return Err(format!("{key} was made {count} times"));
            }
            *sums.entry(counter.clone()).or_insert(0) += by;
        }
        Ok(sums)
    }

    /// Says how far the world has come, to see whether anything goes on.
    pub(super) fn progress(&self) -> usize {
        let effects = self.effects();
        effects.made.len() + effects.failures.values().sum::<u32>() as usize
    }
}

/// The world as one life of the process meets it.
#[derive(Debug)]
pub(super) struct Living {
    pub(super) fate: std::sync::Arc<Fate>,
    pub(super) life: u64,
}

impl Living {
    async fn add(&self, context: &Context, ordinal: u32, counter: &str, by: i64) -> Result<i64, StepError> {
        let fate = &self.fate;
        let key = EffectKey { run: context.run, step: context.job.step.clone(), ordinal };
        let make = |effect: Effect| self.make(effect, counter.to_owned(), by).boxed();
        if fate.missing == Missing::Intent {
            return make(Effect { key, fresh: true }).await;
        }
        once(context.journal.as_ref(), key, make).await
    }

    /// Looks for the effect, and makes it if it is not there; the answer may be lost either way.
    async fn make(&self, effect: Effect, counter: String, by: i64) -> Result<i64, StepError> {
        let (fate, key) = (&self.fate, effect.key.to_string());
        fate.survive(self.life).await;
        let looks = !effect.fresh && fate.missing != Missing::Look;
        if looks && fate.effects().made.contains_key(&key) {
            return Ok(by);
        }
        self.fail(&key, "unavailable")?;
        fate.effects().made.entry(key.clone()).or_insert((0, counter, by)).0 += 1;
        fate.survive(self.life).await;
        self.fail(&key, "answer_lost")?;
        Ok(by)
    }

    /// A failure that may pass; not so often that a step would be given up for it.
    fn fail(&self, key: &str, code: &str) -> Result<(), StepError> {
        let hit = self.fate.percent(8);
        let mut effects = self.fate.effects();
        let failures = effects.failures.entry(key.to_owned()).or_default();
        if hit && *failures < 2 {
            *failures += 1;
            return Err(StepError::passing(code, "the world had trouble"));
        }
        Ok(())
    }

    async fn act(&self, context: &Context) -> Result<Outcome, StepError> {
        self.fate.survive(self.life).await;
        let inputs = &context.job.inputs;
        if inputs.get("deny").is_some() {
            return Err(StepError::fatal("denied", "no"));
        }
        let Some(counter) = inputs.get("counter").and_then(Value::as_str) else {
            return Ok(Outcome::default());
        };
        let by = inputs["by"].as_i64().unwrap_or_default();
        self.add(context, 0, counter, by).await?;
        Ok(Outcome { outputs: json!({ "by": by }), ..Outcome::default() })
    }

    /// Takes back what a step added, by as much less.
    async fn take_back(&self, context: &Context) -> Result<Outcome, StepError> {
        self.fate.survive(self.life).await;
        let known = &context.job.inputs;
        let step = known["step"].as_str().unwrap_or_default();
        let key = EffectKey { run: context.run, step: StepPath::root(step), ordinal: 0 };
        let Some(counter) = known["inputs"]["counter"].as_str() else { return Ok(Outcome::default()) };
        if self.fate.effects().made.contains_key(&key.to_string()) {
            let by = known["inputs"]["by"].as_i64().unwrap_or_default();
            self.add(context, 0, counter, -by).await?;
        }
        Ok(Outcome::default())
    }

    async fn ask(&self, context: &Context, asking: &Asking) -> Result<Outcome, StepError> {
        self.fate.survive(self.life).await;
        match &asking.decision {
            Some(decision) if decision.who() == "ada" => {
                Ok(Outcome { outputs: json!({ "approved": true }), ..Outcome::default() })
            }
            decision => {
                if decision.is_none() {
                    self.add(context, 0, ASKED, 1).await?;
                }
                Ok(Outcome { waits: Some(vec!["here".to_owned()]), ..Outcome::default() })
            }
        }
    }
}

impl Step for Living {
    fn perform<'a>(&'a self, context: &'a Context) -> BoxFuture<'a, Result<Outcome, StepError>> {
        async move {
            match &context.job.kind {
                JobKind::Approval(asking) => self.ask(context, asking).await,
                JobKind::Undo { .. } => self.take_back(context).await,
                _ => self.act(context).await,
            }
        }
        .boxed()
    }
}

impl Store for Living {
    fn grown(&self) -> tokio::sync::watch::Receiver<u64> {
        self.fate.shelf.grown()
    }

    fn accept(&self, intake: Intake) -> Answer<'_, Accepted> {
        self.fate.shelf.accept(intake)
    }

    fn leases(&self, now: jiff::Timestamp, most: usize) -> Answer<'_, Vec<Lease>> {
        async move {
            self.fate.survive(self.life).await;
            self.fate.shelf.leases(now, most).await
        }
        .boxed()
    }

    fn load(&self, run: RunId) -> Answer<'_, Option<Journal>> {
        self.fate.shelf.load(run)
    }

    fn commit(&self, commit: Commit) -> Answer<'_, ()> {
        async move {
            let fate = &self.fate;
            if fate.trouble(4) {
                return Err(StoreError::Busy);
            }
            // A process that was taken for dead may still be about to write.
            let is_late = fate.life() != self.life;
            if !is_late {
                fate.survive(self.life).await;
            }
            let commit = self.sabotaged(commit);
            let Some(commit) = commit else { return Ok(()) };
            let written = fate.shelf.commit(commit).await;
            // Written or refused, and nobody hears of it.
            fate.survive(self.life).await;
            if fate.trouble(2) {
                return Err(StoreError::Failed("the answer was lost".to_owned()));
            }
            written
        }
        .boxed()
    }

    fn query(&self, query: Query) -> Answer<'_, Found> {
        self.fate.shelf.query(query)
    }

    fn tail(&self, after: u64, limit: usize) -> Answer<'_, Vec<Progress>> {
        self.fate.shelf.tail(after, limit)
    }

    fn prune(&self, before: jiff::Timestamp, identities_before: jiff::Timestamp) -> Answer<'_, u64> {
        self.fate.shelf.prune(before, identities_before)
    }

    fn scrub(&self, after: Option<Vec<u8>>, limit: usize, now: jiff::Timestamp) -> Answer<'_, Scrubbed> {
        self.fate.shelf.scrub(after, limit, now)
    }
}

impl Living {
    /// The commit as a store without this defence would take it; none where it is only pretended.
    fn sabotaged(&self, mut commit: Commit) -> Option<Commit> {
        if self.fate.missing == Missing::Durability && self.fate.trouble(10) {
            return None;
        }
        if let Commit::Run { heard, .. } = &mut commit
            && self.fate.missing == Missing::Mailbox
        {
            heard.clear();
        }
        Some(commit)
    }
}
