//! What a run has come to: the fold of its journal.

mod apply;
mod planning;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use super::error::StepError;
use super::frame::Frame;
use super::hearing::{Decision, Heard, Words};
use super::record::{Ending, Entry, Next, Started, Wait, Work};
use super::undo::{Account, Deed};
use super::{Definition, illegal::Illegal, place};
use crate::id::{RunId, StepPath};
use crate::money::Money;

/// One execution of a workflow, as its journal tells it.
///
/// [`Run::apply`] is the only way to change it, and is total: every pair of a state and a record either gives
/// the next state or is named as [`Illegal`] and changes nothing. Recording as it happens and recovering
/// after a crash are therefore the same computation.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    id: RunId,
    definition: Arc<Definition>,
    length: u64,
    /// When it began, or was opened again, and what it started with.
    began: Option<(Timestamp, Arc<Started>)>,
    steps: BTreeMap<StepPath, StepState>,
    finished: Vec<StepPath>,
    deeds: Vec<Deed>,
    account: Account,
    taken_back: bool,
    facts: BTreeMap<StepPath, BTreeMap<String, Value>>,
    /// Shared with the steps that are performed.
    ambient: Arc<Map<String, Value>>,
    frames: BTreeMap<StepPath, Frame>,
    results: Map<String, Value>,
    work: Work,
    cost: Money,
    conclusion: Option<Conclusion>,
    parked: Option<String>,
    paused: Option<String>,
    cancelled: Option<String>,
    ended: bool,
}

/// Where a step that has been touched stands; a step without a state is still to come.
#[derive(Debug, Clone, PartialEq)]
pub enum StepState {
    /// An attempt is under way, or the steps inside it are.
    Running(Attempt),
    /// An attempt failed and the next one may begin at a moment.
    Waiting {
        /// The attempt that failed.
        attempt: Attempt,
        /// Not before.
        at: Timestamp,
    },
    /// It stands still until something happens.
    Standing {
        /// The attempt that waits.
        attempt: Attempt,
        /// What for.
        wait: Wait,
    },
    /// It succeeded.
    Done,
    /// It failed for good; `next` is never [`Next::Retry`].
    Failed {
        /// The attempt that failed; one of a step that could not even begin has no kind.
        attempt: Attempt,
        /// Why.
        error: StepError,
        /// What follows.
        next: Next,
    },
    /// It was passed over.
    Skipped,
}

/// One attempt at a step.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    /// Which, from 1.
    pub number: u32,
    /// The kind's name as it was recorded.
    pub kind: String,
    /// What the step was given. Every attempt is given the same, so that it makes the same effects.
    pub inputs: Value,
    /// Which branch was chosen, for a `condition` step.
    pub taken: Option<bool>,
    /// The place in the journal where the attempt begins.
    pub seq: u64,
    /// When it began.
    pub at: Timestamp,
    /// What it was told and has not turned to yet.
    pub heard: Vec<Heard>,
    /// What it has turned to.
    pub hearing: Option<Decision>,
}

/// How a run ended, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conclusion {
    /// The outcome.
    pub ending: Ending,
    /// Why, for people.
    pub reason: Option<String>,
    /// Whether what its steps did is taken back.
    pub rollback: bool,
}

impl Run {
    /// A run before its first record.
    #[must_use]
    pub fn new(id: RunId, definition: Arc<Definition>) -> Self {
        Self {
            id,
            definition,
            length: 0,
            began: None,
            steps: BTreeMap::new(),
            finished: Vec::new(),
            deeds: Vec::new(),
            account: Account::default(),
            taken_back: false,
            facts: BTreeMap::new(),
            ambient: Arc::default(),
            frames: BTreeMap::new(),
            results: Map::new(),
            work: Work::default(),
            cost: Money::ZERO,
            conclusion: None,
            parked: None,
            paused: None,
            cancelled: None,
            ended: false,
        }
    }

    /// The run that a journal tells of.
    ///
    /// # Errors
    /// At the first record that cannot follow those before it.
    pub fn replay(id: RunId, definition: Arc<Definition>, entries: &[Entry]) -> Result<Self, Illegal> {
        let mut run = Self::new(id, definition);
        entries.iter().try_for_each(|entry| run.apply(entry))?;
        Ok(run)
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> RunId {
        self.id
    }

    /// What it runs.
    #[must_use]
    pub fn definition(&self) -> &Arc<Definition> {
        &self.definition
    }

    /// How many records it has; the next one's `seq`.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// What it started with.
    #[must_use]
    pub fn started(&self) -> Option<&Arc<Started>> {
        self.began.as_ref().map(|(_, started)| started)
    }

    /// The moment by which it must have concluded, where its workflow sets one.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        let (began, _) = self.began.as_ref()?;
        let seconds = i64::try_from(self.definition.workflow.timeout?).ok()?;
        began.checked_add(SignedDuration::from_secs(seconds)).ok()
    }

