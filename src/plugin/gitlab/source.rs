//! What GitLab sends: how its deliveries are known to be genuine and what they mean.
//!
//! Every hook of a project, a group or an instance is an event here; those that Ostler knows nothing about
//! have an actor, a repository and a subject. A merge request can be spoken of as a task too, so whatever
//! tells of one names both. GitLab disables a hook for good that is answered 4xx: what is JSON and an
//! object is never refused.
//!
//! A secret token proves the sender and nothing else; a signing token covers the body and the delivery's id.
//! A group's hook and a project's tell of one thing in the same bytes under two ids, so that the body's digest
//! is an identity as well. A push holds no time: the same move of a branch twice within the days that
//! identities are kept is one event.

mod kind;

use jiff::Timestamp;
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;

use super::payload::{Attributes, Commit, Label, Payload, Project, User};
use crate::event::{
    Account, Actor, ChangeMention, Check, Command, Comment, Event, Push, RepositoryMention, RepositoryName,
    SourceName, Stamp, Subject, TaskMention, TaskRef,
};
use crate::plugin::fetch::Poll;
use crate::plugin::lenient::{self, Text};
use crate::plugin::scheme::{Credential, Scheme};
use crate::plugin::source::{Decoded, Delivery, Source, Undecodable};

/// The vendor's name.
const GITLAB: &str = "gitlab";

/// The kinds of event that it is known to make.
#[rustfmt::skip]
pub const KINDS: &[&str] = &[
    "gitlab.issue.opened", "gitlab.issue.assigned", "gitlab.issue.unassigned", "gitlab.issue.labeled",
    "gitlab.issue.unlabeled", "gitlab.issue.edited", "gitlab.issue.closed", "gitlab.issue.reopened",
    "gitlab.comment.created", "gitlab.comment.edited", "gitlab.review_comment.created",
    "gitlab.review_comment.edited", "gitlab.merge_request.opened", "gitlab.merge_request.synchronize",
    "gitlab.merge_request.assigned", "gitlab.merge_request.unassigned", "gitlab.merge_request.review_requested",
    "gitlab.merge_request.labeled", "gitlab.merge_request.unlabeled", "gitlab.merge_request.edited",
    "gitlab.merge_request.approved", "gitlab.merge_request.unapproved", "gitlab.merge_request.merged",
    "gitlab.merge_request.closed", "gitlab.merge_request.reopened", "gitlab.push", "gitlab.tag_push",
    "gitlab.pipeline.completed", "gitlab.job.completed", "gitlab.work_item.opened", "gitlab.work_item.assigned",
    "gitlab.work_item.labeled", "gitlab.wiki_page.created", "gitlab.wiki_page.edited", "gitlab.deployment.success",
    "gitlab.deployment.failed",
    "gitlab.release.created", "gitlab.emoji.awarded", "gitlab.emoji.revoked",
];

/// GitLab sends no larger payload.
const BODY_LIMIT: usize = 25 * 1024 * 1024;

/// Seconds that a signed delivery's timestamp may be off. GitLab names no number.
const WINDOW: u64 = 300;

/// The header of a signature: where it is there, the token in another header proves nothing.
const SIGNATURE: &str = "webhook-signature";

/// The account that files what comes by e-mail from anybody.
const SERVICE_DESK: &str = "support-bot";

/// Accounts that belong to no person.
const PROGRAMS: &[&str] =
    &[SERVICE_DESK, "alert-bot", "ghost", "gitlab-bot", "gitlab-security-bot", "duo-developer"];

/// How GitLab as a source is configured.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SourceOptions {
    /// The webhook's secret tokens: several while one is being replaced.
    #[schemars(with = "Vec<String>")]
    pub secrets: Vec<SecretString>,
    /// The webhook's signing tokens (`whsec_…`, GitLab 19.0 and later). A delivery with a signature is
    /// believed by these alone.
    #[schemars(with = "Vec<String>")]
    pub signing_tokens: Vec<SecretString>,
    /// Whether GitLab is asked for what it could not deliver.
    pub catch_up: Option<bool>,
    /// How GitLab is asked for everything, where it cannot deliver anything.
    pub poll: Option<Poll>,
    /// The projects that are asked.
    pub repositories: Vec<RepositoryName>,
}

impl SourceOptions {
    /// Whether webhooks are believed.
    #[must_use]
    pub fn is_sent(&self) -> bool {
        !self.secrets.is_empty() || !self.signing_tokens.is_empty()
    }
}

/// GitLab as a sender of deliveries.
#[derive(Debug)]
pub struct GitlabSource {
    credentials: Vec<Credential>,
}

