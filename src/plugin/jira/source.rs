//! What Jira sends, Cloud and Data Center: how its deliveries are known to be genuine and what they mean.
//!
//! One delivery is one event, named after the most telling thing it tells of: who it was given to comes
//! before where it stands, that before its labels, and those before a comment. The other things are in the
//! event's parts all the same.
//!
//! The delivery's identifier is unique within a site only and not covered by the signature, so the body's
//! digest is an identity as well (bodies carry their time in milliseconds). Data Center tells of a comment
//! twice; only one of the two knows the issue. What two webhooks tell of one change has the changelog's id in
//! common.
//!
//! Automation's rules send what their authors choose: an issue, or a document of their own that says in
//! `event` what happened and in `idempotency_key` what makes it recognisable. Nothing signs them; a token
//! that is sent along proves the sender.

use std::mem::take;
use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::payload::{Comment, Fields, Issue, Item, Named, Payload, User};
use crate::event::{
    Account, Actor, Command, Event, EventKind, SourceName, Stamp, Subject, TaskMention, TaskRef,
};
use crate::plugin::fetch::{self, Poll};
use crate::plugin::lenient::{self, Maybe, Text};
use crate::plugin::scheme::{Credential, Mac, Scheme};
use crate::plugin::source::{Decoded, Delivery, Source, Undecodable};

/// The vendor's name.
const JIRA: &str = "jira";

/// The kinds of event that it is known to make.
#[rustfmt::skip]
pub const KINDS: &[&str] = &[
    "jira.issue.created", "jira.issue.assigned", "jira.issue.unassigned", "jira.issue.updated",
    "jira.issue.transitioned", "jira.issue.labeled", "jira.issue.unlabeled", "jira.issue.commented",
    "jira.issue.deleted", "jira.automation.sent",
];

/// The words by which a rule of Automation says that its event is one of Jira's own.
const WORDS: &[&str] = &[
    "created",
    "assigned",
    "unassigned",
    "updated",
    "transitioned",
    "labeled",
    "unlabeled",
    "commented",
    "deleted",
];

/// The name of what a rule of Automation sends.
const AUTOMATION: &str = "automation";

/// The header of the signature, which lacks GitHub's `-256`; the digest is the same.
const SIGNATURE: &str = "X-Hub-Signature";

/// Descriptions and changelogs are sent whole.
const BODY_LIMIT: usize = 10 * 1024 * 1024;

/// How Jira as a source is configured.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SourceOptions {
    /// The webhook's secrets: several while one is being replaced.
    #[schemars(with = "Vec<String>")]
    pub secrets: Vec<SecretString>,
    /// The shared secrets of a Connect app's installations.
    #[schemars(with = "Vec<String>")]
    pub connect_secrets: Vec<SecretString>,
    /// The tokens that rules of Automation send along.
    #[schemars(with = "Vec<String>")]
    pub automation_tokens: Vec<SecretString>,
    /// The site's host name, for sites whose payloads name another one.
    pub site: Option<String>,
    /// Whether Jira is asked for what it could not deliver.
    pub catch_up: Option<bool>,
    /// How Jira is asked for everything, where it cannot deliver anything.
    pub poll: Option<Poll>,
    /// Which issues are asked about, in JQL; all that the account sees where nothing is said.
    pub jql: Option<String>,
    /// The custom field of an issue that names its repository, as the tracker's options have it.
    #[serde(skip)]
    pub repository_field: Option<String>,
}

impl SourceOptions {
    /// How often Jira is asked, if it is. What rules of Automation send is not what a search finds: for them
    /// alone there is nothing to catch up with.
    pub(super) fn every(&self) -> Option<Duration> {
        if let Some(poll) = &self.poll {
            return Some(fetch::pause(poll.every));
        }
        let sends = !self.secrets.is_empty() || !self.connect_secrets.is_empty();
        (sends && self.catch_up.unwrap_or(true)).then(|| fetch::pause(fetch::CATCH_UP))
    }
}

/// Jira as a sender of deliveries.
#[derive(Debug)]
pub struct JiraSource {
    credentials: Vec<Credential>,
    site: Option<String>,
    repository_field: Option<String>,
}

impl JiraSource {
    /// A source with these options. Without a secret it is off.
    #[must_use]
    pub fn new(options: SourceOptions) -> Self {
        let signed = Scheme::Mac(Mac::sha256(SIGNATURE, "sha256="));
        let credentials = [
            Credential::each(&signed, options.secrets),
            Credential::each(&Scheme::Connect, options.connect_secrets),
            Credential::typed(options.automation_tokens, SIGNATURE),
        ];
        Self {
            credentials: credentials.concat(),
            site: options.site,
            repository_field: options.repository_field,
        }
    }

