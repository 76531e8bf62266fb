//! All handlers, workflows, prompts and roles of one moment, checked against each other.

use std::collections::BTreeMap;

use super::{Role, Trigger, Workflow};
use crate::id::Digest;

/// What people wrote, as it stands now. Immutable; a reload makes another one.
#[derive(Debug, Clone)]
pub struct Catalog {
    /// The triggers, in the order of their files.
    pub triggers: Vec<Trigger>,
    /// The workflows, by id.
    pub workflows: BTreeMap<String, Workflow>,
    /// The prompts' texts, by path from the project root without `./` (`prompts/code_generation.txt`).
    pub prompts: BTreeMap<String, String>,
    /// The roles, by name.
    pub roles: BTreeMap<String, Role>,
    /// The digest of all of it.
    pub digest: Digest,
}
