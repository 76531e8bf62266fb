//! `version_control`: repositories, branches, pull requests.

mod history;
mod hunk;
mod review;

use std::fmt::Debug;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

pub use self::history::{Commit, History};
pub use self::hunk::shown_lines;
pub use self::review::{ChangedFile, CheckRun, FileChange, LineComment, NewReview};
use super::Call;
use super::effect::{Effect, Made};
use super::tracker::CommentRef;
pub use crate::event::Permission;
use crate::event::{Account, RepositoryName, SourceName, TaskRef, Team};
use crate::spec::action::{ActionSpec, Field, Kind, Repeat, Undo};

/// A place where repositories are kept.
pub trait Forge: Debug + Send + Sync {
    /// The provider's name.
    fn name(&self) -> SourceName;

    /// The account that Ostler acts as.
    fn whoami(&self) -> Call<'_, Account>;

    /// Reads a repository.
    fn repository<'a>(&'a self, repository: &'a RepositoryName) -> Call<'a, Repository>;

    /// What an account may do in a repository.
    fn permission<'a>(&'a self, repository: &'a RepositoryName, account: &'a Account)
    -> Call<'a, Permission>;

    /// Whether an account belongs to a team, asked with the rights that Ostler has in this repository.
    fn is_member<'a>(
        &'a self,
        repository: &'a RepositoryName,
        team: &'a Team,
        account: &'a Account,
    ) -> Call<'a, bool>;

    /// Reads a branch.
    fn branch<'a>(&'a self, repository: &'a RepositoryName, name: &'a str) -> Call<'a, Option<Branch>>;

    /// Makes a branch at a commit; one of that name is adopted as it is.
    fn create_branch<'a>(
        &'a self,
        repository: &'a RepositoryName,
        name: &'a str,
        sha: &'a str,
        effect: &'a Effect,
    ) -> Call<'a, Made<Branch>>;

    /// Reads a pull request.
    fn change<'a>(&'a self, repository: &'a RepositoryName, number: u64) -> Call<'a, Change>;

    /// The task that a pull request is, where this forge is a tracker too.
    fn change_task(&self, repository: &RepositoryName, number: u64) -> TaskRef {
        TaskRef::new(self.name().as_str(), format!("{repository}#{number}"))
    }

    /// Opens a pull request, or adopts the open one that has this head and base.
    fn create_change<'a>(
        &'a self,
        repository: &'a RepositoryName,
        new: &'a NewChange,
        effect: &'a Effect,
    ) -> Call<'a, Made<Change>>;

    /// The pull request that this effect opened for a branch of the repository, open or not.
    fn find_change<'a>(
        &'a self,
        repository: &'a RepositoryName,
        head: &'a str,
        effect: &'a Effect,
    ) -> Call<'a, Option<Change>>;

    /// Closes a pull request without merging it.
    fn close_change<'a>(&'a self, repository: &'a RepositoryName, number: u64) -> Call<'a, ()>;

    /// Writes a comment into a pull request's conversation, unless this effect wrote it before.
    fn add_comment<'a>(
        &'a self,
        repository: &'a RepositoryName,
        number: u64,
        body: &'a str,
        effect: &'a Effect,
    ) -> Call<'a, Made<CommentRef>>;

    /// The comment that this effect wrote into a pull request's conversation, if it is there.
    fn find_comment<'a>(
        &'a self,
        repository: &'a RepositoryName,
        number: u64,
        effect: &'a Effect,
    ) -> Call<'a, Option<CommentRef>>;

    /// Gives a comment of our own in a pull request's conversation another text, under the mark of the effect that
    /// wrote it.
    fn edit_comment<'a>(
        &'a self,
        repository: &'a RepositoryName,
        number: u64,
        comment: &'a CommentRef,
        body: &'a str,
        effect: &'a Effect,
    ) -> Call<'a, ()>;

    /// Deletes a comment of our own from a pull request's conversation; one that is gone is success.
    fn delete_comment<'a>(
        &'a self,
        repository: &'a RepositoryName,
        number: u64,
        comment: &'a CommentRef,
    ) -> Call<'a, ()>;
    /// What a pull request changes, file by file.
    fn files<'a>(&'a self, repository: &'a RepositoryName, number: u64) -> Call<'a, Vec<ChangedFile>>;

    /// Writes a review of a pull request, unless this effect wrote it before.
    fn add_review<'a>(
        &'a self,
        repository: &'a RepositoryName,
        number: u64,
        review: &'a NewReview,
        effect: &'a Effect,
    ) -> Call<'a, Made<CommentRef>>;

    /// What a review says at lines of the code; `review` is the vendor's id of it.
    fn review_comments<'a>(
        &'a self,
        repository: &'a RepositoryName,
        number: u64,
        review: &'a str,
    ) -> Call<'a, Vec<LineComment>>;

    /// Answers in a thread that stands at a line of the code, unless this effect did before; `thread` is the vendor's id
    /// of it.
    fn reply<'a>(
        &'a self,
        repository: &'a RepositoryName,
        number: u64,
        thread: &'a str,
        body: &'a str,
        effect: &'a Effect,
    ) -> Call<'a, Made<CommentRef>>;

    /// What checks say of a commit: of each name the newest, a hundred at the most.
    fn checks<'a>(&'a self, repository: &'a RepositoryName, sha: &'a str) -> Call<'a, Vec<CheckRun>>;

    /// What was committed to the default branch since the last release: a hundred commits at the most, of all where
    /// there was no release.
    fn history<'a>(&'a self, repository: &'a RepositoryName) -> Call<'a, History>;

    /// Where git finds the repository, and what opens the door: short-lived, for this repository alone.
    fn remote<'a>(&'a self, repository: &'a RepositoryName) -> Call<'a, Remote>;
}

