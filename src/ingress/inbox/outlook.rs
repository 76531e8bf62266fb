//! What would be done, without doing any of it: routed and decided as ever, with nothing stored and nobody asked.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::own::event;
use super::taking::Taking;
use super::{Inbox, OrderError, Rerun};
use crate::event::{Event, Subject};
use crate::id::{EventId, RunId};
use crate::ingress::policy::Policy;
use crate::router::again::{self, Before};
use crate::router::own::{self, Order};
use crate::router::{self, Routing};
use crate::run::{Definition, Plan, Started, plan};

/// What would be done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outlook {
    /// What would start, or why nothing would, for people.
    pub sentence: String,
    /// The runs that would start, each as far as it can be seen.
    pub plans: Vec<Plan>,
}

impl Inbox {
    /// What would become of a kept event if it were replayed.
    ///
    /// # Errors
    /// As [`Inbox::replay`].
    pub async fn foresee_replay(&self, what: &str) -> Result<Outlook, OrderError> {
        let (policy, now) = (self.policy.get(), self.clock.now());
        let old = self.kept(what).await?;
        self.payload(old.id).await?;
        let routing = router::route(old.again(EventId::at(now)), &policy.rules, &policy.standing);
        Outlook::of(routing, &policy, now)
    }

    /// What a run would do if it were done again.
    ///
    /// # Errors
    /// As [`Inbox::rerun`].
    pub async fn foresee_rerun(&self, run: RunId, how: &Rerun) -> Result<Outlook, OrderError> {
        let (policy, now) = (self.policy.get(), self.clock.now());
        let Started { trigger, workflow, inputs, who, event, .. } = self.started(run).await?;
        if !how.anyway {
            self.is_over(run).await?;
        }
        self.payload(event.id).await?;
        let before = Before { trigger, workflow, inputs, who };
        let event = event.again(EventId::at(now));
        Outlook::again(event, &before, &how.inputs, &policy, now)
    }
}

impl Outlook {
    /// What a run that is ordered would do: for an event of its own or, as if its trigger had wanted it, for this one.
    ///
    /// # Errors
    /// When the order names what is not there, or does not say what is needed.
    pub fn of_order(
        order: &Order,
        about: Option<Event>,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<Self, OrderError> {
        if let Some(event) = about {
            let routing = router::route(event.clone(), &policy.rules, &policy.standing);
            let start = routing.starts.into_iter().find(|start| start.workflow == order.workflow);
            let (workflow, trigger) = (order.workflow.clone(), router::ORDER.to_owned());
            let unwanted = Before { trigger, workflow, inputs: Map::new(), who: None };
            let before = start.map_or(unwanted, |start| Before {
                trigger: start.trigger,
                workflow: start.workflow,
                inputs: start.inputs,
                who: start.who,
            });
            return Self::again(event, &before, &order.inputs, policy, now);
        }
        let event =
            event("ostler.run", Subject::new(Event::OWN, &format!("run/{}", order.workflow)), b"", now);
        let routing = own::order(event, order, &policy.rules, &policy.standing).map_err(OrderError::Unfit)?;
        Self::of(routing, policy, now)
    }

    fn again(
        event: Event,
        before: &Before,
        given: &Map<String, Value>,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<Self, OrderError> {
        let routing = again::rerun(event, before, given, &policy.rules, &policy.standing);
        Self::of(routing.map_err(OrderError::Unfit)?, policy, now)
    }

    fn of(routing: Routing, policy: &Policy, now: Timestamp) -> Result<Self, OrderError> {
        let taking = Taking::of(routing, policy, now)?;
        let unreadable =
            |what: &dyn std::fmt::Display| OrderError::Unfit(format!("it cannot be foreseen: {what}"));
        let mut plans = Vec::new();
        for run in &taking.runs {
            let definition: Definition =
                serde_json::from_slice(run.definition.text()).map_err(|error| unreadable(&error))?;
            let plan = plan::plan(run.id, Arc::new(definition), &run.first);
            plans.push(plan.map_err(|illegal| unreadable(&illegal))?);
        }
        Ok(Self { sentence: taking.reasons.sentence, plans })
    }

    /// As the API tells it.
    #[must_use]
    pub fn told(&self) -> Value {
        json!({ "dry_run": true, "sentence": self.sentence, "plans": self.plans })
    }
}
