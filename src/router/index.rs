//! From a kind to the triggers that take it, without asking the others.

use std::collections::HashMap;

use crate::event::EventKind;
use crate::spec::Trigger;

/// A tree of the dotted patterns of all triggers. Looking a kind up costs as much as the patterns that share
/// its beginnings, not as much as there are triggers.
#[derive(Debug, Clone, Default)]
pub struct Index {
    root: Node,
}

#[derive(Debug, Clone, Default)]
struct Node {
    /// By the next part's name; `*` is the wildcard for one part.
    next: HashMap<String, Self>,
    /// The triggers whose pattern ends here.
    here: Vec<usize>,
    /// The triggers whose pattern ends here with a wildcard for one or more parts.
    rest: Vec<usize>,
}

impl Index {
    /// The index of triggers in their order.
    #[must_use]
    pub fn new(triggers: &[Trigger]) -> Self {
        let mut index = Self::default();
        for (at, trigger) in triggers.iter().enumerate() {
            for pattern in &trigger.on {
                index.root.insert(pattern.as_str(), at);
            }
        }
        index
    }

    /// The places of the triggers that take a kind, in order, each once.
    #[must_use]
    pub fn candidates(&self, kind: &EventKind) -> Vec<usize> {
        let parts: Vec<&str> = kind.as_str().split('.').collect();
        let mut found = Vec::new();
        self.root.collect(&parts, &mut found);
        found.sort_unstable();
        found.dedup();
        found
    }
}

impl Node {
    fn insert(&mut self, pattern: &str, trigger: usize) {
        match pattern.split_once('.') {
            Some((part, rest)) => self.next.entry(part.to_owned()).or_default().insert(rest, trigger),
            None if pattern == "*" => self.rest.push(trigger),
            None => self.next.entry(pattern.to_owned()).or_default().here.push(trigger),
        }
    }

    fn collect(&self, parts: &[&str], found: &mut Vec<usize>) {
        let Some((part, rest)) = parts.split_first() else {
            found.extend(&self.here);
            return;
        };
        found.extend(&self.rest);
        for node in [self.next.get(*part), self.next.get("*")].into_iter().flatten() {
            node.collect(rest, found);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::event::KindPattern;
    use crate::router::tests::trigger;

    fn of(patterns: &[&str]) -> Index {
        let triggers: Vec<_> = patterns.iter().map(|pattern| trigger("t", pattern)).collect();
        Index::new(&triggers)
    }

    #[test]
    fn a_trigger_with_several_fitting_patterns_is_found_once() {
        let mut twice = trigger("t", "github.*");
        twice.on.push(KindPattern::new("github.issue.labeled"));
        let index = Index::new(&[twice, trigger("u", "jira.*")]);
        assert_eq!(index.candidates(&EventKind::new("github.issue.labeled")), [0]);
    }

    #[test]
    fn a_lookup_does_not_visit_triggers_of_other_kinds() {
        let patterns: Vec<String> = (0..5_000).map(|n| format!("other.kind{n}.done")).collect();
        let mut patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
        patterns.push("github.push");
        let index = of(&patterns);
        assert_eq!(index.candidates(&EventKind::new("github.push")), [5_000]);
        // The path to it holds nothing but it.
        assert_eq!(index.root.next["github"].next.len(), 1);
    }

    proptest! {
        #[test]
        fn the_index_agrees_with_the_patterns(
            patterns in prop::collection::vec(r"([ab*]\.){0,2}[ab*]", 1..8),
            kind in r"([ab]\.){0,2}[ab]",
        ) {
            let kind = EventKind::new(kind);
            let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
            let expected = patterns.iter().enumerate();
            let expected: Vec<usize> = expected.filter(|(_, p)| KindPattern::new(**p).matches(&kind)).map(|(at, _)| at).collect();
            prop_assert_eq!(of(&patterns).candidates(&kind), expected);
        }
    }
}
