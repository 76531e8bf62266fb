//! What people may write where: one table for each mapping, with its keys, their types and what they mean.
//!
//! The reader knows a mapping's keys, what is missing and what is of the wrong type from its table, and the JSON
//! Schema for editors is made from the same one: a key that is in no table does not exist.

use std::fmt;

use serde_json::Number;

use super::Kind;
use super::yaml::{Node, Tree};

/// A mapping.
#[derive(Debug)]
pub(super) struct Shape {
    /// What it is called where something is wrong with it: `a workflow`.
    pub(super) what: &'static str,
    /// What it is for.
    pub(super) about: &'static str,
    /// Its keys, in the order in which people write them.
    pub(super) keys: &'static [Key],
    /// What must hold between them.
    pub(super) rules: &'static [Rule],
    /// What a step of this type gives, where that is the same for all of them.
    pub(super) gives: Option<&'static [(&'static str, Kind)]>,
}

/// What must hold between the keys of a mapping.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rule {
    /// One of them is there, and no other.
    One(&'static [&'static str]),
    /// At least one of them is there and says something.
    Some(&'static [&'static str]),
    /// Not both of them are there.
    NotBoth(&'static str, &'static str),
    /// The first means nothing without the second.
    Needs(&'static str, &'static str),
}

/// A key of a mapping.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    /// Its name.
    pub(super) name: &'static str,
    /// What values it takes.
    pub(super) takes: Takes,
    /// Whether it must be there, and neither be null nor empty.
    pub(super) required: bool,
    /// Whether it must say something where it is there: for keys that mean a lot when they are absent.
    pub(super) filled: bool,
    /// What it means, for people.
    pub(super) about: &'static str,
    /// What counts where it is absent, as YAML.
    pub(super) usual: Option<&'static str>,
    /// A value that it could have, as YAML.
    pub(super) like: Option<&'static str>,
}

/// What values a key takes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Takes {
    /// Anything.
    Anything,
    /// Text.
    Text,
    /// Text that is one expression, with or without `${` and `}`.
    Condition,
    /// Text that names something which others bring.
    Named(Named),
    /// One of these words.
    Word(&'static dyn Words),
    /// `true` or `false`.
    Boolean,
    /// A whole number from 1.
    Count,
    /// Dollars.
    Dollars,
    /// Seconds, or a text like `30m`.
    Span,
    /// A date with a time and its offset.
    Moment,
    /// A span of time from a second to a week.
    Period,
    /// So often in so long.
    Rate,
    /// A text, or a list of them.
    Texts(&'static Self),
    /// A list.
    List(&'static Self),
    /// Steps.
    Steps,
    /// Steps for after the outcome is known, where an action alone is enough.
    StepsAfter,
    /// Names of people's own choice, with what stands under each.
    Names(&'static Self),
    /// The same, where the names are such as expressions can use.
    Defined(&'static Self),
    /// A name that expressions can use.
    Name,
    /// Such a name, or several with dots between them.
    Path,
    /// A mapping with keys of its own.
    Mapping(&'static Shape),
    /// One or the other.
    Either(&'static Self, &'static Self),
}

/// Things that have names and are brought by plugins, or stand in other files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    /// A kind of event, or a pattern of kinds.
    EventKind,
    /// A capability.
    Capability,
    /// An action of the capability that is named beside it.
    Action,
}

/// A list of words, with or without what each stands for.
pub(super) trait Words: fmt::Debug + Sync {
    /// The words.
    fn all(&self) -> Vec<&'static str>;
}

impl<T: fmt::Debug + Sync> Words for &'static [(&'static str, T)] {
    fn all(&self) -> Vec<&'static str> {
        self.iter().map(|(word, _)| *word).collect()
    }
}

impl Words for &'static [&'static str] {
    fn all(&self) -> Vec<&'static str> {
        self.to_vec()
    }
}

impl Shape {
    /// A mapping that is called so and has these keys.
    pub(super) const fn new(what: &'static str, about: &'static str, keys: &'static [Key]) -> Self {
        Self { what, about, keys, rules: &[], gives: None }
    }

