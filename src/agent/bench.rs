//! What an agent's tools work on: a checkout, and a shell in its sandbox.

use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::workspace::{Output, Workspace, WorkspaceError};

/// What a bench's method gives.
pub type Work<'a, T> = BoxFuture<'a, Result<T, WorkspaceError>>;

/// A checkout that tools may read, change and run commands in.
pub trait Bench: Debug + Send + Sync {
    /// The checkout's root.
    fn root(&self) -> &Path;

    /// The place of a path given from the root, if it may be read and written.
    ///
    /// # Errors
    /// When it leads outside, into `.git` or through a symlink.
    fn place(&self, path: &str) -> Result<PathBuf, WorkspaceError>;

    /// Runs a shell command in the sandbox.
    fn shell<'a>(&'a self, command: &'a str, limit: Duration) -> Work<'a, Output>;

    /// The files as they are now, as a tree that can be restored.
    fn snapshot(&self) -> Work<'_, String>;

    /// Makes the files what a tree (or commit) says.
    fn restore<'a>(&'a self, tree: &'a str) -> Work<'a, ()>;

    /// What the gate has against putting a tree up for review; nothing when nothing.
    fn objection<'a>(&'a self, tree: &'a str) -> Work<'a, Option<String>>;

    /// What the base says of the repository, for a task of these words; empty where it says nothing.
    fn overview<'a>(&'a self, task: &'a str) -> Work<'a, String>;
}

impl Bench for Workspace {
    fn root(&self) -> &Path {
        &self.files
    }

    fn place(&self, path: &str) -> Result<PathBuf, WorkspaceError> {
        Self::place(self, path)
    }

    fn shell<'a>(&'a self, command: &'a str, limit: Duration) -> Work<'a, Output> {
        Box::pin(Self::shell(self, command, limit))
    }

    fn snapshot(&self) -> Work<'_, String> {
        Box::pin(Self::snapshot(self))
    }

    fn restore<'a>(&'a self, tree: &'a str) -> Work<'a, ()> {
        Box::pin(Self::restore(self, tree))
    }

    fn objection<'a>(&'a self, tree: &'a str) -> Work<'a, Option<String>> {
        Box::pin(async move { Ok(self.gate(tree).await?.objection()) })
    }

    fn overview<'a>(&'a self, task: &'a str) -> Work<'a, String> {
        Box::pin(async move { Ok(Self::overview(self, task).await?.to_string()) })
    }
}
