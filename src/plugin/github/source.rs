//! What GitHub sends: how its deliveries are known to be genuine and what they mean.
//!
//! Every event type is an event here; those that Ostler knows nothing about have an actor, a repository and a
//! subject. A pull request is an issue to GitHub, so whatever tells of one names a task too.
//!
//! The delivery's GUID is not covered by the signature: whoever holds one signed body could send it again
//! under another. The body's digest is therefore an identity as well. Payloads carry ids and times to the
//! second, so that two bodies are the same only where the same thing happened twice within a second.

use std::borrow::Cow;

use jiff::Timestamp;
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;

use super::payload::{CheckRun, Comment, Commit, Issue, Label, Payload, PullRequest, Repository, User};
use crate::event::{
    Account, Actor, Association, ChangeMention, Check, Command, Event, EventKind, Push, RepositoryMention,
    RepositoryName, SourceName, Stamp, Subject, TaskMention, TaskRef,
};
use crate::plugin::fetch::Poll;
use crate::plugin::lenient::{self, Maybe, Text};
use crate::plugin::scheme::{Credential, Mac, Scheme};
use crate::plugin::source::{Decoded, Delivery, FORM, JSON, Reply, Source, Undecodable};

/// The vendor's name.
const GITHUB: &str = "github";

/// The kinds of event that it is known to make.
#[rustfmt::skip]
pub const KINDS: &[&str] = &[
    "github.issue.opened", "github.issue.labeled", "github.issue.unlabeled", "github.issue.assigned",
    "github.issue.unassigned", "github.issue.edited", "github.issue.closed", "github.issue.reopened",
    "github.comment.created", "github.pull_request.opened", "github.pull_request.closed",
    "github.pull_request.synchronize", "github.pull_request.labeled", "github.review.submitted",
    "github.review_comment.created", "github.push", "github.check_run.completed",
];

/// GitHub sends no larger payload.
const BODY_LIMIT: usize = 25 * 1024 * 1024;

/// How GitHub as a source is configured.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SourceOptions {
    /// The webhook's secrets: several while one is being replaced.
    #[schemars(with = "Vec<String>")]
    pub secrets: Vec<SecretString>,
    /// Whether GitHub is asked for what it could not deliver.
    pub catch_up: Option<bool>,
    /// How GitHub is asked for everything, where it cannot deliver anything.
    pub poll: Option<Poll>,
    /// The repositories that are asked: an App need not be told for what its own hook could not deliver.
    pub repositories: Vec<RepositoryName>,
}

/// GitHub as a sender of deliveries.
#[derive(Debug)]
pub struct GithubSource {
    credentials: Vec<Credential>,
}

impl GithubSource {
    /// A source with these options. Without a secret it is off.
    #[must_use]
    pub fn new(options: SourceOptions) -> Self {
        let scheme = Scheme::Mac(Mac::sha256("X-Hub-Signature-256", "sha256="));
        Self { credentials: Credential::each(&scheme, options.secrets) }
    }
}

impl Source for GithubSource {
    fn name(&self) -> SourceName {
        SourceName::new(GITHUB)
    }

    fn credentials(&self, _: &str) -> &[Credential] {
        &self.credentials
    }

    fn id_headers(&self) -> &[&str] {
        &["X-GitHub-Delivery"]
    }

    fn body_limit(&self) -> usize {
        BODY_LIMIT
    }

    fn decode(&self, delivery: &Delivery, stamp: &Stamp) -> Result<Decoded, Undecodable> {
        let name = event_name(delivery)?;
        let payload = read(delivery)?;
        if name == "ping" {
            return Ok(Decoded::Handshake(Reply::Json(
                json!({"status": "ignored", "reason": "ping", "runs": []}),
            )));
        }
        let event = Reading { name, payload: &payload }.event(stamp);
        let identities = identities(delivery, &payload, &event, stamp);
        Ok(Decoded::Event { event: Box::new(event), identities })
    }
}

/// The event's name, which only a header tells.
fn event_name(delivery: &Delivery) -> Result<&str, Undecodable> {
    let name = delivery.header("X-GitHub-Event");
    let bad = || Undecodable("the header X-GitHub-Event does not name an event".to_owned());
    name.filter(|name| is_word(name)).ok_or_else(bad)
}

