//! Steps that do nothing themselves: those that hold other steps, and those that wait.

use serde_json::{Value, json};

use super::{Effect, Verdict, Walk, job, record};
use crate::id::StepPath;
use crate::run::decide::JobKind;
use crate::run::error::StepError;
use crate::run::frame::Frames;
use crate::run::hearing::{Awaited, Decision, Heard};
use crate::run::record::{Next, Record, Wait};
use crate::run::state::{Attempt, Run, StepState};
use crate::run::{place, retry};
use crate::spec::period::Pause;
use crate::spec::workflow::{EventWait, Loop, OnTimeout};
use crate::spec::{Step, StepKind};

/// How the steps within a step came out, and what they gave.
struct Inside {
    verdict: Verdict,
    outputs: Value,
}

impl From<Verdict> for Inside {
    fn from(verdict: Verdict) -> Self {
        Self { verdict, outputs: Value::Null }
    }
}

impl<'a> Walk<'a> {
    /// A step that is under way without doing anything itself.
    pub(super) fn hold(&mut self, path: &StepPath, step: &'a Step, attempt: &'a Attempt) -> Verdict {
        let inside = match &step.kind {
            StepKind::Parallel { steps } => {
                let steps = steps.iter().map(|step| (path.child(&step.name), step));
                self.all_at_once(steps, |walk, (path, step)| walk.step(&path, step)).into()
            }
            StepKind::Condition { then, otherwise, .. } => {
                let steps = if attempt.taken == Some(true) { then } else { otherwise };
                self.sequence(path, steps).into()
            }
            StepKind::Loop(each) => self.each(path, each, attempt),
            StepKind::Workflow { workflow } => self.call(path, workflow),
            StepKind::Wait(Some(awaited)) => return self.listen(path, step, awaited, attempt),
            _ => return self.wait(path, attempt),
        };
        let end = place::deadline(step, attempt);
        match inside.verdict {
            // What is under way inside has the same deadline.
            Verdict::Open(_) if end.is_some_and(|end| end <= self.now) && self.is_still(path) => {
                let error = StepError::fatal(StepError::TIMEOUT, "its time was up");
                self.close(path, step, Inside::from(Verdict::Failed(error, Next::Fail)))
            }
            Verdict::Open(mut effects) => {
                effects.extend(end.filter(|end| *end > self.now).map(Effect::Wake));
                Verdict::Open(effects)
            }
            verdict => self.close(path, step, Inside { verdict, ..inside }),
        }
    }

    /// Whether nothing is under way inside a step.
    fn is_still(&self, path: &StepPath) -> bool {
        !self.run.under_way().any(|(other, _)| other.is_inside(path))
    }

    /// Several things at once: open while one of them is, and failed if one of them is.
    fn all_at_once<T>(
        &mut self,
        things: impl Iterator<Item = T>,
        mut look: impl FnMut(&mut Self, T) -> Verdict,
    ) -> Verdict {
        let (mut open, mut failed) = (None::<Vec<Effect>>, None);
        for thing in things {
            match look(self, thing) {
                Verdict::Settled => {}
                Verdict::Failed(error, next) => failed = failed.or(Some((error, next))),
                Verdict::Open(effects)
                    if effects.iter().any(|effect| matches!(effect, Effect::Record(_))) =>
                {
                    return Verdict::Open(effects);
                }
                Verdict::Open(effects) => open.get_or_insert_default().extend(effects),
            }
        }
        match (open, failed) {
            (Some(effects), _) => Verdict::Open(effects),
            (None, Some((error, next))) => Verdict::Failed(error, next),
            (None, None) => Verdict::Settled,
        }
    }

