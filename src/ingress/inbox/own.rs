//! The other way in: what Ostler itself tells of goes through the same router and the same batch as what is
//! delivered.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::json;

use super::taking::Taking;
use super::{Answer, Inbox, Rejection, Status};
use crate::event::{Account, Actor, Event, EventKind, PayloadRef, SourceName, Stamp, Subject};
use crate::id::{EventId, RunId};
use crate::ingress::budget::Reached;
use crate::ingress::policy::Policy;
use crate::router::own::{self, Order};
use crate::router::{self, Routing};
use crate::store::{Found, Query, RunStatus, StoreError, Values};

/// Why an order was not taken in. Nothing of it was stored.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// It names what is not there, or does not say what is needed.
    #[error("{0}")]
    Unfit(String),
    /// There is nothing of that name that it could be about.
    #[error("there is no such {0}")]
    Missing(&'static str),
    /// What it is about is not kept any more.
    #[error("{0}")]
    Gone(String),
    /// The run that is to be done again is not over.
    #[error("{run} is not over yet ({status}); cancel it first, or say `--anyway`")]
    Unfinished {
        /// The run.
        run: RunId,
        /// What it does.
        status: RunStatus,
    },
    /// Its key was used for another one.
    #[error("this idempotency key was used for another order")]
    KeyUsed,
    /// It could not be stored.
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

impl From<StoreError> for OrderError {
    fn from(error: StoreError) -> Self {
        Self::Rejected(error.into())
    }
}

/// Something that Ostler itself tells of, already routed.
#[derive(Debug)]
pub(in crate::ingress) struct Own {
    /// What became of it.
    pub(in crate::ingress) routing: Routing,
    /// What makes it recognisable when it is told again.
    pub(in crate::ingress) identities: Vec<String>,
    /// What it was told by, kept as a delivery's body is.
    pub(in crate::ingress) payload: Vec<u8>,
    /// What is written with it.
    pub(in crate::ingress) values: Values,
}

/// An event of Ostler's own, by whoever runs it, with no parts yet.
pub(in crate::ingress) fn event(kind: &str, subject: Subject, payload: &[u8], now: Timestamp) -> Event {
    let stamp = Stamp {
        id: EventId::at(now),
        source: SourceName::new(Event::OWN),
        received_at: now,
        payload: PayloadRef::to(payload),
    };
    let actor = Actor {
        account: Account::new(Event::OWN, "operator"),
        name: "whoever runs Ostler".to_owned(),
        bot: false,
        external: false,
    };
    Event { actor: Some(actor), ..Event::new(&stamp, EventKind::new(kind), subject) }
}

impl Inbox {
    /// Takes in what Ostler itself tells of. The only way in besides deliveries.
    ///
    /// # Errors
    /// When it cannot be stored; then nothing was stored.
    pub(in crate::ingress) async fn take_own(
        &self,
        own: Own,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<Answer, Rejection> {
        let mut taking = Taking::of(own.routing, policy, now)?;
        taking.values = own.values;
        let (_, answer) = self.put(taking, own.identities, own.payload.into(), now).await?;
        Ok(answer)
    }

    /// Starts the run that somebody at the machine asks for: once for each key.
    ///
    /// # Errors
    /// When the order names what is not there, when its key was used for another one, or when it cannot be
    /// stored; then nothing was stored.
    pub async fn order(&self, order: &Order, key: Option<&str>) -> Result<Answer, OrderError> {
        let (policy, now) = (self.policy.get(), self.clock.now());
        let payload = json!({
            "workflow": order.workflow, "inputs": order.inputs, "repository": order.repository, "task": order.task,
        });
        let payload = payload.to_string().into_bytes();
        let event =
            event("ostler.run", Subject::new(Event::OWN, &format!("run/{}", order.workflow)), &payload, now);
        let digest = event.payload.digest;
        let routing = own::order(event, order, &policy.rules, &policy.standing).map_err(OrderError::Unfit)?;
        let identities = key.map(|key| format!("ostler:run:{key}")).into_iter().collect();
        let own = Own { routing, identities, payload, values: Values::default() };
        let answer = self.take_own(own, &policy, now).await?;
        if let (Status::Duplicate, Some(first)) = (answer.status, answer.event_id)
            && let Found::Event(first) = self.store.query(Query::Event(first)).await?
            && first.payload.digest != digest
        {
            return Err(OrderError::KeyUsed);
        }
        Ok(answer)
    }

    /// The event of a budget that is used up so far, routed.
    pub(in crate::ingress) fn budget(&self, reached: &Reached, policy: &Policy) -> Own {
        let Reached { month, level, taken, line } = reached;
        let mut fields = BTreeMap::from([
            ("month".to_owned(), month.to_string()),
            ("percent".to_owned(), level.to_string()),
            ("spent".to_owned(), taken.to_string()),
            ("budget".to_owned(), line.to_string()),
            ("sentence".to_owned(), reached.sentence()),
        ]);
        if let Some(channel) = &policy.settings.limits.alerts.channel {
            fields.insert("channel".to_owned(), channel.clone());
        }
        let payload = json!(fields).to_string().into_bytes();
        let subject = Subject::new(Event::OWN, &format!("budget/{month}"));
        let mut event = event("ostler.budget", subject, &payload, self.clock.now());
        event.fields = fields;
        Own {
            routing: router::route(event, &policy.rules, &policy.standing),
            identities: vec![reached.identity()],
            payload,
            values: Values::default(),
        }
    }

    /// The event of a trigger's time, routed.
    pub(in crate::ingress) fn tick(
        &self,
        trigger: &crate::spec::Trigger,
        tick: Timestamp,
        policy: &Policy,
    ) -> Own {
        let payload = json!({ "trigger": trigger.id, "tick": tick }).to_string().into_bytes();
        let mut event = event("ostler.schedule", own::schedule_of(&trigger.id), &payload, self.clock.now());
        event.time = tick;
        let repository = trigger.filter.repository.first().and_then(|name| name.parse().ok());
        own::place(&mut event, repository, &policy.standing);
        Own {
            routing: router::route(event, &policy.rules, &policy.standing),
            identities: vec![format!("ostler:schedule:{}:{tick}", trigger.id)],
            payload,
            values: Values::default(),
        }
    }
}
