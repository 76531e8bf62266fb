//! `task_management`: issues and tickets.

use std::fmt::Debug;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Call;
use super::effect::{Effect, Made};
use crate::event::{Account, RepositoryName, SourceName, TaskRef};
use crate::spec::action::{ActionSpec, Field, Kind, Repeat, Undo};

/// A place where tasks are kept.
pub trait Tracker: Debug + Send + Sync {
    /// The provider's name: what task references begin with.
    fn name(&self) -> SourceName;

    /// The account that Ostler acts as.
    fn whoami(&self) -> Call<'_, Account>;

    /// The channel for tasks whose team is not known.
    fn default_channel(&self) -> Option<&str> {
        None
    }

    /// Reads a task.
    fn get_task<'a>(&'a self, task: &'a TaskRef) -> Call<'a, Task>;

    /// Makes a task, unless this effect made it before.
    fn create_task<'a>(&'a self, new: &'a NewTask, effect: &'a Effect) -> Call<'a, Made<Task>>;

    /// The task that this effect made, if it is there.
    fn find_task<'a>(&'a self, new: &'a NewTask, effect: &'a Effect) -> Call<'a, Option<Task>>;

    /// Calls a task off: nobody is to do it. One that is closed already stays as it is.
    fn close_task<'a>(&'a self, task: &'a TaskRef, effect: &'a Effect) -> Call<'a, ()>;

    /// Where a task stands, in the tracker's own word too.
    fn position<'a>(&'a self, task: &'a TaskRef) -> Call<'a, Position>;

    /// Moves a task to a status, and gives where it stands then; being there already is success.
    fn set_status<'a>(&'a self, task: &'a TaskRef, status: Status, effect: &'a Effect) -> Call<'a, Position>;

    /// Moves a task back to where it stood; being there already is success.
    fn put_back<'a>(&'a self, task: &'a TaskRef, to: &'a Position, effect: &'a Effect) -> Call<'a, ()>;

    /// Writes a comment, unless this effect wrote it before.
    fn add_comment<'a>(
        &'a self,
        task: &'a TaskRef,
        body: &'a str,
        effect: &'a Effect,
    ) -> Call<'a, Made<CommentRef>>;

    /// The comment that this effect wrote, if it is there.
    fn find_comment<'a>(&'a self, task: &'a TaskRef, effect: &'a Effect) -> Call<'a, Option<CommentRef>>;

    /// Gives a comment of our own another text, under the mark of the effect that wrote it.
    fn edit_comment<'a>(
        &'a self,
        task: &'a TaskRef,
        comment: &'a CommentRef,
        body: &'a str,
        effect: &'a Effect,
    ) -> Call<'a, ()>;

    /// Deletes a comment of our own; one that is gone is success.
    fn delete_comment<'a>(&'a self, task: &'a TaskRef, comment: &'a CommentRef) -> Call<'a, ()>;

    /// Under which title a page is linked to a task, if it is.
    fn linked<'a>(&'a self, task: &'a TaskRef, url: &'a str) -> Call<'a, Option<String>>;

    /// Links a page (a pull request) to a task; the link of the same address is one link.
    fn link<'a>(
        &'a self,
        task: &'a TaskRef,
        url: &'a str,
        title: &'a str,
        effect: &'a Effect,
    ) -> Call<'a, ()>;

    /// Takes a page's link off a task; one that is gone is success.
    fn unlink<'a>(&'a self, task: &'a TaskRef, url: &'a str) -> Call<'a, ()>;
}

/// A task, in the words that all trackers share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// The name that people say: `SHOP-7`, `12`.
    pub id: String,
    /// The same, as the given workflows spell it.
    pub task_id: String,
    /// Which one, everywhere.
    pub reference: TaskRef,
    /// Its title.
    pub title: String,
    /// Its text, as Markdown or plain text.
    pub description: String,
    /// Where it stands.
    pub status: Status,
    /// `feature`, `bug`, …: the tracker's type through the plugin's mapping.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its labels.
    #[serde(default)]
    pub labels: Vec<String>,
    /// Whom it is assigned to.
    #[serde(default)]
    pub assignee: Option<Account>,
    /// Where a person reads it.
    pub url: String,
    /// The address of the repository it is about, where a field says so or Ostler resolved it.
    #[serde(default)]
    pub repository_url: Option<String>,
    /// Where its team talks, where a field of the task says so or Ostler resolved it.
    #[serde(default)]
    pub team_channel: Option<String>,
}

