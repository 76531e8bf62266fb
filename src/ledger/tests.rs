use std::sync::Arc;
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

fn purpose(n: u8) -> Purpose {
    Purpose {
        run: run(n),
        user: format!("github:u{}", n % 3),
        role: "development".to_owned(),
        repository: format!("acme/r{}", n % 2),
        workflow: "standard-development".to_owned(),
        model: "m".to_owned(),
    }
}

fn cents(cents: i64) -> Money {
    Money::micros(cents * 10_000)
}

fn limits(task: i64, month: i64) -> Limits {
    Limits {
        max_cost_per_task: cents(task),
        monthly_budget: cents(month),
        max_tokens_per_task: 1000,
        ..Limits::default()
    }
}

async fn over_budget(ledger: &Ledger, run: u8, amount: Money, limits: &Limits) -> &'static str {
    match ledger.reserve(&purpose(run), amount, limits).await {
        Err(LedgerError::OverBudget { which, .. }) => which,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn parallel_runs_cannot_both_spend_the_last_dollar() {
    let (ledger, _) = ledger();
    let tries = (0..20).map(|n| {
        let ledger = ledger.clone();
        tokio::spawn(async move { ledger.reserve(&purpose(n), cents(30), &limits(100, 100)).await.is_ok() })
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
    drop(ledger.reserve(&purpose(1), cents(60), &limits(100, 500)).await.unwrap());
    let after_a_crash = ledger.clone();
    assert_eq!(after_a_crash.spent_by(run(1)).await.unwrap(), cents(60));
    assert_eq!(over_budget(&after_a_crash, 1, cents(41), &limits(100, 500)).await, "max_cost_per_task");
    assert!(after_a_crash.reserve(&purpose(1), cents(40), &limits(100, 500)).await.is_ok());
}

#[tokio::test]
async fn what_is_settled_is_what_the_call_cost() {
    let (ledger, _) = ledger();
    let reservation = ledger.reserve(&purpose(1), cents(60), &limits(100, 100)).await.unwrap();
    ledger.settle(reservation, cents(7), Usage::default()).await.unwrap();
    assert_eq!(ledger.spent_by(run(1)).await.unwrap(), cents(7));
    assert!(ledger.reserve(&purpose(1), cents(93), &limits(100, 100)).await.is_ok());
}

#[tokio::test]
async fn a_month_begins_with_nothing_spent() {
    let (ledger, clock) = ledger();
    let first = ledger.reserve(&purpose(1), cents(100), &limits(500, 100)).await.unwrap();
    assert_eq!(over_budget(&ledger, 2, cents(1), &limits(500, 100)).await, "monthly_budget");
    clock.advance(Duration::from_secs(32 * 24 * 3600));
    let next = ledger.reserve(&purpose(2), cents(1), &limits(500, 100)).await.unwrap();
    assert_eq!(
        (first.month().to_string(), next.month().to_string()),
        ("1970-01".to_owned(), "1970-02".to_owned())
    );
    // A call that ends in the next month is booked where it was reserved.
    ledger.settle(first, cents(100), Usage::default()).await.unwrap();
    assert!(ledger.reserve(&purpose(3), cents(99), &limits(500, 100)).await.is_ok());
}

#[tokio::test]
async fn a_run_stops_at_its_limit_on_tokens() {
    let (ledger, _) = ledger();
    for _ in 0..2 {
        let reservation = ledger.reserve(&purpose(1), cents(1), &limits(100, 100)).await.unwrap();
        let usage = Usage { input: 300, output: 200, cache_read: 9_000, ..Usage::default() };
        ledger.settle(reservation, cents(1), usage).await.unwrap();
    }
    let refused = ledger.reserve(&purpose(1), cents(1), &limits(100, 100)).await;
    assert!(matches!(refused, Err(LedgerError::OverTokens { limit: 1000, used: 1000 })));
}
