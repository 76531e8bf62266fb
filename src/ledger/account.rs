//! What stands under one heading of the book.

use serde::{Deserialize, Serialize};

use crate::money::{Money, Usage};
use crate::store::{Named, Store, StoreError};

/// What was spent and is reserved under one heading.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Account {
    /// What calls have cost.
    pub spent: Money,
    /// What is set aside for calls that are not settled.
    pub reserved: Money,
    /// The tokens of the calls that are.
    pub usage: Usage,
    /// How many of them were answered, since that is counted.
    pub calls: u64,
}

impl Account {
    /// What counts against a line.
    #[must_use]
    pub fn taken(&self) -> Money {
        self.spent + self.reserved
    }

    /// What is in this account beyond the other: what was booked before it was told apart.
    #[must_use]
    pub fn beyond(&self, other: &Self) -> Self {
        let (own, others) = (&self.usage, &other.usage);
        Self {
            spent: self.spent - other.spent,
            reserved: self.reserved - other.reserved,
            usage: Usage {
                input: own.input.saturating_sub(others.input),
                output: own.output.saturating_sub(others.output),
                cache_write: own.cache_write.saturating_sub(others.cache_write),
                cache_read: own.cache_read.saturating_sub(others.cache_read),
            },
            calls: self.calls.saturating_sub(other.calls),
        }
    }

    /// Both together.
    #[must_use]
    pub fn with(&self, other: &Self) -> Self {
        Self {
            spent: self.spent + other.spent,
            reserved: self.reserved + other.reserved,
            usage: self.usage + other.usage,
            calls: self.calls + other.calls,
        }
    }
}

/// What is added to accounts; what is no longer reserved is less than nothing.
#[derive(Debug)]
pub(super) struct Booking(Account);

impl Booking {
    pub(super) fn reserving(amount: Money) -> Self {
        Self(Account { reserved: amount, ..Account::default() })
    }

    /// The settlement of a call; one that was not answered used nothing.
    pub(super) fn settling(reserved: Money, cost: Money, usage: Usage) -> Self {
        let calls = u64::from(usage != Usage::default());
        Self(Account { spent: cost, reserved: Money::ZERO - reserved, usage, calls })
    }

    /// What it adds to what is spent.
    pub(super) fn spent(&self) -> Money {
        self.0.spent
    }
}

/// An account as it was read, to be written back unless somebody else wrote.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) name: String,
    pub(super) stood: Option<Vec<u8>>,
    pub(super) account: Account,
}

impl Page {
    pub(super) async fn read(store: &dyn Store, name: String) -> Result<Self, StoreError> {
        let stood = store.value(&name).await?;
        let account = stood.as_deref().map_or(Ok(Account::default()), |bytes| read(&name, bytes))?;
        Ok(Self { name, stood, account })
    }

    /// What is to stand there once this is booked.
    pub(super) fn with(&self, booking: &Booking) -> Result<Named, StoreError> {
        let bytes = serde_json::to_vec(&self.account.with(&booking.0));
        let bytes = bytes.map_err(|error| StoreError::Failed(format!("`{}`: {error}", self.name)))?;
        Ok((self.name.clone(), Some(bytes)))
    }
}

/// What a value of the book holds.
pub(super) fn read<T: serde::de::DeserializeOwned>(name: &str, bytes: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(bytes).map_err(|error| StoreError::Corrupt(format!("`{name}`: {error}")))
}
