//! Scripts that change a tree: each in a directory of its own, which is gone afterwards.
//!
//! Nothing but the tree goes in and nothing but a tree and the outputs come out. Two scripts at once cannot
//! get into each other's way, nor into an agent's, and one that outlives a crash writes where nobody looks.

use std::path::Path;
use std::time::Duration;

use super::process::Finished;
use super::sandbox::{Room, Script};
use super::tree::{self, Index};
use super::{Workspace, WorkspaceError, io_error, make_directory};

/// Bytes of each of a script's outputs that are kept.
const OUTPUT: usize = 64 << 10;

/// What a script gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// Its exit code; none when the time limit ended it.
    pub code: Option<i32>,
    /// What it wrote to its output, the middle cut where it is long.
    pub stdout: String,
    /// What it wrote to its error output, the middle cut where it is long.
    pub stderr: String,
    /// Whether these are all that it wrote.
    pub whole: bool,
}

impl Workspace {
    /// Runs a script on a tree's files, in the sandbox, in the checkout's root. Gives the tree that the files
    /// are afterwards too, where it ended by itself: the same one when it changed nothing.
    ///
    /// # Errors
    /// When git or the sandbox fails, or what it left cannot be taken into a tree; a script that fails is a
    /// [`Ran`].
    pub async fn run_on(
        &self,
        tree: &str,
        script: Script<'_>,
        limit: Duration,
    ) -> Result<(Ran, Option<String>), WorkspaceError> {
        let directory = tempfile::Builder::new().prefix("shell-").tempdir_in(&self.place);
        let directory = directory.map_err(|error| io_error("a directory for a script", error))?;
        let done = self.run_in(directory.path(), tree, script, limit).await;
        // Not left to the directory's own end, which stumbles where rights were taken away. What stays all
        // the same goes with the workspace.
        let removed = tokio::task::spawn_blocking(move || tree::remove_tree(directory.path())).await;
        if let Err(error) = removed.map_err(std::io::Error::other).flatten() {
            tracing::warn!(%error, "a script's directory stays until the workspace is removed");
        }
        done
    }

    async fn run_in(
        &self,
        directory: &Path,
        tree: &str,
        script: Script<'_>,
        limit: Duration,
    ) -> Result<(Ran, Option<String>), WorkspaceError> {
        let (files, scratch) = (directory.join("files"), directory.join("scratch"));
        make_directory(&files).await?;
        make_directory(&scratch).await?;
        let index = Index::new(&self.place)?;
        self.lay_out(tree, &files, &index).await?;
        let room = Room { files: &files, scratch: &scratch };
        let ran = Ran::from(self.sandbox.split(room, script, limit, OUTPUT).await?);
        let after = if ran.code.is_some() { Some(self.take_in(&files, &index).await?) } else { None };
        Ok((ran, after))
    }
}

impl From<Finished> for Ran {
    fn from(finished: Finished) -> Self {
        let Finished { code, out, err, .. } = finished;
        let whole = out.is_whole() && err.is_whole();
        Self { code, stdout: out.text(), stderr: err.text(), whole }
    }
}
