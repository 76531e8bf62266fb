//! What happened, as a dotted name, and patterns over such names.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Declares a newtype over a name.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The name as given.
            #[must_use]
            pub fn new(name: impl Into<String>) -> Self {
                Self(name.into())
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// A source's or vendor's name: `github`, `jira`, `slack`.
    SourceName
);
name!(
    /// A dotted name that begins with its source: `github.issue.labeled`.
    EventKind
);

impl EventKind {
    /// How many of a sender's words a kind takes, and how much of each.
    const WORDS: (usize, usize) = (8, 64);

    /// The kind that a sender's own words make: in lower case, divided at their dots, with an underscore for
    /// what a kind does not hold. Where no word is left it is an `event`.
    #[must_use]
    pub fn spelled(source: &str, words: &[&str]) -> Self {
        let (most, longest) = Self::WORDS;
        let clean = |c: char| match c.to_ascii_lowercase() {
            c if c.is_ascii_alphanumeric() || c == '-' => c,
            _ => '_',
        };
        let mut text = source.to_owned();
        let parts = words.iter().flat_map(|word| word.split('.')).filter(|part| !part.is_empty());
        for part in parts.take(most) {
            text.push('.');
            text.extend(part.chars().take(longest).map(clean));
        }
        if text.len() == source.len() {
            text.push_str(".event");
        }
        Self(text)
    }
}

/// A pattern over kinds: parts are compared one by one, `*` stands for one part, and a last `*` for all
/// that follow (`github.issue.*`, `*.command`, `jira.*`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KindPattern(String);

impl std::fmt::Display for KindPattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl KindPattern {
    /// The pattern with this text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The pattern as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the first dot, unless it is a wildcard: what an index can go by.
    #[must_use]
    pub fn source(&self) -> Option<&str> {
        self.0.split('.').next().filter(|part| *part != "*")
    }

    /// Whether the pattern takes a kind.
    #[must_use]
    pub fn matches(&self, kind: &EventKind) -> bool {
        let mut names = kind.as_str().split('.');
        let mut parts = self.0.split('.').peekable();
        while let Some(part) = parts.next() {
            let Some(name) = names.next() else { return false };
            if part == "*" && parts.peek().is_none() {
                return true;
            }
            if part != "*" && part != name {
                return false;
            }
        }
        names.next().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_senders_words_become_a_kind() {
        let spelled = |words: &[&str]| EventKind::spelled("x", words).to_string();
        assert_eq!(spelled(&["my-ci", "Build.Finished"]), "x.my-ci.build.finished");
        assert_eq!(spelled(&["a..b.", "", "é c*"]), "x.a.b.__c_");
        assert_eq!(spelled(&["y".repeat(100).as_str()]).len(), 66);
        assert_eq!((spelled(&[]), spelled(&["..", ""])), ("x.event".to_owned(), "x.event".to_owned()));
        assert_eq!(spelled(&["a.b.c.d.e.f.g.h.i.j"]), "x.a.b.c.d.e.f.g.h");
    }

    #[test]
    fn a_wildcard_stands_for_one_part_and_a_last_one_for_the_rest() {
        let matches = |pattern: &str, kind: &str| KindPattern::new(pattern).matches(&EventKind::new(kind));
        assert!(matches("github.issue.labeled", "github.issue.labeled"));
        assert!(matches("github.*", "github.issue.labeled"));
        assert!(matches("*.command", "slack.command"));
        assert!(matches("*.issue.assigned", "jira.issue.assigned"));
        assert!(!matches("github.issue", "github.issue.labeled"));
        assert!(!matches("github.issue.labeled.x", "github.issue.labeled"));
        assert!(!matches("jira.*", "github.issue.labeled"));
        assert!(!matches("github.*", "github"));
    }
}
