//! What goes between the trusted git directory and the forge's: one fetch, and pushes that overwrite nothing.

use super::git::{Git, is_branch_name, is_object_name};
use super::{Workspace, WorkspaceError, Workspaces, io_error};
use crate::id::RunId;
use crate::plugin::forge::Remote;

/// Where the fetched base is kept.
pub(super) const BASE: &str = "refs/ostler/base";

/// What a push did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// The branch now stands at the commit because of us.
    Moved,
    /// It stood there already.
    Already,
}

impl Git {
    /// Takes one commit from a remote, without its history: the tip of a branch, a commit, or `HEAD`.
    pub(super) async fn fetch(&self, remote: &Remote, branch: &str) -> Result<String, WorkspaceError> {
        let source = match branch {
            "HEAD" => branch.to_owned(),
            commit if is_object_name(commit) => commit.to_owned(),
            name if is_branch_name(name) => format!("refs/heads/{name}"),
            name => return Err(WorkspaceError::Path(name.to_owned())),
        };
        let refspec = format!("+{source}:{BASE}");
        let options =
            ["--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head"];
        let fetch = self.command("fetch").remote(remote)?;
        fetch.bytes(options.into_iter().chain(["--end-of-options", &remote.url, &refspec])).await?;
        self.command("rev-parse").text(["--verify", "--end-of-options", "refs/ostler/base^{commit}"]).await
    }

    /// Where a remote's branch stands.
    pub(super) async fn tip(&self, remote: &Remote, branch: &str) -> Result<Option<String>, WorkspaceError> {
        let name = format!("refs/heads/{branch}");
        let list = self.command("ls-remote").remote(remote)?;
        let text = list.text(["--heads", "--end-of-options", &remote.url, &name]).await?;
        // The argument is a pattern that also takes `refs/heads/x/refs/heads/name`: only the exact
        // name counts.
        let line = text.lines().filter_map(|line| line.split_once('\t')).find(|(_, found)| *found == name);
        Ok(line.map(|(sha, _)| sha.to_owned()))
    }
}

impl Git {
    /// Lets a branch of the remote stand at a commit, or nowhere, if it stands where it is expected.
    async fn push(
        &self,
        remote: &Remote,
        commit: Option<&str>,
        branch: &str,
        expected: Option<&str>,
    ) -> Result<Pushed, WorkspaceError> {
        let lease = format!("--force-with-lease=refs/heads/{branch}:{}", expected.unwrap_or_default());
        let refspec = format!("{}:refs/heads/{branch}", commit.unwrap_or_default());
        let push = self.command("push").remote(remote)?;
        let arguments = ["--porcelain", "--no-verify", &lease, "--end-of-options", &remote.url, &refspec];
        match push.text(arguments).await {
            Ok(report) if report.lines().any(|line| line.starts_with("=\t")) => Ok(Pushed::Already),
            Ok(_) => Ok(Pushed::Moved),
            // The answer may be lost while the work was done: look before believing it.
            Err(error) => match self.tip(remote, branch).await? {
                tip if tip.as_deref() == commit => Ok(Pushed::Already),
                found if found.as_deref() != expected => Err(WorkspaceError::Moved {
                    branch: branch.to_owned(),
                    found: found.unwrap_or_else(|| "nowhere".to_owned()),
                }),
                _ => Err(error),
            },
        }
    }
}

impl Workspaces {
    /// Lets a branch of the remote stand again where it stood before the run moved it, nowhere included, if it
    /// still stands where the run put it. Whether the run still has a workspace does not matter.
    ///
    /// # Errors
    /// [`WorkspaceError::Moved`] when the branch stands elsewhere, else when git, the disk or the remote fails.
    pub async fn put_back(
        &self,
        run: RunId,
        remote: &Remote,
        (branch, stands): (&str, &str),
        back: Option<&str>,
    ) -> Result<Pushed, WorkspaceError> {
        if !is_branch_name(branch) || ![Some(stands), back].into_iter().flatten().all(is_object_name) {
            return Err(WorkspaceError::Path(branch.to_owned()));
        }
        if let Some(workspace) = self.find(run).await? {
            return workspace.git.push(remote, back, branch, Some(stands)).await;
        }
        let place = tempfile::tempdir().map_err(|error| io_error("a place for git", error))?;
        let git = Git { directory: place.path().to_owned(), policy: self.options.git.clone() };
        git.command("init").bytes(["--quiet", "--bare", "--template="]).await?;
        if let Some(commit) = back {
            git.fetch(remote, commit).await?;
        }
        git.push(remote, back, branch, Some(stands)).await
    }
}

impl Workspace {
    /// Where a branch of the remote stands now.
    ///
    /// # Errors
    /// When the name is no branch's, or the remote does not answer.
    pub async fn remote_tip(&self, remote: &Remote, branch: &str) -> Result<Option<String>, WorkspaceError> {
        if !is_branch_name(branch) {
            return Err(WorkspaceError::Path(branch.to_owned()));
        }
        self.git.tip(remote, branch).await
    }

    /// Lets a branch of the remote stand at a commit, if it stands where it is expected (nowhere: it must
    /// not be there). One that stands at the commit already is left alone, so a push may be repeated.
    ///
    /// # Errors
    /// [`WorkspaceError::Moved`] when the branch stands elsewhere, else when git or the remote fails.
    pub async fn push(
        &self,
        remote: &Remote,
        commit: &str,
        branch: &str,
        expected: Option<&str>,
    ) -> Result<Pushed, WorkspaceError> {
        if !is_branch_name(branch) || !is_object_name(commit) {
            return Err(WorkspaceError::Path(branch.to_owned()));
        }
        self.git.push(remote, Some(commit), branch, expected).await
    }
}
