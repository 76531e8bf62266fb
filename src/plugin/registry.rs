//! The one place that names vendors: which products there are, and which serve what.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Chat, Docs, Forge, Model, Source, Tracker};
use crate::event::{Account, SourceName};

/// Everything that serves a capability, by provider name.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    /// Who sends deliveries.
    pub sources: BTreeMap<SourceName, Arc<dyn Source>>,
    /// Who keeps tasks.
    pub trackers: BTreeMap<SourceName, Arc<dyn Tracker>>,
    /// Who keeps repositories.
    pub forges: BTreeMap<SourceName, Arc<dyn Forge>>,
    /// Who carries messages.
    pub chats: BTreeMap<SourceName, Arc<dyn Chat>>,
    /// Who keeps documentation.
    pub docs: BTreeMap<SourceName, Arc<dyn Docs>>,
    /// Who answers prompts.
    pub model: Option<Arc<dyn Model>>,
    /// Ostler's own accounts, learned at start.
    pub own: Vec<Account>,
}
