//! What Sentry's integrations send: issues, errors, alerts and comments.
//!
//! The resource's name, the request's id and its timestamp are in headers that the signature does not cover. The
//! body's digest is therefore an identity beside the request's id, and the header's timestamp is not looked at.

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;

use super::payload::{Alert, Data, Issue, Occurrence, Payload};
use crate::event::{
    Account, Actor, Command, Comment, Event, EventKind, Incident, SourceName, Stamp, Subject,
};
use crate::plugin::lenient::{self, Text};
use crate::plugin::scheme::{Credential, Mac, Scheme};
use crate::plugin::source::{Decoded, Delivery, Source, Undecodable};

/// The vendor's name.
const SENTRY: &str = "sentry";

/// The kinds of event that it is known to make.
#[rustfmt::skip]
pub const KINDS: &[&str] = &[
    "sentry.issue.created", "sentry.issue.resolved", "sentry.issue.assigned", "sentry.issue.archived",
    "sentry.issue.unresolved", "sentry.error.created", "sentry.event_alert.triggered",
    "sentry.metric_alert.critical", "sentry.metric_alert.warning", "sentry.metric_alert.resolved",
    "sentry.comment.created", "sentry.comment.updated", "sentry.comment.deleted",
    "sentry.installation.created", "sentry.installation.deleted",
];

/// An error with its stack and its breadcrumbs fits in.
const BODY_LIMIT: usize = 1024 * 1024;

/// How Sentry as a source is configured.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SourceOptions {
    /// The integration's client secrets: several while one is being replaced.
    #[schemars(with = "Vec<String>")]
    pub secrets: Vec<SecretString>,
}

/// Sentry as a sender of deliveries.
#[derive(Debug)]
pub struct SentrySource {
    credentials: Vec<Credential>,
}

impl SentrySource {
    /// A source with these options. Without a secret it is off.
    #[must_use]
    pub fn new(options: SourceOptions) -> Self {
        let scheme = Scheme::Mac(Mac::sha256("Sentry-Hook-Signature", ""));
        Self { credentials: Credential::each(&scheme, options.secrets) }
    }
}

impl Source for SentrySource {
    fn name(&self) -> SourceName {
        SourceName::new(SENTRY)
    }

    fn credentials(&self, _: &str) -> &[Credential] {
        &self.credentials
    }

    fn id_headers(&self) -> &[&str] {
        &["Request-ID"]
    }

    fn body_limit(&self) -> usize {
        BODY_LIMIT
    }

    fn decode(&self, delivery: &Delivery, stamp: &Stamp) -> Result<Decoded, Undecodable> {
        let payload = lenient::read::<Payload>(delivery)?;
        let event = event(&payload, delivery, stamp);
        let id = delivery.id("Request-ID");
        let id = id.map(|id| format!("{SENTRY}:{id}"));
        let body = format!("{SENTRY}:body:{}", stamp.payload.digest);
        Ok(Decoded::Event { event: Box::new(event), identities: id.into_iter().chain([body]).collect() })
    }
}

fn event(payload: &Payload, delivery: &Delivery, stamp: &Stamp) -> Event {
    let resource = delivery.header("Sentry-Hook-Resource").unwrap_or_default();
    let kind = EventKind::spelled(SENTRY, &[resource, payload.action.text().unwrap_or("sent")]);
    let data = payload.data.get();
    let incident = data.and_then(incident);
    let subject = incident.as_ref().map_or(resource, |incident| &incident.id);
    let mut event = Event::new(stamp, kind, Subject::new(SENTRY, subject));
    event.time = data.and_then(Data::time).unwrap_or(stamp.received_at);
    event.actor = payload.actor.get().and_then(actor);
    event.comment = data.and_then(comment);
    let said = event.comment.as_ref().filter(|_| event.kind.as_str() == "sentry.comment.created");
    event.command = said.and_then(|comment| Command::in_comment(&comment.body, Command::NAMES));
    event.incident = incident;
    event
}

impl Data {
    fn occurrence(&self) -> Option<&Occurrence> {
        self.event.get().or(self.error.get())
    }

    fn time(&self) -> Option<jiff::Timestamp> {
        let told = [
            self.occurrence().map(|occurrence| &occurrence.datetime),
            self.metric_alert.get().map(|alert| &alert.date_started),
            Some(&self.timestamp),
            self.issue.get().map(|issue| &issue.last_seen),
        ];
        told.into_iter().flatten().filter_map(Text::text).find_map(|text| text.parse().ok())
    }
}

/// What went wrong: the issue, else the issue that an occurrence or a comment belongs to, else the alert.
fn incident(data: &Data) -> Option<Incident> {
    let issue = data.issue.get().and_then(of_issue);
    let occurrence = || data.occurrence().and_then(of_occurrence);
    let alert = || data.metric_alert.get().and_then(|alert| of_alert(alert, data));
    issue.or_else(occurrence).or_else(alert).or_else(|| of_comment(data))
}

fn of_issue(issue: &Issue) -> Option<Incident> {
    Some(Incident {
        id: issue.id.owned()?,
        title: issue.title.owned(),
        status: issue.status.owned(),
        severity: issue.level.owned(),
        service: issue.project.get().and_then(|project| project.slug.owned()),
        url: issue.web_url.owned().or_else(|| issue.permalink.owned()),
    })
}

fn of_occurrence(occurrence: &Occurrence) -> Option<Incident> {
    Some(Incident {
        title: occurrence.title.owned(),
        severity: occurrence.level.owned(),
        url: occurrence.web_url.owned(),
        ..bare(occurrence.issue_id.owned().or_else(|| occurrence.event_id.owned())?)
    })
}

fn of_alert(alert: &Alert, data: &Data) -> Option<Incident> {
    Some(Incident {
        title: data.description_title.owned().or_else(|| alert.title.owned()),
        url: data.web_url.owned(),
        ..bare(alert.id.owned()?)
    })
}

fn of_comment(data: &Data) -> Option<Incident> {
    Some(Incident { service: data.project_slug.owned(), ..bare(data.issue_id.owned()?) })
}

fn bare(id: String) -> Incident {
    Incident { id, title: None, status: None, severity: None, service: None, url: None }
}

fn comment(data: &Data) -> Option<Comment> {
    let body = data.comment.owned().unwrap_or_default();
    Some(Comment { id: data.comment_id.owned()?, body, url: None, verdict: None })
}

/// Who did it; what is no person is a program, and Sentry is one.
fn actor(actor: &super::payload::Actor) -> Option<Actor> {
    let id = actor.id.text()?;
    Some(Actor {
        account: Account::new(SENTRY, id),
        name: actor.name.text().unwrap_or(id).to_owned(),
        bot: actor.kind.text() != Some("user"),
        external: false,
    })
}

#[cfg(test)]
mod tests;
