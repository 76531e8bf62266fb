//! Catching up by a way of asking that tells what it was asked.

use std::collections::VecDeque;

use http::HeaderValue;
use serde_json::json;

use super::*;
use crate::clock::ManualClock;
use crate::ingress::inbox::tests::{Office, policy};
use crate::plugin::{Call, PluginError, Problem, Registry};

/// Gives what its test has put there, and keeps what it was asked.
#[derive(Debug, Default)]
struct Script {
    pages: Mutex<VecDeque<Result<Page, PluginError>>>,
    asked: Mutex<Vec<Asked>>,
}

impl Fetch for Script {
    fn source(&self) -> SourceName {
        SourceName::new("github")
    }

    fn name(&self) -> &str {
        "github.script"
    }

    fn every(&self) -> Duration {
        Duration::from_secs(300)
    }

    fn page<'a>(&'a self, asked: &'a Asked) -> Call<'a, Page> {
        self.asked.lock().unwrap().push(asked.clone());
        let page = self.pages.lock().unwrap().pop_front().unwrap_or_else(|| Ok(Page::default()));
        Box::pin(std::future::ready(page))
    }
}

impl Script {
    fn asked(&self) -> Vec<(Timestamp, Option<String>)> {
        let asked = self.asked.lock().unwrap();
        asked.iter().map(|asked| (asked.since, asked.cursor.clone())).collect()
    }
}

struct Scene {
    script: Arc<Script>,
    clock: Arc<ManualClock>,
    catch_up: CatchUp,
}

fn scene(pages: Vec<Result<Page, PluginError>>) -> Scene {
    let script = Arc::new(Script { pages: Mutex::new(pages.into()), ..Script::default() });
    let Office { sources, store, .. } = Office::new();
    let fetchers = vec![Arc::clone(&script) as _];
    let office = Office::of(Registry { sources, fetchers, ..Registry::default() }, store);
    let clock = Arc::clone(&office.clock);
    let catch_up = CatchUp::new(Arc::new(office.inbox));
    Scene { script, clock, catch_up }
}

/// A label, put on an issue whose number is the delivery's id: no two tell of the same thing.
fn labeled(guid: &'static str) -> Delivery {
    let number: u64 = guid.parse().unwrap();
    let user = json!({ "login": "ada", "type": "User" });
    let body = json!({
        "action": "labeled", "label": {"name": "ostler"}, "sender": user, "guid": guid,
        "repository": {"full_name": "acme/shop"},
        "issue": {"number": number, "title": "t", "state": "open", "updated_at": "2026-11-21T07:00:00Z"},
    });
    let mut delivery = Delivery { body: body.to_string().into(), ..Delivery::default() };
    delivery.headers.insert("x-github-event", HeaderValue::from_static("issues"));
    delivery.headers.insert("x-github-delivery", HeaderValue::from_static(guid));
    delivery
}

