//! Taking records in: the transition of every state by every record.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{Attempt, Conclusion, Run, StepState};
use crate::id::StepPath;
use crate::money::Money;
use crate::run::error::StepError;
use crate::run::illegal::Illegal;
use crate::run::record::{Entry, Next, Record, Started, Wait};
use crate::run::undo::{self, Account, Deed};
use crate::run::{place, scope};
use crate::spec::{Step, StepKind};

mod hear;

impl Run {
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
    /// end but a signal, and a parked run can only be concluded or signalled.
    fn admit(&self, record: &Record) -> Result<(), Illegal> {
        match (record, &self.began) {
            (Record::Started(_), Some(_)) => return Err(Illegal::StartedTwice),
            (Record::Started(_), None) => return Ok(()),
            (_, None) => return Err(Illegal::NotStarted),
            (_, Some(_)) => {}
        }
        // What is said to a run is judged by what the run is.
        if matches!(record, Record::Signalled { .. }) {
            return Ok(());
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
                    at: entry.at,
                    heard: Vec::new(),
                    hearing: None,
                };
                self.start_step(step, attempt)?;
                self.freeze(step, variables);
            }
            Record::BranchChosen { step, taken, variables } => {
                self.choose(step, *taken, (entry.seq, entry.at))?;
                self.freeze(step, variables);
            }
            Record::StepSkipped { step, variables, .. } => {
                self.touchable(step)?;
                self.steps.insert(step.clone(), StepState::Skipped);
                self.freeze(step, variables);
            }
            Record::Fact { step, name, value } => self.remember(step, name, value)?,
            Record::StepWaits { step, attempt, wait } => self.stand(step, *attempt, wait)?,
            Record::StepSucceeded { step, attempt, outputs, work, cost } => {
                self.succeed(step, *attempt, outputs)?;
                self.work.merge(work);
                self.cost = self.cost + *cost;
                if !work.is_empty() || *cost != Money::ZERO {
                    self.tell_of_itself();
                }
            }
            Record::StepFailed { step, attempt, error, next, cost } => {
                self.fail(step, (*attempt, entry.at), error, next)?;
                self.cost = self.cost + *cost;
                if *cost != Money::ZERO {
                    self.tell_of_itself();
                }
            }
            Record::Concluded { ending, reason, results, rollback } => {
                self.conclude(Conclusion { ending: *ending, reason: reason.clone(), rollback: *rollback })?;
                self.results.clone_from(results);
                self.tell_of_itself();
            }
            Record::StepHeard { step, attempt } => self.turn(step, *attempt)?,
            Record::Signalled { by, signal } => {
                self.hear(entry.at, by.as_deref(), signal)?;
                self.tell_of_itself();
            }
            Record::TakenBack { account } => self.take_back(account)?,
            Record::Ended => self.end()?,
            Record::Parked { reason } => self.parked = Some(reason.clone()),
        }
        Ok(())
    }

    fn begin(&mut self, at: Timestamp, started: &Started) {
        self.ambient = Arc::new(scope::ambient(self.id, &self.definition, started));
        self.began = Some((at, Arc::new(started.clone())));
        self.tell_of_itself();
    }

    /// Has the ambient names say what the run has come to.
    fn tell_of_itself(&mut self) {
        // A step that is under way keeps the names as they were when it began.
        let names = Arc::make_mut(&mut self.ambient);
        if let Some(branch) = &self.work.branch {
            scope::put(names, "run.branch", Value::from(branch.as_str()));
        }
        scope::put(names, "run.cost", Value::from(self.cost.to_string()));
        let started_at = self.began.as_ref().map(|(at, _)| at.to_string());
        scope::put(names, "run.started_at", Value::from(started_at));
        let reason = self.conclusion.as_ref().and_then(|conclusion| conclusion.reason.as_deref());
        scope::put(names, "run.reason", Value::from(reason));
        scope::put(names, "run.undone", self.account.undone().collect());
        scope::put(names, "run.left", self.account.left().collect());
    }

    fn freeze(&mut self, step: &StepPath, variables: &Map<String, Value>) {
        if variables.is_empty() {
            return;
        }
        let frame = place::frames(self, step).outermost().clone();
        let frame = self.frames.entry(frame).or_default();
        for (name, value) in variables {
            // What stands first stands: a variable never changes its value.
            frame.variables.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }

    fn stand(&mut self, path: &StepPath, attempt: u32, wait: &Wait) -> Result<(), Illegal> {
        self.reachable(path)?;
        let running = self.running(path)?.clone();
        check_attempt(path, running.number, attempt)?;
        let standing = StepState::Standing { attempt: running, wait: wait.clone() };
        self.steps.insert(path.clone(), standing);
        Ok(())
    }

    fn start_step(&mut self, path: &StepPath, mut attempt: Attempt) -> Result<(), Illegal> {
        let expected = match self.steps.get(path) {
            None => {
                let step = self.touchable(path)?;
                if step.is_some_and(|step| matches!(step.kind, StepKind::Condition { .. })) {
                    return Err(Illegal::WrongKind(path.clone()));
                }
                1
            }
            Some(StepState::Waiting { attempt: last, .. }) => {
                self.reachable(path)?;
                attempt.heard.clone_from(&last.heard);
                attempt.hearing.clone_from(&last.hearing);
                last.number + 1
            }
            Some(_) => return Err(Illegal::NotToCome(path.clone())),
        };
        check_attempt(path, expected, attempt.number)?;
        self.steps.insert(path.clone(), StepState::Running(attempt));
        Ok(())
    }

    fn choose(&mut self, path: &StepPath, taken: bool, (seq, at): (u64, Timestamp)) -> Result<(), Illegal> {
        let kind = match self.touchable(path)? {
            Some(Step { kind: kind @ StepKind::Condition { .. }, .. }) => kind.name().to_owned(),
            _ => return Err(Illegal::WrongKind(path.clone())),
        };
        let attempt = Attempt {
            number: 1,
            kind,
            inputs: Value::Null,
            taken: Some(taken),
            seq,
            at,
            heard: Vec::new(),
            hearing: None,
        };
        self.steps.insert(path.clone(), StepState::Running(attempt));
        Ok(())
    }

    fn remember(&mut self, path: &StepPath, name: &str, value: &Value) -> Result<(), Illegal> {
        // A step that waits for its next attempt may still learn what became of an effect of the last one.
        match self.steps.get(path) {
            Some(StepState::Running(_) | StepState::Waiting { .. } | StepState::Standing { .. }) => {
                self.facts.entry(path.clone()).or_default().insert(name.to_owned(), value.clone());
                Ok(())
            }
            _ => Err(Illegal::NotRunning(path.clone())),
        }
    }

    fn succeed(&mut self, path: &StepPath, attempt: u32, outputs: &Value) -> Result<(), Illegal> {
        let step = self.reachable(path)?;
        let done = self.running(path)?;
        check_attempt(path, done.number, attempt)?;
        self.closable(path)?;
        let (number, deed) = (done.number, Deed::of(self, path, step, done, Some(outputs)));
        let lines = undo::lines(path, done, Ok(outputs));
        let routes = step.map(|step| step.outputs.clone()).unwrap_or_default();
        if *path == place::start() {
            scope::resolve(Arc::make_mut(&mut self.ambient), outputs);
        }
        for (field, target) in &routes {
            if let Some(value) = outputs.get(field) {
                self.put(path, target, value.clone());
            }
        }
        self.steps.insert(path.clone(), StepState::Done);
        self.finished.push(path.clone());
        self.account.effects.extend(lines);
        self.keep(deed, number);
        Ok(())
    }

    fn put(&mut self, step: &StepPath, target: &str, value: Value) {
        let frames = place::frames(self, step);
        let root = target.split('.').next().unwrap_or(target);
        // `task.status` changes one field of the task that was there, not the whole of it.
        let seen = root != target && !frames.is_made_here(self, root);
        let before = if seen { frames.names(self).remove(root) } else { None };
        let frame = frames.innermost().clone();
        let outputs = &mut self.frames.entry(frame).or_default().outputs;
        if let Some(before) = before {
            outputs.insert(root.to_owned(), before);
        }
        scope::put(outputs, target, value);
    }

    fn fail(
        &mut self,
        path: &StepPath,
        (attempt, at): (u32, Timestamp),
        error: &StepError,
        next: &Next,
    ) -> Result<(), Illegal> {
        let failed = match self.steps.get(path) {
            // Inputs or conditions that cannot be evaluated fail a step before it starts.
            None if error.code == StepError::EXPRESSION => {
                self.touchable(path)?;
                let (kind, seq) = (String::new(), self.length);
                Attempt {
                    number: 1,
                    kind,
                    inputs: Value::Null,
                    taken: None,
                    seq,
                    at,
                    heard: Vec::new(),
                    hearing: None,
                }
            }
            _ => self.running(path)?.clone(),
        };
        let step = self.reachable(path)?;
        check_attempt(path, failed.number, attempt)?;
        self.closable(path)?;
        let state = match next {
            Next::Retry { at } => StepState::Waiting { attempt: failed, at: *at },
            next => {
                let deed = Deed::of(self, path, step, &failed, None);
                self.keep(deed, failed.number);
                self.account.effects.extend(undo::lines(path, &failed, Err(error)));
                StepState::Failed { attempt: failed, error: error.clone(), next: next.clone() }
            }
        };
        self.steps.insert(path.clone(), state);
        Ok(())
    }

    /// Remembers what a step did with its attempt of this number; what an earlier one did is part of that.
    fn keep(&mut self, deed: Option<Deed>, attempt: u32) {
        let Some(deed) = deed else { return };
        if attempt > 1 {
            self.deeds.retain(|earlier| earlier.step != deed.step);
        }
        self.deeds.push(deed);
    }

    fn conclude(&mut self, conclusion: Conclusion) -> Result<(), Illegal> {
        if self.conclusion.is_some() {
            return Err(Illegal::ConcludedTwice);
        }
        if let Some((path, _)) = self.under_way().next() {
            return Err(Illegal::StillRunning(path.clone()));
        }
        self.conclusion = Some(conclusion);
        self.parked = None;
        self.paused = None;
        self.cancelled = None;
        Ok(())
    }

    fn take_back(&mut self, account: &Account) -> Result<(), Illegal> {
        if !self.takes_back() || *account != self.account {
            return Err(Illegal::NotTakenBack);
        }
        if let Some((path, _)) = self.under_way().next() {
            return Err(Illegal::StillRunning(path.clone()));
        }
        self.taken_back = true;
        self.tell_of_itself();
        Ok(())
    }

    fn end(&mut self) -> Result<(), Illegal> {
        if self.conclusion.is_none() {
            return Err(Illegal::NotConcluded);
        }
        if self.takes_back() {
            return Err(Illegal::NotTakenBack);
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
        if undo::is_part(path) && !self.takes_back() {
            return Err(Illegal::OutOfPlace(path.clone()));
        }
        if *path == place::start() || undo::job(self, path).is_some() {
            return Ok(None);
        }
        place::find(self, path).map(Some).ok_or_else(|| Illegal::UnknownStep(path.clone()))
    }

    /// A step that holds others is not over while one of them is under way.
    fn closable(&self, path: &StepPath) -> Result<(), Illegal> {
        let open = self.under_way().map(|(other, _)| other).find(|other| other.is_inside(path));
        open.map_or(Ok(()), |open| Err(Illegal::StillRunning(open.clone())))
    }

    fn running(&self, path: &StepPath) -> Result<&Attempt, Illegal> {
        match self.steps.get(path) {
            Some(StepState::Running(attempt) | StepState::Standing { attempt, .. }) => Ok(attempt),
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
