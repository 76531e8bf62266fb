//! Who did it.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::kind::SourceName;
use super::subject::{BadName, TaskRef};

/// An account on a vendor's service, by the id that never changes hands: `jira:5b10a2844c`,
/// `slack:U0ADA`, `github:ada`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct Account {
    /// The service.
    pub vendor: SourceName,
    /// The id there (GitHub and GitLab: the name that one logs in with, in lower case).
    pub id: String,
}

/// The vendors whose accounts people know by the name that they log in with; its case does not matter there.
const BY_LOGIN: &[&str] = &["github", "gitlab"];

impl Account {
    /// The account `id` of a vendor.
    #[must_use]
    pub fn new(vendor: &str, id: &str) -> Self {
        let id = if BY_LOGIN.contains(&vendor) { id.to_lowercase() } else { id.to_owned() };
        Self { vendor: SourceName::new(vendor), id }
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.vendor, self.id)
    }
}

impl FromStr for Account {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        // The shape is that of a task: a vendor, a colon, the vendor's own name.
        let parts = text.parse::<TaskRef>().map_err(|_| BadName::new(text, "an account (`vendor:id`)"))?;
        Ok(Self::new(parts.tracker.as_str(), &parts.key))
    }
}

impl TryFrom<String> for Account {
    type Error = BadName;
    fn try_from(text: String) -> Result<Self, BadName> {
        text.parse()
    }
}

impl From<Account> for String {
    fn from(account: Account) -> Self {
        account.to_string()
    }
}

/// Whoever caused an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The account.
    pub account: Account,
    /// What people call it.
    pub name: String,
    /// Whether the vendor says that it is a program.
    #[serde(default)]
    pub bot: bool,
    /// Whether the account belongs to another organisation (Slack Connect, a Jira customer).
    #[serde(default)]
    pub external: bool,
}
