use super::*;
use crate::id::RunId;
use crate::ingress::inbox::tests::Office;
use crate::ledger::{Ledger, Purpose};
use crate::money::{Limits, Usage};
use crate::store::{Found, Query};

const LINE: i64 = 500_000_000;

fn used(taken: i64, refused_at: Option<i64>) -> Used {
    Used { taken: Money::micros(taken), refused_at: refused_at.map(Money::micros) }
}

#[test]
fn a_level_is_reached_at_its_share_and_the_last_one_when_a_call_was_stopped() {
    let reached = |used: &Used, line| {
        LEVELS.into_iter().filter(|level| has_reached(*level, used, Money::micros(line))).collect::<Vec<_>>()
    };
    assert_eq!(reached(&used(49, None), 100), [0_u8; 0]);
    assert_eq!(reached(&used(50, None), 100), [50]);
    assert_eq!(reached(&used(99, None), 100), [50, 80]);
    assert_eq!(reached(&used(99, Some(100)), 100), [50, 80, 100]);
    assert_eq!(reached(&used(99, Some(100)), 200), [0_u8; 0], "the line was raised since");
    assert_eq!(reached(&used(0, None), 0), [0_u8; 0], "nothing was asked for");
    assert_eq!(reached(&used(0, Some(0)), 0), [50, 80, 100]);
}

fn ledger(office: &Office) -> Ledger {
    Ledger::new(Arc::clone(&office.store), Arc::clone(&office.clock) as _)
}

async fn spend(office: &Office, micros: i64) {
    let limits = Limits { max_cost_per_task: Money::micros(LINE * 2), ..Limits::default() };
    let word = || "x".to_owned();
    let run = RunId::from_bytes([7; 16]);
    let purpose =
        Purpose { run, user: word(), role: word(), repository: word(), workflow: word(), model: word() };
    let amount = Money::micros(micros);
    if let Ok(held) = ledger(office).reserve(&purpose, amount, &limits).await {
        ledger(office).settle(held, amount, Usage::default()).await.unwrap();
    }
}

/// The levels that were told of, in the order of their words.
async fn told(office: &Office) -> Vec<String> {
    let found = office.store.query(Query::Events { before: None, limit: 100 }).await.unwrap();
    let Found::Events(events) = found else { panic!("{found:?}") };
    let own = events.into_iter().filter(|event| event.kind.as_str() == "ostler.budget");
    let mut told: Vec<_> =
        own.map(|event| format!("{} {}", event.fields["month"], event.fields["percent"])).collect();
    told.sort();
    told
}

#[tokio::test]
async fn each_level_is_told_once_a_month() {
    let office = Office::new();
    office.inbox.look_at_budget().await.unwrap();
    assert!(told(&office).await.is_empty());
    spend(&office, LINE * 85 / 100).await;
    for _ in 0..3 {
        office.inbox.look_at_budget().await.unwrap();
    }
    assert_eq!(told(&office).await, ["2026-11 50", "2026-11 80"]);
    spend(&office, LINE).await;
    office.clock.advance(Duration::from_secs(60));
    office.inbox.look_at_budget().await.unwrap();
    office.inbox.look_at_budget().await.unwrap();
    assert_eq!(told(&office).await, ["2026-11 100", "2026-11 50", "2026-11 80"]);
    office.clock.advance(Duration::from_secs(32 * 24 * 3600));
    spend(&office, LINE * 60 / 100).await;
    office.inbox.look_at_budget().await.unwrap();
    assert_eq!(told(&office).await[3..], ["2026-12 50"]);
}

#[tokio::test]
async fn what_was_told_is_not_told_again_though_the_note_of_it_is_gone() {
    let office = Office::new();
    spend(&office, LINE * 60 / 100).await;
    office.inbox.look_at_budget().await.unwrap();
    let put = vec![("budget/2026-11".to_owned(), None)];
    office.store.commit(Commit::Values { expect: Vec::new(), put }).await.unwrap();
    office.inbox.look_at_budget().await.unwrap();
    assert_eq!(told(&office).await, ["2026-11 50"]);
    let kept = office.store.query(Query::Value("budget/2026-11".to_owned())).await.unwrap();
    assert!(matches!(kept, Found::Bytes(_)), "it is noted again: {kept:?}");
}

#[tokio::test]
async fn what_a_month_came_to_in_its_last_moments_is_told_in_the_next() {
    let office = Office::new();
    spend(&office, LINE * 60 / 100).await;
    office.clock.advance(Duration::from_secs(9 * 24 * 3600 + 17 * 3600));
    office.inbox.look_at_budget().await.unwrap();
    assert_eq!(told(&office).await, ["2026-11 50"]);
}

#[test]
fn what_people_read_says_where_the_line_is() {
    let month = "2026-11".parse().unwrap();
    let of = |level, taken| {
        Reached { month, level, taken: Money::micros(taken), line: Money::micros(LINE) }.sentence()
    };
    insta::assert_snapshot!(of(80, 410_000_000), @"80 % of the month's budget is used up: $410.0000 of $500.0000 is spent or reserved in 2026-11. `ostler costs` says what for.");
    insta::assert_snapshot!(of(100, 499_900_000), @"The month's budget is used up: $499.9000 of $500.0000 is spent or reserved in 2026-11. What would cross the line is not begun, until the month is over or `limits.monthly_budget` is raised. `ostler costs` says what for.");
}
