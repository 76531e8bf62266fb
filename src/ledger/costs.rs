//! What a month has cost, read from the book.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::account::{Account, Page, read};
use super::dearest::{Dear, Dearest};
use super::month::{DAY, Month};
use super::purpose::By;
use crate::money::Money;
use crate::store::{Found, Named, Query, Store, StoreError};

/// What is asked.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct Asked {
    /// The month; the one that it is, unless another is named.
    pub month: Option<Month>,
    /// By what it is told apart, besides.
    pub by: Option<By>,
}

/// What a month has cost.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Costs {
    /// The month.
    pub month: Month,
    /// The line that all runs share; the one of now, whichever month it is.
    pub monthly_budget: Money,
    /// All of the month.
    #[serde(flatten)]
    pub all: Account,
    /// What may still be spent or reserved.
    pub left: Money,
    /// What was spent today, where it is this month.
    pub today: Option<Money>,
    /// What the month comes to if it goes on as it has; nothing on its first day and where it is over.
    pub forecast: Option<Money>,
    /// The runs that cost the most.
    pub dearest: Vec<Dear>,
    /// By what it is told apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<By>,
    /// The parts, which add up to the whole.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<Row>,
}

/// A part of what a month has cost.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Whose; nothing for what was booked before it was told apart.
    pub name: Option<String>,
    /// How much.
    #[serde(flatten)]
    pub account: Account,
}

/// How far a month's budget is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Used {
    /// What is spent or reserved.
    pub taken: Money,
    /// The line that a call was not made for, if any was not.
    pub refused_at: Option<Money>,
}

/// How often the book is read again where somebody booked meanwhile.
const ATTEMPTS: usize = 64;

/// Reads what a month has cost.
///
/// # Errors
/// When the store fails, or it is booked so busily that no page can be read whole.
pub async fn of(
    store: &dyn Store,
    asked: Asked,
    monthly_budget: Money,
    now: Timestamp,
) -> Result<Costs, StoreError> {
    let this = Month::of(now);
    let month = asked.month.unwrap_or(this);
    for _ in 0..ATTEMPTS {
        let before = Page::read(store, month.page()).await?;
        let today = today(store, month, now).await?;
        let dearest = Dearest::read(store, month).await?.runs;
        let rows = match asked.by {
            Some(by) => rows(store, month, by, &before.account).await?,
            None => Vec::new(),
        };
        // Every booking changes this page: where it stands as it stood, all of it is of one moment.
        if Page::read(store, month.page()).await?.stood != before.stood {
            continue;
        }
        let all = before.account;
        let left = (monthly_budget - all.taken()).max(Money::ZERO);
        let forecast = forecast(all.spent, month, now);
        return Ok(Costs { month, monthly_budget, all, left, today, forecast, dearest, by: asked.by, rows });
    }
    Err(StoreError::Busy)
}

/// How far a month's budget is used up.
///
/// # Errors
/// When the store fails.
pub async fn used(store: &dyn Store, month: Month) -> Result<Used, StoreError> {
    let taken = Page::read(store, month.page()).await?.account.taken();
    let name = refused(month);
    let refused_at = store.value(&name).await?.map(|bytes| read(&name, &bytes)).transpose()?;
    Ok(Used { taken, refused_at })
}

/// The note that a month's line stopped a call.
pub(super) fn refusal(month: Month, line: Money) -> Named {
    (refused(month), serde_json::to_vec(&line).ok())
}

fn refused(month: Month) -> String {
    format!("ledger/refused/{month}")
}

async fn today(store: &dyn Store, month: Month, now: Timestamp) -> Result<Option<Money>, StoreError> {
    if month != Month::of(now) {
        return Ok(None);
    }
    let page = format!("{}{}", By::Day.pages(month), now.strftime("%Y-%m-%d"));
    Ok(Some(Page::read(store, page).await?.account.spent))
}

/// The parts of a month's account: days in their order, else the dearest first; last what is not told apart.
async fn rows(store: &dyn Store, month: Month, by: By, all: &Account) -> Result<Vec<Row>, StoreError> {
    let prefix = by.pages(month);
    let Found::Values(pages) = store.query(Query::Values(prefix.clone())).await? else {
        return Ok(Vec::new());
    };
    let row = |(name, bytes): (String, Vec<u8>)| {
        let account = read(&name, &bytes)?;
        Ok(Row { name: name.strip_prefix(&prefix).map(str::to_owned), account })
    };
    let mut rows = pages.into_iter().map(row).collect::<Result<Vec<_>, StoreError>>()?;
    if by != By::Day {
        rows.sort_by(|a, b| b.account.taken().cmp(&a.account.taken()).then(a.name.cmp(&b.name)));
    }
    let told = rows.iter().fold(Account::default(), |sum, row| sum.with(&row.account));
    let untold = all.beyond(&told);
    if untold != Account::default() {
        rows.push(Row { name: None, account: untold });
    }
    Ok(rows)
}

/// What is spent so far, over the part of the month that is over: nothing is claimed before a day is.
fn forecast(spent: Money, month: Month, now: Timestamp) -> Option<Money> {
    let (over, all) = month.elapsed(now).filter(|(over, _)| *over >= DAY)?;
    let micros = i128::from(spent.as_micros()) * i128::from(all) / i128::from(over);
    i64::try_from(micros).ok().map(Money::micros)
}

#[cfg(test)]
mod tests;
