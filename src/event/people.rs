//! Which accounts are one person's.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::actor::Account;
use super::kind::SourceName;

/// Who may start what costs money, besides those whom the forge lets push.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Access {
    /// Accounts that always may where a trigger does not say who.
    pub allow: Vec<Account>,
    /// Which accounts are one person's.
    pub people: People,
}

impl Access {
    /// Whether one of the person's accounts is listed.
    #[must_use]
    pub fn allows(&self, account: &Account) -> bool {
        self.people.accounts_of(account).any(|account| self.allow.contains(account))
    }
}

/// People by name, each with the accounts that they have on the services.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct People(pub BTreeMap<String, Vec<Account>>);

impl People {
    /// All accounts of the person that has this one, itself first.
    pub fn accounts_of<'a>(&'a self, account: &'a Account) -> impl Iterator<Item = &'a Account> {
        let others = self.find(account).map(|(_, accounts)| accounts).into_iter().flatten();
        std::iter::once(account).chain(others.filter(move |other| *other != account))
    }

    /// The account that the person has with a vendor.
    #[must_use]
    pub fn account_on<'a>(&'a self, account: &'a Account, vendor: &SourceName) -> Option<&'a Account> {
        self.accounts_of(account).find(|account| account.vendor == *vendor)
    }

    /// What the person that has this account is called here.
    #[must_use]
    pub fn name_of(&self, account: &Account) -> Option<&str> {
        self.find(account).map(|(name, _)| name.as_str())
    }

    fn find(&self, account: &Account) -> Option<(&String, &Vec<Account>)> {
        self.0.iter().find(|(_, accounts)| accounts.contains(account))
    }
}

impl From<BTreeMap<String, Vec<Account>>> for People {
    fn from(people: BTreeMap<String, Vec<Account>>) -> Self {
        Self(people)
    }
}
