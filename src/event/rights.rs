//! What an account is to a repository and may do there.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::subject::BadName;

/// What an account may do in a repository, the greater including the lesser.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// Nothing.
    None,
    /// Read.
    Read,
    /// Sort issues.
    Triage,
    /// Push.
    Write,
    /// Manage.
    Maintain,
    /// Everything.
    Admin,
}

impl Permission {
    /// What it lets people do with a repository: `whoever may … acme/shop`.
    #[must_use]
    pub fn verb(self) -> &'static str {
        match self {
            Self::None => "see",
            Self::Read => "read",
            Self::Triage => "triage",
            Self::Write => "write to",
            Self::Maintain => "maintain",
            Self::Admin => "administer",
        }
    }
}

/// What an account is to a repository, by the source's own word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Association {
    /// It owns the repository.
    Owner,
    /// It belongs to the organisation that owns the repository.
    Member,
    /// It was invited to work there.
    Collaborator,
    /// Something of it was merged there before.
    Contributor,
}

impl Association {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Member => "member",
            Self::Collaborator => "collaborator",
            Self::Contributor => "contributor",
        }
    }
}

/// A team of an organisation on a forge: `acme/payments`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Team {
    /// The organisation; where groups are in one another (GitLab's), it has several parts.
    pub organization: String,
    /// The team's name there, as it stands in addresses.
    pub name: String,
}

impl fmt::Display for Team {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.organization, self.name)
    }
}

impl FromStr for Team {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let sound = text.split('/').all(|part| !part.is_empty() && part.chars().all(letter));
        match text.rsplit_once('/') {
            Some((organization, name)) if sound => {
                Ok(Self { organization: organization.to_owned(), name: name.to_owned() })
            }
            _ => Err(BadName::new(text, "a team (`organization/team`)")),
        }
    }
}

impl TryFrom<String> for Team {
    type Error = BadName;
    fn try_from(text: String) -> Result<Self, BadName> {
        text.parse()
    }
}

impl From<Team> for String {
    fn from(team: Team) -> Self {
        team.to_string()
    }
}