/// The payload, which hooks of the older kind send as a form's field.
fn read(delivery: &Delivery) -> Result<Payload, Undecodable> {
    let json = match delivery.media_type().as_str() {
        JSON => Cow::Borrowed(&*delivery.body),
        FORM => {
            let field = url::form_urlencoded::parse(&delivery.body).find(|(name, _)| name == "payload");
            let (_, text) = field.ok_or_else(|| Undecodable("the form has no field `payload`".to_owned()))?;
            Cow::Owned(text.into_owned().into_bytes())
        }
        _ => return Err(Undecodable::media_type("JSON or a form")),
    };
    lenient::parse(&json)
}

fn identities(delivery: &Delivery, payload: &Payload, event: &Event, stamp: &Stamp) -> Vec<String> {
    let mut identities = Vec::new();
    if let Some(guid) = delivery.id("X-GitHub-Delivery") {
        identities.push(format!("{GITHUB}:{guid}"));
    }
    identities.push(format!("{GITHUB}:body:{}", stamp.payload.digest));
    // A repository's hook, its organisation's and an app's all tell of one thing, in different bodies.
    if let (Some(meaning), Some(repository)) = (meaning(payload, event), &event.repository) {
        identities.push(format!("{}:{}:{meaning}", event.kind, repository.name));
    }
    identities
}

/// What makes a thing recognisable in whichever body it is told: its id where it happens once, else the
/// state in which it left what it happened to.
fn meaning(payload: &Payload, event: &Event) -> Option<String> {
    let made = matches!(payload.action.text(), Some("created" | "submitted"));
    if let Some(comment) = event.comment.as_ref().filter(|_| made) {
        return Some(comment.id.clone());
    }
    if event.comment.is_some() {
        return None;
    }
    if let Some(check) = payload.check_run.get() {
        let state = check.completed_at.text().or(check.started_at.text())?;
        return Some(format!("{}@{state}", check.id.text()?));
    }
    if let Some(push) = &event.push {
        let [before, after] = [&push.before, &push.after].map(|commit| commit.as_deref().unwrap_or("none"));
        let pushed = payload.repository.get()?.pushed_at.text()?;
        return Some(format!("{}:{before}..{after}@{pushed}", push.branch));
    }
    let (number, state) = match (payload.issue.get(), payload.pull_request.get()) {
        (Some(issue), _) => (issue.number.0?, issue.updated_at.text()?),
        (None, Some(change)) => (change.number.0?, change.updated_at.text()?),
        (None, None) => return None,
    };
    let assignee = event.assignee.as_ref().map(|account| account.id.as_str());
    let reviewer = payload.requested_reviewer.get().and_then(|user| user.login.text());
    let team = payload.requested_team.get().and_then(|team| team.name.text());
    // Several labels put on at once are several things in one state.
    let detail = [event.label.as_deref(), assignee, reviewer, team, payload.after.text()];
    let detail: Vec<_> = detail.into_iter().flatten().collect();
    Some(format!("#{number}:{}@{state}", detail.join(",")))
}

/// A name that can be part of a kind.
fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 64
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-'))
}

/// A payload being understood.
#[derive(Debug, Clone, Copy)]
struct Reading<'a> {
    name: &'a str,
    payload: &'a Payload,
}

impl<'a> Reading<'a> {
    fn event(self, stamp: &Stamp) -> Event {
        let payload = self.payload;
        let repository = payload.repository.get().and_then(repository);
        let name = repository.as_ref().map(|repository| &repository.name);
        let change = name.and_then(|name| self.change(name));
        let task = name.and_then(|name| self.task(name, change.as_ref()));
        let push = self.push();
        let mut event = Event::new(stamp, self.kind(), self.subject(name, task.as_ref(), push.as_ref()));
        event.time = self.time().unwrap_or(stamp.received_at);
        let checker = payload.check_run.get().and_then(checker);
        event.actor = checker.or_else(|| payload.sender.get().and_then(actor));
        event.association = self.association();
        event.comment = self.comment().and_then(comment);
        event.command = self.command();
        event.label = payload.label.get().and_then(|label| label.name.owned());
        event.assignee = payload.assignee.get().and_then(account);
        event.check = payload.check_run.get().and_then(check);
        event.repository = repository;
        event.change = change;
        event.task = task;
        event.push = push;
        event
    }