    /// A loop: as many items in hand as there may be; after a failure no further one is begun.
    fn each(&mut self, path: &StepPath, each: &'a Loop, attempt: &Attempt) -> Inside {
        let count = attempt.inputs["over"].as_array().map_or(0, Vec::len);
        let first = |item: usize| path.item(item).child(each.steps.first().map_or("", |step| &step.name));
        let begun = partition_point(count, |item| self.run.step(&first(item)).is_some());
        let (mut in_hand, mut failed) = (0, false);
        let verdict = self.all_at_once(0..count, |walk, item| {
            if item >= begun && (failed || in_hand >= each.concurrency) {
                return Verdict::Settled;
            }
            let path = path.item(item);
            let frames = walk.frames.of_item(path.clone());
            let verdict = walk.within(frames, |walk| walk.sequence(&path, &each.steps));
            in_hand += u32::from(matches!(verdict, Verdict::Open(_)));
            failed |= matches!(verdict, Verdict::Failed(..));
            verdict
        });
        match verdict {
            Verdict::Settled => self.gathered(path, each, count),
            verdict => verdict.into(),
        }
    }

    /// What each item gave, in their order.
    fn gathered(&mut self, path: &StepPath, each: &Loop, count: usize) -> Inside {
        let mut results = Vec::with_capacity(count);
        for item in 0..count {
            let item = path.item(item);
            let made = || self.run.frame(&item).map(|frame| frame.outputs.clone()).unwrap_or_default();
            let given = match &each.collect {
                None => Ok(Value::Object(made())),
                Some(collect) => self.within(self.frames.of_item(item), |walk| walk.scope().render(collect)),
            };
            match given {
                Ok(given) => results.push(given),
                Err(error) => {
                    let error = StepError::fatal(StepError::EXPRESSION, format!("`collect`: {error}"));
                    return Verdict::Failed(error, Next::Fail).into();
                }
            }
        }
        Inside { verdict: Verdict::Settled, outputs: json!({ "results": results, "count": count }) }
    }

    /// Another workflow's steps, between its prerequisites and its success criteria.
    fn call(&mut self, path: &StepPath, id: &str) -> Inside {
        let Some(called) = self.run.definition().workflows.get(id) else {
            let error = StepError::fatal("no_workflow", format!("the run froze no workflow `{id}`"));
            return Verdict::Failed(error, Next::Fail).into();
        };
        self.within(Frames::called(called, path), |walk| {
            let first = called.steps.first().map(|step| path.child(&step.name));
            let untouched = first.is_none_or(|first| walk.run.step(&first).is_none());
            if untouched && let Some(error) = walk.missing_prerequisite() {
                return Verdict::Failed(error, Next::Fail).into();
            }
            match walk.sequence(path, &called.steps) {
                Verdict::Settled => match walk.results() {
                    Ok(results) => Inside { verdict: Verdict::Settled, outputs: Value::Object(results) },
                    Err(why) => Verdict::Failed(StepError::fatal("not_met", why), Next::Fail).into(),
                },
                verdict => verdict.into(),
            }
        })
    }

    /// Begins to wait for what the step names.
    fn wait(&mut self, path: &StepPath, attempt: &Attempt) -> Verdict {
        let given = ["for", "until"].into_iter().find_map(|key| Some((key, attempt.inputs.get(key)?)));
        let pause = given.map(|(key, value)| Pause::read(key, value));
        let record = match pause {
            Some(Ok(pause)) => Record::StepWaits {
                step: path.clone(),
                attempt: attempt.number,
                wait: Wait { until: Some(pause.end(attempt.at)), ..Wait::default() },
            },
            Some(Err(error)) => self.failed(path, StepError::fatal("invalid_input", error.to_string())),
            None => self.failed(path, StepError::fatal("invalid_input", "it does not say how long to wait")),
        };
        super::record(record)
    }

    /// Begins to wait for an event.
    fn listen(&self, path: &StepPath, step: &Step, awaited: &EventWait, attempt: &Attempt) -> Verdict {
        let wait = Wait {
            until: place::deadline(step, attempt),
            awaited: Some(Awaited::Event { kinds: awaited.kinds.clone() }),
            places: self.run.started().map(|started| started.places()).unwrap_or_default(),
        };
        record(Record::StepWaits { step: path.clone(), attempt: attempt.number, wait })
    }

