//! A run's checkout: its own directory, its own trusted git directory beside it, a sandbox for commands.
//!
//! The git directory lies outside what the sandbox can write, so nothing that an agent leaves in the
//! checkout can make git run it. Out of a workspace come trees, diffs and commits, never credentials.
//!
//! A run has `<root>/<run>/`, and in it `git` (bare, trusted), `files` (the checkout, with no `.git` in it),
//! `scratch` (where a sandbox builds its root) and `ready` (the base commit, written last: a workspace
//! without it is half made, and is made again).

pub mod checks;
pub mod git;
#[cfg(feature = "symbols")]
mod grammar;
pub mod guard;
pub mod inside;
mod place;
mod process;
pub mod remote;
pub mod sandbox;
pub mod scan;
mod script;
pub mod syntax;
mod tree;
mod turns;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use self::git::{Git, GitPolicy};
use self::guard::Guard;
pub use self::remote::Pushed;
use self::sandbox::{Host, Room, Sandbox};
pub use self::script::Ran;
pub use self::turns::Turn;
use self::turns::Turns;
use crate::id::RunId;
use crate::plugin::forge::Remote;

/// Where an agent sees its checkout, wherever it really is.
pub const VIRTUAL_ROOT: &str = "/workspace";

/// How workspaces are made and what may come out of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// The directory that holds one directory a run.
    pub root: PathBuf,
    /// Who commits.
    pub author: Author,
    /// What git may do.
    pub git: GitPolicy,
    /// What a change may be.
    pub guard: Guard,
    /// Seconds that the repository's own tests may take.
    pub check_seconds: u64,
}

/// Who commits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Author {
    /// The name.
    pub name: String,
    /// The address.
    pub email: String,
}

/// Where workspaces are made.
#[derive(Debug, Clone)]
pub struct Workspaces {
    /// The directory that holds one directory a run.
    pub root: PathBuf,
    /// Where commands run.
    pub host: Host,
    /// How workspaces are made and what may come out of them.
    pub options: Arc<Options>,
    turns: Turns,
}

/// One run's checkout.
#[derive(Debug, Clone)]
pub struct Workspace {
    /// The files, as the agent sees them.
    pub files: PathBuf,
    /// The commit that they were taken from.
    pub base: String,
    place: PathBuf,
    git: Git,
    sandbox: Arc<Sandbox>,
    options: Arc<Options>,
}

/// What a sandboxed command gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Its exit code; none when a signal or the time limit ended it.
    pub code: Option<i32>,
    /// Whether the time limit ended it.
    pub timed_out: bool,
    /// What it wrote to both outputs, in order, its middle cut where it is long.
    pub text: String,
}

/// Why a workspace could not do something.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// A path leads out of the workspace, or into what no agent may touch.
    #[error("`{0}` is not a path that may be used here")]
    Path(String),
    /// git failed.
    #[error("git {command}: {message}")]
    Git {
        /// Its subcommand.
        command: String,
        /// What it said.
        message: String,
    },
    /// A branch of the remote stands elsewhere than expected: somebody else was there.
    #[error("branch `{branch}` was moved by somebody else (it stands at {found})")]
    Moved {
        /// The branch.
        branch: String,
        /// Where it stands.
        found: String,
    },
    /// The files hold a repository of their own.
    #[error(
        "`{0}` is a git repository of its own, whose files would be missing from the change; remove its `.git`"
    )]
    Nested(String),
    /// The sandbox is weaker than the configuration demands, or could not be set up.
    #[error("sandbox: {0}")]
    Sandbox(String),
    /// A file or process failed.
    #[error("{what}: {error}")]
    Io {
        /// What was tried.
        what: String,
        /// What happened.
        error: std::io::Error,
    },
}

impl Default for Options {
    fn default() -> Self {
        Self {
            root: PathBuf::from("./workspaces"),
            author: Author { name: "Ostler".to_owned(), email: "ostler@localhost".to_owned() },
            git: GitPolicy::default(),
            guard: Guard::default(),
            check_seconds: 900,
        }
    }
}