    /// What the custom field says. The body is read for it once more: its name is not known before it is
    /// configured.
    fn repository(&self, body: &[u8]) -> Option<String> {
        let field = self.repository_field.as_ref()?;
        let body: Value = serde_json::from_slice(body).ok()?;
        let value = &body["issue"]["fields"][field];
        // A list to choose from holds what was chosen.
        value.as_str().or_else(|| value["value"].as_str()).filter(|text| !text.is_empty()).map(str::to_owned)
    }

    fn identities(
        &self,
        delivery: &Delivery,
        payload: &Payload,
        event: &Event,
        stamp: &Stamp,
    ) -> Vec<String> {
        let site = self.site.clone().or_else(|| host(payload)).unwrap_or_default();
        let key = payload.idempotency_key.text().or(delivery.header("Idempotency-Key"));
        // A rule's document may be the same each time; where its author tells two apart, we do. Beside a signature
        // it is no rule's, and a header that nothing covers would let anybody send a signed body again.
        let is_rules = payload.is_automation() && !delivery.headers.contains_key(SIGNATURE);
        if let Some(key) = key.filter(|key| is_rules && !key.is_empty()) {
            return vec![format!("{JIRA}:{site}:{AUTOMATION}:{key}")];
        }
        let mut identities = Vec::new();
        let id = delivery.id("X-Atlassian-Webhook-Identifier");
        if let Some(id) = id {
            identities.push(format!("{JIRA}:{site}:{id}"));
        }
        identities.push(format!("{JIRA}:body:{}", stamp.payload.digest));
        // An issue is created once, in whatever state it is told of.
        let issue = payload.issue.get().and_then(|issue| issue.id.text());
        if let Some(id) = issue.filter(|_| payload.name() == Some("issue_created")) {
            identities.push(format!("{JIRA}:{site}:created:{id}"));
        }
        // Creating an issue with an assignee can be told of twice, as its creation and as an assignment: in
        // the same state of the issue both are one.
        if let (Some(task), Some(assignee), Some(state)) =
            (&event.task, &event.assignee, payload.state_told())
            && matches!(event.kind.as_str(), "jira.issue.created" | "jira.issue.assigned")
        {
            identities.push(format!("{JIRA}:{site}:{}:{assignee}@{state}", task.reference.key));
        }
        // Two webhooks may both tell of one change.
        if let Some(id) = payload.changelog.get().and_then(|changelog| changelog.id.text()) {
            identities.push(format!("{JIRA}:{site}:changelog:{id}"));
        }
        // An update and a comment's own delivery can both tell of one comment.
        if let Some(comment) =
            event.comment.as_ref().filter(|_| event.kind.as_str() == "jira.issue.commented")
        {
            identities.push(format!("{JIRA}:{site}:comment:{}", comment.id));
        }
        identities
    }
}

impl Source for JiraSource {
    fn name(&self) -> SourceName {
        SourceName::new(JIRA)
    }

    fn credentials(&self, _: &str) -> &[Credential] {
        &self.credentials
    }

    fn id_headers(&self) -> &[&str] {
        &["X-Atlassian-Webhook-Identifier"]
    }

    fn identities_of(&self, id: &str) -> Vec<String> {
        self.site.iter().map(|site| format!("{JIRA}:{site}:{id}")).collect()
    }

    fn body_limit(&self) -> usize {
        BODY_LIMIT
    }

    fn decode(&self, delivery: &Delivery, stamp: &Stamp) -> Result<Decoded, Undecodable> {
        let payload = lenient::read::<Payload>(delivery)?.unfolded();
        let name = payload.name().ok_or_else(|| Undecodable::missing("webhookEvent"))?;
        let mut event = Reading { name, payload: &payload }.event(stamp);
        event.actor = event.actor.or_else(|| told_beside(delivery));
        if let Some(task) = &mut event.task {
            task.repository = self.repository(&delivery.body);
        }
        let identities = self.identities(delivery, &payload, &event, stamp);
        Ok(Decoded::Event { event: Box::new(event), identities })
    }
}

impl Payload {
    /// The payload with its issue where it belongs; a rule can send an issue as the whole body.
    fn unfolded(mut self) -> Self {
        if self.issue.get().is_none() && self.key.text().is_some() {
            let (key, address) = (take(&mut self.key), take(&mut self.address));
            self.issue =
                Maybe(Some(Issue { id: Text::default(), key, address, fields: take(&mut self.fields) }));
        }
        self
    }

