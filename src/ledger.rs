//! Money: reserved before it is spent, settled after, and never more than the limits allow.
//!
//! Reservations are judged by the store's writer, so that parallel runs cannot both spend the last dollar.
//! A crash between reservation and settlement leaves the reservation spent: the ledger may say more than was
//! spent, never less.

use std::sync::Arc;

use crate::clock::Clock;
use crate::id::RunId;
use crate::money::{Limits, Money, Usage};
use crate::store::{Store, StoreError};

/// The book of what was spent.
#[derive(Debug, Clone)]
pub struct Ledger {
    #[expect(dead_code, reason = "owner: store")]
    store: Arc<dyn Store>,
    #[expect(dead_code, reason = "owner: store")]
    clock: Arc<dyn Clock>,
}

/// Money set aside for one call.
#[derive(Debug)]
#[must_use = "a reservation that is not settled stays spent"]
pub struct Reservation {
    /// Who spends it.
    pub run: RunId,
    /// How much was set aside.
    pub amount: Money,
    /// The month it counts for: `2026-11`.
    pub month: String,
}

/// Why money was not set aside.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// It would cross a line.
    #[error("{which} is {limit}; {spent} is spent or reserved and this call may cost {asked}")]
    OverBudget {
        /// Which line: `max_cost_per_task`, `monthly_budget`.
        which: &'static str,
        /// Where the line is.
        limit: Money,
        /// What is spent or reserved.
        spent: Money,
        /// What was asked for.
        asked: Money,
    },
    /// It would cross the line on tokens.
    #[error("max_tokens_per_task is {limit}; {used} are used")]
    OverTokens {
        /// Where the line is.
        limit: u64,
        /// What is used.
        used: u64,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Ledger {
    /// A ledger kept in a store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }

    /// Sets money aside for one call of a run.
    ///
    /// # Errors
    /// When it would cross a line, or the store fails.
    pub async fn reserve(
        &self,
        run: RunId,
        amount: Money,
        limits: &Limits,
    ) -> Result<Reservation, LedgerError> {
        let _ = (run, amount, limits);
        unimplemented!("owner: store")
    }

    /// Books what the call really cost in place of what was set aside.
    ///
    /// # Errors
    /// When the store fails; the reservation then stays spent.
    pub async fn settle(
        &self,
        reservation: Reservation,
        cost: Money,
        usage: Usage,
    ) -> Result<(), LedgerError> {
        let _ = (reservation, cost, usage);
        unimplemented!("owner: store")
    }

    /// What a run has spent or reserved.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn spent_by(&self, run: RunId) -> Result<Money, LedgerError> {
        let _ = run;
        unimplemented!("owner: store")
    }
}
