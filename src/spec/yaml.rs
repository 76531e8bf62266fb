//! YAML as a tree in which every key and value knows its place, so that one misspelt key does not
//! hide the next.

mod fields;

use std::ops::Range;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_saphyr::{DuplicateKeyPolicy, Location, MergeKeyPolicy, Options, Spanned};

pub(super) use self::fields::{Fields, suggestion, word};
use super::diagnostic::Source;

/// A value and its place.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) value: Tree,
    /// The bytes that stand for it; of a list or mapping, those of its first entry.
    pub(super) span: Range<usize>,
}

/// What a value is.
#[derive(Debug, Clone)]
pub(super) enum Tree {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key, its value, and their places. Duplicates are kept, to be told of.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_span: Range<usize>,
    pub(super) value: Node,
}

impl Node {
    /// What the value is, for people.
    pub(super) fn kind(&self) -> &'static str {
        match self.value {
            Tree::Null => "nothing",
            Tree::Bool(_) => "a boolean",
            Tree::Number(_) => "a number",
            Tree::Text(_) => "text",
            Tree::List(_) => "a list",
            Tree::Map(_) => "a mapping",
        }
    }

    /// The text that it is.
    pub(super) fn as_text(&self) -> Option<&str> {
        match &self.value {
            Tree::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The texts that it is, one or a list of them, with their places.
    pub(super) fn texts(&self) -> Vec<(&str, &Self)> {
        let items = match &self.value {
            Tree::List(items) => items.as_slice(),
            _ => std::slice::from_ref(self),
        };
        items.iter().filter_map(|item| Some((item.as_text()?, item))).collect()
    }

    /// The value without its places.
    pub(super) fn to_json(&self) -> Value {
        match &self.value {
            Tree::Null => Value::Null,
            Tree::Bool(value) => Value::Bool(*value),
            Tree::Number(value) => Value::Number(value.clone()),
            Tree::Text(value) => Value::String(value.clone()),
            Tree::List(items) => items.iter().map(Self::to_json).collect(),
            Tree::Map(entries) => Value::Object(to_object(entries)),
        }
    }

    /// Calls `visit` with every text in the value, however deep.
    pub(super) fn each_text(&self, visit: &mut impl FnMut(&Self, &str)) {
        match &self.value {
            Tree::Text(text) => visit(self, text),
            Tree::List(items) => items.iter().for_each(|item| item.each_text(visit)),
            Tree::Map(entries) => entries.iter().for_each(|entry| entry.value.each_text(visit)),
            Tree::Null | Tree::Bool(_) | Tree::Number(_) => {}
        }
    }

    /// Where a part of this text stands in its file: exactly, unless quoting or folding rewrote it.
    pub(super) fn span_of(&self, source: &Source, part: &str, offset: usize) -> Range<usize> {
        let (Tree::Text(text), false) = (&self.value, part.is_empty()) else { return self.span.clone() };
        let text_before = text.get(..offset).unwrap_or_default();
        let whole = source.text();
        let raw = whole.get(self.span.clone()).unwrap_or_default();
        match raw.match_indices(part).nth(text_before.matches(part).count()) {
            Some((at, _)) => self.span.start + at..self.span.start + at + part.len(),
            None => self.span.clone(),
        }
    }
}

/// Entries without their places; of two with one key the last stands.
pub(super) fn to_object(entries: &[Entry]) -> Map<String, Value> {
    entries.iter().map(|entry| (entry.key.clone(), entry.value.to_json())).collect()
}

/// Reads a YAML document; one that cannot be read at all is one fault.
pub(super) fn parse(source: &mut Source) -> Option<Node> {
    let text = source.text();
    parse_part(source, 0..text.len())
}

/// Reads the YAML document in a part of a file.
pub(super) fn parse_part(source: &mut Source, part: Range<usize>) -> Option<Node> {
    let text = source.text();
    match serde_saphyr::from_str_with_options::<Spanned<Raw>>(&text[part.clone()], options()) {
        Ok(raw) => Some(node(raw, &text, part.start)),
        Err(error) => {
            let start =
                error.location().map_or(part.start, |location| part.start + offset(location, &text[part]));
            let message = error.without_snippet().to_string();
            let message = message.split(" at line ").next().unwrap_or(&message);
            source.fault(start..start + 1, format!("this is not YAML: {message}"));
            None
        }
    }
}

fn options() -> Options {
    serde_saphyr::options! {
        strict_booleans: true,
        // Kept and told of by `Fields`, with the places of both.
        duplicate_keys: DuplicateKeyPolicy::LastWins,
        merge_keys: MergeKeyPolicy::AsOrdinary,
        with_snippet: false,
        budget: serde_saphyr::budget! {
            max_depth: 32,
            max_nodes: 20_000,
            max_events: 100_000,
            max_aliases: 100,
        },
    }
}

/// The byte at which a location begins; the parser's own errors count only in characters.
fn offset(location: Location, text: &str) -> usize {
    let characters = usize::try_from(location.span().offset()).unwrap_or(usize::MAX);
    let bytes = location.span().byte_offset().and_then(|bytes| usize::try_from(bytes).ok());
    bytes.unwrap_or_else(|| text.char_indices().nth(characters).map_or(text.len(), |(at, _)| at))
}

/// What serde hands over, before spans are made whole.
enum Raw {
    Leaf(Tree),
    List(Vec<Spanned<Self>>),
    Map(Vec<(Spanned<String>, Spanned<Self>)>),
}

fn node(raw: Spanned<Raw>, text: &str, base: usize) -> Node {
    let span = span(raw.referenced, text, base);
    match raw.value {
        Raw::Leaf(value) => Node { value, span },
        Raw::List(items) => {
            let items: Vec<_> = items.into_iter().map(|item| node(item, text, base)).collect();
            let span = items.first().map_or(span, |first| first.span.clone());
            Node { value: Tree::List(items), span }
        }
        Raw::Map(entries) => {
            let entries: Vec<_> = entries.into_iter().map(|pair| entry(pair, text, base)).collect();
            let span = entries.first().map_or(span, |first| first.key_span.clone());
            Node { value: Tree::Map(entries), span }
        }
    }
}

fn entry((key, value): (Spanned<String>, Spanned<Raw>), text: &str, base: usize) -> Entry {
    let key_span = span(key.referenced, text, base);
    let mut value = node(value, text, base);
    if value.span.is_empty() {
        // Nothing was written: the key is what there is to point at.
        value.span = key_span.clone();
    }
    Entry { key: key.value, key_span, value }
}

fn span(location: Location, text: &str, base: usize) -> Range<usize> {
    let start = base + offset(location, &text[base..]);
    let length = location.span().byte_len().and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(0);
    let end = (start + length).min(text.len());
    // A block's last line break is no part of what one points at.
    let shown = text.get(start..end).map_or(0, |shown| shown.trim_end().len());
    start..start + shown
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Leaf(Tree::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Leaf(Tree::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Leaf(Tree::Number(value.into())))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Leaf(Tree::Number(value.into())))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Raw, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("this number is not finite"))?;
        Ok(Raw::Leaf(Tree::Number(number)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Leaf(Tree::Text(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Map(entries))
    }
}

#[cfg(test)]
mod tests;
