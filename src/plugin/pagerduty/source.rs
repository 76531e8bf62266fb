//! What PagerDuty sends: incidents and services, each event with an id that the signature covers.

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;

use super::payload::{Data, Payload, Reference, Told};
use crate::event::{
    Account, Actor, Command, Comment, Event, EventKind, Incident, SourceName, Stamp, Subject,
};
use crate::plugin::lenient::{self, Maybe};
use crate::plugin::scheme::{Credential, Mac, Scheme};
use crate::plugin::source::{Decoded, Delivery, Source, Undecodable};

/// The vendor's name.
const PAGERDUTY: &str = "pagerduty";

/// The kinds of event that it is known to make.
#[rustfmt::skip]
pub const KINDS: &[&str] = &[
    "pagerduty.incident.triggered", "pagerduty.incident.acknowledged", "pagerduty.incident.unacknowledged",
    "pagerduty.incident.annotated", "pagerduty.incident.delegated", "pagerduty.incident.escalated",
    "pagerduty.incident.priority_updated", "pagerduty.incident.reassigned", "pagerduty.incident.reopened",
    "pagerduty.incident.resolved", "pagerduty.incident.responder.added",
    "pagerduty.incident.responder.replied", "pagerduty.incident.status_update_published",
    "pagerduty.service.created", "pagerduty.service.updated", "pagerduty.service.deleted",
];

/// The event by which a subscription is tried.
const TEST: &str = "pagey.ping";

/// An incident with all that it refers to fits in.
const BODY_LIMIT: usize = 1024 * 1024;

/// How PagerDuty as a source is configured.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SourceOptions {
    /// The subscription's secrets: several while one is being replaced.
    #[schemars(with = "Vec<String>")]
    pub secrets: Vec<SecretString>,
}

/// PagerDuty as a sender of deliveries.
#[derive(Debug)]
pub struct PagerdutySource {
    credentials: Vec<Credential>,
}

impl PagerdutySource {
    /// A source with these options. Without a secret it is off.
    #[must_use]
    pub fn new(options: SourceOptions) -> Self {
        // While PagerDuty replaces a secret it signs with both.
        let mac = Mac { listed: true, ..Mac::sha256("X-PagerDuty-Signature", "v1=") };
        Self { credentials: Credential::each(&Scheme::Mac(mac), options.secrets) }
    }
}

impl Source for PagerdutySource {
    fn name(&self) -> SourceName {
        SourceName::new(PAGERDUTY)
    }

    fn credentials(&self, _: &str) -> &[Credential] {
        &self.credentials
    }

    fn body_limit(&self) -> usize {
        BODY_LIMIT
    }

    fn decode(&self, delivery: &Delivery, stamp: &Stamp) -> Result<Decoded, Undecodable> {
        let payload = lenient::read::<Payload>(delivery)?;
        let told = payload.event.get().ok_or_else(|| Undecodable::missing("event"))?;
        let kind = told.event_type.text().ok_or_else(|| Undecodable::missing("event.event_type"))?;
        if kind == TEST {
            return Ok(Decoded::Ignored("a test of the subscription".to_owned()));
        }
        let id = told.id.owned().unwrap_or_else(|| format!("body:{}", stamp.payload.digest));
        let event = event(told, kind, stamp);
        Ok(Decoded::Event { event: Box::new(event), identities: vec![format!("{PAGERDUTY}:{id}")] })
    }
}

fn event(told: &Told, kind: &str, stamp: &Stamp) -> Event {
    let incident = told.data.get().and_then(|data| incident(data, kind));
    let thing = incident.as_ref().map(|incident| incident.id.clone());
    let thing = thing.or_else(|| told.data.get()?.id.owned());
    let subject = Subject::new(PAGERDUTY, thing.as_deref().unwrap_or("account"));
    let mut event = Event::new(stamp, EventKind::spelled(PAGERDUTY, &[kind]), subject);
    let moment = told.occurred_at.text().and_then(|text| text.parse().ok());
    event.time = moment.unwrap_or(stamp.received_at);
    // What monitoring raises comes from nobody: it is the service that speaks.
    let service = || told.data.get().and_then(|data| data.service.get());
    event.actor = told.agent.get().or_else(service).and_then(actor);
    event.comment = told.data.get().filter(|_| kind == "incident.annotated").and_then(note);
    event.command = event.comment.as_ref().and_then(|note| Command::in_comment(&note.body, Command::NAMES));
    event.incident = incident;
    event
}

/// The incident, or the one that the thing belongs to.
fn incident(data: &Data, kind: &str) -> Option<Incident> {
    if let Some(other) = data.incident.get() {
        return Some(Incident {
            id: other.id.owned()?,
            title: other.summary.owned(),
            status: None,
            severity: None,
            service: None,
            url: other.html_url.owned(),
        });
    }
    let is_incident = kind.starts_with("incident.");
    let summary = |reference: &Maybe<Reference>| reference.get().and_then(|one| one.summary.owned());
    Some(Incident {
        id: data.id.owned().filter(|_| is_incident)?,
        title: data.title.owned(),
        status: data.status.owned(),
        severity: summary(&data.priority).or_else(|| data.urgency.owned()),
        service: summary(&data.service),
        url: data.html_url.owned(),
    })
}

/// What somebody wrote about the incident.
fn note(data: &Data) -> Option<Comment> {
    Some(Comment {
        id: data.id.owned()?,
        body: data.content.owned().unwrap_or_default(),
        url: None,
        verdict: None,
    })
}

/// Who did it; what is no person is a program.
fn actor(agent: &Reference) -> Option<Actor> {
    let id = agent.id.text()?;
    Some(Actor {
        account: Account::new(PAGERDUTY, id),
        name: agent.summary.text().unwrap_or(id).to_owned(),
        bot: agent.kind.text() != Some("user_reference"),
        external: false,
    })
}

#[cfg(test)]
mod tests;