/// Where a task stands, in the four words that all trackers share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Not begun.
    Todo,
    /// Somebody works on it.
    InProgress,
    /// The work waits for a look.
    InReview,
    /// Finished.
    Done,
}

impl Status {
    /// All of them, in order.
    pub const ALL: [Self; 4] = [Self::Todo, Self::InProgress, Self::InReview, Self::Done];

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Todo => "todo",
            Self::InProgress => "in_progress",
            Self::InReview => "in_review",
            Self::Done => "done",
        }
    }

    /// The status that a word names.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

/// Where a task stands: what it goes back to when a change of its status is undone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The word that all trackers share.
    pub status: Status,
    /// The tracker's own word; of several with one meaning it is this one.
    pub name: String,
}

impl From<Status> for Position {
    /// For trackers that have no words of their own.
    fn from(status: Status) -> Self {
        Self { status, name: status.as_str().to_owned() }
    }
}

/// A task to make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewTask {
    /// The project's key, for trackers with projects.
    pub project: Option<String>,
    /// The repository, for trackers that live in one.
    pub repository: Option<RepositoryName>,
    /// Its title.
    pub title: String,
    /// Its text.
    pub description: String,
    /// `feature`, `bug`, ….
    pub kind: String,
}

/// A comment that is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommentRef {
    /// The vendor's id of it.
    pub id: String,
    /// Where a person reads it.
    pub url: String,
}

/// The capability's name in workflows.
pub const CAPABILITY: &str = "task_management";

/// What workflows can do with tasks.
#[must_use]
pub fn actions() -> Vec<ActionSpec> {
    vec![get_task(), update_task_status(), add_comment(), create_task(), link()]
}

fn get_task() -> ActionSpec {
    ActionSpec {
        inputs: vec![Field::required("task_id", Kind::String)],
        outputs: [vec![Field::required("task", Kind::Object)], Field::texts(TASK)].concat(),
        ..ActionSpec::reading(CAPABILITY, "get_task", "Reads a task.")
    }
}

/// The parts of a task that stand beside it in what reading it gives.
const TASK: &[&str] = &["id", "task_id", "title", "description", "status", "type", "url"];

fn update_task_status() -> ActionSpec {
    ActionSpec {
        inputs: vec![
            Field::required("task_id", Kind::String),
            Field::required("status", Kind::String),
            Field::optional("comment", Kind::String),
        ],
        outputs: vec![Field::required("success", Kind::Boolean)],
        repeat: Repeat::Idempotent,
        undo: Undo::Restore,
        ..ActionSpec::reading(
            CAPABILITY,
            "update_task_status",
            "Moves a task to a status, with a comment or without.",
        )
    }
}

fn add_comment() -> ActionSpec {
    ActionSpec {
        inputs: vec![
            Field::required("task_id", Kind::String),
            Field::required("body", Kind::String).or("comment"),
        ],
        outputs: Field::texts(&["url", "id"]),
        repeat: Repeat::Findable,
        undo: Undo::Action("delete_comment".to_owned()),
        ..ActionSpec::reading(CAPABILITY, "add_comment", "Writes a comment on a task.")
    }
}

fn create_task() -> ActionSpec {
    ActionSpec {
        inputs: vec![
            Field::required("title", Kind::String),
            Field::optional("description", Kind::String),
            Field::optional("type", Kind::String),
            Field::optional("project", Kind::String),
        ],
        outputs: [vec![Field::required("task", Kind::Object)], Field::texts(&["task_id", "url"])].concat(),
        repeat: Repeat::Findable,
        undo: Undo::Action("close_task".to_owned()),
        ..ActionSpec::reading(CAPABILITY, "create_task", "Makes a task.")
    }
}

fn link() -> ActionSpec {
    ActionSpec {
        inputs: vec![
            Field::required("task_id", Kind::String),
            Field::required("url", Kind::String),
            Field::optional("title", Kind::String),
        ],
        outputs: vec![Field::required("success", Kind::Boolean)],
        repeat: Repeat::Idempotent,
        undo: Undo::Restore,
        ..ActionSpec::reading(CAPABILITY, "link", "Links a page to a task.")
    }
}