    /// What it says that happened; a rule's document is known by its issue.
    fn name(&self) -> Option<&str> {
        let told = self.webhook_event.text().map(|name| name.trim_start_matches("jira:"));
        told.or_else(|| self.is_automation().then_some(AUTOMATION))
    }

    fn is_automation(&self) -> bool {
        let has_issue = self.issue.get().is_some_and(|issue| issue.key.text().is_some());
        self.webhook_event.text().is_none() && (has_issue || self.event.text().is_some())
    }

    /// When the issue that is told of changed last, in Jira's own writing: which of its states this is.
    fn state_told(&self) -> Option<&str> {
        self.issue.get()?.fields.get()?.updated.text()
    }
}

/// A payload being understood.
#[derive(Debug, Clone, Copy)]
struct Reading<'a> {
    name: &'a str,
    payload: &'a Payload,
}

impl<'a> Reading<'a> {
    fn event(self, stamp: &Stamp) -> Event {
        let mut task = self.payload.issue.get().and_then(task);
        // Deliveries about an issue hold all of it: without a description it has none.
        if let Some(task) = task.as_mut().filter(|_| self.is_whole()) {
            task.description.get_or_insert_default();
        }
        let kind = self.kind();
        let mut event = Event::new(stamp, EventKind::spelled(JIRA, &[&kind]), self.subject(task.as_ref()));
        event.time = self.payload.timestamp.0.and_then(moment).unwrap_or(stamp.received_at);
        event.actor = self.actor();
        event.comment = self.payload.comment.get().and_then(comment);
        let said =
            event.comment.as_ref().filter(|_| matches!(kind.as_str(), "issue.commented" | "comment.created"));
        event.command = said.and_then(|comment| Command::in_comment(&comment.body, Command::NAMES));
        let labels = self.change("labels").map(Labels::of).unwrap_or_default();
        let label = labels.added.first().or(labels.removed.first()).cloned();
        event.label = label.or_else(|| self.payload.label.owned());
        event.labels_added = labels.added;
        event.assignee = self.assignee(&kind);
        event.task = task;
        event
    }

    /// Whether the issue is told of with all its fields, as comments and rules of Automation do not.
    fn is_whole(self) -> bool {
        self.payload.webhook_event.text().is_some_and(|name| name.starts_with("jira:issue_"))
    }

    fn kind(self) -> String {
        let told_of_issue = self.payload.issue.get().is_some_and(|issue| issue.key.text().is_some());
        match self.name {
            "issue_created" => "issue.created".to_owned(),
            "issue_updated" => format!("issue.{}", self.update()),
            "issue_deleted" => "issue.deleted".to_owned(),
            "comment_created" if told_of_issue => "issue.commented".to_owned(),
            "comment_created" => "comment.created".to_owned(),
            "comment_updated" => "comment.updated".to_owned(),
            "comment_deleted" => "comment.deleted".to_owned(),
            AUTOMATION => match self.payload.event.text() {
                Some(word) if WORDS.contains(&word) => format!("issue.{word}"),
                word => format!("{AUTOMATION}.{}", word.unwrap_or("sent")),
            },
            other => other.replace('.', "_"),
        }
    }

    /// What an update is named after.
    fn update(self) -> &'static str {
        let led_by = self.payload.issue_event_type_name.text().unwrap_or_default();
        if let Some(item) = self.change("assignee") {
            return if item.to.text().is_some() { "assigned" } else { "unassigned" };
        }
        // One recorded delivery says so only by its type's name, with an empty changelog.
        if led_by == "issue_assigned" {
            return if self.holder().is_some() { "assigned" } else { "unassigned" };
        }
        match (self.change("status"), self.change("labels")) {
            (Some(_), _) => "transitioned",
            (None, Some(item)) if Labels::of(item).added.is_empty() => "unlabeled",
            (None, Some(_)) => "labeled",
            (None, None) if led_by == "issue_commented" => "commented",
            (None, None) => "updated",
        }
    }

    /// The change of a field, by the field's id where there is one: names are shown in the reader's language.
    fn change(self, field: &str) -> Option<&'a Item> {
        let items = self.payload.changelog.get()?.items.items();
        items.iter().find(|item| item.field_id.text().or(item.field.text()) == Some(field))
    }

    fn fields(self) -> Option<&'a Fields> {
        self.payload.issue.get()?.fields.get()
    }

    /// Whom the issue is assigned to now.
    fn holder(self) -> Option<Account> {
        self.fields()?.assignee.get().and_then(account)
    }

    /// Whom it was just assigned to or taken from.
    fn assignee(self, kind: &str) -> Option<Account> {
        let item = self.change("assignee");
        let told = || self.payload.assignee.text().map(named);
        match kind {
            "issue.created" => self.holder(),
            "issue.assigned" => {
                self.holder().or_else(|| item.and_then(|item| item.to.text()).map(named)).or_else(told)
            }
            "issue.unassigned" => item.and_then(|item| item.from.text()).map(named).or_else(told),
            _ => None,
        }
    }

    /// Who did it; a comment's own delivery names only its author.
    fn actor(self) -> Option<Actor> {
        let comment = self.payload.comment.get();
        let writer = || comment.and_then(|comment| comment.update_author.get().or(comment.author.get()));
        actor(self.payload.user.get().or_else(writer)?)
    }

    /// The issue; where only a comment is told of, the issue by the number in the comment's address.
    fn subject(self, task: Option<&TaskMention>) -> Subject {
        if let Some(task) = task {
            return task.reference.subject();
        }
        let address = self.payload.comment.get().and_then(|comment| comment.address.text());
        let issue = address.and_then(|address| address.split_once("/issue/")?.1.split('/').next());
        Subject::new(JIRA, issue.unwrap_or(self.name))
    }
}