impl GitlabSource {
    /// A source with these options. Without any token it is off.
    #[must_use]
    pub fn new(options: SourceOptions) -> Self {
        let token = Scheme::Token { header: "X-Gitlab-Token".into(), prefix: "", unless: Some(SIGNATURE) };
        let mut credentials = Credential::each(&Scheme::Standard { window: WINDOW }, options.signing_tokens);
        credentials.extend(Credential::each(&token, options.secrets));
        Self { credentials }
    }
}

impl Source for GitlabSource {
    fn name(&self) -> SourceName {
        SourceName::new(GITLAB)
    }

    fn credentials(&self, _: &str) -> &[Credential] {
        &self.credentials
    }

    fn body_limit(&self) -> usize {
        BODY_LIMIT
    }

    fn decode(&self, delivery: &Delivery, stamp: &Stamp) -> Result<Decoded, Undecodable> {
        let payload = lenient::read::<Payload>(delivery)?;
        let hook = delivery.header("X-Gitlab-Event").unwrap_or_default();
        let event = Reading { hook, payload: &payload }.event(stamp);
        let identities = identities(delivery, &event, stamp);
        Ok(Decoded::Event { event: Box::new(event), identities })
    }
}

/// When the thing happened that a delivery tells of, as far as it says.
pub(super) fn told_at(delivery: &Delivery) -> Option<Timestamp> {
    let payload = lenient::read::<Payload>(delivery).ok()?;
    let hook = delivery.header("X-Gitlab-Event").unwrap_or_default();
    Reading { hook, payload: &payload }.time()
}

fn identities(delivery: &Delivery, event: &Event, stamp: &Stamp) -> Vec<String> {
    let id = delivery.header("webhook-id").or_else(|| delivery.header("Idempotency-Key"));
    let mut identities: Vec<String> =
        id.filter(|id| !id.is_empty()).map(|id| format!("{GITLAB}:{id}")).into_iter().collect();
    identities.push(format!("{GITLAB}:body:{}", stamp.payload.digest));
    // Hooks with templates of their own tell of one comment in different bytes.
    if let (Some(comment), Some(repository)) = (&event.comment, &event.repository)
        && event.kind.as_str().ends_with(".created")
    {
        identities.push(format!("{}:{}:{}", event.kind, repository.name, comment.id));
    }
    identities
}

/// A payload being understood.
#[derive(Debug, Clone, Copy)]
struct Reading<'a> {
    /// The hook's name, as a header tells it.
    hook: &'a str,
    payload: &'a Payload,
}

impl<'a> Reading<'a> {
    fn event(self, stamp: &Stamp) -> Event {
        let payload = self.payload;
        let repository = payload.project.get().and_then(repository);
        let name = repository.as_ref().map(|repository| &repository.name);
        let change = name.and_then(|name| self.change(name));
        let task = name.and_then(|name| self.task(name));
        let push = self.push();
        let mut event = Event::new(stamp, self.kind(), self.subject(name, task.as_ref(), push.as_ref()));
        event.time = self.time().unwrap_or(stamp.received_at);
        event.actor = self.actor();
        event.comment = self.comment();
        event.command = self.command();
        event.labels_added = self.labels_added();
        event.label = event.labels_added.first().cloned().or_else(|| self.unlabeled());
        event.assignees_added = self.assignees_added();
        event.assignee = event.assignees_added.first().cloned().or_else(|| self.unassigned());
        event.check = self.check();
        event.repository = repository;
        event.change = change;
        event.task = task;
        event.push = push;
        event
    }