    fn kind(self) -> EventKind {
        let stem = match self.name {
            "issues" => "issue",
            "issue_comment" => "comment",
            "pull_request_review" => "review",
            "pull_request_review_comment" => "review_comment",
            other => other,
        };
        let action = self.payload.action.text().filter(|action| is_word(action));
        EventKind::new(match action {
            Some(action) => format!("{GITHUB}.{stem}.{action}"),
            None => format!("{GITHUB}.{stem}"),
        })
    }

    /// What it is about: the issue or pull request, else the branch, else the repository, else the
    /// installation.
    fn subject(
        self,
        repository: Option<&RepositoryName>,
        task: Option<&TaskMention>,
        push: Option<&Push>,
    ) -> Subject {
        if let Some(task) = task {
            return task.reference.subject();
        }
        let installation = || self.payload.installation.get().and_then(|installation| installation.id.text());
        let name = match (repository, push) {
            (Some(repository), Some(push)) => format!("{repository}@{}", push.branch),
            (Some(repository), None) => repository.to_string(),
            (None, _) => {
                installation().map_or_else(|| self.name.to_owned(), |id| format!("installation/{id}"))
            }
        };
        Subject::new(GITHUB, &name)
    }

    /// When it happened: the time of what the event is named after.
    fn time(self) -> Option<Timestamp> {
        let payload = self.payload;
        let comment = self.comment().map(|comment| [&comment.submitted_at, &comment.created_at]);
        let check = payload.check_run.get().map(|check| [&check.completed_at, &check.started_at]);
        let rest = [
            payload.pull_request.get().map(|change| &change.updated_at),
            payload.issue.get().map(|issue| &issue.updated_at),
            payload.head_commit.get().map(|commit| &commit.timestamp),
        ];
        let times = comment.into_iter().chain(check).flatten().chain(rest.into_iter().flatten());
        times.filter_map(Text::text).find_map(|text| text.parse().ok())
    }

    /// The comment, or the review, which is one with a verdict.
    fn comment(self) -> Option<&'a Comment> {
        self.payload.comment.get().or(self.payload.review.get())
    }

    /// What the sender is to the repository. The payload says it of who wrote the comment, the issue or the pull
    /// request; whoever does something to another's is somebody else.
    fn association(self) -> Option<Association> {
        let payload = self.payload;
        let written = self.comment().map(|comment| (&comment.user, &comment.author_association));
        let issue = || payload.issue.get().map(|issue| (&issue.user, &issue.author_association));
        let change = || payload.pull_request.get().map(|change| (&change.user, &change.author_association));
        let (author, word) = written.or_else(issue).or_else(change)?;
        let (author, sender) = (author.get().and_then(account)?, payload.sender.get().and_then(account)?);
        (author == sender).then(|| association(word.text()?)).flatten()
    }

    /// What was asked in a comment just made; editing it asks nothing anew.
    fn command(self) -> Option<Command> {
        let action = self.payload.action.text();
        let made = matches!(action, Some("created" | "submitted"));
        let body = self.comment().filter(|_| made)?.body.text()?;
        Command::in_comment(body, Command::NAMES)
    }

    fn change(self, repository: &RepositoryName) -> Option<ChangeMention> {
        let payload = self.payload;
        if let Some(issue) = payload.issue.get() {
            let change = issue.pull_request.get()?;
            return Some(ChangeMention {
                url: change.html_url.owned(),
                ..numbered(repository, issue.number.0?)?
            });
        }
        let checked = || payload.check_run.get().and_then(|check| check.pull_requests.items().first());
        let change = payload.pull_request.get().or_else(checked)?;
        let (head, base) = (change.head.get(), change.base.get());
        Some(ChangeMention {
            head_branch: head.and_then(|head| head.name.owned()),
            head_sha: head.and_then(|head| head.sha.owned()),
            base_branch: base.and_then(|base| base.name.owned()),
            url: change.html_url.owned(),
            ..numbered(repository, change.number.0?)?
        })
    }

    fn task(self, repository: &RepositoryName, change: Option<&ChangeMention>) -> Option<TaskMention> {
        if let Some(issue) = self.payload.issue.get() {
            return task(repository, issue);
        }
        let number = change?.number;
        let mention = TaskMention::to(TaskRef::new(GITHUB, format!("{repository}#{number}")));
        Some(match self.payload.pull_request.get() {
            Some(change) => described(mention, change),
            None => mention,
        })
    }

    /// The commits of a push to a branch; a tag has none.
    fn push(self) -> Option<Push> {
        let payload = self.payload;
        let branch = payload.reference.text().filter(|_| self.name == "push")?.strip_prefix("refs/heads/")?;
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
}

