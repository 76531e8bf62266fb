//! A mapping whose keys are known: reads them by type and tells of every one that is misspelt,
//! missing or wrong.

use std::ops::Range;

use super::{Entry, Node, Tree};
use crate::spec::diagnostic::Source;
use crate::spec::near::nearest;
use crate::spec::shape::{Key, Rule, Shape, Takes};

/// A mapping, its keys checked against those of its shape.
#[derive(Debug, Clone, Copy)]
pub(in crate::spec) struct Fields<'a> {
    shape: &'static Shape,
    /// What it has besides, as one of several shapes that have keys in common.
    which: Option<&'static Shape>,
    node: &'a Node,
    entries: &'a [Entry],
}

impl<'a> Fields<'a> {
    /// Takes a node for a mapping of this shape, and tells of keys that are unknown, missing, or here twice.
    pub(in crate::spec) fn of(node: &'a Node, shape: &'static Shape, source: &mut Source) -> Option<Self> {
        Some(Self::one_of_some(node, shape, source)?.which_is(None, &[], source))
    }

    /// Takes a node for a mapping of one of several shapes, of which only the keys in common are known yet. Unknown
    /// and missing ones are told of when it is said [which it is](Self::which_is).
    pub(in crate::spec) fn one_of_some(
        node: &'a Node,
        shape: &'static Shape,
        source: &mut Source,
    ) -> Option<Self> {
        let Tree::Map(entries) = &node.value else {
            source.fault(node.span.clone(), format!("{} is a mapping, not {}", shape.what, node.kind()));
            return None;
        };
        tell_duplicates(entries, source);
        Some(Self { shape, which: None, node, entries })
    }

    /// The mapping as the one of several shapes that it is, if that could be told. Keys of the others mean
    /// nothing in it.
    pub(in crate::spec) fn which_is(
        self,
        which: Option<&'static Shape>,
        several: &[&'static Shape],
        source: &mut Source,
    ) -> Self {
        let fields = Self { which, ..self };
        for entry in self.entries.iter().filter(|entry| fields.key(&entry.key).is_none()) {
            let elsewhere = several.iter().any(|shape| shape.key(&entry.key).is_some());
            match which {
                Some(which) if elsewhere => {
                    let message = format!("`{}` means nothing in {}", entry.key, which.what);
                    source.fault(entry.key_span.clone(), message);
                }
                None if elsewhere => {}
                _ => fields.tell_unknown(entry, several, source),
            }
        }
        for key in fields.keys() {
            if key.required {
                fields.needs(key, source);
            }
            let there = fields.get(key.name).map(|entry| &entry.value);
            if let Some(node) = there.filter(|node| key.filled || !matches!(node.value, Tree::Null)) {
                fits(key.name, key.takes, node, source);
            }
        }
        for shape in [Some(self.shape), which].into_iter().flatten() {
            shape.rules.iter().for_each(|rule| fields.keeps(*rule, shape, source));
        }
        fields
    }

    /// Tells of keys that do not go together.
    fn keeps(&self, rule: Rule, shape: &'static Shape, source: &mut Source) {
        let there = |names: &[&str]| names.iter().filter_map(|name| self.get(name)).collect::<Vec<_>>();
        match rule {
            Rule::One(names) | Rule::Some(names) if there(names).is_empty() => {
                let message = format!("{} needs one of {}", shape.what, quoted(names));
                let like = shape.key(names[0]).and_then(|key| Some((key.name, key.like?)));
                match like {
                    Some((name, like)) => {
                        source.fault_with_help(self.span(), message, format!("like `{name}: {like}`"));
                    }
                    None => source.fault(self.span(), message),
                }
            }
            Rule::Some(names) if names.iter().all(|name| self.value(name).is_none()) => {
                let span = there(names)[0].key_span.clone();
                source.fault(span, format!("{} needs one of {}", shape.what, quoted(names)));
            }
            Rule::One(names) => {
                for entry in there(names).into_iter().skip(1) {
                    let message = format!("{} has only one of {}", shape.what, quoted(names));
                    source.fault(entry.key_span.clone(), message);
                }
            }
            Rule::NotBoth(one, other) => {
                if let [_, entry] = there(&[one, other])[..] {
                    let message = format!("{} has either `{one}` or `{other}`", shape.what);
                    source.fault(entry.key_span.clone(), message);
                }
            }
            Rule::Needs(key, other) => {
                if let (Some(entry), None) = (self.get(key), self.value(other)) {
                    let message = format!("`{key}` means nothing in {} without `{other}`", shape.what);
                    source.fault(entry.key_span.clone(), message);
                }
            }
            Rule::Some(_) => {}
        }
    }

    fn keys(&self) -> impl Iterator<Item = &'static Key> {
        self.shape.keys.iter().chain(self.which.map_or(&[][..], |which| which.keys))
    }

    fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys().find(|key| key.name == name)
    }

    fn tell_unknown(&self, entry: &Entry, several: &[&'static Shape], source: &mut Source) {
        let mut known: Vec<&str> = self.keys().map(|key| key.name).collect();
        if self.which.is_none() {
            known.extend(several.iter().flat_map(|shape| shape.keys).map(|key| key.name));
        }
        let message = format!("{} has no key `{}`", self.shape.what, entry.key);
        source.fault_with_help(entry.key_span.clone(), message, suggestion(&entry.key, &known));
    }

    /// Tells of a key that is not there, or says nothing.
    pub(in crate::spec) fn needs(&self, key: &Key, source: &mut Source) {
        let Some(node) = self.value(key.name) else {
            let span = self.get(key.name).map_or_else(|| self.span(), |entry| entry.key_span.clone());
            let own = self.which.filter(|which| which.key(key.name).is_some());
            return tell_missing(span, own.unwrap_or(self.shape).what, key, source);
        };
        let is_empty = match &node.value {
            Tree::Text(text) => text.trim().is_empty(),
            Tree::List(items) => items.is_empty() && matches!(key.takes, Takes::Steps | Takes::List(_)),
            _ => false,
        };
        if is_empty {
            source.fault(node.span.clone(), format!("`{}` is empty", key.name));
        }
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

    /// The value with this key, if it is of the type that the shape says; one that is not was told of.
    pub(in crate::spec) fn given(&self, name: &str) -> Option<&'a Node> {
        let (key, node) = (self.key(name)?, self.value(name)?);
        key.takes.fits(&node.value).then_some(node)
    }

    /// The text with this key.
    pub(in crate::spec) fn text(&self, key: &str) -> Option<&'a str> {
        self.given(key)?.as_text()
    }

    /// The boolean with this key.
    pub(in crate::spec) fn boolean(&self, key: &str) -> Option<bool> {
        match self.given(key)?.value {
            Tree::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// The whole number, from 1, with this key.
    pub(in crate::spec) fn count(&self, key: &str) -> Option<u64> {
        match &self.given(key)?.value {
            Tree::Number(number) => number.as_u64(),
            _ => None,
        }
    }

    /// The number with this key.
    pub(in crate::spec) fn number(&self, key: &str) -> Option<f64> {
        match &self.given(key)?.value {
            Tree::Number(number) => number.as_f64(),
            _ => None,
        }
    }

    /// The items of the list with this key; none where it is absent.
    pub(in crate::spec) fn list(&self, key: &str) -> &'a [Node] {
        match self.given(key).map(|node| &node.value) {
            Some(Tree::List(items)) => items,
            _ => &[],
        }
    }

    /// The entries of the mapping with this key; none where it is absent.
    pub(in crate::spec) fn map(&self, key: &str) -> &'a [Entry] {
        match self.given(key).map(|node| &node.value) {
            Some(Tree::Map(entries)) => entries,
            _ => &[],
        }
    }

    /// The texts with this key: one, or a list of them.
    pub(in crate::spec) fn texts(&self, key: &str) -> Vec<(&'a str, &'a Node)> {
        self.given(key).map_or_else(Vec::new, Node::texts)
    }

    /// The one of some words that stands under this key.
    pub(in crate::spec) fn word<T: Copy>(
        &self,
        key: &str,
        words: &[(&'static str, T)],
        source: &mut Source,
    ) -> Option<T> {
        let node = self.given(key)?;
        word(key, node.as_text()?, node, words, source)
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

/// `a`, `b` and so on, for people.
fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn tell_missing(span: Range<usize>, what: &str, key: &Key, source: &mut Source) {
    let message = format!("{what} needs `{}`", key.name);
    match key.like {
        Some(like) => source.fault_with_help(span, message, format!("like `{}: {like}`", key.name)),
        None => source.fault(span, message),
    }
}

/// Tells of a value that is not of the type that is taken, and of what is in it, where that is not for others to read.
fn fits(name: &str, takes: Takes, node: &Node, source: &mut Source) {
    if !takes.fits(&node.value) {
        return tell_wrong(name, takes, node, source);
    }
    match (takes, &node.value) {
        (Takes::Texts(_), Tree::List(items)) => {
            for item in items.iter().filter(|item| item.as_text().is_none()) {
                tell_wrong(name, takes, item, source);
            }
        }
        (Takes::Names(of) | Takes::Defined(of), Tree::Map(entries)) => {
            tell_duplicates(entries, source);
            entries.iter().for_each(|entry| fits(&entry.key, *of, &entry.value, source));
        }
        _ => {}
    }
}

fn tell_wrong(name: &str, takes: Takes, node: &Node, source: &mut Source) {
    let message = format!("`{name}` takes {}, not {}", takes.article(), takes.found(node));
    let is_plain = matches!(node.value, Tree::Bool(_) | Tree::Number(_));
    if is_plain && takes.lacks_quotes() {
        source.fault_with_help(node.span.clone(), message, "put it in quotes");
    } else if let Some(seconds) = node.as_text().filter(|_| matches!(takes, Takes::Count)).and_then(seconds) {
        source.fault_with_help(node.span.clone(), message, format!("in seconds: `{name}: {seconds}`"));
    } else {
        source.fault(node.span.clone(), message);
    }
}

/// The seconds of a span of time that is written as one, where whole seconds are wanted.
fn seconds(text: &str) -> Option<i64> {
    let span: jiff::SignedDuration = text.parse().ok()?;
    (span.as_secs() > 0).then(|| span.as_secs())
}

fn tell_duplicates(entries: &[Entry], source: &mut Source) {
    for (index, entry) in entries.iter().enumerate() {
        if let Some(first) = entries[..index].iter().find(|earlier| earlier.key == entry.key) {
            let (line, _) = source.place(first.key_span.start);
            let message = format!("`{}` is here twice", entry.key);
            source.fault_with_help(entry.key_span.clone(), message, format!("the first is in line {line}"));
        }
    }
}