    /// Where a step stands; nothing for one that is still to come.
    #[must_use]
    pub fn step(&self, path: &StepPath) -> Option<&StepState> {
        self.steps.get(path)
    }

    /// All steps that have been touched.
    pub fn steps(&self) -> impl Iterator<Item = (&StepPath, &StepState)> {
        self.steps.iter()
    }

    /// The steps that succeeded, in the order in which they did.
    #[must_use]
    pub fn finished(&self) -> &[StepPath] {
        &self.finished
    }

    /// What people said to the agent that works in a step, oldest first.
    pub fn words(&self, path: &StepPath) -> impl Iterator<Item = &Words> {
        let attempt = match self.steps.get(path) {
            Some(StepState::Running(attempt) | StepState::Waiting { attempt, .. }) => Some(attempt),
            _ => None,
        };
        attempt.into_iter().flat_map(|attempt| &attempt.heard).filter_map(|heard| match heard {
            Heard::Words(words) => Some(words),
            _ => None,
        })
    }

    /// What its steps did that could have to be taken back, in the order in which they were settled.
    #[must_use]
    pub fn deeds(&self) -> &[Deed] {
        &self.deeds
    }

    /// What a settled step did, where that may matter.
    #[must_use]
    pub fn deed(&self, path: &StepPath) -> Option<&Deed> {
        self.deeds.iter().find(|deed| deed.step == *path)
    }

    /// Whether what it did is to be taken back, and is not yet.
    #[must_use]
    pub fn takes_back(&self) -> bool {
        !self.taken_back && self.conclusion.as_ref().is_some_and(|conclusion| conclusion.rollback)
    }

    /// What has been taken back so far, and what had to be left.
    #[must_use]
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// The attempts under way, those of steps that do nothing themselves left out.
    pub fn under_way(&self) -> impl Iterator<Item = (&StepPath, &Attempt)> {
        self.steps.iter().filter_map(|(path, state)| match state {
            StepState::Running(attempt) if place::performs(&attempt.kind) => Some((path, attempt)),
            _ => None,
        })
    }

    /// What a step remembered.
    #[must_use]
    pub fn facts(&self, path: &StepPath) -> Option<&BTreeMap<String, Value>> {
        self.facts.get(path)
    }

    /// The ambient names as expressions see them.
    #[must_use]
    pub fn ambient(&self) -> &Arc<Map<String, Value>> {
        &self.ambient
    }

    /// What was made under the workflow of a step, or for an item of a loop; under the run's own at
    /// [`StepPath::top`].
    #[must_use]
    pub fn frame(&self, path: &StepPath) -> Option<&Frame> {
        self.frames.get(path)
    }

    /// What its workflow gave, once it has concluded.
    #[must_use]
    pub fn results(&self) -> &Map<String, Value> {
        &self.results
    }

    /// What it has made so far.
    #[must_use]
    pub fn work(&self) -> &Work {
        &self.work
    }

    /// What it has cost so far.
    #[must_use]
    pub fn cost(&self) -> Money {
        self.cost
    }

    /// How it ended, once that is known.
    #[must_use]
    pub fn conclusion(&self) -> Option<&Conclusion> {
        self.conclusion.as_ref()
    }

    /// Why it cannot go on by itself.
    #[must_use]
    pub fn parked(&self) -> Option<&str> {
        self.parked.as_deref()
    }

    /// Why nothing further is begun for now.
    #[must_use]
    pub fn paused(&self) -> Option<&str> {
        self.paused.as_deref()
    }

    /// Whether one of its steps stands still until something happens.
    #[must_use]
    pub fn is_standing(&self) -> bool {
        self.steps.values().any(|state| matches!(state, StepState::Standing { .. }))
    }

    /// Whether it is known that its person may start it, and nothing further was decided of it but that.
    #[must_use]
    pub fn is_admitted(&self) -> bool {
        let is_over = matches!(self.steps.get(&place::start()), Some(StepState::Done));
        is_over && self.conclusion.is_none() && self.cancelled.is_none() && self.parked.is_none()
    }

    /// Whether it was told to stop, and has not concluded since.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.is_some()
    }

    /// Why it was told to stop.
    #[must_use]
    pub fn cancelled(&self) -> Option<&str> {
        self.cancelled.as_deref()
    }

    /// Whether nothing is left to do.
    #[must_use]
    pub fn ended(&self) -> bool {
        self.ended
    }
}
