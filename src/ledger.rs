//! Money: reserved before it is spent, settled after, and never more than the limits allow.
//!
//! Reservations are judged by the store's writer, so that parallel runs cannot both spend the last dollar.
//! A crash between reservation and settlement leaves the reservation spent: the ledger may say more than was
//! spent, never less. Amounts and limits are those of [`money`](crate::money); who pays is
//! [`agent::budget`](crate::agent::budget).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::id::RunId;
use crate::money::{Limits, Money, Usage};
use crate::store::{Commit, Found, Query, Store, StoreError};

/// The book of what was spent.
#[derive(Debug, Clone)]
pub struct Ledger {
    store: Arc<dyn Store>,
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

/// How often a booking is tried again when others book at the same time. Each time one of them gets
/// through, so this is more than can ever be at it.
const ATTEMPTS: usize = 256;

/// What one run or one month has spent.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Account {
    spent: Money,
    reserved: Money,
    usage: Usage,
}

/// An account as it was read, to be written back unless somebody else wrote.
#[derive(Debug)]
struct Page {
    name: String,
    stood: Option<Vec<u8>>,
    account: Account,
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
        let reservation = Reservation { run, amount, month: self.month() };
        let reserve = |task: &mut Account, month: &mut Account| {
            within("max_cost_per_task", limits.max_cost_per_task, task, amount)?;
            within("monthly_budget", limits.monthly_budget, month, amount)?;
            let (limit, used) = (limits.max_tokens_per_task, task.usage.counted());
            if used >= limit {
                return Err(LedgerError::OverTokens { limit, used });
            }
            for account in [task, month] {
                account.reserved = account.reserved + amount;
            }
            Ok(())
        };
        self.book(&reservation, reserve).await?;
        Ok(reservation)
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
        let settle = |task: &mut Account, month: &mut Account| {
            for account in [task, month] {
                account.reserved = account.reserved - reservation.amount;
                account.spent = account.spent + cost;
                account.usage = account.usage + usage;
            }
            Ok(())
        };
        self.book(&reservation, settle).await
    }

    /// What a run has spent or reserved.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn spent_by(&self, run: RunId) -> Result<Money, LedgerError> {
        let page = self.page(of_run(run)).await?;
        Ok(page.account.taken())
    }

    /// Changes the accounts of a run and of a month together, from what they are at that moment.
    async fn book(
        &self,
        whose: &Reservation,
        change: impl Fn(&mut Account, &mut Account) -> Result<(), LedgerError>,
    ) -> Result<(), LedgerError> {
        for _ in 0..ATTEMPTS {
            let mut task = self.page(of_run(whose.run)).await?;
            let mut month = self.page(format!("ledger/month/{}", whose.month)).await?;
            change(&mut task.account, &mut month.account)?;
            let put = vec![task.written()?, month.written()?];
            let expect = vec![(task.name, task.stood), (month.name, month.stood)];
            match self.store.commit(Commit::Values { expect, put }).await {
                // Another run booked in between: its booking is part of what we must look at.
                Err(StoreError::Conflict) => {}
                done => return Ok(done?),
            }
        }
        Err(StoreError::Conflict.into())
    }

    async fn page(&self, name: String) -> Result<Page, StoreError> {
        let stood = match self.store.query(Query::Value(name.clone())).await? {
            Found::Bytes(bytes) => Some(bytes),
            _ => None,
        };
        let account = stood.as_deref().map_or(Ok(Account::default()), serde_json::from_slice);
        let account = account.map_err(|error| StoreError::Corrupt(format!("`{name}`: {error}")))?;
        Ok(Page { name, stood, account })
    }

    fn month(&self) -> String {
        self.clock.now().strftime("%Y-%m").to_string()
    }
}

impl Account {
    fn taken(&self) -> Money {
        self.spent + self.reserved
    }
}

impl Page {
    fn written(&self) -> Result<(String, Option<Vec<u8>>), StoreError> {
        let bytes = serde_json::to_vec(&self.account);
        let bytes = bytes.map_err(|error| StoreError::Failed(format!("`{}`: {error}", self.name)))?;
        Ok((self.name.clone(), Some(bytes)))
    }
}

fn of_run(run: RunId) -> String {
    format!("ledger/run/{run}")
}

