//! Money: reserved before it is spent, settled after, and never more than the limits allow.
//!
//! Reservations are judged by the store's writer, so that parallel runs cannot both spend the last dollar.
//! A crash between reservation and settlement leaves the reservation spent: the ledger may say more than was
//! spent, never less. Amounts and limits are those of [`money`](crate::money); who pays is
//! [`agent::budget`](crate::agent::budget).
//!
//! Every booking changes the account of its run, that of its month, and one for each way in which a month's
//! spending is told apart ([`By`]), all in one batch: so the accounts of a month always add up to the month's own.
//! [`costs`] reads them. They outlive the runs that are forgotten.

mod account;
pub mod costs;
mod dearest;
mod month;
mod purpose;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;

pub use self::account::Account;
use self::account::{Booking, Page};
pub use self::dearest::Dear;
use self::dearest::Dearest;
pub use self::month::Month;
pub use self::purpose::{By, Purpose};
use crate::clock::Clock;
use crate::id::RunId;
use crate::money::{Limits, Money, Usage};
use crate::store::{Commit, Store, StoreError};

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
    /// Who spends it, and for what.
    pub purpose: Purpose,
    /// How much was set aside.
    pub amount: Money,
    /// The day that it counts for (UTC), whenever it is settled.
    pub day: Date,
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

/// The line that all runs share.
const MONTHLY: &str = "monthly_budget";

impl Ledger {
    /// A ledger kept in a store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }

    /// Sets money aside for one call.
    ///
    /// # Errors
    /// When it would cross a line, or the store fails.
    pub async fn reserve(
        &self,
        purpose: &Purpose,
        amount: Money,
        limits: &Limits,
    ) -> Result<Reservation, LedgerError> {
        let day = self.clock.now().to_zoned(TimeZone::UTC).date();
        let reservation = Reservation { purpose: purpose.clone(), amount, day };
        let allowed = |task: &Account, month: &Account| {
            within("max_cost_per_task", limits.max_cost_per_task, task, amount)?;
            within(MONTHLY, limits.monthly_budget, month, amount)?;
            let (limit, used) = (limits.max_tokens_per_task, task.usage.counted());
            if used >= limit { Err(LedgerError::OverTokens { limit, used }) } else { Ok(()) }
        };
        let booked = self.book(&reservation, &Booking::reserving(amount), allowed).await;
        if let Err(LedgerError::OverBudget { which: MONTHLY, limit, .. }) = booked {
            self.note_refusal(reservation.month(), limit).await?;
        }
        booked.map(|()| reservation)
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
        let booking = Booking::settling(reservation.amount, cost, usage);
        self.book(&reservation, &booking, |_, _| Ok(())).await
    }

    /// What a run has spent or reserved.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn spent_by(&self, run: RunId) -> Result<Money, LedgerError> {
        let page = Page::read(&*self.store, purpose::of_run(run)).await?;
        Ok(page.account.taken())
    }

    /// Changes all accounts that a reservation counts under together, from what they are at that moment.
    async fn book(
        &self,
        reservation: &Reservation,
        booking: &Booking,
        allowed: impl Fn(&Account, &Account) -> Result<(), LedgerError>,
    ) -> Result<(), LedgerError> {
        let Reservation { purpose, day, .. } = reservation;
        for _ in 0..ATTEMPTS {
            let task = self.page(purpose::of_run(purpose.run)).await?;
            let month = self.page(reservation.month().page()).await?;
            allowed(&task.account, &month.account)?;
            let dearest = Dearest::read(&*self.store, reservation.month()).await?;
            let dearest = dearest.with(purpose, task.account.spent + booking.spent())?;
            let mut pages = vec![task, month];
            for by in By::ALL {
                pages.push(self.page(purpose.page(by, *day)).await?);
            }
            let (mut expect, mut put): (Vec<_>, Vec<_>) = dearest.into_iter().unzip();
            for page in pages {
                put.push(page.with(booking)?);
                expect.push((page.name, page.stood));
            }
            match self.store.commit(Commit::Values { expect, put }).await {
                // Another run booked in between: its booking is part of what we must look at.
                Err(StoreError::Conflict) => {}
                done => return Ok(done?),
            }
        }
        Err(StoreError::Conflict.into())
    }

    async fn page(&self, name: String) -> Result<Page, StoreError> {
        Page::read(&*self.store, name).await
    }

    /// Remembers that a month's line stopped a call: what is spent alone hardly ever says that the line is reached,
    /// for the call that would reach it is not made.
    async fn note_refusal(&self, month: Month, line: Money) -> Result<(), StoreError> {
        let put = vec![costs::refusal(month, line)];
        self.store.commit(Commit::Values { expect: Vec::new(), put }).await
    }
}

impl Reservation {
    fn month(&self) -> Month {
        Month::of_day(self.day)
    }
}

fn within(which: &'static str, limit: Money, account: &Account, asked: Money) -> Result<(), LedgerError> {
    let spent = account.taken();
    if spent + asked > limit {
        return Err(LedgerError::OverBudget { which, limit, spent, asked });
    }
    Ok(())
}
