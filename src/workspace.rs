//! A run's checkout: its own directory, its own trusted git directory beside it, a sandbox for commands.
//!
//! The git directory lies outside what the sandbox can write, so nothing that an agent leaves in the
//! checkout can make git run it. Out of a workspace come trees, diffs and commits, never credentials.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::id::RunId;
use crate::plugin::forge::Remote;

/// Where workspaces are made.
#[derive(Debug, Clone)]
pub struct Workspaces {
    /// The directory that holds one directory a run.
    pub root: PathBuf,
}

/// One run's checkout.
#[derive(Debug, Clone)]
pub struct Workspace {
    /// The files, as the agent sees them.
    pub files: PathBuf,
    /// The commit that they were taken from.
    pub base: String,
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

impl Workspaces {
    /// A run's workspace: made from the remote's branch (or commit) the first time, found again afterwards.
    ///
    /// # Errors
    /// When git or the disk fails.
    pub async fn open(&self, run: RunId, remote: &Remote, branch: &str) -> Result<Workspace, WorkspaceError> {
        let _ = (run, remote, branch);
        unimplemented!("owner: workspace")
    }

    /// Removes a run's workspace.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn close(&self, run: RunId) -> Result<(), WorkspaceError> {
        let _ = run;
        unimplemented!("owner: workspace")
    }
}

impl Workspace {
    /// Runs a shell command in the sandbox, in the checkout's root.
    ///
    /// # Errors
    /// When the sandbox cannot be set up; a command that fails is an [`Output`].
    pub async fn shell(&self, command: &str, limit: Duration) -> Result<Output, WorkspaceError> {
        let _ = (command, limit);
        unimplemented!("owner: workspace")
    }

    /// The place of a path given from the checkout's root, if it is one that may be read or written: inside,
    /// not `.git`, no symlink on the way.
    ///
    /// # Errors
    /// When it is not.
    pub fn place(&self, path: &str) -> Result<PathBuf, WorkspaceError> {
        let _: &Path = path.as_ref();
        unimplemented!("owner: workspace")
    }

    /// The files as they are now, as a git tree in the trusted git directory; gives its SHA.
    ///
    /// # Errors
    /// When git fails.
    pub async fn snapshot(&self) -> Result<String, WorkspaceError> {
        unimplemented!("owner: workspace")
    }

    /// Makes the files what a tree says, and removes all others.
    ///
    /// # Errors
    /// When git fails, or does not know the tree.
    pub async fn restore(&self, tree: &str) -> Result<(), WorkspaceError> {
        let _ = tree;
        unimplemented!("owner: workspace")
    }

    /// The unified diff from the base to a tree.
    ///
    /// # Errors
    /// When git fails.
    pub async fn diff(&self, tree: &str) -> Result<String, WorkspaceError> {
        let _ = tree;
        unimplemented!("owner: workspace")
    }
}
