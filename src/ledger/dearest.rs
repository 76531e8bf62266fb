//! The runs of a month that cost the most.
//!
//! What a run has cost only grows, and it is looked at with each of its calls: so those that are kept are the dearest
//! of all, though the others are forgotten.

use serde::{Deserialize, Serialize};

use super::account::read;
use super::month::Month;
use super::purpose::Purpose;
use crate::id::RunId;
use crate::money::Money;
use crate::store::{Named, Store, StoreError};

/// How many runs of a month are kept.
const KEPT: usize = 10;

/// A run that spent something in a month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dear {
    /// Which one.
    pub run: RunId,
    /// What it had cost in all by its last call of the month.
    pub spent: Money,
    /// Its workflow.
    pub workflow: String,
    /// The repository that it works on.
    pub repository: String,
    /// Whose event started it.
    pub user: String,
}

/// The dearest runs of a month as they were read.
#[derive(Debug)]
pub(super) struct Dearest {
    name: String,
    stood: Option<Vec<u8>>,
    pub(super) runs: Vec<Dear>,
}

impl Dearest {
    pub(super) async fn read(store: &dyn Store, month: Month) -> Result<Self, StoreError> {
        let name = format!("ledger/dearest/{month}");
        let stood = store.value(&name).await?;
        let runs = stood.as_deref().map_or(Ok(Vec::new()), |bytes| read(&name, bytes))?;
        Ok(Self { name, stood, runs })
    }

    /// What stood and what is to stand, now that a run has spent so much; nothing where that changes nothing.
    pub(super) fn with(self, purpose: &Purpose, spent: Money) -> Result<Option<(Named, Named)>, StoreError> {
        let Self { name, stood, runs: before } = self;
        if spent == Money::ZERO {
            return Ok(None);
        }
        let Purpose { run, user, repository, workflow, .. } = purpose.clone();
        let mut runs: Vec<Dear> = before.iter().filter(|dear| dear.run != run).cloned().collect();
        runs.push(Dear { run, spent, workflow, repository, user });
        runs.sort_by_key(|dear| (std::cmp::Reverse(dear.spent), dear.run));
        runs.truncate(KEPT);
        if runs == before {
            return Ok(None);
        }
        let bytes = serde_json::to_vec(&runs);
        let bytes = bytes.map_err(|error| StoreError::Failed(format!("`{name}`: {error}")))?;
        Ok(Some(((name.clone(), stood), (name, Some(bytes)))))
    }
}