    /// The same mapping, with what must hold between its keys.
    pub(super) const fn ruled(self, rules: &'static [Rule]) -> Self {
        Self { rules, ..self }
    }

    /// The same, of steps that give this.
    pub(super) const fn giving(self, gives: &'static [(&'static str, Kind)]) -> Self {
        Self { gives: Some(gives), ..self }
    }

    /// The key of this name.
    pub(super) fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

impl Key {
    /// A key that may be absent.
    pub(super) const fn new(name: &'static str, takes: Takes, about: &'static str) -> Self {
        Self { name, takes, required: false, filled: false, about, usual: None, like: None }
    }

    /// The same key, which must be there.
    pub(super) const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    /// The same key, which must say something where it is there.
    pub(super) const fn filled(self) -> Self {
        Self { filled: true, ..self }
    }

    /// The same key, with what counts where it is absent.
    pub(super) const fn usually(self, usual: &'static str) -> Self {
        Self { usual: Some(usual), ..self }
    }

    /// The same key, with an example.
    pub(super) const fn like(self, like: &'static str) -> Self {
        Self { like: Some(like), ..self }
    }
}

impl Takes {
    /// Whether a value is of the right type. What is inside a list or mapping, and which word a text is, is for
    /// whoever reads it.
    pub(super) fn fits(self, value: &Tree) -> bool {
        match self {
            Self::Anything => true,
            Self::Text | Self::Condition | Self::Name | Self::Path | Self::Named(_) | Self::Word(_) => {
                matches!(value, Tree::Text(_))
            }
            Self::Moment | Self::Period | Self::Rate => matches!(value, Tree::Text(_)),
            Self::Boolean => matches!(value, Tree::Bool(_)),
            Self::Count => {
                matches!(value, Tree::Number(number) if number.as_u64().is_some_and(|count| count > 0))
            }
            Self::Dollars => matches!(value, Tree::Number(number) if is_amount(number)),
            Self::Span => matches!(value, Tree::Number(_) | Tree::Text(_)),
            Self::Texts(_) => matches!(value, Tree::Text(_) | Tree::List(_)),
            Self::List(_) | Self::Steps | Self::StepsAfter => matches!(value, Tree::List(_)),
            Self::Names(_) | Self::Defined(_) | Self::Mapping(_) => matches!(value, Tree::Map(_)),
            Self::Either(one, other) => one.fits(value) || other.fits(value),
        }
    }

    /// What such a value is, for people.
    pub(super) fn article(self) -> String {
        match self {
            Self::Anything => "anything",
            Self::Text | Self::Condition | Self::Name | Self::Path | Self::Named(_) | Self::Word(_) => "text",
            Self::Boolean => "true or false",
            Self::Count => "a whole number from 1",
            Self::Dollars => "an amount of dollars",
            Self::Span => "seconds, or a text like `30m`",
            Self::Moment => "a moment, like `2026-03-01T09:00:00Z`",
            Self::Period => "a span of time, like `30s`, `10m` or `2h`",
            Self::Rate => "a rate, like `5/1h`",
            Self::Texts(_) => "text or a list of texts",
            Self::List(_) | Self::Steps | Self::StepsAfter => "a list",
            Self::Names(_) | Self::Defined(_) | Self::Mapping(_) => "a mapping",
            Self::Either(one, other) => return format!("{} or {}", one.article(), other.article()),
        }
        .to_owned()
    }

    /// Whether any text will do, so that a number or boolean only lacks its quotes.
    pub(super) fn lacks_quotes(self) -> bool {
        match self {
            Self::Text | Self::Condition | Self::Named(_) | Self::Word(_) => true,
            Self::Texts(of) => of.lacks_quotes(),
            Self::Either(one, other) => one.lacks_quotes() || other.lacks_quotes(),
            _ => false,
        }
    }

    /// What stands there instead of such a value, for people: of numbers which one, where any will not do.
    pub(super) fn found(self, node: &Node) -> String {
        match (&node.value, self) {
            (Tree::Number(number), Self::Count | Self::Dollars) => number.to_string(),
            _ => node.kind().to_owned(),
        }
    }
}

fn is_amount(number: &Number) -> bool {
    number.as_f64().is_some_and(|amount| amount >= 0.0)
}
