//! What a run runs, frozen at its start: an edited file changes the next run, never this one.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::event::{Access, SourceName};
use crate::id::Digest;
use crate::money::{Limits, Prices};
use crate::spec::{ActionSpec, Catalog, Role, Step, StepKind, Workflow};

/// Everything that a run's course depends on besides its event, in one value that is stored by its hash.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Definition {
    /// The workflow.
    pub workflow: Workflow,
    /// The workflows that it calls, and those that they call, by id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub workflows: BTreeMap<String, Workflow>,
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
    /// Who may start it.
    pub access: Access,
    /// The catalog that all of this was taken from.
    pub catalog: Digest,
}

/// A definition as it is stored: its text with its hash, made once for however many runs start with it.
#[derive(Debug, Clone)]
pub struct Frozen {
    digest: Digest,
    text: Arc<[u8]>,
    costs_nothing: bool,
}

/// What a definition takes from the configuration.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Which provider serves each capability, unless the event's own source does.
    pub bindings: BTreeMap<String, SourceName>,
    /// What each run may spend.
    pub limits: Limits,
    /// What models cost.
    pub prices: Prices,
    /// The model that roles use unless they say otherwise.
    pub model: String,
    /// Who may start runs.
    pub access: Access,
    /// Every action that is offered.
    pub actions: Vec<ActionSpec>,
}

impl Definition {
    /// Freezes a workflow with everything it names. The task's own tracker, where the event has one, comes
    /// before the configured one.
    ///
    /// Gives nothing when the catalog has no such workflow.
    #[must_use]
    pub fn freeze(
        catalog: &Catalog,
        workflow: &str,
        settings: &Settings,
        tracker: Option<&SourceName>,
    ) -> Option<Self> {
        let written = catalog.workflows.get(workflow)?;
        let workflow = written.clone();
        let mut bindings = settings.bindings.clone();
        if let Some(tracker) = tracker {
            bindings.insert("task_management".to_owned(), tracker.clone());
        }
        let mut named = Named::default();
        named.collect_all(written, catalog);
        let roles = catalog.roles.iter().filter(|(name, _)| named.roles.contains(&name.as_str()));
        let roles = roles.map(|(name, role)| (name.clone(), role.clone())).collect();
        let actions = settings
            .actions
            .iter()
            .filter(|spec| named.actions.contains(&(spec.capability.as_str(), spec.name.as_str())));
        let actions = actions.cloned().collect();
        Some(Self {
            // A prompt may include any other: all of them are frozen.
            prompts: if named.roles.is_empty() { BTreeMap::new() } else { catalog.prompts.clone() },
            roles,
            actions,
            bindings,
            limits: settings.limits.clone(),
            prices: settings.prices.clone(),
            model: settings.model.clone(),
            access: settings.access.clone(),
            catalog: catalog.digest,
            workflows: named
                .workflows
                .into_iter()
                .map(|(id, called)| (id.to_owned(), called.clone()))
                .collect(),
            workflow,
        })
    }

    /// The definition as the text that is stored and hashed.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("plain data whose map keys are strings is always JSON")
    }

    /// The hash by which runs name the definition.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.to_bytes())
    }

    /// The action of a capability, as it was declared when the run started.
    #[must_use]
    pub fn action(&self, capability: &str, name: &str) -> Option<&ActionSpec> {
        self.actions.iter().find(|spec| spec.capability == capability && spec.name == name)
    }
}

impl Frozen {
    /// The hash by which runs name it.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The text that is stored.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// Whether no run of it ever costs anything.
    #[must_use]
    pub fn costs_nothing(&self) -> bool {
        self.costs_nothing
    }
}

impl From<&Definition> for Frozen {
    fn from(definition: &Definition) -> Self {
        let text = definition.to_bytes();
        let costs_nothing = definition.workflow.costs_nothing();
        Self { digest: Digest::of(&text), text: text.into(), costs_nothing }
    }
}

/// What a workflow's steps name.
#[derive(Debug, Default)]
struct Named<'a> {
    roles: Vec<&'a str>,
    actions: Vec<(&'a str, &'a str)>,
    workflows: BTreeMap<&'a str, &'a Workflow>,
}

impl<'a> Named<'a> {
    fn collect_all(&mut self, workflow: &'a Workflow, catalog: &'a Catalog) {
        let after = &workflow.post_execution;
        for steps in [&workflow.steps, &after.always, &after.on_success, &after.on_failure] {
            self.collect(steps, catalog);
        }
    }

    fn collect(&mut self, steps: &'a [Step], catalog: &'a Catalog) {
        for step in steps {
            match &step.kind {
                StepKind::Action { capability, action } => self.actions.push((capability, action)),
                StepKind::Ai { role, .. } | StepKind::Agent { role, .. } => self.roles.push(role),
                StepKind::Workflow { workflow } => self.call(workflow, catalog),
                _ => {}
            }
            for steps in step.lists() {
                self.collect(steps, catalog);
            }
        }
    }

    fn call(&mut self, id: &'a str, catalog: &'a Catalog) {
        let Some(called) = catalog.workflows.get(id) else { return };
        if self.workflows.insert(id, called).is_none() {
            self.collect_all(called, catalog);
        }
    }
}