impl Workspaces {
    /// Workspaces under a root, with a sandbox that was found to work or a host where one is looked for.
    #[must_use]
    pub fn new(options: Options, host: impl Into<Host>) -> Self {
        // The sandbox binds these places: they are the same from wherever it is started.
        let root = std::path::absolute(&options.root).unwrap_or_else(|_| options.root.clone());
        Self { root, host: host.into(), options: Arc::new(options), turns: Turns::default() }
    }

    /// A run's workspace: made from the remote's branch (or commit, or `HEAD`) the first time, found again
    /// afterwards.
    ///
    /// # Errors
    /// When git or the disk fails.
    pub async fn open(&self, run: RunId, remote: &Remote, branch: &str) -> Result<Workspace, WorkspaceError> {
        if let Some(workspace) = self.find(run).await? {
            return Ok(workspace);
        }
        // Either there is nothing, or a crash left it half made.
        self.close(run).await?;
        let mut workspace = self.blank(run).await;
        for directory in [&workspace.git.directory, &workspace.files, &workspace.scratch()] {
            make_directory(directory).await?;
        }
        workspace.git.command("init").bytes(["--quiet", "--bare", "--template="]).await?;
        workspace.base = workspace.git.fetch(remote, branch).await?;
        workspace.check_out(&workspace.base, &workspace.files).await?;
        let ready = workspace.place.join("ready");
        tokio::fs::write(&ready, &workspace.base).await.map_err(|error| io_error(ready.display(), error))?;
        Ok(workspace)
    }

    /// A run's workspace, if there is a whole one.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn find(&self, run: RunId) -> Result<Option<Workspace>, WorkspaceError> {
        let mut workspace = self.blank(run).await;
        match tokio::fs::read_to_string(workspace.place.join("ready")).await {
            Ok(base) if git::is_object_name(&base) => {
                workspace.base = base;
                Ok(Some(workspace))
            }
            Ok(_) => Ok(None),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io_error(workspace.place.display(), error)),
        }
    }

    /// Removes a run's workspace.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn close(&self, run: RunId) -> Result<(), WorkspaceError> {
        let place = self.root.join(run.to_string());
        let removed = tokio::task::spawn_blocking(move || {
            // First what says that it is whole: a crash in between leaves something to be made again.
            match std::fs::remove_file(place.join("ready")) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
                _ => tree::remove_tree(&place),
            }
        });
        let removed = removed.await.map_err(std::io::Error::other).flatten();
        removed.map_err(|error| io_error("removing a workspace", error))
    }

    async fn blank(&self, run: RunId) -> Workspace {
        let place = self.root.join(run.to_string());
        Workspace {
            files: place.join("files"),
            base: String::new(),
            git: Git { directory: place.join("git"), policy: self.options.git.clone() },
            place,
            sandbox: self.host.sandbox().await,
            options: Arc::clone(&self.options),
        }
    }
}

impl Workspace {
    /// Runs a shell command in the sandbox, in the checkout's root.
    ///
    /// # Errors
    /// When the sandbox cannot be set up; a command that fails is an [`Output`].
    pub async fn shell(&self, command: &str, limit: Duration) -> Result<Output, WorkspaceError> {
        let room = Room { files: &self.files, scratch: &self.scratch() };
        self.sandbox.shell(room, command, limit).await
    }

    /// Where the checkout's root is, as commands in the sandbox see it.
    #[must_use]
    pub fn shown(&self) -> &Path {
        self.sandbox.shown(&self.files)
    }

    fn scratch(&self) -> PathBuf {
        self.place.join("scratch")
    }
}

async fn make_directory(directory: &Path) -> Result<(), WorkspaceError> {
    // Nobody else on the host has any business in a checkout.
    let made = tokio::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).await;
    made.map_err(|error| io_error(directory.display(), error))
}

fn io_error(what: impl std::fmt::Display, error: std::io::Error) -> WorkspaceError {
    WorkspaceError::Io { what: what.to_string(), error }
}

#[cfg(test)]
pub(crate) mod tests;
