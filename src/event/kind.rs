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

/// A pattern over kinds: parts are compared one by one, `*` stands for one part, and a last `*` for all
/// that follow (`github.issue.*`, `*.command`, `jira.*`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KindPattern(String);

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
