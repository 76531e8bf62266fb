//! What Linear sends: how its deliveries are known to be genuine and what they mean.
//!
//! Every type is an event here; those that Ostler knows nothing about have an actor and a subject. One delivery
//! is one event, named after the most telling thing it tells of, in the order of the other tracker: who it was
//! given to, where it stands, its labels. What somebody writes to an agent comes as a comment and as a
//! session's turn; only the comment is a command, so that it is heard once.
//!
//! The time of sending stands in the signed body and is good for a minute. The delivery's id is not covered by
//! the signature, and two hooks tell of one thing in two bodies: the state of the object that it tells of is
//! therefore an identity as well.

mod kind;

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;

use super::payload::{Data, Issue, Named, Payload, Person};
use crate::event::{
    Account, Actor, Command, Comment, Event, EventKind, SourceName, Stamp, Subject, TaskMention, TaskRef,
};
use crate::plugin::fetch::Poll;
use crate::plugin::lenient::{self, Maybe, Text};
use crate::plugin::scheme::{Credential, Mac, Scheme};
use crate::plugin::source::{Decoded, Delivery, Source, Undecodable};

/// The vendor's name.
const LINEAR: &str = "linear";

/// The kinds of event that it is known to make.
#[rustfmt::skip]
pub const KINDS: &[&str] = &[
    "linear.issue.created", "linear.issue.assigned", "linear.issue.unassigned", "linear.issue.transitioned",
    "linear.issue.labeled", "linear.issue.unlabeled", "linear.issue.updated", "linear.issue.removed",
    "linear.comment.created", "linear.comment.updated", "linear.comment.removed", "linear.reaction.created",
    "linear.attachment.created", "linear.issue_label.created", "linear.project.created",
    "linear.project.updated", "linear.cycle.created", "linear.cycle.updated", "linear.document.created",
    "linear.agent_session.created", "linear.agent_session.prompted",
];

/// Descriptions are sent whole.
const BODY_LIMIT: usize = 10 * 1024 * 1024;

/// Seconds that a delivery may say it was sent ago, or ahead.
const WINDOW: u64 = 60;

/// The header with Linear's own id of a delivery.
pub(super) const ID: &str = "Linear-Delivery";

/// What the names of changes begin with that something was made with.
pub(super) const MADE: &str = "made";

/// How Linear as a source is configured.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SourceOptions {
    /// The webhook's secrets: several while one is being replaced.
    #[schemars(with = "Vec<String>")]
    pub secrets: Vec<SecretString>,
    /// Whether Linear is asked for what it could not deliver.
    pub catch_up: Option<bool>,
    /// How Linear is asked for everything, where it cannot deliver anything.
    pub poll: Option<Poll>,
    /// The keys of the teams that are asked about, where not all that the account sees.
    pub teams: Vec<String>,
}

/// Linear as a sender of deliveries.
#[derive(Debug)]
pub struct LinearSource {
    credentials: Vec<Credential>,
}

impl LinearSource {
    /// A source with these options. Without a secret it is off.
    #[must_use]
    pub fn new(options: SourceOptions) -> Self {
        // The header with the time is not signed: it proves nothing.
        let mac = Mac::sha256("Linear-Signature", "");
        let scheme = Scheme::Dated { mac, member: "webhookTimestamp", window: WINDOW };
        Self { credentials: Credential::each(&scheme, options.secrets) }
    }
}

impl Source for LinearSource {
    fn name(&self) -> SourceName {
        SourceName::new(LINEAR)
    }

    fn credentials(&self, _: &str) -> &[Credential] {
        &self.credentials
    }

    fn id_headers(&self) -> &[&str] {
        &[ID]
    }

    fn body_limit(&self) -> usize {
        BODY_LIMIT
    }

    fn decode(&self, delivery: &Delivery, stamp: &Stamp) -> Result<Decoded, Undecodable> {
        let payload = lenient::read::<Payload>(delivery)?;
        let event = Reading { payload: &payload }.event(stamp);
        let identities = identities(delivery, &payload, &event, stamp);
        Ok(Decoded::Event { event: Box::new(event), identities })
    }
}