fn within(which: &'static str, limit: Money, account: &Account, asked: Money) -> Result<(), LedgerError> {
    let spent = account.taken();
    if spent + asked > limit {
        return Err(LedgerError::OverBudget { which, limit, spent, asked });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;

    use super::*;
    use crate::clock::ManualClock;
    use crate::store::Memory;

    fn ledger() -> (Ledger, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::at(Timestamp::UNIX_EPOCH));
        let store = Arc::new(Memory::open().unwrap());
        (Ledger::new(store, Arc::<ManualClock>::clone(&clock)), clock)
    }

    fn run(n: u8) -> RunId {
        RunId::from_bytes([n; 16])
    }

    fn cents(cents: i64) -> Money {
        Money::micros(cents * 10_000)
    }

    fn limits(task: i64, month: i64) -> Limits {
        Limits { max_cost_per_task: cents(task), monthly_budget: cents(month), max_tokens_per_task: 1000 }
    }

    async fn over_budget(ledger: &Ledger, run: RunId, amount: Money, limits: &Limits) -> &'static str {
        match ledger.reserve(run, amount, limits).await {
            Err(LedgerError::OverBudget { which, .. }) => which,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn parallel_runs_cannot_both_spend_the_last_dollar() {
        let (ledger, _) = ledger();
        let tries = (0..20).map(|n| {
            let ledger = ledger.clone();
            tokio::spawn(async move { ledger.reserve(run(n), cents(30), &limits(100, 100)).await.is_ok() })
        });
        let mut granted = 0;
        for attempt in tries.collect::<Vec<_>>() {
            granted += i64::from(attempt.await.unwrap());
        }
        assert_eq!(granted, 3);
    }

    #[tokio::test]
    async fn a_reservation_that_was_never_settled_stays_spent() {
        let (ledger, _) = ledger();
        drop(ledger.reserve(run(1), cents(60), &limits(100, 500)).await.unwrap());
        let after_a_crash = ledger.clone();
        assert_eq!(after_a_crash.spent_by(run(1)).await.unwrap(), cents(60));
        assert_eq!(
            over_budget(&after_a_crash, run(1), cents(41), &limits(100, 500)).await,
            "max_cost_per_task"
        );
        assert!(after_a_crash.reserve(run(1), cents(40), &limits(100, 500)).await.is_ok());
    }

    #[tokio::test]
    async fn what_is_settled_is_what_the_call_cost() {
        let (ledger, _) = ledger();
        let reservation = ledger.reserve(run(1), cents(60), &limits(100, 100)).await.unwrap();
        ledger.settle(reservation, cents(7), Usage::default()).await.unwrap();
        assert_eq!(ledger.spent_by(run(1)).await.unwrap(), cents(7));
        assert!(ledger.reserve(run(1), cents(93), &limits(100, 100)).await.is_ok());
    }

    #[tokio::test]
    async fn a_month_begins_with_nothing_spent() {
        let (ledger, clock) = ledger();
        let first = ledger.reserve(run(1), cents(100), &limits(500, 100)).await.unwrap();
        assert_eq!(over_budget(&ledger, run(2), cents(1), &limits(500, 100)).await, "monthly_budget");
        clock.advance(Duration::from_secs(32 * 24 * 3600));
        let next = ledger.reserve(run(2), cents(1), &limits(500, 100)).await.unwrap();
        assert_eq!((first.month.as_str(), next.month.as_str()), ("1970-01", "1970-02"));
        // A call that ends in the next month is booked where it was reserved.
        ledger.settle(first, cents(100), Usage::default()).await.unwrap();
        assert!(ledger.reserve(run(3), cents(99), &limits(500, 100)).await.is_ok());
    }

    #[tokio::test]
    async fn a_run_stops_at_its_limit_on_tokens() {
        let (ledger, _) = ledger();
        for _ in 0..2 {
            let reservation = ledger.reserve(run(1), cents(1), &limits(100, 100)).await.unwrap();
            let usage = Usage { input: 300, output: 200, cache_read: 9_000, ..Usage::default() };
            ledger.settle(reservation, cents(1), usage).await.unwrap();
        }
        let refused = ledger.reserve(run(1), cents(1), &limits(100, 100)).await;
        assert!(matches!(refused, Err(LedgerError::OverTokens { limit: 1000, used: 1000 })));
    }
}
