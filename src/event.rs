//! The normalized event: what every source's deliveries become, and all that the rest of Ostler knows.
//!
//! A source reads its vendor's payload once and fills the typed parts it finds; triggers, workflows and
//! agents look only here. Parts that a source cannot know are absent, never guessed. Pure data: nothing in
//! this module does I/O or reads the time.
//!
//! Where events come from is [`plugin::source`](crate::plugin::source); what is made of them,
//! [`router`](crate::router).

pub mod actor;
pub mod cloud_event;
pub mod command;
pub mod kind;
pub mod people;
pub mod rights;
pub mod subject;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::actor::{Account, Actor};
pub use self::cloud_event::CloudEvent;
pub use self::command::Command;
pub use self::kind::{EventKind, KindPattern, SourceName};
pub use self::people::{Access, People};
pub use self::rights::{Association, Permission, Team};
pub use self::subject::{RepositoryName, Subject, TaskRef};
use crate::id::{Digest, EventId};

/// One thing that happened, in the same shape for every source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Ostler's own name for it.
    pub id: EventId,
    /// Who told us: `github`, `jira`, `slack`.
    pub source: SourceName,
    /// What happened: `github.issue.labeled`, `jira.issue.assigned`, `slack.command`.
    pub kind: EventKind,
    /// When it happened, by the source's clock where it says so, else when it was received.
    pub time: Timestamp,
    /// Who did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<Actor>,
    /// What who did it is to the repository, by the word of the payload; absent where that word is about somebody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub association: Option<Association>,
    /// What it is about; events with one subject belong together.
    pub subject: Subject,
    /// The issue or ticket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskMention>,
    /// The pull request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<ChangeMention>,
    /// The repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<RepositoryMention>,
    /// What somebody wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<Comment>,
    /// What somebody asked of the bot, parsed from a comment or a slash command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<Command>,
    /// The label that was just added or removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// All labels that were just added, for sources that add several at once; `label` is the first of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels_added: Vec<String>,
    /// The account that was just assigned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignee: Option<Account>,
    /// All accounts that were just assigned, for sources that assign several at once; `assignee` is the first of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assignees_added: Vec<Account>,
    /// Commits that arrived on a branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub push: Option<Push>,
    /// A check or build that changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<Check>,
    /// The conversation it happened in, for sources that have them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<Thread>,
    /// The button that was pressed, or what else people start things by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub button: Option<Button>,
    /// What somebody filled in, by the names of the fields.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, String>,
    /// The page of documentation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<PageMention>,
    /// The incident or error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<Incident>,
    /// The event that this is once more, where somebody had it routed again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replays: Option<EventId>,
    /// The raw payload, kept apart.
    pub payload: PayloadRef,
}

/// What ingress knows of a delivery before its body is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// The id that the event will have.
    pub id: EventId,
    /// The source it came to.
    pub source: SourceName,
    /// When it was received.
    pub received_at: Timestamp,
    /// The body as it arrived.
    pub payload: PayloadRef,
}

impl Event {
    /// Where it comes from, for those who wait for something from there: its subject, and its repository.
    #[must_use]
    pub fn places(&self) -> Vec<String> {
        let repository = self.repository.as_ref().map(|mention| Self::place_of(&mention.name));
        self.conversations().into_iter().chain(repository).collect()
    }

    /// Where people talk about it: its subject, and the thread that it was said in.
    #[must_use]
    pub fn conversations(&self) -> Vec<String> {
        let thread = self.thread.as_ref().and_then(|thread| {
            Some(format!("thread:{}/{}/{}", self.source, thread.channel, thread.message.as_ref()?))
        });
        std::iter::once(self.subject.to_string()).chain(thread).collect()
    }

    /// The place that a repository is.
    #[must_use]
    pub fn place_of(repository: &RepositoryName) -> String {
        format!("repository:{repository}")
    }

    /// What it is, in a line: its kind and its subject.
    #[must_use]
    pub fn title(&self) -> String {
        format!("{} {}", self.kind, self.subject)
    }

    /// The source of what Ostler itself tells of. No delivery can come from it.
    pub const OWN: &str = "ostler";
    /// The kinds of event that it makes: the clock has come to a trigger's time, somebody at the machine wants
    /// a workflow to run, a month's budget is used up so far.
    pub const OWN_KINDS: &[&str] = &["ostler.schedule", "ostler.run", "ostler.budget"];