fn identities(delivery: &Delivery, payload: &Payload, event: &Event, stamp: &Stamp) -> Vec<String> {
    let id = delivery.id(ID);
    let mut identities: Vec<String> = id.map(|id| format!("{LINEAR}:{id}")).into_iter().collect();
    identities.push(format!("{LINEAR}:body:{}", stamp.payload.digest));
    let Some(data) = payload.data.get() else { return identities };
    if let (Some(id), Some("create")) = (data.id.text(), payload.action.text()) {
        identities.push(format!("{}:{id}", event.kind));
        let is_issue = payload.kind.text() == Some("Issue");
        let made_with = is_issue.then(|| made_with(data)).into_iter().flatten();
        identities.extend(made_with.map(|what| format!("{LINEAR}:{MADE}/{id}/{what}")));
    }
    if let (Some(id), Some(state)) = (data.id.text(), data.updated_at.text()) {
        // Two changes may be told of in one later state; what each began with tells them apart.
        let before = payload.updated_from.get().and_then(|before| before.updated_at.text());
        identities.push(format!("{}:{id}@{}/{state}", event.kind, before.unwrap_or_default()));
    }
    identities
}

/// What an issue is made with is told by its making, and not again as a change: what such changes are called.
fn made_with(data: &Data) -> impl Iterator<Item = String> {
    let labels = data.labels.items().iter().filter_map(|label| label.id.text());
    let labels = labels.map(|id| format!("label/{id}"));
    let state = data.state.get().and_then(|state| state.id.text());
    let one =
        [("assignee", data.assignee_id.text()), ("delegate", data.delegate_id.text()), ("state", state)];
    labels.chain(one.into_iter().filter_map(|(what, id)| Some(format!("{what}/{}", id?))))
}

/// A payload being understood.
#[derive(Debug, Clone, Copy)]
struct Reading<'a> {
    payload: &'a Payload,
}

impl<'a> Reading<'a> {
    fn event(self, stamp: &Stamp) -> Event {
        let task = self.task();
        let kind = EventKind::new(format!("{LINEAR}.{}", self.kind()));
        let mut event = Event::new(stamp, kind, self.subject(task.as_ref()));
        event.time =
            self.payload.created_at.text().and_then(|text| text.parse().ok()).unwrap_or(stamp.received_at);
        event.actor = self.actor();
        event.comment = self.comment();
        event.command = self.command();
        event.labels_added = self.labels_added();
        event.label = event.labels_added.first().cloned();
        event.assignees_added = self.assignees_added();
        event.assignee = event.assignees_added.first().cloned().or_else(|| self.unassigned());
        event.task = task;
        event
    }

