use std::sync::Arc;

use super::*;
use crate::clock::{Clock as _, ManualClock};
use crate::id::RunId;
use crate::ledger::{Ledger, LedgerError, Purpose};
use crate::money::{Limits, Usage};
use crate::store::{Commit, Memory};

struct Desk {
    store: Arc<dyn Store>,
    clock: Arc<ManualClock>,
    ledger: Ledger,
}

impl Desk {
    fn new() -> Self {
        let store: Arc<dyn Store> = Arc::new(Memory::open().unwrap());
        let clock = Arc::new(ManualClock::at("2026-11-10T06:00:00Z".parse().unwrap()));
        let ledger = Ledger::new(Arc::clone(&store), Arc::<ManualClock>::clone(&clock));
        Self { store, clock, ledger }
    }

    async fn costs(&self, by: Option<By>) -> Costs {
        of(&*self.store, Asked { month: None, by }, Money::micros(1_000), self.clock.now()).await.unwrap()
    }

    async fn put(&self, name: &str, value: &str) {
        let put = vec![(name.to_owned(), Some(value.as_bytes().to_vec()))];
        self.store.commit(Commit::Values { expect: Vec::new(), put }).await.unwrap();
    }

    async fn spend(&self, run: u8, micros: i64) {
        let held = self.ledger.reserve(&purpose(run), Money::micros(900), &limits()).await.unwrap();
        let usage = Usage { input: 10, output: 2, ..Usage::default() };
        self.ledger.settle(held, Money::micros(micros), usage).await.unwrap();
    }
}

fn purpose(n: u8) -> Purpose {
    Purpose {
        run: RunId::from_bytes([n; 16]),
        user: format!("user-{}", n % 5),
        role: format!("role-{}", n % 2),
        repository: format!("acme/{}", n % 3),
        workflow: "hotfix".to_owned(),
        model: format!("m-{}", n % 4),
    }
}

fn limits() -> Limits {
    let much = Money::micros(1_000_000);
    Limits { max_cost_per_task: much, monthly_budget: much, ..Limits::default() }
}

