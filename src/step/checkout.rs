//! The run's checkout: made by the first step that needs one, found again by those after it.

use super::perform::Parts;
use super::{Context, StepError};
use crate::workspace::Workspace;

/// The run's checkout, made from its branch, or from the default one where it has none yet.
///
/// # Errors
/// When the repository, git or the disk fails; `workspace_lost` when the run has worked in one that is gone.
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
    Ok(parts.workspaces.open(context.run, &remote, &branch).await?)
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