/// A repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repository {
    /// `owner/name`.
    pub name: RepositoryName,
    /// The branch that changes go into.
    pub default_branch: String,
    /// Where a person looks at it.
    pub url: String,
    /// Whether strangers cannot read it.
    pub private: bool,
}

/// A branch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Branch {
    /// Its name.
    pub name: String,
    /// The commit it stands at.
    pub sha: String,
    /// Where a person looks at it.
    pub url: String,
}

/// A pull request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Its number.
    pub number: u64,
    /// Its title.
    pub title: String,
    /// Its text.
    pub body: String,
    /// Where a person reads it.
    pub url: String,
    /// The branch it comes from.
    pub head_branch: String,
    /// The repository of that branch; absent where a fork is gone.
    #[serde(default)]
    pub head_repository: Option<RepositoryName>,
    /// The commit it stands at.
    pub head_sha: String,
    /// The branch it wants to go into.
    pub base_branch: String,
    /// Whether it is open.
    pub open: bool,
    /// Whether it was merged; then it is not open either.
    #[serde(default)]
    pub merged: bool,
    /// Whether it is a draft.
    pub draft: bool,
}

/// A pull request to open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewChange {
    /// The branch it comes from.
    pub head: String,
    /// The branch it wants to go into.
    pub base: String,
    /// Its title.
    pub title: String,
    /// Its text, as Markdown.
    pub body: String,
    /// Whether it is a draft.
    pub draft: bool,
}

/// Where git finds a repository.
#[derive(Debug, Clone)]
pub struct Remote {
    /// The clone address, without credentials.
    pub url: String,
    /// The user name and password that git is to answer with, bound to that address's host.
    pub credential: Option<(String, SecretString)>,
}

/// The capability's name in workflows.
pub const CAPABILITY: &str = "version_control";

/// What workflows can do with repositories.
#[must_use]
pub fn actions() -> Vec<ActionSpec> {
    let mut actions = vec![
        create_branch(),
        publishing("commit_changes", "Commits what an agent left and pushes it to the run's branch."),
        publishing("push_branch", "Pushes what an agent left, as a commit, to the run's branch."),
        create_pull_request(),
        add_comment(),
        get_repository_info(),
        analyze_repository_structure(),
        get_pull_request(),
    ];
    actions.extend(review::actions());
    actions.push(history::list_changes());
    actions
}

