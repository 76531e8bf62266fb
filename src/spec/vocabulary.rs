//! What handlers and workflows may speak of besides each other: what plugins offer.

use super::ActionSpec;

/// The words that plugins bring.
#[derive(Debug, Clone, Default)]
pub struct Vocabulary {
    /// The actions that steps may name.
    pub actions: Vec<ActionSpec>,
    /// The kinds of event that sources are known to make. Others may come: every delivery is an event.
    pub kinds: Vec<&'static str>,
}

impl Vocabulary {
    /// The sources that events come from, each once, and `*` for all of them.
    pub(super) fn sources(&self) -> Vec<&'static str> {
        let mut sources: Vec<_> = self.kinds.iter().filter_map(|kind| kind.split('.').next()).collect();
        sources.sort_unstable();
        sources.dedup();
        sources.push("*");
        sources
    }
}
