//! What a run has come to: the fold of its journal.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use super::error::StepError;
use super::record::{Ending, Entry, Next, Record, Started, Work};
use super::{Definition, illegal::Illegal, place, scope};
use crate::id::{RunId, StepPath};
use crate::money::Money;
use crate::spec::{Step, StepKind};

/// One execution of a workflow, as its journal tells it.
///
/// [`Run::apply`] is the only way to change it, and is total: every pair of a state and a record either gives the next
/// state or is named as [`Illegal`] and changes nothing. Recording as it happens and recovering after a
/// crash are therefore the same computation.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    id: RunId,
    definition: Arc<Definition>,
    length: u64,
    began: Option<(Timestamp, Arc<Started>)>,
    steps: BTreeMap<StepPath, StepState>,
    finished: Vec<StepPath>,
    facts: BTreeMap<StepPath, BTreeMap<String, Value>>,
    ambient: Map<String, Value>,
    variables: Map<String, Value>,
    outputs: Map<String, Value>,
    work: Work,
    cost: Money,
    conclusion: Option<Conclusion>,
    parked: Option<String>,
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
    /// It succeeded.
    Done,
    /// It failed for good; `next` is never [`Next::Retry`].
    Failed {
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
}

/// How a run ended, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conclusion {
    /// The outcome.
    pub ending: Ending,
    /// Why, for people.
    pub reason: Option<String>,
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
            facts: BTreeMap::new(),
            ambient: Map::new(),
            variables: Map::new(),
            outputs: Map::new(),
            work: Work::default(),
            cost: Money::ZERO,
            conclusion: None,
            parked: None,
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

    /// Takes one record in.
    ///
    /// # Errors
    /// When the record cannot follow those before it; the run is then unchanged.
    pub fn apply(&mut self, entry: &Entry) -> Result<(), Illegal> {
        if entry.seq != self.length {
            return Err(Illegal::Gap { expected: self.length, found: entry.seq });
        }
        self.admit(&entry.record)?;
        self.take(entry)?;
        self.length += 1;
        Ok(())
    }

    /// What holds for every record, whatever it says: the first one starts the run, nothing follows its
    /// end, and a parked run can only be concluded.
    fn admit(&self, record: &Record) -> Result<(), Illegal> {
        match (record, &self.began) {
            (Record::Started(_), Some(_)) => return Err(Illegal::StartedTwice),
            (Record::Started(_), None) => return Ok(()),
            (_, None) => return Err(Illegal::NotStarted),
            (_, Some(_)) => {}
        }
        if self.ended {
            return Err(Illegal::AfterEnd);
        }
        if self.parked.is_some() && !matches!(record, Record::Concluded { .. }) {
            return Err(Illegal::Parked);
        }
        Ok(())
    }

    fn take(&mut self, entry: &Entry) -> Result<(), Illegal> {
        match &entry.record {
            Record::Started(started) => self.begin(entry.at, started),
            Record::StepStarted { step, kind, attempt, inputs, variables } => {
                let attempt = Attempt {
                    number: *attempt,
                    kind: kind.clone(),
                    inputs: inputs.clone(),
                    taken: None,
                    seq: entry.seq,
                };
                self.start_step(step, attempt)?;
                self.freeze(variables);
            }
            Record::BranchChosen { step, taken, variables } => {
                self.choose(step, *taken, entry.seq)?;
                self.freeze(variables);
            }
            Record::StepSkipped { step, variables, .. } => {
                self.touchable(step)?;
                self.steps.insert(step.clone(), StepState::Skipped);
                self.freeze(variables);
            }
            Record::Fact { step, name, value } => self.remember(step, name, value)?,
            Record::StepSucceeded { step, attempt, outputs, work, cost } => {
                self.succeed(step, *attempt, outputs)?;
                self.work.merge(work);
                self.cost = self.cost + *cost;
            }
            Record::StepFailed { step, attempt, error, next, cost } => {
                self.fail(step, *attempt, error, next)?;
                self.cost = self.cost + *cost;
            }
            Record::Concluded { ending, reason } => self.conclude(*ending, reason.clone())?,
            Record::Ended => self.end()?,
            Record::Parked { reason } => self.parked = Some(reason.clone()),
        }
        Ok(())
    }

    fn begin(&mut self, at: Timestamp, started: &Started) {
        self.ambient = scope::ambient(self.id, &self.definition, started);
        self.began = Some((at, Arc::new(started.clone())));
    }

    fn freeze(&mut self, variables: &Map<String, Value>) {
        for (name, value) in variables {
            // What stands first stands: a variable never changes its value.
            self.variables.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }

    fn start_step(&mut self, path: &StepPath, attempt: Attempt) -> Result<(), Illegal> {
        let expected = match self.steps.get(path) {
            None => {
                let step = self.touchable(path)?;
                if step.is_some_and(|step| matches!(step.kind, StepKind::Condition { .. })) {
                    return Err(Illegal::WrongKind(path.clone()));
                }
                1
            }
            Some(StepState::Waiting { attempt, .. }) => {
                self.reachable(path)?;
                attempt.number + 1
            }
            Some(_) => return Err(Illegal::NotToCome(path.clone())),
        };
        check_attempt(path, expected, attempt.number)?;
        self.steps.insert(path.clone(), StepState::Running(attempt));
        Ok(())
    }

    fn choose(&mut self, path: &StepPath, taken: bool, seq: u64) -> Result<(), Illegal> {
        let kind = match self.touchable(path)? {
            Some(Step { kind: kind @ StepKind::Condition { .. }, .. }) => kind.name().to_owned(),
            _ => return Err(Illegal::WrongKind(path.clone())),
        };
        let attempt = Attempt { number: 1, kind, inputs: Value::Null, taken: Some(taken), seq };
        self.steps.insert(path.clone(), StepState::Running(attempt));
        Ok(())
    }

    fn remember(&mut self, path: &StepPath, name: &str, value: &Value) -> Result<(), Illegal> {
        // A step that waits for its next attempt may still learn what became of an effect of the last one.
        match self.steps.get(path) {
            Some(StepState::Running(_) | StepState::Waiting { .. }) => {
                self.facts.entry(path.clone()).or_default().insert(name.to_owned(), value.clone());
                Ok(())
            }
            _ => Err(Illegal::NotRunning(path.clone())),
        }
    }

    fn succeed(&mut self, path: &StepPath, attempt: u32, outputs: &Value) -> Result<(), Illegal> {
        let step = self.reachable(path)?;
        check_attempt(path, self.running(path)?.number, attempt)?;
        self.closable(path)?;
        let routes = step.map(|step| step.outputs.clone()).unwrap_or_default();
        if *path == place::start() {
            scope::resolve(&mut self.ambient, outputs);
        }
        for (field, target) in &routes {
            if let Some(value) = outputs.get(field) {
                self.put(target, value.clone());
            }
        }
        self.steps.insert(path.clone(), StepState::Done);
        self.finished.push(path.clone());
        Ok(())
    }

    fn put(&mut self, target: &str, value: Value) {
        let root = target.split('.').next().unwrap_or(target);
        // `task.status` changes one field of the task that was there, not the whole of it.
        if !self.outputs.contains_key(root)
            && let Some(before) = self.variables.get(root).or_else(|| self.ambient.get(root))
        {
            self.outputs.insert(root.to_owned(), before.clone());
        }
        scope::put(&mut self.outputs, target, value);
    }

    fn fail(&mut self, path: &StepPath, attempt: u32, error: &StepError, next: &Next) -> Result<(), Illegal> {
        let failed = match self.steps.get(path) {
            // Inputs or conditions that cannot be evaluated fail a step before it starts.
            None if error.code == StepError::EXPRESSION => {
                self.touchable(path)?;
                Attempt { number: 1, kind: String::new(), inputs: Value::Null, taken: None, seq: self.length }
            }
            _ => self.running(path)?.clone(),
        };
        self.reachable(path)?;
        check_attempt(path, failed.number, attempt)?;
        self.closable(path)?;
        let state = match next {
            Next::Retry { at } => StepState::Waiting { attempt: failed, at: *at },
            next => StepState::Failed { error: error.clone(), next: next.clone() },
        };
        self.steps.insert(path.clone(), state);
        Ok(())
    }

    fn conclude(&mut self, ending: Ending, reason: Option<String>) -> Result<(), Illegal> {
        if self.conclusion.is_some() {
            return Err(Illegal::ConcludedTwice);
        }
        if let Some((path, _)) = self.under_way().next() {
            return Err(Illegal::StillRunning(path.clone()));
        }
        self.conclusion = Some(Conclusion { ending, reason });
        self.parked = None;
        Ok(())
    }

    fn end(&mut self) -> Result<(), Illegal> {
        if self.conclusion.is_none() {
            return Err(Illegal::NotConcluded);
        }
        if let Some((path, _)) = self.under_way().next() {
            return Err(Illegal::StillRunning(path.clone()));
        }
        self.ended = true;
        Ok(())
    }

    /// The step of a path that may be touched for the first time; the first act has none.
    fn touchable(&self, path: &StepPath) -> Result<Option<&Step>, Illegal> {
        if self.steps.contains_key(path) {
            return Err(Illegal::NotToCome(path.clone()));
        }
        self.reachable(path)
    }

    /// The step of a path whose turn it can be now.
    fn reachable(&self, path: &StepPath) -> Result<Option<&Step>, Illegal> {
        if place::is_after_conclusion(path) != self.conclusion.is_some() {
            return Err(Illegal::OutOfPlace(path.clone()));
        }
        if *path == place::start() {
            return Ok(None);
        }
        place::find(self, path).map(Some).ok_or_else(|| Illegal::UnknownStep(path.clone()))
    }

    /// A step that holds others is not over while one of them is under way.
    fn closable(&self, path: &StepPath) -> Result<(), Illegal> {
        let inside = |other: &StepPath| {
            other.as_str().strip_prefix(path.as_str()).is_some_and(|rest| rest.starts_with('/'))
        };
        let open = self.under_way().map(|(other, _)| other).find(|other| inside(other));
        open.map_or(Ok(()), |open| Err(Illegal::StillRunning(open.clone())))
    }

    fn running(&self, path: &StepPath) -> Result<&Attempt, Illegal> {
        match self.steps.get(path) {
            Some(StepState::Running(attempt)) => Ok(attempt),
            _ => Err(Illegal::NotRunning(path.clone())),
        }
    }
}

fn check_attempt(path: &StepPath, expected: u32, found: u32) -> Result<(), Illegal> {
    if expected == found {
        return Ok(());
    }
    Err(Illegal::Attempt { step: path.clone(), expected, found })
}

impl Run {
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

    /// The attempts under way, those of steps that hold other steps left out.
    pub fn under_way(&self) -> impl Iterator<Item = (&StepPath, &Attempt)> {
        self.steps.iter().filter_map(|(path, state)| match state {
            StepState::Running(attempt) if !place::holds_steps(&attempt.kind) => Some((path, attempt)),
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
    pub fn ambient(&self) -> Map<String, Value> {
        let mut names = self.ambient.clone();
        if let Some(branch) = &self.work.branch {
            scope::put(&mut names, "run.branch", Value::from(branch.as_str()));
        }
        names
    }

    /// The variables that were used, with the values they keep.
    #[must_use]
    pub fn variables(&self) -> &Map<String, Value> {
        &self.variables
    }

    /// What steps put at run-global paths.
    #[must_use]
    pub fn outputs(&self) -> &Map<String, Value> {
        &self.outputs
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

    /// Whether nothing is left to do.
    #[must_use]
    pub fn ended(&self) -> bool {
        self.ended
    }
}
