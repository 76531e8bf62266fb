//! Performing an action of a capability: from the inputs' names to one method of one trait.
//!
//! One small function an action, one file a capability. What an action may touch is fixed by the run: its
//! repository, its branch, its task. An input that names something else fails.

mod answers;
pub(super) mod chat;
mod description;
pub(super) mod docs;
mod findings;
pub(super) mod forge;
mod inputs;
pub(super) mod tracker;
mod review;
mod structure;

use futures_util::future::BoxFuture;

use self::inputs::Inputs;
use super::perform::Parts;
use super::{Context, Outcome, StepError};
use crate::id::EffectKey;
use crate::plugin::effect::Effect;

/// Performs the job's action.
pub(super) async fn perform(
    parts: &Parts,
    context: &Context,
    capability: &str,
    action: &str,
) -> Result<Outcome, StepError> {
    let act = Act::of(parts, context, capability, action);
    let done = match capability {
        "task_management" => tracker::perform(&act, action).await,
        "version_control" => forge::perform(&act, action).await,
        "communication" => chat::perform(&act, action).await,
        "documentation" => docs::perform(&act, action).await,
        _ => None,
    };
    done.unwrap_or_else(|| {
        Err(StepError::fatal("not_offered", format!("nothing here performs `{action}` of {capability}")))
    })
}

/// One action being performed, or undone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Act<'a> {
    pub(super) parts: &'a Parts,
    pub(super) context: &'a Context,
    pub(super) inputs: Inputs<'a>,
}

impl<'a> Act<'a> {
    /// The action of a context's job.
    pub(super) fn of(parts: &'a Parts, context: &'a Context, capability: &str, action: &str) -> Self {
        Self { parts, context, inputs: Inputs::of(context, capability, action) }
    }
}

impl Act<'_> {
    /// Makes one of the action's effects, once.
    async fn once<'a, F, T>(&'a self, ordinal: u32, make: F) -> Result<T, StepError>
    where
        F: FnOnce(Effect) -> BoxFuture<'a, Result<T, StepError>>,
        T: serde::Serialize + serde::de::DeserializeOwned,
    {
        let context = self.context;
        let key = EffectKey { run: context.run, step: context.job.step.clone(), ordinal };
        super::journal::once(context.journal.as_ref(), key, make).await
    }
}