    fn data(self) -> Option<&'a Data> {
        self.payload.data.get()
    }

    /// The issue, or the one that a comment, a reaction or a session belongs to.
    fn task(self) -> Option<TaskMention> {
        if let Some(data) = self.data().filter(|_| self.is("Issue")) {
            return task(data);
        }
        let session = self.payload.agent_session.get().and_then(|session| session.issue.get());
        belonging(self.data().and_then(|data| data.issue.get()).or(session)?)
    }

    /// Whether it is of this type.
    fn is(self, kind: &str) -> bool {
        self.payload.kind.text() == Some(kind)
    }

    /// The issue; else what it is about by its id, else the organisation.
    fn subject(self, task: Option<&TaskMention>) -> Subject {
        if let Some(task) = task {
            return task.reference.subject();
        }
        let data = self.data();
        let issue = data.and_then(|data| data.issue_id.text());
        let session = || self.payload.agent_session.get().and_then(|session| session.id.text());
        let own = || data.and_then(|data| data.id.text()).or_else(session);
        let organization = || self.payload.organization_id.text().unwrap_or("organization");
        Subject::new(LINEAR, issue.or_else(own).unwrap_or_else(organization))
    }

    /// Who did it; a comment may have come from another service, where its writer is nobody of ours.
    fn actor(self) -> Option<Actor> {
        let data = self.data();
        if let Some(guest) = data.and_then(|data| data.external_user.get()) {
            return Some(Actor { external: true, ..actor(guest)? });
        }
        let creator = || self.payload.agent_session.get().and_then(|session| session.creator.get());
        let named =
            self.payload.actor.get().or_else(|| data.and_then(|data| data.user.get())).or_else(creator);
        let machine = data.is_some_and(|data| data.bot_actor.get().is_some());
        let actor = named.and_then(actor).or_else(|| {
            let id = data?.user_id.text()?;
            Some(Actor { account: account(id), name: id.to_owned(), bot: false, external: false })
        })?;
        Some(Actor { bot: actor.bot || machine, ..actor })
    }

    fn comment(self) -> Option<Comment> {
        let session = self.payload.agent_session.get().and_then(|session| session.comment.get());
        if let Some(data) = self.data().filter(|_| self.is("Comment")).or(session) {
            return comment(data, &self.payload.url);
        }
        let activity = self.payload.agent_activity.get()?;
        let body = activity.content.get()?.body.owned()?;
        Some(Comment { id: activity.id.owned()?, body, url: None, verdict: None })
    }

    /// What was asked in a comment just made; editing it asks nothing anew.
    fn command(self) -> Option<Command> {
        let made = self.is("Comment") && self.payload.action.text() == Some("create");
        Command::in_comment(self.data().filter(|_| made)?.body.text()?, Command::NAMES)
    }

    fn is_new(self) -> bool {
        self.is("Issue") && self.payload.action.text() == Some("create")
    }

    fn labels_added(self) -> Vec<String> {
        let Some(data) = self.data().filter(|_| self.is("Issue")) else { return Vec::new() };
        let before = self.payload.updated_from.get().and_then(|before| before.label_ids.get());
        let labels = data.labels.items().iter();
        let new = |label: &&Named| match before {
            Some(before) => label.id.text().is_some_and(|id| before.iter().all(|old| old != id)),
            None => self.is_new(),
        };
        labels.filter(new).filter_map(|label| label.name.owned()).collect()
    }

    /// Whom it was just given to: a person, or an agent that it is delegated to.
    fn assignees_added(self) -> Vec<Account> {
        let Some(data) = self.data().filter(|_| self.is("Issue")) else { return Vec::new() };
        let before = self.payload.updated_from.get();
        let told = |field: fn(&super::payload::Before) -> bool| self.is_new() || before.is_some_and(field);
        let assignee = data.assignee_id.text().filter(|_| told(|before| before.assignee_id.told));
        let delegate = data.delegate_id.text().filter(|_| told(|before| before.delegate_id.told));
        assignee.into_iter().chain(delegate).map(account).collect()
    }

    /// Whom it was just taken from.
    fn unassigned(self) -> Option<Account> {
        let before = self.payload.updated_from.get()?;
        let former = before.assignee_id.value.text().or(before.delegate_id.value.text());
        former.filter(|_| self.is("Issue")).map(account)
    }
}

fn task(data: &Data) -> Option<TaskMention> {
    let named = |named: &Maybe<Named>| named.get().and_then(|named| named.name.owned());
    Some(TaskMention {
        title: data.title.owned(),
        description: data.description.owned(),
        status: named(&data.state),
        labels: data.labels.items().iter().filter_map(|label| label.name.owned()).collect(),
        components: named(&data.project).into_iter().collect(),
        assignee: data.assignee_id.text().or(data.delegate_id.text()).map(account),
        url: data.url.owned(),
        ..TaskMention::to(TaskRef::new(LINEAR, data.identifier.text()?))
    })
}

fn belonging(issue: &Issue) -> Option<TaskMention> {
    Some(TaskMention {
        title: issue.title.owned(),
        url: issue.url.owned(),
        ..TaskMention::to(TaskRef::new(LINEAR, issue.identifier.text()?))
    })
}

fn comment(data: &Data, url: &Text) -> Option<Comment> {
    Some(Comment {
        id: data.id.owned()?,
        body: data.body.owned().unwrap_or_default(),
        url: data.url.owned().or_else(|| url.owned()),
        verdict: None,
    })
}

fn account(id: &str) -> Account {
    Account::new(LINEAR, id)
}

fn actor(person: &Person) -> Option<Actor> {
    let id = person.id.text()?;
    Some(Actor {
        account: account(id),
        name: person.name.text().unwrap_or(id).to_owned(),
        bot: person.kind.text().is_some_and(|kind| !kind.eq_ignore_ascii_case("user")),
        external: false,
    })
}

#[cfg(test)]
mod tests;