fn create_branch() -> ActionSpec {
    ActionSpec {
        inputs: vec![
            Field::required("repository", Kind::String),
            Field::required("branch", Kind::String).or("branch_name"),
            Field::optional("base_branch", Kind::String),
        ],
        outputs: Field::texts(&["branch", "url", "branch_url", "sha"]),
        repeat: Repeat::Findable,
        undo: Undo::Action("delete_branch".to_owned()),
        ..ActionSpec::reading(CAPABILITY, "create_branch", "Makes a branch, or adopts the one of that name.")
    }
}

/// Two names for one act: behind the gate, a commit and its push are one.
fn publishing(name: &str, about: &str) -> ActionSpec {
    ActionSpec {
        inputs: vec![
            Field::optional("repository", Kind::String),
            Field::optional("branch", Kind::String).or("branch_name"),
            Field::optional("base_branch", Kind::String),
        ],
        outputs: [Field::texts(&["branch", "commit"]), vec![Field::required("success", Kind::Boolean)]]
            .concat(),
        repeat: Repeat::Findable,
        undo: Undo::Restore,
        publishes: true,
        ..ActionSpec::reading(CAPABILITY, name, about)
    }
}

fn create_pull_request() -> ActionSpec {
    ActionSpec {
        inputs: vec![
            Field::optional("repository", Kind::String),
            Field::optional("source_branch", Kind::String).or("branch_name"),
            Field::optional("target_branch", Kind::String).or("base_branch"),
            Field::required("title", Kind::String),
            Field::optional("description", Kind::String).or("body"),
            Field::optional("draft", Kind::Boolean),
        ],
        outputs: [
            Field::texts(&["pr_url", "url", "branch", "commit", "held_back"]),
            vec![Field::required("number", Kind::Number), Field::required("draft", Kind::Boolean)],
        ]
        .concat(),
        repeat: Repeat::Findable,
        undo: Undo::Action("close_pull_request".to_owned()),
        publishes: true,
        ..ActionSpec::reading(
            CAPABILITY,
            "create_pull_request",
            "Opens a pull request, or adopts the open one.",
        )
    }
}

fn add_comment() -> ActionSpec {
    ActionSpec {
        inputs: vec![
            Field::optional("repository", Kind::String),
            Field::optional("number", Kind::Number),
            Field::required("body", Kind::String).or("comment"),
        ],
        outputs: Field::texts(&["url", "id"]),
        repeat: Repeat::Findable,
        undo: Undo::Action("delete_comment".to_owned()),
        ..ActionSpec::reading(CAPABILITY, "add_comment", "Writes a comment on a pull request.")
    }
}

fn get_repository_info() -> ActionSpec {
    ActionSpec {
        inputs: vec![Field::optional("repository", Kind::String)],
        outputs: Field::texts(&["name", "default_branch", "url"]),
        ..ActionSpec::reading(CAPABILITY, "get_repository_info", "Reads a repository.")
    }
}

fn analyze_repository_structure() -> ActionSpec {
    let lists = ["languages", "frameworks", "dependencies", "checks", "entry_points", "conventions"];
    ActionSpec {
        inputs: vec![
            Field::optional("repository", Kind::String),
            Field::optional("task", Kind::String).or("focus"),
        ],
        outputs: [
            Field::texts(&["commit", "test_command", "symbols", "summary"]),
            lists.map(|name| Field::required(name, Kind::List)).to_vec(),
            vec![Field::required("files", Kind::Number)],
        ]
        .concat(),
        ..ActionSpec::reading(
            CAPABILITY,
            "analyze_repository_structure",
            "Says from its files what kind of repository it is: languages, frameworks, dependencies, commands, \
             where programs begin, and the symbols that matter.",
        )
    }
}

fn get_pull_request() -> ActionSpec {
    let truths = ["open", "draft"].map(|name| Field::required(name, Kind::Boolean));
    let text = ["title", "body", "url", "pr_url", "head_branch", "head_sha", "base_branch"];
    ActionSpec {
        inputs: vec![Field::optional("repository", Kind::String), Field::optional("number", Kind::Number)],
        outputs: [vec![Field::required("number", Kind::Number)], Field::texts(&text), truths.to_vec()]
            .concat(),
        ..ActionSpec::reading(CAPABILITY, "get_pull_request", "Reads a pull request.")
    }
}