    /// A step that stands still: whether what it waits for has come.
    pub(super) fn standing(&mut self, path: &StepPath, attempt: &Attempt, wait: &Wait) -> Verdict {
        let succeeded = |outputs: Value| {
            record(Record::StepSucceeded {
                step: path.clone(),
                attempt: attempt.number,
                outputs,
                work: Default::default(),
                cost: Default::default(),
            })
        };
        match (attempt.heard.first(), wait.until) {
            (Some(Heard::Event(event)), _) => succeeded(json!({ "event": event, "timed_out": false })),
            (Some(Heard::Decision(decision)), _) => self.turn(path, attempt, decision),
            // Nobody who works stands still.
            (Some(Heard::Words(_)), _) => Verdict::Open(Vec::new()),
            (None, Some(until)) if until <= self.now => match overdue(self.run, path) {
                Ok(outputs) => succeeded(outputs),
                Err(error) => record(self.failed(path, error)),
            },
            (None, until) => Verdict::Open(until.map(Effect::Wake).into_iter().collect()),
        }
    }

    /// Has a decision looked at: whether it was this person's to make.
    fn turn(&self, path: &StepPath, attempt: &Attempt, decision: &Decision) -> Verdict {
        let Some(mut job) = job(self.run, path, attempt.number, &attempt.inputs, self.now) else {
            return Verdict::Open(Vec::new());
        };
        if let JobKind::Approval(asking) = &mut job.kind {
            asking.decision = Some(decision.clone());
        }
        let record = Record::StepHeard { step: path.clone(), attempt: attempt.number };
        Verdict::Open(vec![Effect::Perform { record, job }])
    }

    fn failed(&self, path: &StepPath, error: StepError) -> Record {
        let policy = place::on_error(self.run, path);
        let next = retry::given_up(policy);
        let attempt = match self.run.step(path) {
            Some(StepState::Running(attempt) | StepState::Standing { attempt, .. }) => attempt.number,
            _ => 1,
        };
        Record::StepFailed { step: path.clone(), attempt, error, next, cost: Default::default() }
    }

    /// Records how a step that holds others came out, once they have.
    fn close(&mut self, path: &StepPath, step: &Step, inside: Inside) -> Verdict {
        let path = path.clone();
        match inside.verdict {
            Verdict::Open(effects) => Verdict::Open(effects),
            Verdict::Settled => record(Record::StepSucceeded {
                step: path,
                attempt: 1,
                outputs: inside.outputs,
                work: Default::default(),
                cost: Default::default(),
            }),
            Verdict::Failed(error, next) => {
                // What a step inside asked for stands, unless this one says that the run goes on.
                let next = match (retry::given_up(step.on_error), next) {
                    (Next::Fail, Next::Rollback) => Next::Rollback,
                    (own, _) => own,
                };
                let error = StepError { retryable: false, ..error };
                record(Record::StepFailed { step: path, attempt: 1, error, next, cost: Default::default() })
            }
        }
    }
}

/// What it means that a step's time is up.
fn overdue(run: &Run, path: &StepPath) -> Result<Value, StepError> {
    let kind = place::find(run, path).map(|step| &step.kind);
    let late = |what: &str| StepError::fatal(StepError::TIMEOUT, format!("{what} in time"));
    match kind {
        Some(StepKind::Wait(Some(awaited))) if awaited.on_timeout == OnTimeout::Fail => {
            Err(late("nothing that it waits for happened"))
        }
        Some(StepKind::Wait(Some(_))) => Ok(json!({ "event": null, "timed_out": true })),
        Some(StepKind::Approval(approval)) => match approval.on_timeout {
            OnTimeout::Fail => Err(late("nobody decided")),
            given => {
                let approved = given == OnTimeout::Approve;
                Ok(json!({ "approved": approved, "by": null, "comment": null, "timed_out": true }))
            }
        },
        _ => Ok(Value::Null),
    }
}

/// How many of the first numbers a predicate holds for that holds for no number behind one for which it does not.
fn partition_point(count: usize, holds: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low.midpoint(high);
        if holds(middle) { low = middle + 1 } else { high = middle }
    }
    low
}
