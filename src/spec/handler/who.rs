//! Who may start a trigger's workflow.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::event::{Account, Association, Event, People, Permission, SourceName, Team};

/// Who may start a workflow: whoever one of these fits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Who {
    /// Whoever may do at least this in the repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Permission>,
    /// Whoever the payload calls one of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub association: Vec<Association>,
    /// Whoever belongs to one of these teams.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub team: Vec<Team>,
    /// These. Programs and guests of the organisation may only so.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<User>,
}

/// Somebody, by an account or by the name that `identity` gives them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum User {
    /// `slack:U0ADA`.
    Account(Account),
    /// `ada`.
    Person(String),
}

/// What is to be said, without asking anybody, of whether a person may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum May {
    /// They may.
    Yes,
    /// The forge knows.
    Ask,
    /// The forge would know, were the person's account there known.
    Unlinked,
    /// They may not.
    No,
}

impl Who {
    /// What an event alone says of whether the person who caused it may, given whose accounts are whose and on
    /// which forge repositories are, where the event does not say it.
    #[must_use]
    pub fn by_event(&self, event: &Event, people: &People, forge: Option<&SourceName>) -> May {
        // Whoever writes schedules and gives orders at the machine writes this as well.
        if event.is_own() {
            return May::Yes;
        }
        let Some(actor) = &event.actor else { return May::No };
        if self.users.iter().any(|user| user.is(&actor.account, people)) {
            return May::Yes;
        }
        if actor.bot || actor.external {
            return May::No;
        }
        if event.association.is_some_and(|association| self.association.contains(&association)) {
            return May::Yes;
        }
        if self.role.is_none() && self.team.is_empty() {
            return May::No;
        }
        let forge = event.repository.as_ref().map(|repository| &repository.forge).or(forge);
        let linked = forge.is_none_or(|forge| people.account_on(&actor.account, forge).is_some());
        if linked { May::Ask } else { May::Unlinked }
    }
}

impl User {
    fn is(&self, account: &Account, people: &People) -> bool {
        match self {
            Self::Account(listed) => people.accounts_of(account).any(|account| account == listed),
            Self::Person(name) => people.name_of(account) == Some(name),
        }
    }
}

/// `whoever may maintain the repository, the team acme/payments or ada`.
impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let role = self.role.map(|role| format!("whoever may {} the repository", role.verb()));
        let associations: Vec<_> = self.association.iter().map(|association| association.as_str()).collect();
        let associated =
            (!associations.is_empty()).then(|| format!("whoever is {} there", either(&associations)));
        let teams = self.team.iter().map(|team| format!("the team {team}"));
        let users = self.users.iter().map(ToString::to_string);
        let all: Vec<_> = role.into_iter().chain(associated).chain(teams).chain(users).collect();
        f.write_str(&either(&all))
    }
}

/// `a, b or c`.
fn either<T: AsRef<str>>(words: &[T]) -> String {
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    match words.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => "nobody".to_owned(),
    }
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(account) => account.fmt(f),
            Self::Person(name) => f.write_str(name),
        }
    }
}

impl FromStr for User {
    type Err = crate::event::subject::BadName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.contains(':') { text.parse().map(Self::Account) } else { Ok(Self::Person(text.to_owned())) }
    }
}

impl TryFrom<String> for User {
    type Error = crate::event::subject::BadName;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<User> for String {
    fn from(user: User) -> Self {
        user.to_string()
    }
}

#[cfg(test)]
mod tests;
