//! What was taken in once is taken in once more: an event is shown to today's triggers, or a run is done again. Both
//! make another event, which says what it repeats, and go the way of everything else from the router on.

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::taking::Taking;
use super::{Answer, Inbox, OrderError, Status};
use crate::event::Event;
use crate::id::{EventId, RunId};
use crate::ingress::explain::delivered;
use crate::router::again::{self, Before};
use crate::router::{self, Routing};
use crate::run::{Record, Started};
use crate::store::{Found, Query, RunStatus};

/// What became of something that was taken in once more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Again {
    /// What became of it, and the event that it is now.
    #[serde(flatten)]
    pub answer: Answer,
    /// The event that it repeats.
    pub replays: EventId,
    /// Why something started or nothing did, for people.
    pub sentence: String,
}

/// How a run is to be done again.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rerun {
    /// The inputs that are to be others; text stands for what it says where the input is no text.
    pub inputs: Map<String, Value>,
    /// Even though the run is not over.
    pub anyway: bool,
}

/// What is stored, before it is.
struct Repeated {
    routing: Routing,
    payload: Bytes,
    identities: Vec<String>,
    rerun_of: Option<RunId>,
}

impl Inbox {
    /// Shows a kept event to the triggers of today: once for each key. It is named by its id, or by what the sender
    /// of its delivery calls that.
    ///
    /// # Errors
    /// When there is no such event, or its payload is gone, or it cannot be stored; then nothing was stored.
    pub async fn replay(&self, what: &str, key: Option<&str>) -> Result<Again, OrderError> {
        let (policy, now) = (self.policy.get(), self.clock.now());
        let old = self.kept(what).await?;
        let payload = self.payload(old.id).await?;
        let identities = key.map(|key| format!("ostler:replay:{}:{key}", old.id)).into_iter().collect();
        let event = old.again(EventId::at(now));
        let routing = router::route(event, &policy.rules, &policy.standing);
        self.repeat(Repeated { routing, payload, identities, rerun_of: None }, now).await
    }

    /// Does a run again, for the same event and with the definition of today: once for each key.
    ///
    /// # Errors
    /// When there is no such run, when it is not over, when its workflow cannot be started so, when its event's payload
    /// is gone, when the key was used for other inputs, or when it cannot be stored; then nothing was stored.
    pub async fn rerun(&self, run: RunId, how: &Rerun, key: Option<&str>) -> Result<Again, OrderError> {
        let (policy, now) = (self.policy.get(), self.clock.now());
        let Started { trigger, workflow, inputs, who, event: old, .. } = self.started(run).await?;
        let before = Before { trigger, workflow, inputs, who };
        let identities: Vec<_> = key.map(|key| format!("ostler:rerun:{run}:{key}")).into_iter().collect();
        let first = self.store.query(Query::Identities(identities.clone())).await?;
        if !how.anyway && !matches!(first, Found::Accepted(_)) {
            self.is_over(run).await?;
        }
        let payload = self.payload(old.id).await?;
        let event = old.again(EventId::at(now));
        let routing = again::rerun(event, &before, &how.inputs, &policy.rules, &policy.standing);
        let routing =
            routing.map_err(|why| OrderError::Unfit(format!("{run} cannot be done again: {why}")))?;
        let inputs = routing.starts.first().map(|start| start.inputs.clone());
        let again = self.repeat(Repeated { routing, payload, identities, rerun_of: Some(run) }, now).await?;
        if let (Status::Duplicate, Some(first)) = (again.answer.status, again.answer.runs.first())
            && Some(self.started(*first).await?.inputs) != inputs
        {
            return Err(OrderError::KeyUsed);
        }
        Ok(again)
    }

    async fn repeat(&self, repeated: Repeated, now: Timestamp) -> Result<Again, OrderError> {
        let Repeated { routing, payload, identities, rerun_of } = repeated;
        let event = &routing.event;
        let replays = event.replays.unwrap_or(event.id);
        let mut taking = Taking::of(routing, &self.policy.get(), now)?;
        for run in &mut taking.runs {
            if let Record::Started(started) = &mut run.first.record {
                started.rerun_of = rerun_of;
            }
        }
        let (_, answer) = self.put(taking, identities, payload, now).await?;
        let sentence = self.sentence(&answer).await?;
        Ok(Again { answer, replays, sentence })
    }

    /// What was written down of how it was judged: what guards said is in it.
    async fn sentence(&self, answer: &Answer) -> Result<String, OrderError> {
        let Some(event) = answer.event_id else { return Ok(String::new()) };
        let found = self.store.query(Query::Reasons(event)).await?;
        Ok(if let Found::Reasons(reasons) = found { reasons.sentence } else { String::new() })
    }

    /// The event of an id or of a delivery's name.
    pub(super) async fn kept(&self, what: &str) -> Result<Event, OrderError> {
        let found = match what.parse::<EventId>() {
            Ok(id) => match self.store.query(Query::Event(id)).await? {
                Found::Event(event) => Some(*event),
                _ => None,
            },
            Err(_) => delivered(&*self.store, &self.policy.get().registry, what).await?,
        };
        found.ok_or(OrderError::Missing("event or delivery"))
    }

    pub(super) async fn payload(&self, event: EventId) -> Result<Bytes, OrderError> {
        match self.store.query(Query::Payload(event)).await? {
            Found::Bytes(bytes) => Ok(bytes.into()),
            _ => Err(OrderError::Gone(format!("the payload of {event} is not kept any more"))),
        }
    }

    pub(super) async fn started(&self, run: RunId) -> Result<Started, OrderError> {
        let journal = self.store.load(run).await?.ok_or(OrderError::Missing("run"))?;
        match journal.entries.into_iter().next().map(|entry| entry.record) {
            Some(Record::Started(started)) => Ok(*started),
            _ => Err(OrderError::Missing("run")),
        }
    }

    pub(super) async fn is_over(&self, run: RunId) -> Result<(), OrderError> {
        let Found::Run(summary) = self.store.query(Query::Run(run)).await? else {
            return Err(OrderError::Missing("run"));
        };
        match summary.status {
            status @ (RunStatus::Open | RunStatus::Parked) => Err(OrderError::Unfinished { run, status }),
            _ => Ok(()),
        }
    }
}