    /// What happened to, whatever it was.
    fn attributes(self) -> Option<&'a Attributes> {
        self.payload.object_attributes.get()
    }

    /// The comment, where it is told of one.
    fn note(self) -> Option<&'a Attributes> {
        self.attributes().filter(|_| self.object() == "note")
    }

    /// What it is about: the issue or merge request, else the branch, else what a comment stands under, else
    /// the repository.
    fn subject(
        self,
        repository: Option<&RepositoryName>,
        task: Option<&TaskMention>,
        push: Option<&Push>,
    ) -> Subject {
        if let Some(task) = task {
            return task.reference.subject();
        }
        let Some(repository) = repository else { return Subject::new(GITLAB, self.object()) };
        let commit = || self.note().and_then(|_| self.payload.commit.get()?.id.text());
        let snippet = || self.payload.snippet.get().and_then(|snippet| snippet.id.text());
        let place = push.map(|push| push.branch.as_str()).or_else(commit);
        let name = match (place, snippet()) {
            (Some(place), _) => format!("{repository}@{place}"),
            (None, Some(snippet)) => format!("{repository}${snippet}"),
            (None, None) => repository.to_string(),
        };
        Subject::new(GITLAB, &name)
    }

    /// When it happened: the time of what the event is named after.
    fn time(self) -> Option<Timestamp> {
        let payload = self.payload;
        let object = self.attributes();
        let object =
            object.map(|object| [&object.finished_at, &object.updated_at, &object.created_at]).into_iter();
        let beside = [
            &payload.build_finished_at,
            &payload.build_started_at,
            &payload.status_changed_at,
            &payload.released_at,
            &payload.created_at,
        ];
        let commit = payload.commits.items().last().map(|commit| &commit.timestamp);
        let times = object.flatten().chain(beside).chain(commit);
        times.filter_map(Text::text).find_map(moment)
    }

    fn comment(self) -> Option<Comment> {
        let note = self.note()?;
        Some(Comment {
            id: note.id.owned()?,
            body: note.note.owned().unwrap_or_default(),
            url: note.url.owned(),
            verdict: None,
        })
    }

    /// What was asked in a comment that somebody just made; editing it asks nothing anew.
    fn command(self) -> Option<Command> {
        let note =
            self.note().filter(|note| self.verb() == Some("created") && note.system.0 != Some(true))?;
        Command::in_comment(note.note.text()?, Command::NAMES)
    }

    fn actor(self) -> Option<Actor> {
        let payload = self.payload;
        let (username, name) = match payload.user.get() {
            Some(user) => (user.username.text(), user.name.text()),
            None if self.object().ends_with("push") => {
                (payload.user_username.text(), payload.user_name.text())
            }
            // In hooks about members these fields name the member.
            None => return None,
        };
        let username = username?;
        Some(Actor {
            account: Account::new(GITLAB, username),
            name: name.unwrap_or(username).to_owned(),
            bot: is_program(username),
            external: username.eq_ignore_ascii_case(SERVICE_DESK),
        })
    }

    /// The merge request that happened, that a comment stands under, or that a pipeline ran for.
    fn merge_request(self) -> Option<&'a Attributes> {
        let own = self.attributes().filter(|_| self.object() == "merge_request");
        own.or_else(|| self.payload.merge_request.get())
    }

    /// The issue that happened, or that a comment stands under.
    fn issue(self) -> Option<&'a Attributes> {
        let own = self.attributes().filter(|_| matches!(self.object(), "issue" | "work_item"));
        own.or_else(|| self.payload.issue.get()).or_else(|| self.payload.work_item.get())
    }

    fn change(self, repository: &RepositoryName) -> Option<ChangeMention> {
        let change = self.merge_request()?;
        Some(ChangeMention {
            repository: repository.clone(),
            number: change.iid.0?.try_into().ok()?,
            head_branch: change.source_branch.owned(),
            head_sha: change.last_commit.get().and_then(|commit| commit.id.owned()),
            base_branch: change.target_branch.owned(),
            url: change.url.owned(),
        })
    }

    fn task(self, repository: &RepositoryName) -> Option<TaskMention> {
        let (object, sign) = match self.issue() {
            Some(issue) => (issue, '#'),
            None => (self.merge_request()?, '!'),
        };
        let reference = TaskRef::new(GITLAB, format!("{repository}{sign}{}", object.iid.0?));
        Some(TaskMention {
            title: object.title.owned(),
            description: object.description.owned(),
            status: object.state.owned(),
            kind: object.kind.owned(),
            labels: titles(self.object_labels(object)),
            assignee: self.payload.assignees.items().iter().find_map(account),
            url: object.url.owned(),
            ..TaskMention::to(reference)
        })
    }

    /// All labels of an object, which some hooks keep beside it.
    fn object_labels(self, object: &'a Attributes) -> &'a [Label] {
        match object.labels.items() {
            [] => self.payload.labels.items(),
            labels => labels,
        }
    }

    /// Whether the object was just made, so that all that it has was just given to it.
    fn is_new(self) -> bool {
        self.attributes().is_some_and(|object| object.action.text() == Some("open"))
    }

    fn labels_added(self) -> Vec<String> {
        if self.is_new() {
            return self.attributes().map(|object| titles(self.object_labels(object))).unwrap_or_default();
        }
        let (before, after) = self.label_change();
        after.into_iter().filter(|label| !before.contains(label)).collect()
    }

    fn labels_removed(self) -> Vec<String> {
        let (before, after) = self.label_change();
        before.into_iter().filter(|label| !after.contains(label)).collect()
    }

    /// The label that was taken away, where that is what the event is named after: beside another change it is
    /// not what the event is about.
    fn unlabeled(self) -> Option<String> {
        self.labels_removed().into_iter().next().filter(|_| self.verb() == Some("unlabeled"))
    }

    fn label_change(self) -> (Vec<String>, Vec<String>) {
        let change = self.payload.changes.get().and_then(|changes| changes.labels.get());
        let change = change.map(|change| (titles(change.previous.items()), titles(change.current.items())));
        change.unwrap_or_default()
    }

    fn assignees_added(self) -> Vec<Account> {
        if self.is_new() {
            return accounts(self.payload.assignees.items());
        }
        let (before, after) = self.assignee_change();
        after.into_iter().filter(|account| !before.contains(account)).collect()
    }

    /// Whom it was just taken from.
    fn unassigned(self) -> Option<Account> {
        let (before, after) = self.assignee_change();
        before.into_iter().find(|account| !after.contains(account))
    }

    fn assignee_change(self) -> (Vec<Account>, Vec<Account>) {
        let change = self.payload.changes.get().and_then(|changes| changes.assignees.get());
        let change =
            change.map(|change| (accounts(change.previous.items()), accounts(change.current.items())));
        change.unwrap_or_default()
    }

    /// The commits of a push to a branch; a tag has none.
    fn push(self) -> Option<Push> {
        let payload = self.payload;
        let branch =
            payload.reference.text().filter(|_| self.object() == "push")?.strip_prefix("refs/heads/")?;
        let paths = |commit: &Commit| {
            [&commit.added, &commit.modified, &commit.removed].map(|list| list.items().to_vec())
        };
        let mut paths: Vec<String> = payload.commits.items().iter().flat_map(paths).flatten().collect();
        paths.sort_unstable();
        paths.dedup();
        Some(Push {
            branch: branch.to_owned(),
            before: commit(&payload.before),
            after: commit(&payload.after),
            paths,
        })
    }

    /// A pipeline or a job, in the words that checks have elsewhere.
    fn check(self) -> Option<Check> {
        let (name, sha, state) = match self.object() {
            "pipeline" => {
                let pipeline = self.attributes()?;
                ("pipeline", pipeline.sha.text()?, pipeline.status.text()?)
            }
            "build" => {
                let payload = self.payload;
                (payload.build_name.text()?, payload.sha.text()?, payload.build_status.text()?)
            }
            _ => return None,
        };
        let conclusion = kind::conclusion(state);
        let status = match (conclusion, state) {
            (Some(_), _) => "completed",
            (None, "running" | "canceling") => "in_progress",
            (None, _) => "queued",
        };
        Some(Check {
            name: name.to_owned(),
            sha: sha.to_owned(),
            status: status.to_owned(),
            conclusion: conclusion.map(str::to_owned),
        })
    }
}