/// The difference of two sets of labels; the changelog holds both whole.
#[derive(Debug, Default)]
struct Labels {
    added: Vec<String>,
    removed: Vec<String>,
}

impl Labels {
    fn of(item: &Item) -> Self {
        let set = |text: &Text| -> Vec<String> {
            text.text().unwrap_or_default().split_whitespace().map(str::to_owned).collect()
        };
        let (old, new) = (set(&item.from_text), set(&item.to_text));
        let without = |from: &[String], other: &[String]| {
            from.iter().filter(|label| !other.contains(label)).cloned().collect()
        };
        Self { added: without(&new, &old), removed: without(&old, &new) }
    }
}

fn moment(milliseconds: i64) -> Option<Timestamp> {
    Timestamp::from_millisecond(milliseconds).ok()
}

/// The site's host, as the payload's own addresses say it.
fn host(payload: &Payload) -> Option<String> {
    let issue = payload.issue.get().and_then(|issue| issue.address.text());
    let comment = || payload.comment.get().and_then(|comment| comment.address.text());
    let url = Url::parse(issue.or_else(comment)?).ok()?;
    Some(url.host_str()?.to_owned())
}

fn task(issue: &Issue) -> Option<TaskMention> {
    let key = issue.key.text()?;
    let base = issue.address.text().and_then(|address| address.split_once("/rest/"));
    let mention = TaskMention {
        url: base.map(|(base, _)| format!("{base}/browse/{key}")),
        ..TaskMention::to(TaskRef::new(JIRA, key))
    };
    Some(match issue.fields.get() {
        Some(fields) => described(mention, fields),
        None => mention,
    })
}

fn described(mention: TaskMention, fields: &Fields) -> TaskMention {
    TaskMention {
        title: fields.summary.owned(),
        description: fields.description.owned(),
        status: name(&fields.status),
        kind: name(&fields.issuetype),
        labels: fields.labels.items().to_vec(),
        components: fields.components.items().iter().filter_map(|component| component.name.owned()).collect(),
        assignee: fields.assignee.get().and_then(account),
        ..mention
    }
}

fn name(named: &Maybe<Named>) -> Option<String> {
    named.get().and_then(|named| named.name.owned())
}

fn comment(comment: &Comment) -> Option<crate::event::Comment> {
    Some(crate::event::Comment {
        id: comment.id.owned()?,
        body: comment.body.owned().unwrap_or_default(),
        url: comment.address.owned(),
        verdict: None,
    })
}

fn named(id: &str) -> Account {
    Account::new(JIRA, id)
}

/// The account: Cloud's id, else Data Center's name.
fn account(user: &User) -> Option<Account> {
    user.account_id.text().or(user.name.text()).or(user.key.text()).map(named)
}

/// Who did it as Data Center says it beside the body, in the address that it calls.
fn told_beside(delivery: &Delivery) -> Option<Actor> {
    let mut fields = url::form_urlencoded::parse(delivery.query.as_bytes());
    let (_, name) = fields.find(|(field, value)| field == "user_id" && !value.is_empty())?;
    Some(Actor { account: named(&name), name: name.into_owned(), bot: false, external: false })
}

fn actor(user: &User) -> Option<Actor> {
    let account = account(user)?;
    Some(Actor {
        name: user.display_name.owned().unwrap_or_else(|| account.id.clone()),
        bot: user.account_type.text() == Some("app"),
        external: user.account_type.text() == Some("customer"),
        account,
    })
}

#[cfg(test)]
mod tests;
