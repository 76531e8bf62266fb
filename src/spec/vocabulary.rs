//! What handlers and workflows may speak of besides each other: what plugins offer.

use super::ActionSpec;
use super::diagnostic::Source;
use super::near::is_a_letter_off;
use super::yaml::{self, Node};

/// The words that plugins bring.
#[derive(Debug, Clone, Default)]
pub struct Vocabulary {
    /// The actions that steps may name.
    pub actions: Vec<ActionSpec>,
    /// The kinds of event that sources are known to make. Others may come: every delivery is an event.
    pub kinds: Vec<&'static str>,
}

impl Vocabulary {
    /// The capabilities whose actions steps may name, each once.
    pub(super) fn capabilities(&self) -> Vec<&str> {
        let mut capabilities: Vec<_> = self.actions.iter().map(|action| action.capability.as_str()).collect();
        capabilities.sort_unstable();
        capabilities.dedup();
        capabilities
    }

    /// The sources that events come from, each once, and `*` for all of them.
    pub(super) fn sources(&self) -> Vec<&'static str> {
        let mut sources: Vec<_> = self.kinds.iter().filter_map(|kind| kind.split('.').next()).collect();
        sources.sort_unstable();
        sources.dedup();
        sources.push("*");
        sources
    }

    /// Tells of a text that is no kind of event, or hardly one.
    pub(super) fn check_kind(&self, text: &str, node: &Node, source: &mut Source) {
        let vendor = text.split('.').next().unwrap_or_default();
        let sources = self.sources();
        let is_known = sources.contains(&vendor);
        if !is_known || text.split('.').any(str::is_empty) {
            let why = if is_known {
                "a part of it is empty".to_owned()
            } else {
                format!("no source is called `{vendor}`")
            };
            let message = format!("`{text}` is not a kind of event: {why}");
            let help = yaml::suggestion(vendor, &sources);
            return source.fault_with_help(node.span.clone(), message, help);
        }
        // Kinds that are not on the list exist; one letter off a listed one is a slip.
        if self.kinds.contains(&text) {
            return;
        }
        if let Some(meant) = self.kinds.iter().find(|known| is_a_letter_off(text, known)) {
            let message = format!("`{text}` is not a kind of event that `{vendor}` makes");
            source.fault_with_help(node.span.clone(), message, format!("did you mean `{meant}`?"));
        }
    }
}
