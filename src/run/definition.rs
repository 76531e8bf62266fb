//! What a run runs, frozen at its start: an edited file changes the next run, never this one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::event::SourceName;
use crate::id::Digest;
use crate::money::{Limits, Prices};
use crate::spec::{ActionSpec, Role, Workflow};

/// Everything that a run's course depends on besides its event, in one value that is stored by its hash.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Definition {
    /// The workflow.
    pub workflow: Workflow,
    /// The prompts it names, by path.
    pub prompts: BTreeMap<String, String>,
    /// The roles it names.
    pub roles: BTreeMap<String, Role>,
    /// The actions it uses, as they were declared.
    pub actions: Vec<ActionSpec>,
    /// Which provider serves each capability: `task_management` → `jira`.
    pub bindings: BTreeMap<String, SourceName>,
    /// What the run may spend.
    pub limits: Limits,
    /// What models cost.
    pub prices: Prices,
    /// The model that roles use unless they say otherwise.
    pub model: String,
    /// The catalog that all of this was taken from.
    pub catalog: Digest,
}

impl Definition {
    /// The action of a capability, as it was declared when the run started.
    #[must_use]
    pub fn action(&self, capability: &str, name: &str) -> Option<&ActionSpec> {
        self.actions.iter().find(|spec| spec.capability == capability && spec.name == name)
    }
}
