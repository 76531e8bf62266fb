//! An event with everything that is stored with it.

use jiff::Timestamp;

use super::Rejection;
use crate::event::Event;
use crate::id::RunId;
use crate::ingress::policy::Policy;
use crate::ingress::questions::Open;
use crate::router::guard::Voice;
use crate::router::{ANSWERING, Reasons, Routing, Start};
use crate::run::{Entry, Frozen, Record, Started};
use crate::store::{NewRun, Values};

/// What an event becomes.
#[derive(Debug)]
pub(super) struct Taking {
    pub(super) routing: Routing,
    /// What the runs are about, where that is not the event itself.
    about: Option<Box<Event>>,
    pub(super) runs: Vec<NewRun>,
    /// The runs' workflows, in the same order.
    workflows: Vec<String>,
    pub(super) reasons: Reasons,
    /// What answers where the event came from, if anything may have to be said there.
    pub(super) answering: Option<Frozen>,
    pub(super) values: Values,
}

impl Taking {
    /// What routing says.
    pub(super) fn of(mut routing: Routing, policy: &Policy, now: Timestamp) -> Result<Self, Rejection> {
        let runs = new_runs(&routing, policy, now)?;
        let workflows = routing.starts.iter().map(|start| start.workflow.clone()).collect();
        let answering = answering(&routing, policy);
        let reasons = routing.take_reasons(policy.rules.catalog.digest);
        Ok(Self { routing, about: None, runs, workflows, reasons, answering, values: Values::default() })
    }

    /// The same, and what another event starts now that its question is answered: the question goes with it, and
    /// was still there.
    pub(super) fn answering(
        mut self,
        open: &Open,
        resumed: Routing,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<Self, Rejection> {
        self.runs.extend(new_runs(&resumed, policy, now)?);
        self.answering = answering(&resumed, policy);
        self.workflows.extend(resumed.starts.iter().map(|start| start.workflow.clone()));
        let (name, event) = (open.name(), open.question.event);
        self.values.expect.push((name.clone(), Some(open.to_bytes())));
        self.values.put.push((name, None));
        let sentence = format!("It answers what was asked about {event}. {}", resumed.sentence());
        self.reasons =
            Reasons { sentence, answers: Some(event), triggers: resumed.reasons, ..Reasons::default() };
        self.about = Some(Box::new(resumed.event));
        Ok(self)
    }

    /// The runs with their workflows.
    pub(super) fn started(&self) -> Vec<(RunId, String)> {
        self.runs.iter().map(|run| run.id).zip(self.workflows.iter().cloned()).collect()
    }

    /// The event that the runs are about.
    pub(super) fn into_about(self) -> Box<Event> {
        self.about.unwrap_or_else(|| Box::new(self.routing.event))
    }
}

fn new_runs(routing: &Routing, policy: &Policy, now: Timestamp) -> Result<Vec<NewRun>, Rejection> {
    routing.starts.iter().map(|start| new_run(start, routing, policy, now)).collect()
}

/// A run with its first record and its frozen definition.
fn new_run(start: &Start, routing: &Routing, policy: &Policy, now: Timestamp) -> Result<NewRun, Rejection> {
    let event = &routing.event;
    let task = event.task.as_ref().map(|task| task.reference.clone());
    let tracker = task.as_ref().map(|task| &task.tracker);
    let definition = policy.freeze(&start.workflow, tracker);
    let definition = definition.ok_or_else(|| {
        Rejection::Failed(format!("trigger {} names the unknown workflow {}", start.trigger, start.workflow))
    })?;
    let started = Started {
        trigger: start.trigger.clone(),
        definition: definition.digest(),
        workflow: start.workflow.clone(),
        inputs: start.inputs.clone(),
        event: event.clone(),
        who: start.who.clone(),
        task,
        repository: event.repository.as_ref().map(|repository| repository.name.clone()),
        project: routing.project.clone(),
        channel: routing.channel.clone(),
        hops: 0,
        rerun_of: None,
    };
    Ok(NewRun {
        id: RunId::of(event.id, &start.trigger),
        first: Entry { seq: 0, at: now, record: Record::Started(Box::new(started)) },
        definition,
        guard: Some(Box::new(start.guard.clone())),
    })
}

/// What answers where an event came from, if anything may have to be said there.
fn answering(routing: &Routing, policy: &Policy) -> Option<Frozen> {
    let speaks = routing.starts.iter().any(|start| start.guard.voice != Voice::Silent);
    let tracker = routing.event.task.as_ref().map(|task| &task.reference.tracker);
    let (workflow, _) = ANSWERING;
    if speaks { policy.freeze(workflow, tracker) } else { None }
}
