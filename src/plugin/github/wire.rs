//! GitHub's own shapes, as far as Ostler reads them.
//!
//! Octocrab's models ask for dozens of fields that an Enterprise server of some age may not send; these ask
//! for what is used.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

use crate::event::RepositoryName;
use crate::plugin::client::Answer;
use crate::plugin::forge;
use crate::plugin::{Problem, client};

#[derive(Debug, Deserialize)]
pub(super) struct User {
    pub(super) login: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct App {
    pub(super) slug: String,
}

/// An App with what it may do and what it is told of.
#[derive(Debug, Deserialize)]
pub(super) struct AppRights {
    pub(super) slug: String,
    #[serde(default)]
    pub(super) permissions: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) events: Vec<String>,
}

/// What the token may do in a repository; an installation's answer does not say.
#[derive(Debug, Deserialize)]
pub(super) struct Reach {
    pub(super) permissions: Option<Rights>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct Rights {
    #[serde(default)]
    pub(super) push: bool,
}

/// A repository's webhook.
#[derive(Debug, Deserialize)]
pub(super) struct Hook {
    pub(super) id: u64,
    #[serde(default)]
    pub(super) active: bool,
    #[serde(default)]
    pub(super) events: Vec<String>,
    pub(super) config: HookConfig,
    pub(super) last_response: Option<LastResponse>,
}

#[derive(Debug, Deserialize)]
pub(super) struct HookConfig {
    #[serde(default)]
    pub(super) url: String,
}

/// What became of a webhook's last delivery; without a code there was none.
#[derive(Debug, Deserialize)]
pub(super) struct LastResponse {
    pub(super) code: Option<u16>,
    pub(super) message: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Installation {
    pub(super) id: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Repository {
    pub(super) full_name: RepositoryName,
    pub(super) default_branch: String,
    pub(super) html_url: String,
    #[serde(default)]
    pub(super) private: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct Issue {
    pub(super) number: u64,
    pub(super) title: String,
    pub(super) body: Option<String>,
    pub(super) state: String,
    pub(super) html_url: String,
    pub(super) user: Option<User>,
    pub(super) assignee: Option<User>,
    #[serde(default)]
    pub(super) labels: Vec<Label>,
    /// Present where the issue is a pull request.
    pub(super) pull_request: Option<serde::de::IgnoredAny>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Label {
    pub(super) name: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Comment {
    pub(super) id: u64,
    pub(super) html_url: String,
    pub(super) body: Option<String>,
    pub(super) user: Option<User>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Reference {
    #[serde(rename = "ref")]
    pub(super) name: String,
    pub(super) object: Object,
}

#[derive(Debug, Deserialize)]
pub(super) struct Object {
    pub(super) sha: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Permission {
    pub(super) permission: String,
    pub(super) role_name: Option<String>,
}

/// An account's place in a team.
#[derive(Debug, Deserialize)]
pub(super) struct Membership {
    state: String,
}

impl Membership {
    /// Whether the account has accepted: who was only invited does not belong to it yet.
    pub(super) fn is_active(&self) -> bool {
        self.state == "active"
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Release {
    pub(super) tag_name: String,
}

/// What lies between two commits.
#[derive(Debug, Deserialize)]
pub(super) struct Comparison {
    pub(super) commits: Vec<Commit>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Commit {
    sha: String,
    commit: Message,
}

/// A commit as git has it.
#[derive(Debug, Deserialize)]
struct Message {
    message: String,
    author: Option<Author>,
}

#[derive(Debug, Deserialize)]
struct Author {
    name: Option<String>,
}

impl From<Commit> for forge::Commit {
    fn from(commit: Commit) -> Self {
        let author = commit.commit.author.and_then(|author| author.name).unwrap_or_default();
        Self { sha: commit.sha, message: commit.commit.message, author }
    }
}

/// A file of a pull request.
#[derive(Debug, Deserialize)]
pub(super) struct File {
    filename: String,
    previous_filename: Option<String>,
    /// `added`, `removed`, `modified`, `renamed`, `copied`, `changed`, `unchanged`.
    status: String,
    patch: Option<String>,
}

impl From<File> for forge::ChangedFile {
    fn from(file: File) -> Self {
        let change = match file.status.as_str() {
            "added" | "copied" => forge::FileChange::Added,
            "removed" => forge::FileChange::Removed,
            _ => forge::FileChange::Modified,
        };
        Self { path: file.filename, previous: file.previous_filename, change, patch: file.patch }
    }
}

/// A comment at a line.
#[derive(Debug, Deserialize)]
pub(super) struct ReviewComment {
    #[serde(default)]
    id: Option<u64>,
    /// The comment that began the thread, where this one answers in it.
    #[serde(default)]
    in_reply_to_id: Option<u64>,
    path: Option<String>,
    line: Option<u64>,
    /// Where it stood when it was written; `line` is empty once the code has moved on.
    original_line: Option<u64>,
    #[serde(default)]
    body: String,
}

impl From<ReviewComment> for forge::LineComment {
    fn from(comment: ReviewComment) -> Self {
        Self {
            path: comment.path,
            line: comment.line.or(comment.original_line),
            body: comment.body,
            thread: comment.in_reply_to_id.or(comment.id).map(|id| id.to_string()),
        }
    }
}

/// What checks said of a commit.
#[derive(Debug, Deserialize)]
pub(super) struct CheckRuns {
    pub(super) check_runs: Vec<CheckRun>,
}

#[derive(Debug, Deserialize)]
pub(super) struct CheckRun {
    name: String,
    status: String,
    conclusion: Option<String>,
    html_url: Option<String>,
    output: Option<CheckOutput>,
}

#[derive(Debug, Deserialize)]
struct CheckOutput {
    title: Option<String>,
    summary: Option<String>,
    text: Option<String>,
}

impl From<CheckRun> for forge::CheckRun {
    fn from(check: CheckRun) -> Self {
        let bad = ["failure", "timed_out", "action_required", "startup_failure"];
        let said = check.output.map(|output| [output.title, output.summary, output.text]);
        let said: Vec<String> = said.into_iter().flatten().flatten().collect();
        Self {
            name: check.name,
            done: check.status == "completed",
            failed: check.conclusion.is_some_and(|conclusion| bad.contains(&conclusion.as_str())),
            summary: said.join("\n\n"),
            url: check.html_url,
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Pull {
    number: u64,
    title: String,
    body: Option<String>,
    html_url: String,
    state: String,
    #[serde(default)]
    draft: Option<bool>,
    merged_at: Option<Timestamp>,
    head: End,
    base: End,
    /// Who opened it.
    #[serde(default)]
    pub(super) user: Option<User>,
}

#[derive(Debug, Deserialize)]
struct End {
    #[serde(rename = "ref")]
    branch: String,
    sha: String,
    repo: Option<EndRepository>,
}

#[derive(Debug, Deserialize)]
struct EndRepository {
    full_name: RepositoryName,
}

impl From<Pull> for forge::Change {
    fn from(pull: Pull) -> Self {
        Self {
            number: pull.number,
            title: pull.title,
            body: pull.body.unwrap_or_default(),
            url: pull.html_url,
            head_branch: pull.head.branch,
            head_repository: pull.head.repo.map(|repo| repo.full_name),
            head_sha: pull.head.sha,
            base_branch: pull.base.branch,
            open: pull.state == "open",
            merged: pull.merged_at.is_some(),
            draft: pull.draft.unwrap_or(false),
        }
    }
}

impl Pull {
    /// Whether it wants to bring this branch into that one.
    pub(super) fn joins(&self, head: &str, base: &str) -> bool {
        self.head.branch == head && self.base.branch == base
    }

    /// Whether its text holds this.
    pub(super) fn says(&self, marker: &str) -> bool {
        self.body.as_ref().is_some_and(|body| body.contains(marker))
    }
}

impl Permission {
    /// The role where it is one of GitHub's own, else the coarse permission that a custom role is built on.
    pub(super) fn level(&self) -> forge::Permission {
        let role = self.role_name.as_deref().and_then(level);
        role.or_else(|| level(&self.permission)).unwrap_or(forge::Permission::None)
    }
}

fn level(word: &str) -> Option<forge::Permission> {
    Some(match word {
        "admin" => forge::Permission::Admin,
        "maintain" => forge::Permission::Maintain,
        "write" => forge::Permission::Write,
        "triage" => forge::Permission::Triage,
        "read" => forge::Permission::Read,
        "none" => forge::Permission::None,
        _ => return None,
    })
}

/// How GitHub says what went wrong.
pub(super) const DIALECT: client::Dialect = client::Dialect { message, problem };

#[derive(Debug, Default, Deserialize)]
struct Failure {
    #[serde(default)]
    message: String,
    #[serde(default)]
    errors: Vec<serde_json::Value>,
}

fn failure(body: &[u8]) -> Failure {
    serde_json::from_slice(body).unwrap_or_default()
}

fn message(body: &[u8]) -> Option<String> {
    let failure = failure(body);
    let detail = |error: &serde_json::Value| error.get("message")?.as_str().map(str::to_owned);
    let parts = std::iter::once(failure.message).chain(failure.errors.iter().filter_map(detail));
    let said = parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ");
    (!said.is_empty()).then_some(said)
}

fn problem(answer: &Answer) -> Option<Problem> {
    match answer.status.as_u16() {
        // Limits come as 403 too; only these signs tell them from a missing permission.
        403 if answer.headers.contains_key("retry-after")
            || answer.header("x-ratelimit-remaining") == Some("0")
            || failure(&answer.body).message.to_lowercase().contains("rate limit") =>
        {
            Some(Problem::RateLimited)
        }
        422 if message(&answer.body).is_some_and(|said| said.contains("already exists")) => {
            Some(Problem::Conflict)
        }
        _ => None,
    }
}

impl Hook {
    /// Whether it posts to an Ostler.
    pub(super) fn is_ours(&self) -> bool {
        self.config.url.trim_end_matches('/').ends_with("/webhooks/github")
    }
}

/// One attempt at a delivery, as lists tell of it.
#[derive(Debug, Deserialize)]
pub(super) struct Attempt {
    pub(super) id: u64,
    pub(super) guid: String,
    pub(super) delivered_at: Timestamp,
    #[serde(default)]
    pub(super) redelivery: bool,
    /// Of the answer; 0 where there was none.
    #[serde(default)]
    status_code: u16,
    pub(super) event: String,
}

impl Attempt {
    /// Whether Ostler has said that it is durable.
    pub(super) fn was_taken(&self) -> bool {
        (200..300).contains(&self.status_code)
    }
}

/// An attempt in full.
#[derive(Debug, Deserialize)]
pub(super) struct Sent {
    pub(super) request: Request,
}

#[derive(Debug, Deserialize)]
pub(super) struct Request {
    pub(super) payload: Option<serde_json::Value>,
}