/// A commit's hash; GitHub writes zeros where there is no commit.
fn commit(sha: &Text) -> Option<String> {
    sha.owned().filter(|sha| sha.bytes().any(|digit| digit != b'0'))
}

fn numbered(repository: &RepositoryName, number: i64) -> Option<ChangeMention> {
    Some(ChangeMention {
        repository: repository.clone(),
        number: number.try_into().ok()?,
        head_branch: None,
        head_sha: None,
        base_branch: None,
        url: None,
    })
}

fn task(repository: &RepositoryName, issue: &Issue) -> Option<TaskMention> {
    let number = issue.number.0?;
    Some(TaskMention {
        title: issue.title.owned(),
        // Issues are always sent whole: without a text there is none.
        description: Some(issue.body.owned().unwrap_or_default()),
        status: issue.state.owned(),
        kind: issue.kind.get().and_then(|kind| kind.name.owned()),
        labels: labels(&issue.labels),
        assignee: issue.assignee.get().and_then(account),
        url: issue.html_url.owned(),
        ..TaskMention::to(TaskRef::new(GITHUB, format!("{repository}#{number}")))
    })
}

fn described(mention: TaskMention, change: &PullRequest) -> TaskMention {
    TaskMention {
        title: change.title.owned(),
        description: Some(change.body.owned().unwrap_or_default()),
        status: change.state.owned(),
        labels: labels(&change.labels),
        assignee: change.assignee.get().and_then(account),
        url: change.html_url.owned(),
        ..mention
    }
}

fn labels(labels: &Maybe<Vec<Label>>) -> Vec<String> {
    labels.items().iter().filter_map(|label| label.name.owned()).collect()
}

fn repository(repository: &Repository) -> Option<RepositoryMention> {
    Some(RepositoryMention {
        forge: SourceName::new(GITHUB),
        name: repository.full_name.text()?.parse().ok()?,
        default_branch: repository.default_branch.owned(),
        private: repository.private.0,
    })
}

fn association(word: &str) -> Option<Association> {
    Some(match word {
        "OWNER" => Association::Owner,
        "MEMBER" => Association::Member,
        "COLLABORATOR" => Association::Collaborator,
        "CONTRIBUTOR" => Association::Contributor,
        _ => return None,
    })
}

fn account(user: &User) -> Option<Account> {
    user.login.text().map(|login| Account::new(GITHUB, login))
}

fn actor(user: &User) -> Option<Actor> {
    Some(Actor {
        account: account(user)?,
        name: user.login.owned()?,
        bot: user.kind.text() == Some("Bot"),
        external: false,
    })
}

fn comment(comment: &Comment) -> Option<crate::event::Comment> {
    Some(crate::event::Comment {
        id: comment.id.owned()?,
        body: comment.body.owned().unwrap_or_default(),
        url: comment.html_url.owned(),
        verdict: comment.state.owned(),
    })
}

/// Who says what a check came to: the App that ran it. As sender GitHub may name whoever pushed the commit, who
/// said nothing of the kind.
fn checker(check: &CheckRun) -> Option<Actor> {
    let name = format!("{}[bot]", check.app.get()?.slug.text()?);
    Some(Actor { account: Account::new(GITHUB, &name), name, bot: true, external: false })
}

fn check(check: &CheckRun) -> Option<Check> {
    Some(Check {
        name: check.name.owned()?,
        sha: check.head_sha.owned()?,
        status: check.status.owned()?,
        conclusion: check.conclusion.owned(),
    })
}

#[cfg(test)]
mod tests;
