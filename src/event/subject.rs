//! What an event is about, by names that mean the same everywhere.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::kind::SourceName;

/// What events belong together: `github:acme/shop#12`, `jira:SHOP-7`, `slack:T1/C1/1700000000.000100`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Subject(String);

impl Subject {
    /// The subject `name` of a source.
    #[must_use]
    pub fn new(source: &str, name: &str) -> Self {
        Self(format!("{source}:{name}"))
    }

    /// The subject as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A name that does not have the shape it needs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {expected}")]
pub struct BadName {
    text: String,
    expected: &'static str,
}

impl BadName {
    pub(super) fn new(text: &str, expected: &'static str) -> Self {
        Self { text: text.to_owned(), expected }
    }
}

/// A task, qualified by the tracker that has it: `jira:SHOP-7`, `github:acme/shop#12`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TaskRef {
    /// The tracker: `jira`, `github`.
    pub tracker: SourceName,
    /// The tracker's own key: `SHOP-7`, `acme/shop#12`.
    pub key: String,
}

impl TaskRef {
    /// The task `key` of a tracker.
    #[must_use]
    pub fn new(tracker: &str, key: impl Into<String>) -> Self {
        Self { tracker: SourceName::new(tracker), key: key.into() }
    }

    /// The name that people say: the key, or only the number for `owner/name#number` and GitLab's
    /// `owner/name!number`. It can stand in a branch's name.
    #[must_use]
    pub fn short(&self) -> &str {
        self.key.rsplit_once(['#', '!']).map_or(&self.key, |(_, number)| number)
    }

    /// The events about this task.
    #[must_use]
    pub fn subject(&self) -> Subject {
        Subject::new(self.tracker.as_str(), &self.key)
    }
}

impl fmt::Display for TaskRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.tracker, self.key)
    }
}

impl FromStr for TaskRef {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        match text.split_once(':') {
            Some((tracker, key)) if !tracker.is_empty() && !key.is_empty() => Ok(Self::new(tracker, key)),
            _ => Err(BadName { text: text.to_owned(), expected: "a task (`tracker:key`)" }),
        }
    }
}

impl TryFrom<String> for TaskRef {
    type Error = BadName;
    fn try_from(text: String) -> Result<Self, BadName> {
        text.parse()
    }
}

impl From<TaskRef> for String {
    fn from(task: TaskRef) -> Self {
        task.to_string()
    }
}

/// A repository's name on its forge: `owner/name`, each part of letters, digits, `.`, `-` and `_`. Where owners
/// are in one another (GitLab's groups) the owner has several parts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct RepositoryName {
    owner: String,
    name: String,
}

impl RepositoryName {
    /// The owner's part.
    #[must_use]
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// The repository's own part.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The repository of `owner/name`, or of a web or clone address that ends so.
    ///
    /// # Errors
    /// When the text holds no such name.
    pub fn from_url_or_name(text: &str) -> Result<Self, BadName> {
        let path = text.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map(|(_, path)| path);
        let Some(path) = path else { return text.parse() };
        // A forge may live under a path of its host: the name is the last two parts.
        let path = path.trim_end_matches('/').trim_end_matches(".git");
        let name = path.rmatch_indices('/').nth(1).map_or(path, |(slash, _)| &path[slash + 1..]);
        name.parse()
    }
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

impl FromStr for RepositoryName {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let bad = || BadName { text: text.to_owned(), expected: "a repository (`owner/name`)" };
        let (owner, name) = text.rsplit_once('/').ok_or_else(bad)?;
        let sound = |part: &str| {
            let letters = part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'));
            letters && !part.is_empty() && !part.starts_with(['.', '-'])
        };
        if !owner.split('/').all(sound) || !sound(name) {
            return Err(bad());
        }
        Ok(Self { owner: owner.to_owned(), name: name.to_owned() })
    }
}

impl TryFrom<String> for RepositoryName {
    type Error = BadName;
    fn try_from(text: String) -> Result<Self, BadName> {
        text.parse()
    }
}

impl From<RepositoryName> for String {
    fn from(name: RepositoryName) -> Self {
        name.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_reads_back_what_it_writes() {
        let task: TaskRef = "github:acme/shop#12".parse().unwrap();
        assert_eq!(task.short(), "12");
        assert_eq!(task.to_string(), "github:acme/shop#12");
        assert_eq!(TaskRef::new("jira", "SHOP-7").short(), "SHOP-7");
        assert_eq!(TaskRef::new("gitlab", "acme/tools/shop!12").short(), "12");
        assert!("SHOP-7".parse::<TaskRef>().is_err());
    }

    #[test]
    fn a_repository_is_read_from_a_name_or_an_address() {
        for text in [
            "acme/shop",
            "https://github.com/acme/shop",
            "http://127.0.0.1:1/acme/shop.git",
            "https://h/git/acme/shop/",
        ] {
            assert_eq!(RepositoryName::from_url_or_name(text).unwrap().to_string(), "acme/shop");
        }
        let nested: RepositoryName = "acme/tools/shop".parse().unwrap();
        assert_eq!((nested.owner(), nested.name()), ("acme/tools", "shop"));
        for text in ["acme", "acme/../etc", "acme/../etc/x", "acme//shop", "/acme/shop", "-x/y", "a/b c"] {
            assert!(RepositoryName::from_url_or_name(text).is_err(), "{text}");
        }
    }
}
