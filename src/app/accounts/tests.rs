use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::Timestamp;
use serde_json::json;

use super::*;
use crate::clock::ManualClock;
use crate::id::Digest;
use crate::money::{Limits, Prices};
use crate::plugin::registry::Options;
use crate::router::{Rules, Standing};
use crate::run::Settings;
use crate::spec::Catalog;
use crate::store::Memory;

#[tokio::test]
async fn an_account_is_known_from_the_last_start_when_its_service_does_not_answer() {
    let store = Memory::open().unwrap();
    let account = Account::new("jira", "5b10");
    remember(std::slice::from_ref(&account), &store).await;
    assert_eq!(learn(&Registry::default(), &store).await, [account]);
}

pub(in crate::app) fn policy(registry: Arc<Registry>) -> Policy {
    let catalog = Catalog {
        triggers: Vec::new(),
        workflows: BTreeMap::new(),
        prompts: BTreeMap::new(),
        roles: BTreeMap::new(),
        digest: Digest::of(b""),
    };
    let settings = Settings {
        bindings: BTreeMap::new(),
        limits: Limits::default(),
        prices: Prices::default(),
        model: "m".to_owned(),
        access: crate::event::Access::default(),
        actions: Vec::new(),
    };
    Policy::new(registry, Rules::new(catalog), settings, Standing::default())
}

/// A service that refuses to say who Ostler is so often.
async fn service(refusals: usize) -> (String, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let answer = axum::routing::get(async move || {
        let body = if counted.fetch_add(1, Ordering::SeqCst) < refusals {
            (axum::http::StatusCode::UNAUTHORIZED, json!({}))
        } else {
            (axum::http::StatusCode::OK, json!({ "login": "Ostler-Bot" }))
        };
        (body.0, axum::Json(body.1))
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let routes = axum::Router::new().route("/user", answer);
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    (url, asked)
}

#[tokio::test]
async fn a_service_that_answers_late_makes_the_account_known_while_ostler_runs() {
    let (url, asked) = service(2).await;
    let options: Options =
        serde_json::from_value(json!({ "github": {"token": "t", "base_url": url} })).unwrap();
    let clock = Arc::new(ManualClock::at(Timestamp::UNIX_EPOCH));
    let registry = Registry::build(options, &(Arc::clone(&clock) as Arc<dyn Clock>)).unwrap();
    let (registry, store) = (Arc::new(registry), Arc::new(Memory::open().unwrap()));

    let own = learn(&registry, &*store).await;
    assert_eq!(own, [], "it does not answer at the first start ever");
    assert!(remark(registry.strangers(&own).first().unwrap()).contains("github"));
    let policy = Arc::new(Current::new(policy(registry).knowing(own)));
    assert_eq!(policy.get().strangers, [SourceName::new("github")]);

    let learner = Learner {
        store: Arc::clone(&store) as Arc<dyn Store>,
        policy: Arc::clone(&policy),
        clock: Arc::clone(&clock) as Arc<dyn Clock>,
    };
    let learning = tokio::spawn(learner.keep_learning());
    while !policy.get().strangers.is_empty() || remembered(&*store).await.is_empty() {
        tokio::task::yield_now().await;
        clock.advance(Duration::from_secs(1));
    }
    let bot = Account::new("github", "ostler-bot");
    let known = policy.get();
    assert_eq!((&known.standing.own, &known.strangers), (&vec![bot.clone()], &Vec::new()));
    assert!(asked.load(Ordering::SeqCst) > 2);
    assert_eq!(remembered(&*store).await, [bot], "and at the next start, whether it answers or not");

    // Another token may be another account.
    let before = asked.load(Ordering::SeqCst);
    let again: Options =
        serde_json::from_value(json!({ "github": {"token": "u", "base_url": url} })).unwrap();
    let again = Arc::new(Registry::build(again, &(Arc::clone(&clock) as Arc<dyn Clock>)).unwrap());
    policy.change(|was| {
        let (rules, settings) = (was.rules.clone(), was.settings.clone());
        Policy::new(again, rules, settings, was.standing.clone()).knowing(was.standing.own.clone())
    });
    while asked.load(Ordering::SeqCst) == before {
        tokio::task::yield_now().await;
    }
    learning.abort();
}
