//! Which step does what: the dispatcher that the engine is given.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::{Context, Outcome, Step, StepError, action, approval, shell, start, stop, system, undo};
use crate::event::{SourceName, TaskRef};
use crate::ingress::{Current, Policy};
use crate::plugin::{Chat, Docs, Forge, Registry, Tracker};
use crate::run::decide::JobKind;
use crate::run::hearing::Words;
use crate::run::{Definition, Started};
use crate::workspace::{WorkspaceError, Workspaces};

/// Every step that there is.
#[derive(Clone)]
pub struct Steps {
    policy: Arc<Current<Policy>>,
    workspaces: Workspaces,
    agent: Arc<dyn Step>,
}

/// What a step acts with, from its beginning to its end.
#[derive(Debug, Clone)]
pub(super) struct Parts {
    pub(super) policy: Arc<Policy>,
    pub(super) workspaces: Workspaces,
}

impl Steps {
    /// The steps over what they act with: what is in force when each begins, checkouts, and the step that
    /// lets agents work.
    #[must_use]
    pub fn new(policy: Arc<Current<Policy>>, workspaces: Workspaces, agent: Arc<dyn Step>) -> Self {
        Self { policy, workspaces, agent }
    }

    pub(super) fn parts(&self) -> Parts {
        Parts { policy: self.policy.get(), workspaces: self.workspaces.clone() }
    }

    async fn dispatch(&self, context: &Context) -> Result<Outcome, StepError> {
        let parts = self.parts();
        match &context.job.kind {
            JobKind::Start => start::perform(&parts, context).await,
            JobKind::Action { capability, action } => {
                action::perform(&parts, context, capability, action).await
            }
            JobKind::Undo { capability, action } => undo::perform(&parts, context, capability, action).await,
            JobKind::Agent { .. } => self.agent.perform(context).await,
            JobKind::Approval(asking) => approval::perform(&parts, context, asking).await,
            JobKind::Shell(shell) => shell::perform(&parts, context, shell).await,
            JobKind::System { action } => system::perform(&parts, context, action).await,
        }
    }
}

impl Step for Steps {
    fn perform<'a>(&'a self, context: &'a Context) -> BoxFuture<'a, Result<Outcome, StepError>> {
        Box::pin(async move {
            tokio::select! {
                biased;
                () = context.cancel.cancelled() => Err(StepError::passing("cancelled", "the step was stopped")),
                done = self.dispatch(context) => done,
            }
        })
    }

    fn stop<'a>(&'a self, context: &'a Context, words: &'a Words) -> BoxFuture<'a, Result<bool, StepError>> {
        Box::pin(async move { stop::perform(&self.parts(), context, words).await })
    }
}

impl fmt::Debug for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Steps").field("workspaces", &self.workspaces).finish_non_exhaustive()
    }
}

impl Parts {
    /// The tracker that keeps a task.
    pub(super) fn tracker(&self, task: &TaskRef) -> Result<Arc<dyn Tracker>, StepError> {
        tracker(&self.policy.registry, task)
    }

    /// The tracker that this run's new tasks go to.
    pub(super) fn bound_tracker(&self, context: &Context) -> Result<Arc<dyn Tracker>, StepError> {
        bound(&self.policy.registry.trackers, &context.definition, "task_management")
    }

    /// The forge of the run's repository.
    pub(super) fn forge(&self, context: &Context) -> Result<Arc<dyn Forge>, StepError> {
        forge(&self.policy.registry, &context.started, &context.definition)
    }

    /// Where the run's team talks.
    pub(super) fn chat(&self, context: &Context) -> Result<Arc<dyn Chat>, StepError> {
        chat(&self.policy.registry, &context.definition)
    }

    /// Where the run's pages go.
    pub(super) fn docs(&self, context: &Context) -> Result<Arc<dyn Docs>, StepError> {
        bound(&self.policy.registry.docs, &context.definition, "documentation")
    }
}

/// The forge of the run's repository: the one that the event says, else the one that the run froze. A
/// repository of the same name on another forge is another repository.
pub(super) fn forge(
    registry: &Registry,
    started: &Started,
    definition: &Definition,
) -> Result<Arc<dyn Forge>, StepError> {
    let origin = started.event.repository.as_ref().map(|mention| &mention.forge);
    match origin {
        Some(name) => {
            registry.forges.get(name).cloned().ok_or_else(|| not_offered("version_control", Some(name)))
        }
        None => bound(&registry.forges, definition, "version_control"),
    }
}

/// The tracker that keeps a task.
pub(super) fn tracker(registry: &Registry, task: &TaskRef) -> Result<Arc<dyn Tracker>, StepError> {
    let found = registry.trackers.get(&task.tracker);
    found.cloned().ok_or_else(|| not_offered("task_management", Some(&task.tracker)))
}

/// Where the team of a run talks.
pub(super) fn chat(registry: &Registry, definition: &Definition) -> Result<Arc<dyn Chat>, StepError> {
    bound(&registry.chats, definition, "communication")
}

/// The provider that the run froze for a capability, or the only one that there is.
fn bound<T: ?Sized>(
    providers: &BTreeMap<SourceName, Arc<T>>,
    definition: &Definition,
    capability: &str,
) -> Result<Arc<T>, StepError> {
    let name = definition.bindings.get(capability);
    let only = || providers.values().next().filter(|_| name.is_none() && providers.len() == 1);
    let found = name.and_then(|name| providers.get(name)).or_else(only);
    found.cloned().ok_or_else(|| not_offered(capability, name))
}

fn not_offered(capability: &str, provider: Option<&SourceName>) -> StepError {
    let message = match provider {
        Some(provider) => format!("{capability}: no plugin `{provider}` is configured"),
        None => format!("{capability}: no plugin is configured"),
    };
    StepError::fatal("not_offered", message)
}

impl From<WorkspaceError> for StepError {
    fn from(error: WorkspaceError) -> Self {
        let message = error.to_string();
        match error {
            WorkspaceError::Path(_) => Self::fatal("invalid_path", message),
            WorkspaceError::Moved { .. } => Self::fatal("branch_moved", message),
            WorkspaceError::Nested(_) => Self::fatal("nested_repository", message),
            WorkspaceError::Sandbox(_) => Self::fatal("sandbox", message),
            WorkspaceError::Git { .. } => Self::passing("git", message),
            WorkspaceError::Io { .. } => Self::passing("workspace", message),
        }
    }
}
