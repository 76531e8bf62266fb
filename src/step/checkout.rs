//! The run's checkout: made by the first step that needs one, found again by those after it.

use super::perform::Parts;
use super::{Context, StepError};
use crate::workspace::Workspace;

/// The run's checkout, made from its branch, or from the default one where it has none yet.
///
/// # Errors
/// When the repository, git or the disk fails; `workspace_lost` when the run has worked in one that is gone;
/// `branch_moved` when a pull request that the run goes on with is not where the run was let in.
pub(super) async fn open(parts: &Parts, context: &Context) -> Result<Workspace, StepError> {
    // A new one would not know the work that is to be gone on with.
    if context.work.tree.is_some() {
        return existing(parts, context).await;
    }
    let repository = context.repository()?;
    let forge = parts.forge(context)?;
    let remote = forge.remote(repository).await?;
    let branch = match &context.work.branch {
        Some(branch) => branch.clone(),
        None => forge.repository(repository).await?.default_branch,
    };
    let workspace = parts.workspaces.open(context.run, &remote, &branch).await?;
    unmoved(context, workspace)
}

/// The checkout, unless somebody moved the pull request that the run goes on with after the first act had looked at
/// it: nobody who may start work has asked for what is there now. Before the run has done anything none of its own
/// pushes can have moved it.
fn unmoved(context: &Context, workspace: Workspace) -> Result<Workspace, StepError> {
    match context.continued() {
        Some(change) if context.work.commit.is_none() && change.head_sha != workspace.base => {
            let message =
                format!("pull request {} has moved since the run was let in; ask again", change.number);
            Err(StepError::fatal("branch_moved", message))
        }
        _ => Ok(workspace),
    }
}

/// The checkout in which the run has worked.
///
/// # Errors
/// `workspace_lost` when it is gone.
pub(super) async fn existing(parts: &Parts, context: &Context) -> Result<Workspace, StepError> {
    let found = parts.workspaces.find(context.run).await?;
    found.ok_or_else(|| {
        StepError::fatal("workspace_lost", "the run's workspace is gone, and its work with it")
    })
}

/// The tree that the run's files have come to.
///
/// # Errors
/// When git fails.
pub(super) async fn tree(context: &Context, workspace: &Workspace) -> Result<String, StepError> {
    match &context.work.tree {
        Some(tree) => Ok(tree.clone()),
        None => Ok(workspace.tree_of(&workspace.base).await?),
    }
}