fn page(guids: &[&'static str], cursor: &str, more: bool) -> Result<Page, PluginError> {
    let deliveries = guids.iter().map(|guid| labeled(guid)).collect();
    Ok(Page { deliveries, cursor: Some(cursor.to_owned()), more, pause: None })
}

#[tokio::test]
async fn what_was_missed_is_taken_in_once_and_the_next_time_begins_behind_it() {
    let scene =
        scene(vec![page(&["1", "2"], "a", true), page(&["2", "3"], "b", false), page(&["3"], "b", false)]);
    let [report] = &scene.catch_up.ask(&Wanted::default()).await[..] else { panic!("one way, one report") };
    assert_eq!((report.accepted, report.duplicate, &report.error), (3, 1, &None), "{report:?}");
    assert!(report.deliveries[0].what.as_deref().unwrap().starts_with("github.issue.labeled"), "{report:?}");
    let [report] = &scene.catch_up.ask(&Wanted::default()).await[..] else { panic!("one way, one report") };
    assert_eq!((report.accepted, report.duplicate), (0, 1), "{report:?}");
    let cursors: Vec<_> = scene.script.asked().into_iter().map(|(_, cursor)| cursor).collect();
    assert_eq!(cursors, [None, Some("a".to_owned()), Some("b".to_owned())]);
}

#[tokio::test]
async fn a_new_installation_begins_now_and_an_old_one_looks_back_three_days_at_the_most() {
    let scene = scene(Vec::new());
    let start = scene.clock.now();
    for days in [0, 1, 9] {
        scene.clock.advance(Duration::from_secs(days * 86_400));
        scene.catch_up.ask(&Wanted::default()).await;
    }
    let since: Vec<_> = scene.script.asked().into_iter().map(|(since, _)| since).collect();
    let earliest = scene.clock.now().checked_sub(LOOK_BACK).unwrap();
    assert_eq!(since, [start, start, earliest]);
}

#[tokio::test]
async fn a_page_that_is_not_all_taken_in_is_asked_for_again() {
    let down = PluginError::new("github", Problem::Unavailable, "down");
    let scene = scene(vec![page(&["1"], "a", true), Err(down), page(&["2"], "b", false)]);
    let [report] = &scene.catch_up.ask(&Wanted::default()).await[..] else { panic!("one way, one report") };
    assert_eq!((report.accepted, report.error.as_deref()), (1, Some("github: down")));
    scene.catch_up.ask(&Wanted::default()).await;
    let cursors: Vec<_> = scene.script.asked().into_iter().map(|(_, cursor)| cursor).collect();
    assert_eq!(cursors, [None, Some("a".to_owned()), Some("a".to_owned())]);
    let [account] = &scene.catch_up.accounts().await[..] else { panic!("one way, one account") };
    assert_eq!((account.accepted, account.cursor.as_deref(), &account.error), (2, Some("b"), &None));
}

#[tokio::test]
async fn who_only_looks_takes_nothing_in_and_moves_nothing() {
    let scene = scene(vec![page(&["1"], "a", false), page(&["1"], "a", false), page(&["1"], "a", false)]);
    let look = Wanted { dry_run: true, ..Wanted::default() };
    let mut seen = Vec::new();
    for wanted in [&look, &Wanted::default(), &look] {
        let report = scene.catch_up.ask(wanted).await.remove(0);
        seen.push((report.accepted, report.duplicate));
    }
    assert_eq!(seen, [(1, 0), (1, 0), (0, 1)]);
    let cursors: Vec<_> = scene.script.asked().into_iter().map(|(_, cursor)| cursor).collect();
    assert_eq!(cursors, [None, None, Some("a".to_owned())]);
    let [account] = &scene.catch_up.accounts().await[..] else { panic!("one way, one account") };
    assert_eq!((account.accepted, account.duplicate), (1, 0), "what was only looked at is not counted");
}

#[tokio::test]
async fn what_cannot_be_understood_holds_up_nothing() {
    let mut nonsense = labeled("1");
    nonsense.body = "{".into();
    let first =
        Page { deliveries: vec![nonsense, labeled("2")], cursor: Some("a".to_owned()), ..Page::default() };
    let scene = scene(vec![Ok(first)]);
    let report = scene.catch_up.ask(&Wanted::default()).await.remove(0);
    assert_eq!((report.refused, report.accepted, &report.error), (1, 1, &None), "{report:?}");
}

#[test]
fn who_fails_is_left_in_peace_longer_and_longer() {
    let every = Duration::from_secs(30);
    assert_eq!([0, 1, 2, 3].map(|failures| rest(every, failures).as_secs()), [30, 60, 120, 240]);
    assert_eq!(rest(every, 40), LONGEST);
    assert_eq!(rest(LONGEST * 4, 40), LONGEST * 4);
}

/// What is in force, asked by these ways.
fn asking(ways: Vec<Arc<Script>>) -> crate::ingress::Policy {
    let fetchers = ways.into_iter().map(|way| way as _).collect();
    let Office { sources, .. } = Office::new();
    policy(Registry { sources, fetchers, ..Registry::default() })
}

#[tokio::test]
async fn a_reload_brings_ways_replaces_them_and_ends_them() {
    let first = Arc::new(Script::default());
    let store: Arc<dyn crate::store::Store> = Arc::new(crate::store::Memory::open().unwrap());
    let current = Arc::new(Current::new(asking(Vec::new())));
    let clock = Arc::new(ManualClock::at("2026-11-21T08:00:00Z".parse().unwrap()));
    let inbox = Inbox::new(store, Arc::clone(&current), Arc::clone(&clock) as _, |_| {});
    let catch_up = Arc::new(CatchUp::new(Arc::new(inbox)));
    let keeping = tokio::spawn(Arc::clone(&catch_up).keep_asking());
    let until = async |script: &Script, times: usize| {
        while script.asked().len() < times {
            tokio::task::yield_now().await;
        }
    };
    tokio::task::yield_now().await;
    current.change(|_| asking(vec![Arc::clone(&first)]));
    until(&first, 1).await;
    // Another one by the same name, with another token: it is asked at once, and the first no more.
    let second = Arc::new(Script::default());
    current.change(|_| asking(vec![Arc::clone(&second)]));
    until(&second, 1).await;
    clock.advance(Duration::from_secs(3600));
    until(&second, 2).await;
    assert_eq!(first.asked().len(), 1);
    current.change(|_| asking(Vec::new()));
    while !catch_up.accounts().await.is_empty() {
        tokio::task::yield_now().await;
    }
    clock.advance(Duration::from_secs(3600));
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(second.asked().len(), 2, "nobody asks it any more");
    keeping.abort();
}
