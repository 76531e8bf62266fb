//! GitLab's own shapes, as far as Ostler reads them.

mod code;

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Deserialize;
use serde_json::Value;

pub(super) use self::code::{Comparison, Diff, HistoryCommit, Placed, Release, Status};
use super::client::NAME;
use crate::event::{Account, RepositoryName};
use crate::plugin::client::{Answer, Dialect};
use crate::plugin::forge::Permission;
use crate::plugin::{Problem, forge};

#[derive(Debug, Clone, Deserialize)]
pub(super) struct User {
    pub(super) id: u64,
    pub(super) username: String,
    /// `active`, `blocked`, `deactivated`, `banned`, ….
    #[serde(default)]
    pub(super) state: Option<String>,
}

impl User {
    pub(super) fn account(&self) -> Account {
        Account::new(NAME, &self.username)
    }

    /// Whether the account can be used at all.
    pub(super) fn is_active(&self) -> bool {
        self.state.as_deref().is_none_or(|state| state == "active")
    }
}

/// A member of a project, by its own membership or by one of a group above it.
#[derive(Debug, Deserialize)]
pub(super) struct Member {
    pub(super) access_level: u32,
    #[serde(default)]
    state: Option<String>,
    /// `awaiting` where somebody has to agree first.
    #[serde(default)]
    membership_state: Option<String>,
}

impl Member {
    pub(super) fn permission(&self) -> Permission {
        let active = |state: &Option<String>| state.as_deref().is_none_or(|state| state == "active");
        if active(&self.state) && active(&self.membership_state) {
            permission(self.access_level)
        } else {
            Permission::None
        }
    }
}