fn assert_adds_up(costs: &Costs) {
    let sum = costs.rows.iter().fold(Account::default(), |sum, row| sum.with(&row.account));
    assert_eq!(sum, costs.all, "{costs:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whatever_runs_at_once_the_parts_add_up_to_the_whole() {
    let desk = Arc::new(Desk::new());
    let spending = (0..20_u8).map(|n| {
        let desk = Arc::clone(&desk);
        tokio::spawn(async move {
            desk.spend(n, 7 + i64::from(n)).await;
            desk.spend(n, 1).await;
            if n % 4 == 0 {
                drop(desk.ledger.reserve(&purpose(n), Money::micros(50), &limits()).await.unwrap());
            }
            for by in By::ALL {
                assert_adds_up(&desk.costs(Some(by)).await);
            }
        })
    });
    for one in spending.collect::<Vec<_>>() {
        one.await.unwrap();
    }
    let usage = Usage { input: 400, output: 80, ..Usage::default() };
    let whole = Account { spent: Money::micros(350), reserved: Money::micros(250), usage, calls: 40 };
    for (by, parts) in By::ALL.into_iter().zip([1, 5, 2, 3, 1, 4]) {
        let costs = desk.costs(Some(by)).await;
        assert_adds_up(&costs);
        assert_eq!((costs.all, costs.rows.len()), (whole, parts), "{by}");
        assert!(costs.rows.iter().all(|row| row.name.is_some()), "{costs:#?}");
    }
    let costs = desk.costs(None).await;
    assert_eq!((costs.left, costs.today), (Money::micros(400), Some(Money::micros(350))));
    assert_eq!(costs.dearest.len(), 10);
    assert_eq!(costs.dearest[0].run, RunId::from_bytes([19; 16]));
    assert_eq!(costs.dearest[9].spent, Money::micros(7 + 10 + 1));
}

#[tokio::test]
async fn what_was_spent_before_it_was_told_apart_is_unknown() {
    let desk = Desk::new();
    desk.put("ledger/month/2026-11", r#"{"spent":0.0003,"reserved":0.0001,"usage":{"input":5}}"#).await;
    desk.spend(1, 40).await;
    let costs = desk.costs(Some(By::User)).await;
    assert_adds_up(&costs);
    let named: Vec<_> = costs.rows.iter().map(|row| (row.name.as_deref(), row.account.taken())).collect();
    assert_eq!(named, [(Some("user-1"), Money::micros(40)), (None, Money::micros(400))]);
    assert_eq!(costs.rows[1].account.usage.input, 5);
    // As the very first ones wrote it.
    desk.put("ledger/month/2026-10", r#"{"spent":0.025,"reserved":0.0}"#).await;
    let asked = Asked { month: Some("2026-10".parse().unwrap()), by: Some(By::Day) };
    let old = of(&*desk.store, asked, Money::ZERO, desk.clock.now()).await.unwrap();
    assert_eq!(
        (old.all.spent, old.rows.len(), old.today, old.forecast),
        (Money::micros(25_000), 1, None, None)
    );
}

#[tokio::test]
async fn a_call_counts_for_the_day_on_which_it_was_begun() {
    let desk = Desk::new();
    let held = desk.ledger.reserve(&purpose(1), Money::micros(90), &limits()).await.unwrap();
    desk.clock.advance(std::time::Duration::from_secs(24 * 3600));
    desk.ledger.settle(held, Money::micros(5), Usage::default()).await.unwrap();
    desk.spend(2, 6).await;
    let costs = desk.costs(Some(By::Day)).await;
    let named: Vec<_> =
        costs.rows.iter().map(|row| (row.name.as_deref().unwrap(), row.account.taken())).collect();
    assert_eq!(named, [("2026-11-10", Money::micros(5)), ("2026-11-11", Money::micros(6))]);
    assert_eq!(costs.today, Some(Money::micros(6)));
}

#[test]
fn the_forecast_is_the_pace_so_far_and_nothing_on_the_first_day() {
    let of = |now: &str| {
        let month = "2026-11".parse().unwrap();
        forecast(Money::micros(3_000), month, now.parse().unwrap()).map(Money::as_micros)
    };
    assert_eq!(of("2026-11-01T23:59:59Z"), None);
    assert_eq!(of("2026-11-02T00:00:00Z"), Some(90_000));
    assert_eq!(of("2026-11-16T00:00:00Z"), Some(6_000));
    assert_eq!(of("2026-11-30T23:59:59Z"), Some(3_000));
    assert_eq!(of("2026-12-01T00:00:00Z"), None);
    assert_eq!(of("2026-10-31T00:00:00Z"), None);
}

#[tokio::test]
async fn a_call_that_the_months_line_stopped_is_noted() {
    let desk = Desk::new();
    let month = "2026-11".parse().unwrap();
    let line = Limits { monthly_budget: Money::micros(100), ..limits() };
    desk.spend(1, 60).await;
    assert_eq!(used(&*desk.store, month).await.unwrap().refused_at, None);
    let over_its_own = Limits { max_cost_per_task: Money::micros(70), ..limits() };
    drop(desk.ledger.reserve(&purpose(1), Money::micros(50), &over_its_own).await.unwrap_err());
    assert_eq!(used(&*desk.store, month).await.unwrap().refused_at, None, "the run's own line did");
    let stopped = desk.ledger.reserve(&purpose(1), Money::micros(50), &line).await;
    assert!(matches!(stopped, Err(LedgerError::OverBudget { which: "monthly_budget", .. })));
    let used = used(&*desk.store, month).await.unwrap();
    assert_eq!((used.taken, used.refused_at), (Money::micros(60), Some(Money::micros(100))));
}

#[test]
fn a_month_is_written_in_one_way() {
    let month = |text: &str| text.parse::<Month>().map(|month| month.to_string());
    assert_eq!(month("2026-11").unwrap(), "2026-11");
    for wrong in ["2026-13", "2026-1", "2026", "11-2026", "2026-11-01", ""] {
        assert!(month(wrong).unwrap_err().contains("2026-11"), "{wrong}");
    }
    assert!("colour".parse::<By>().unwrap_err().contains("day, user, role, repository, workflow, model"));
}