    /// Whether Ostler itself tells of it, on behalf of whoever runs it.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.source.as_str() == Self::OWN
    }

    /// An event with no parts yet, which a source then fills.
    #[must_use]
    pub fn new(stamp: &Stamp, kind: EventKind, subject: Subject) -> Self {
        Self {
            id: stamp.id,
            source: stamp.source.clone(),
            kind,
            time: stamp.received_at,
            actor: None,
            association: None,
            subject,
            task: None,
            change: None,
            repository: None,
            comment: None,
            command: None,
            label: None,
            labels_added: Vec::new(),
            assignee: None,
            assignees_added: Vec::new(),
            push: None,
            check: None,
            thread: None,
            button: None,
            fields: BTreeMap::new(),
            page: None,
            incident: None,
            replays: None,
            payload: stamp.payload,
        }
    }

    /// The same once more, under an id of its own.
    #[must_use]
    pub fn again(self, id: EventId) -> Self {
        // A replay of a replay is one of what happened.
        Self { id, replays: self.replays.or(Some(self.id)), ..self }
    }
}

/// A payload by reference: its digest and size; the bytes are in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayloadRef {
    /// SHA-256 of the body.
    pub digest: Digest,
    /// Its length in bytes.
    pub bytes: u64,
}

impl PayloadRef {
    /// The reference to these bytes.
    #[must_use]
    pub fn to(body: &[u8]) -> Self {
        Self { digest: Digest::of(body), bytes: body.len() as u64 }
    }
}

/// An issue or ticket, as far as the delivery told of it. A run reads the whole of it as its first act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskMention {
    /// Which one.
    pub reference: TaskRef,
    /// Its title, bound to the text that was in the payload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Its text, bound to the text that was in the payload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The vendor's word for its state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// The vendor's word for its type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Its labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// Its components, for trackers that have them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<String>,
    /// The repository that one of its fields names, as it stands there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// Whom it is assigned to now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignee: Option<Account>,
    /// Where a person reads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

impl TaskMention {
    /// A mention that says no more than which task it is.
    #[must_use]
    pub fn to(reference: TaskRef) -> Self {
        Self {
            reference,
            title: None,
            description: None,
            status: None,
            kind: None,
            labels: Vec::new(),
            components: Vec::new(),
            repository: None,
            assignee: None,
            url: None,
        }
    }
}

/// A pull request, as far as the delivery told of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeMention {
    /// The repository it is open against.
    pub repository: RepositoryName,
    /// Its number there.
    pub number: u64,
    /// The branch it comes from; a comment's payload does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head_branch: Option<String>,
    /// The commit it stands at; a comment's payload does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head_sha: Option<String>,
    /// The branch it wants to go into.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_branch: Option<String>,
    /// Where a person reads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// A repository, as far as the delivery told of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepositoryMention {
    /// The forge that has it: `github`.
    pub forge: SourceName,
    /// `owner/name` there.
    pub name: RepositoryName,
    /// The branch that changes go into.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_branch: Option<String>,
    /// Whether strangers cannot read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private: Option<bool>,
}

/// What somebody wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comment {
    /// The vendor's id of it.
    pub id: String,
    /// The text as written.
    pub body: String,
    /// Where a person reads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// What it comes to, where it is a review: `approved`, `changes_requested`, `commented`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<String>,
}

/// Commits that arrived on a branch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Push {
    /// The branch's name, without `refs/heads/`.
    pub branch: String,
    /// The commit before; absent when the branch is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// The commit after; absent when the branch was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// The paths that its commits added, changed or removed, as far as the payload lists them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
}

/// A check or build that changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Its name.
    pub name: String,
    /// The commit it looked at.
    pub sha: String,
    /// `queued`, `in_progress`, `completed`.
    pub status: String,
    /// `success`, `failure`, …, once it is completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conclusion: Option<String>,
}

/// A conversation: where an answer goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thread {
    /// The channel's id.
    pub channel: String,
    /// Its name, where the payload says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel_name: Option<String>,
    /// The message that the conversation hangs from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// A button that was pressed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Button {
    /// What the button is for, as its maker named it.
    pub action: String,
    /// The value that it carries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// A page of documentation, as far as the delivery told of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageMention {
    /// The vendor's id of it.
    pub id: String,
    /// Its title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The space that it is in, by its key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub space: Option<String>,
    /// Where a person reads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// An incident, an error or an alert, as far as the delivery told of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// The vendor's id of it.
    pub id: String,
    /// What went wrong, in a line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The vendor's word for its state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// The vendor's word for how bad it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<String>,
    /// The service or project that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Where a person reads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}