/// A commit's hash; GitLab writes zeros where there is no commit.
fn commit(sha: &Text) -> Option<String> {
    sha.owned().filter(|sha| sha.bytes().any(|digit| digit != b'0'))
}

/// A moment in one of the writings that hooks use: `2026-11-20T09:20:31Z`, `2026-11-20 09:20:31 UTC`.
fn moment(text: &str) -> Option<Timestamp> {
    let plain = text.strip_suffix(" UTC").map(|text| format!("{text}Z"));
    let spaced = || text.replacen(" +", "+", 1).parse();
    plain.as_deref().unwrap_or(text).parse().or_else(|_| spaced()).ok()
}

fn titles(labels: &[Label]) -> Vec<String> {
    labels.iter().filter_map(|label| label.title.owned()).collect()
}

fn repository(project: &Project) -> Option<RepositoryMention> {
    Some(RepositoryMention {
        forge: SourceName::new(GITLAB),
        name: project.path_with_namespace.text()?.parse().ok()?,
        default_branch: project.default_branch.owned(),
        private: project.visibility_level.0.map(|level| level < 20),
    })
}

fn account(user: &User) -> Option<Account> {
    user.username.text().map(|name| Account::new(GITLAB, name))
}

fn accounts(users: &[User]) -> Vec<Account> {
    users.iter().filter_map(account).collect()
}

/// Whether a name is one of those that GitLab gives to accounts of access tokens and services.
fn is_program(username: &str) -> bool {
    let name = username.to_ascii_lowercase();
    let of_token = ["project_", "group_"].iter().any(|kind| {
        let rest = name.strip_prefix(kind).and_then(|rest| rest.split_once("_bot"));
        rest.is_some_and(|(number, _)| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
    });
    of_token || name.starts_with("service_account_") || PROGRAMS.contains(&name.as_str())
}

#[cfg(test)]
mod tests;
