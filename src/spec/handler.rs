//! Triggers: which events start which workflow.

pub mod guards;
pub(super) mod keys;
mod names;
mod read;
mod schedule;
pub mod who;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use self::guards::Guards;
pub(super) use self::names::event_names;
pub(super) use self::read::who::read as read_who;
pub(super) use self::read::{SCHEDULE, Workflows, read};
pub use self::schedule::Schedule;
pub use self::who::Who;
use crate::event::{KindPattern, RepositoryName};

/// One trigger of a handler file, checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trigger {
    /// `<file stem>` or `<file stem>/<name>`, unique.
    pub id: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// The kinds of event that it takes.
    pub on: Vec<KindPattern>,
    /// An expression over the event.
    #[serde(default)]
    pub condition: Option<String>,
    /// What the event must have besides.
    #[serde(default)]
    pub filter: Filter,
    /// Who may start its workflow; without it whoever may push to the repository, and those whom the configuration lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<Who>,
    /// When it fires by itself, for a trigger on a schedule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// What keeps it from starting too much.
    #[serde(default)]
    pub guards: Guards,
    /// The workflow's id.
    pub run: String,
    /// The workflow's inputs; values may hold expressions over the event.
    #[serde(default)]
    pub inputs: Map<String, Value>,
}

/// What an event must have; an empty list asks for nothing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Filter {
    /// One of the labels just set is one of these.
    pub label: Vec<String>,
    /// The account just assigned is one of these; `bot` is the bot itself.
    pub assignee: Vec<String>,
    /// The command's name is one of these.
    pub command: Vec<String>,
    /// The repository's name matches one of these globs.
    pub repository: Vec<String>,
    /// The branch (of a push, or a pull request's target) matches one of these globs.
    pub branch: Vec<String>,
    /// One of the push's paths matches one of these globs.
    pub path: Vec<String>,
}

/// Where work for a project, component or channel goes: `SHOP` or `#shop-dev` → `acme/shop`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RepositoryMap(pub std::collections::BTreeMap<String, RepositoryName>);
