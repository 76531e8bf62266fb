//! Linear's own shapes, as far as Ostler reads them, and how it says what went wrong.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::plugin::Problem;
use crate::plugin::client::{Answer as Response, Dialect, Retry};

/// An answer without errors.
#[derive(Debug, Deserialize)]
pub(super) struct Answer<T> {
    pub(super) data: T,
}

/// Some of a list.
#[derive(Debug, Deserialize)]
pub(super) struct Nodes<T> {
    pub(super) nodes: Vec<T>,
}

/// A page of a list.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Page<T> {
    pub(super) nodes: Vec<T>,
    pub(super) page_info: PageInfo,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PageInfo {
    pub(super) has_next_page: bool,
    pub(super) end_cursor: Option<String>,
}

impl PageInfo {
    /// Where the next page begins, if there is one.
    pub(super) fn next(self) -> Option<String> {
        self.end_cursor.filter(|_| self.has_next_page)
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Viewer {
    pub(super) viewer: User,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct User {
    pub(super) id: String,
}

/// One issue that was asked for.
#[derive(Debug, Deserialize)]
pub(super) struct One<T> {
    pub(super) issue: T,
}

#[derive(Debug, Deserialize)]
pub(super) struct Issue {
    pub(super) identifier: String,
    pub(super) title: String,
    pub(super) description: Option<String>,
    pub(super) url: String,
    pub(super) state: State,
    pub(super) labels: Nodes<Label>,
    pub(super) assignee: Option<User>,
    /// The agent that it was handed to.
    pub(super) delegate: Option<User>,
    pub(super) creator: Option<User>,
}

/// A status of a team.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct State {
    pub(super) id: String,
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    /// Where it stands on the board, among those of its type.
    #[serde(default)]
    pub(super) position: f64,
}

/// Where an issue stands, and where it could.
#[derive(Debug, Deserialize)]
pub(super) struct Standing {
    pub(super) state: State,
    pub(super) team: Board,
}

#[derive(Debug, Deserialize)]
pub(super) struct Board {
    pub(super) states: Nodes<State>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Label {
    #[serde(default)]
    pub(super) id: String,
    pub(super) name: String,
    /// A group of labels: no issue can have it.
    #[serde(default)]
    pub(super) is_group: bool,
}

/// The pages that are attached to an issue.
#[derive(Debug, Deserialize)]
pub(super) struct Attachments {
    pub(super) attachments: Nodes<Attachment>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Attachment {
    pub(super) id: String,
    pub(super) title: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Comment {
    pub(super) id: String,
    pub(super) url: String,
    pub(super) user: Option<User>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Comments {
    pub(super) comments: Nodes<Comment>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Issues {
    pub(super) issues: Nodes<Issue>,
}

/// What a new issue is made of.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Ground {
    pub(super) teams: Nodes<Team>,
    pub(super) issue_labels: Nodes<Label>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Teams {
    pub(super) teams: Nodes<Team>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Team {
    pub(super) id: String,
    pub(super) key: String,
}

/// A mutation that is called `done` in its answer.
#[derive(Debug, Deserialize)]
pub(super) struct Done {
    pub(super) done: Success,
}

#[derive(Debug, Deserialize)]
pub(super) struct Success {
    pub(super) success: bool,
}

/// A mutation that is called `made` in its answer, with what it made under that name too.
#[derive(Debug, Deserialize)]
pub(super) struct Made<T> {
    pub(super) made: Making<T>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Making<T> {
    pub(super) success: bool,
    pub(super) made: T,
}

#[derive(Debug, Deserialize)]
pub(super) struct Webhooks {
    pub(super) webhooks: Nodes<Hook>,
}

/// A webhook of the workspace or of a team.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Hook {
    pub(super) id: String,
    /// None where an application of somebody else's has it.
    pub(super) url: Option<String>,
    pub(super) enabled: bool,
    #[serde(default)]
    pub(super) resource_types: Vec<String>,
}

/// Some of a list that is called `things` in its answer.
#[derive(Debug, Deserialize)]
pub(super) struct Listed<T> {
    pub(super) things: Page<T>,
}

/// Something that was made or changed, and when.
#[derive(Debug, Deserialize)]
pub(super) struct Moved {
    pub(super) id: String,
    pub(super) at: Timestamp,
}

/// An issue as it is now, and some of what was done to it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Happened {
    pub(super) created_at: Timestamp,
    pub(super) history: Page<Entry>,
    /// What else was asked for of it.
    #[serde(flatten)]
    pub(super) others: Map<String, Value>,
}

/// What somebody did to an issue, and what else they did to it soon after, where a team has that put together.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry {
    pub(super) id: String,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    #[serde(default)]
    pub(super) actor: Value,
    #[serde(default)]
    pub(super) bot_actor: Value,
    #[serde(default)]
    pub(super) added_labels: Option<Vec<Value>>,
    #[serde(default)]
    pub(super) removed_labels: Option<Vec<Value>>,
    /// `fromState`, `toState` and the like: what was, and what came in its place.
    #[serde(flatten)]
    pub(super) others: Map<String, Value>,
}

/// How Linear says what went wrong: in a list of errors, under whatever status.
pub(super) const DIALECT: Dialect = Dialect { message, problem };

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Failure {
    errors: Vec<Error>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Error {
    message: String,
    extensions: Extensions,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Extensions {
    code: String,
    #[serde(rename = "type")]
    kind: String,
    user_presentable_message: String,
}

fn failure(body: &[u8]) -> Option<Error> {
    let failure: Failure = serde_json::from_slice(body).ok()?;
    failure.errors.into_iter().next()
}

fn message(body: &[u8]) -> Option<String> {
    let Error { message, extensions } = failure(body)?;
    let parts = [message, extensions.user_presentable_message].into_iter().filter(|part| !part.is_empty());
    let mut parts: Vec<_> = parts.collect();
    parts.dedup();
    (!parts.is_empty()).then(|| parts.join(": "))
}

/// What an error means. That a limit was reached comes with 400, and everything that Linear understood with 200.
fn problem(answer: &Response) -> Option<Problem> {
    if answer.status.is_server_error() {
        return None;
    }
    let error = failure(&answer.body)?;
    // The code (`AUTHENTICATION_ERROR`) and the type (`authentication error`) say one thing in two spellings, and
    // one of them may say less than the other.
    let words = [&error.extensions.code, &error.extensions.kind];
    let words = words.map(|word| word.to_lowercase().replace('_', " "));
    let is = |known: &str| words.iter().any(|word| word == known);
    let said = error.message.to_lowercase();
    let problem = if is("ratelimited") {
        Problem::RateLimited
    } else if is("authentication error") || is("forbidden") || is("feature not accessible") {
        Problem::Denied
    } else if is("usage limit exceeded") {
        Problem::Exhausted
    } else if said.starts_with("entity not found") {
        Problem::NotFound
    } else if said.starts_with("conflict on insert") {
        Problem::Conflict
    } else if is("internal error") || is("internal server error") || is("lock timeout") {
        if answer.retry == Retry::Always { Problem::Unavailable } else { Problem::Unknown }
    } else if matches!(answer.status.as_u16(), 200 | 400) {
        Problem::Invalid
    } else {
        return None;
    };
    Some(problem)
}