/// What an access level allows. There are levels between those that everybody knows (15 plans, 25 manages
/// security), and more may come: each allows what the one below it does.
pub(super) fn permission(level: u32) -> Permission {
    match level {
        50.. => Permission::Admin,
        40.. => Permission::Maintain,
        30.. => Permission::Write,
        15.. => Permission::Triage,
        10.. => Permission::Read,
        _ => Permission::None,
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Project {
    pub(super) path_with_namespace: RepositoryName,
    /// None of a repository in which there is nothing yet.
    default_branch: Option<String>,
    web_url: String,
    visibility: Option<String>,
}

impl From<Project> for forge::Repository {
    fn from(project: Project) -> Self {
        Self {
            name: project.path_with_namespace,
            default_branch: project.default_branch.unwrap_or_else(|| "main".to_owned()),
            url: project.web_url,
            private: project.visibility.as_deref() != Some("public"),
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Branch {
    name: String,
    commit: Commit,
    web_url: String,
}

#[derive(Debug, Deserialize)]
struct Commit {
    id: String,
}

impl From<Branch> for forge::Branch {
    fn from(branch: Branch) -> Self {
        Self { name: branch.name, sha: branch.commit.id, url: branch.web_url }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct MergeRequest {
    pub(super) iid: u64,
    title: String,
    description: Option<String>,
    web_url: String,
    state: String,
    #[serde(default)]
    draft: bool,
    /// Stands at nothing where the branch is gone.
    sha: Option<String>,
    source_branch: String,
    target_branch: String,
    author: Option<User>,
    /// None where the fork is gone.
    pub(super) source_project_id: Option<u64>,
    pub(super) target_project_id: u64,
}

impl MergeRequest {
    /// Whether its branch is in the repository that it wants to go into.
    pub(super) fn is_local(&self) -> bool {
        self.source_project_id == Some(self.target_project_id)
    }

    /// Whether it wants to bring this branch of the repository into that one.
    pub(super) fn joins(&self, head: &str, base: &str) -> bool {
        self.is_local() && self.source_branch == head && self.target_branch == base
    }

    /// Whether this account opened it.
    pub(super) fn is_by(&self, account: &Account) -> bool {
        self.author.as_ref().is_some_and(|author| author.account() == *account)
    }

    /// Whether its text holds this.
    pub(super) fn says(&self, marker: &str) -> bool {
        self.description.as_ref().is_some_and(|text| text.contains(marker))
    }

    /// The pull request that it is, its branch in this repository.
    pub(super) fn change(self, head_repository: Option<RepositoryName>) -> forge::Change {
        forge::Change {
            number: self.iid,
            title: self.title,
            body: self.description.unwrap_or_default(),
            url: self.web_url,
            head_branch: self.source_branch,
            head_repository,
            head_sha: self.sha.unwrap_or_default(),
            base_branch: self.target_branch,
            open: self.state == "opened",
            merged: self.state == "merged",
            draft: self.draft,
        }
    }
}

/// An issue, or a merge request seen as one: both have these.
#[derive(Debug, Deserialize)]
pub(super) struct Issue {
    pub(super) iid: u64,
    pub(super) title: String,
    pub(super) description: Option<String>,
    /// `opened`, `closed`; of a merge request `merged` and `locked` too.
    pub(super) state: String,
    pub(super) web_url: String,
    #[serde(default)]
    pub(super) labels: Vec<String>,
    #[serde(default)]
    pub(super) assignees: Vec<User>,
    pub(super) author: Option<User>,
}

impl Issue {
    pub(super) fn has(&self, label: &str) -> bool {
        self.labels.iter().any(|each| each.eq_ignore_ascii_case(label))
    }
}

/// A comment.
#[derive(Debug, Deserialize)]
pub(super) struct Note {
    pub(super) id: u64,
    pub(super) body: String,
    pub(super) author: Option<User>,
}

/// Notes that answer each other.
#[derive(Debug, Deserialize)]
pub(super) struct Discussion {
    pub(super) id: String,
    notes: Vec<Note>,
}

impl Discussion {
    /// Whether one of its notes has this id.
    pub(super) fn holds(&self, id: &str) -> bool {
        self.notes.iter().any(|note| note.id.to_string() == id)
    }
}

/// A project, as its webhooks tell of it.
#[derive(Debug, Deserialize)]
pub(super) struct Home {
    pub(super) id: u64,
    #[serde(default)]
    pub(super) name: String,
    pub(super) path_with_namespace: String,
    #[serde(default)]
    pub(super) default_branch: Option<String>,
    pub(super) web_url: String,
    #[serde(default)]
    pub(super) visibility: Option<String>,
    #[serde(default = "on")]
    pub(super) issues_enabled: bool,
    #[serde(default = "on")]
    pub(super) merge_requests_enabled: bool,
}

fn on() -> bool {
    true
}

/// An issue or a merge request in the list of what was updated.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Updated {
    pub(super) id: u64,
    pub(super) iid: u64,
    pub(super) title: String,
    #[serde(default)]
    pub(super) description: Option<String>,
    pub(super) state: String,
    pub(super) web_url: String,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    #[serde(default)]
    pub(super) author: Value,
    #[serde(default)]
    pub(super) labels: Vec<String>,
    #[serde(default)]
    pub(super) assignees: Vec<Value>,
    #[serde(default)]
    pub(super) reviewers: Vec<Value>,
    /// `issue`, `incident`, `task`, `test_case`; a merge request is of no type.
    #[serde(default)]
    pub(super) issue_type: Option<String>,
    #[serde(default)]
    pub(super) confidential: Option<bool>,
    #[serde(default)]
    pub(super) draft: bool,
    #[serde(default)]
    pub(super) sha: Option<String>,
    #[serde(default)]
    pub(super) source_branch: Option<String>,
    #[serde(default)]
    pub(super) target_branch: Option<String>,
    #[serde(default)]
    pub(super) source_project_id: Option<u64>,
    #[serde(default)]
    pub(super) target_project_id: Option<u64>,
}

/// A label that was put on something or taken away.
#[derive(Debug, Deserialize)]
pub(super) struct LabelEvent {
    pub(super) id: u64,
    #[serde(default)]
    pub(super) user: Value,
    pub(super) created_at: Timestamp,
    /// None where there is no such label any more.
    #[serde(default)]
    pub(super) label: Option<LabelName>,
    /// `add`, `remove`.
    pub(super) action: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct LabelName {
    pub(super) name: String,
}

/// Something that was closed, opened again or merged.
#[derive(Debug, Deserialize)]
pub(super) struct StateEvent {
    pub(super) id: u64,
    #[serde(default)]
    pub(super) user: Value,
    pub(super) created_at: Timestamp,
    pub(super) state: String,
}

/// What was said about something, or what GitLab noted there by itself.
#[derive(Debug, Deserialize)]
pub(super) struct Remark {
    pub(super) id: u64,
    pub(super) body: String,
    #[serde(default)]
    pub(super) author: Value,
    pub(super) created_at: Timestamp,
    #[serde(default)]
    pub(super) system: bool,
    /// Whether only members may read it.
    #[serde(default)]
    pub(super) internal: Option<bool>,
    /// The same, before GitLab 16.
    #[serde(default)]
    pub(super) confidential: Option<bool>,
    /// Where in a diff it stands.
    #[serde(default)]
    pub(super) position: Value,
}

/// What we may do with a project.
#[derive(Debug, Deserialize)]
pub(super) struct Reach {
    permissions: Option<Rights>,
}

#[derive(Debug, Deserialize)]
struct Rights {
    project_access: Option<Access>,
    group_access: Option<Access>,
}

#[derive(Debug, Deserialize)]
struct Access {
    access_level: u32,
}

impl Reach {
    /// The higher of what the project and its groups give.
    pub(super) fn permission(&self) -> Permission {
        let rights = self.permissions.iter();
        let given = rights.flat_map(|rights| [&rights.project_access, &rights.group_access]).flatten();
        given.map(|access| permission(access.access_level)).max().unwrap_or(Permission::None)
    }
}

/// The token that requests are made with.
#[derive(Debug, Deserialize)]
pub(super) struct Token {
    #[serde(default)]
    pub(super) scopes: Vec<String>,
    /// The day on which it ends.
    pub(super) expires_at: Option<Date>,
}

/// A project's webhook.
#[derive(Debug, Deserialize)]
pub(super) struct Hook {
    pub(super) id: u64,
    pub(super) url: String,
    /// `executable`, `disabled`, `temporarily_disabled`.
    #[serde(default)]
    pub(super) alert_status: Option<String>,
    /// What else it has: `issues_events` and the like, each on or off.
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

impl Hook {
    /// Whether it posts to Ostler, as far as its address can tell.
    pub(super) fn is_ours(&self) -> bool {
        let path = self.url.split(['?', '#']).next().unwrap_or_default();
        path.trim_end_matches('/').ends_with("/webhooks/gitlab")
    }

    /// What it tells of.
    pub(super) fn events(self) -> Vec<String> {
        let on = self.rest.into_iter().filter(|(name, on)| name.ends_with("_events") && *on == true);
        on.map(|(name, _)| name).collect()
    }
}

/// One time that a webhook was sent.
#[derive(Debug, Deserialize)]
pub(super) struct Attempt {
    pub(super) id: u64,
    #[serde(default)]
    pub(super) request_headers: BTreeMap<String, Value>,
    /// What was sent; of what was too large `{"oversize": true}`.
    #[serde(default)]
    pub(super) request_data: Value,
    /// `200`, or `internal error` where there was no answer.
    #[serde(default)]
    pub(super) response_status: Value,
}

impl Attempt {
    /// Whether it was answered as a delivery that was taken is.
    pub(super) fn was_taken(&self) -> bool {
        let text = self.response_status.as_str().map(str::to_owned);
        let text = text.unwrap_or_else(|| self.response_status.to_string());
        text.starts_with('2') && text.len() == 3
    }

    /// Whether GitLab kept what was sent.
    pub(super) fn is_kept(&self) -> bool {
        self.request_data.is_object() && self.request_data.get("oversize").is_none()
    }
}

/// How GitLab says what went wrong.
pub(super) const DIALECT: Dialect = Dialect { message, problem };

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Failure {
    message: Value,
    error: Value,
    error_description: Value,
}

fn message(body: &[u8]) -> Option<String> {
    let failure: Failure = serde_json::from_slice(body).unwrap_or_default();
    let mut parts = Vec::new();
    for part in [&failure.message, &failure.error, &failure.error_description] {
        gather(part, &mut parts);
    }
    (!parts.is_empty()).then(|| parts.join(": "))
}

/// The sentences of a message: text, a list of them, or lists by what they are about.
fn gather(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::String(text) if !text.is_empty() => into.push(text.clone()),
        Value::Array(list) => list.iter().for_each(|each| gather(each, into)),
        Value::Object(fields) => {
            for (field, value) in fields {
                let at = into.len();
                gather(value, into);
                into.iter_mut().skip(at).for_each(|text| *text = format!("{field} {text}"));
            }
        }
        _ => {}
    }
}

fn problem(answer: &Answer) -> Option<Problem> {
    let there = || message(&answer.body).is_some_and(|said| said.contains("already exists"));
    (answer.status.as_u16() == 400 && there()).then_some(Problem::Conflict)
}
