//! A mapping whose keys are known: reads them by type and tells of every one that is misspelt,
//! missing or wrong.

use std::ops::Range;

use super::{Entry, Node, Tree};
use crate::spec::diagnostic::Source;
use crate::spec::near::nearest;

/// A mapping, its keys checked against those that are known.
#[derive(Debug, Clone, Copy)]
pub(in crate::spec) struct Fields<'a> {
    what: &'static str,
    node: &'a Node,
    entries: &'a [Entry],
}

impl<'a> Fields<'a> {
    /// Takes a node for a mapping with these keys.
    pub(in crate::spec) fn of(
        node: &'a Node,
        what: &'static str,
        known: &[&str],
        source: &mut Source,
    ) -> Option<Self> {
        let Tree::Map(entries) = &node.value else {
            source.fault(node.span.clone(), format!("{what} is a mapping, not {}", node.kind()));
            return None;
        };
        tell_duplicates(entries, source);
        for entry in entries.iter().filter(|entry| !known.contains(&entry.key.as_str())) {
            tell_unknown(entry, what, known, source);
        }
        Some(Self { what, node, entries })
    }

    /// Where to point when something about the whole mapping is wrong.
    pub(in crate::spec) fn span(&self) -> Range<usize> {
        self.node.span.clone()
    }

    /// The entry with this key.
    pub(in crate::spec) fn get(&self, key: &str) -> Option<&'a Entry> {
        self.entries.iter().rfind(|entry| entry.key == key)
    }

    /// The value with this key, unless it is absent or null.
    pub(in crate::spec) fn value(&self, key: &str) -> Option<&'a Node> {
        self.get(key).map(|entry| &entry.value).filter(|node| !matches!(node.value, Tree::Null))
    }

    /// The text with this key.
    pub(in crate::spec) fn text(&self, key: &str, source: &mut Source) -> Option<&'a str> {
        let node = self.value(key)?;
        if let Tree::Text(text) = &node.value {
            return Some(text);
        }
        let message = format!("`{key}` takes text, not {}", node.kind());
        match node.value {
            Tree::Bool(_) | Tree::Number(_) => {
                source.fault_with_help(node.span.clone(), message, "put it in quotes");
            }
            _ => source.fault(node.span.clone(), message),
        }
        None
    }

    /// The text with this key, which must be there and not be empty.
    pub(in crate::spec) fn required_text(&self, key: &str, source: &mut Source) -> Option<&'a str> {
        let Some(node) = self.value(key) else {
            let span = self.get(key).map_or_else(|| self.span(), |entry| entry.key_span.clone());
            source.fault(span, format!("{} needs `{key}`", self.what));
            return None;
        };
        let text = self.text(key, source)?;
        if text.trim().is_empty() {
            source.fault(node.span.clone(), format!("`{key}` is empty"));
            return None;
        }
        Some(text)
    }

    /// The boolean with this key.
    pub(in crate::spec) fn boolean(&self, key: &str, source: &mut Source) -> Option<bool> {
        let node = self.value(key)?;
        let Tree::Bool(value) = node.value else {
            source.fault(node.span.clone(), format!("`{key}` takes true or false, not {}", node.kind()));
            return None;
        };
        Some(value)
    }

    /// The whole number, from 1, with this key.
    pub(in crate::spec) fn count(&self, key: &str, source: &mut Source) -> Option<u64> {
        let node = self.value(key)?;
        let count = match &node.value {
            Tree::Number(number) => number.as_u64().filter(|count| *count > 0),
            _ => None,
        };
        if count.is_none() {
            let found = match &node.value {
                Tree::Number(number) => number.to_string(),
                _ => node.kind().to_owned(),
            };
            source.fault(node.span.clone(), format!("`{key}` takes a whole number from 1, not {found}"));
        }
        count
    }

    /// The items of the list with this key; none where it is absent.
    pub(in crate::spec) fn list(&self, key: &str, source: &mut Source) -> &'a [Node] {
        let Some(node) = self.value(key) else { return &[] };
        let Tree::List(items) = &node.value else {
            source.fault(node.span.clone(), format!("`{key}` takes a list, not {}", node.kind()));
            return &[];
        };
        items
    }

    /// The entries of the mapping with this key; none where it is absent.
    pub(in crate::spec) fn map(&self, key: &str, source: &mut Source) -> &'a [Entry] {
        let Some(node) = self.value(key) else { return &[] };
        let Tree::Map(entries) = &node.value else {
            source.fault(node.span.clone(), format!("`{key}` takes a mapping, not {}", node.kind()));
            return &[];
        };
        tell_duplicates(entries, source);
        entries
    }

    /// The texts with this key: one, or a list of them.
    pub(in crate::spec) fn texts(&self, key: &str, source: &mut Source) -> Vec<(&'a str, &'a Node)> {
        let Some(node) = self.value(key) else { return Vec::new() };
        let items = match &node.value {
            Tree::List(items) => items.as_slice(),
            _ => std::slice::from_ref(node),
        };
        let mut texts = Vec::new();
        for item in items {
            match &item.value {
                Tree::Text(text) => texts.push((text.as_str(), item)),
                _ => source.fault(
                    item.span.clone(),
                    format!("`{key}` takes text or a list of texts, not {}", item.kind()),
                ),
            }
        }
        texts
    }

    /// The one of some words that stands under this key.
    pub(in crate::spec) fn word<T: Copy>(
        &self,
        key: &str,
        words: &[(&'static str, T)],
        source: &mut Source,
    ) -> Option<T> {
        let text = self.text(key, source)?;
        let node = self.value(key)?;
        word(key, text, node, words, source)
    }
}

/// The one of some words that a text is.
pub(in crate::spec) fn word<T: Copy>(
    key: &str,
    text: &str,
    node: &Node,
    words: &[(&'static str, T)],
    source: &mut Source,
) -> Option<T> {
    let found = words.iter().find(|(name, _)| *name == text);
    if found.is_none() {
        let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
        let message = format!("`{text}` is no `{key}`");
        source.fault_with_help(node.span.clone(), message, suggestion(text, &names));
    }
    found.map(|(_, value)| *value)
}

/// What to write instead of a word that is not known.
pub(in crate::spec) fn suggestion(word: &str, known: &[&str]) -> String {
    match nearest(word, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => "there is none".to_owned(),
        None => format!("known here: {}", known.join(", ")),
    }
}

fn tell_unknown(entry: &Entry, what: &str, known: &[&str], source: &mut Source) {
    let message = format!("{what} has no key `{}`", entry.key);
    source.fault_with_help(entry.key_span.clone(), message, suggestion(&entry.key, known));
}

fn tell_duplicates(entries: &[Entry], source: &mut Source) {
    for (index, entry) in entries.iter().enumerate() {
        if entries[..index].iter().any(|earlier| earlier.key == entry.key) {
            source.fault(entry.key_span.clone(), format!("`{}` is here twice", entry.key));
        }
    }
}
