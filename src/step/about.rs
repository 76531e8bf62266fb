//! What a run is about, as its steps read it: from what its first act found out, and from how it started.

use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::{Context, StepError};
use crate::event::{Event, RepositoryName, TaskRef, Thread};
use crate::plugin::forge::Change;
use crate::plugin::tracker::Task;
use crate::run::Started;
use crate::spec::Who;

impl Context {
    /// The task as the first act found it.
    pub(super) fn task(&self) -> Option<Task> {
        self.ambient("task")
    }

    /// Which task the run is about.
    pub(super) fn task_reference(&self) -> Option<TaskRef> {
        self.task().map(|task| task.reference).or_else(|| self.started.task.clone())
    }

    /// The pull request that the run continues.
    pub(super) fn continued(&self) -> Option<Change> {
        self.ambient("change")
    }

    /// The conversation that the run came from.
    pub(super) fn thread(&self) -> Option<Thread> {
        self.started.event.thread.clone()
    }

    /// The repository that the run works on.
    pub(super) fn repository(&self) -> Result<&RepositoryName, StepError> {
        self.started
            .repository
            .as_ref()
            .ok_or_else(|| StepError::fatal("no_repository", "no repository is known for this request"))
    }

    /// The branch that changes go into.
    pub(super) fn default_branch(&self) -> Option<String> {
        self.ambient.get("repository")?.get("default_branch")?.as_str().map(str::to_owned)
    }

    /// What the run is called in what it writes.
    pub(super) fn title(&self) -> String {
        self.task().map_or_else(|| self.definition.workflow.name.clone(), |task| task.title)
    }

    /// The same step as if whoever made an event had asked for it: their rights are judged like those of who starts
    /// runs.
    pub(super) fn as_asked_by(&self, event: &Event, who: Option<Who>) -> Self {
        let started = Started { event: event.clone(), who, ..(*self.started).clone() };
        Self { started: Arc::new(started), ..self.clone() }
    }

    fn ambient<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        let value = self.ambient.get(name).filter(|value| !value.is_null())?;
        serde_json::from_value(value.clone()).ok()
    }
}
