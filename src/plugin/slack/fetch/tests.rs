use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use super::super::Options;
use super::super::source::SlackSource;
use super::*;
use crate::clock::Clock as _;
use crate::plugin::client::testing::{self, JumpClock, START, Seen, Server, json as answer};
use crate::plugin::fixture::tests::decode;
use crate::plugin::source::Delivery;
use crate::plugin::source::{Decoded, Source as _};

/// A message's name, so many seconds after the start of the tests.
fn ts(seconds: i64) -> String {
    written(START + SignedDuration::from_secs(seconds))
}

fn said(seconds: i64, text: &str) -> Value {
    json!({"type": "message", "ts": ts(seconds), "user": "UADA", "text": text, "team": "T1"})
}

/// Somebody names the bot.
fn named(seconds: i64) -> Value {
    said(seconds, "<@UBOT> help")
}

fn reply(seconds: i64, parent: i64) -> Value {
    let mut reply = named(seconds);
    reply["thread_ts"] = ts(parent).into();
    reply
}

/// A workspace: channels, and what was said in each, in any order.
#[derive(Debug)]
struct Workspace {
    channels: Vec<(String, Vec<Value>)>,
    /// Channels, with the word for what is wrong there.
    broken: Vec<(&'static str, &'static str)>,
}

impl Workspace {
    fn serve(&self, seen: &Seen) -> Value {
        let (path, query) = seen.path.split_once('?').unwrap_or((&seen.path, ""));
        let asked: BTreeMap<_, _> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let asked = |name: &str| asked.get(name).map(String::as_str);
        match path.trim_start_matches("/api/") {
            "auth.test" => json!({"ok": true, "user_id": "UBOT", "bot_id": "BBOT", "team_id": "T1"}),
            "users.conversations" if asked("types") == Some("public_channel") => {
                let ids: Vec<_> = self.channels.iter().map(|(id, _)| json!({"id": id})).collect();
                json!({"ok": true, "channels": ids})
            }
            "users.conversations" => json!({"ok": false, "error": "missing_scope", "needed": "groups:read"}),
            method => self.list(method, &asked),
        }
    }

    fn list<'a>(&self, method: &str, asked: &impl Fn(&str) -> Option<&'a str>) -> Value {
        let id = asked("channel").unwrap();
        if let Some((_, error)) = self.broken.iter().find(|(broken, _)| *broken == id) {
            return json!({"ok": false, "error": error});
        }
        let all = &self.channels.iter().find(|(channel, _)| *channel == id).unwrap().1;
        let (oldest, latest) = (asked("oldest").unwrap(), asked("latest").unwrap());
        let name = |message: &Value| message["ts"].as_str().unwrap().to_owned();
        let parent = |message: &Value| message["thread_ts"].as_str().map(str::to_owned);
        let is_listed = |message: &&Value| match asked("ts") {
            Some(thread) => name(message) == thread || parent(message).as_deref() == Some(thread),
            None => parent(message).is_none_or(|parent| parent == name(message)),
        };
        let between = |message: &&Value| {
            (name(message).as_str() > oldest && name(message).as_str() < latest)
                || asked("ts") == Some(&name(message))
        };
        let mut found: Vec<_> = all.iter().filter(is_listed).filter(between).cloned().collect();
        found.sort_by_key(name);
        if method == "conversations.history" {
            found.reverse();
        }
        for message in &mut found {
            let replies: Vec<_> = all
                .iter()
                .filter(|one| parent(one) == Some(name(message)) && parent(one) != Some(name(one)))
                .map(name)
                .collect();
            if let Some(latest) = replies.iter().max() {
                message["latest_reply"] = latest.clone().into();
                message["reply_count"] = replies.len().into();
            }
        }
        let start: usize = asked("cursor").map_or(0, |cursor| cursor.parse().unwrap());
        let limit: usize = asked("limit").unwrap().parse().unwrap();
        let next = if found.len() > start + limit { (start + limit).to_string() } else { String::new() };
        let page: Vec<_> = found.into_iter().skip(start).take(limit).collect();
        json!({"ok": true, "messages": page, "response_metadata": {"next_cursor": next}})
    }
}

fn workspace(channels: Vec<(&str, Vec<Value>)>) -> Workspace {
    let channels = channels.into_iter().map(|(id, said)| (id.to_owned(), said));
    Workspace { channels: channels.collect(), broken: Vec::new() }
}

async fn server(channels: Vec<(&str, Vec<Value>)>) -> Server {
    of(workspace(channels)).await
}

async fn of(workspace: Workspace) -> Server {
    Server::start(move |seen| answer(200, &workspace.serve(seen))).await
}

/// The bot, an hour after the start of the tests.
fn slack(server: &Server) -> Arc<Slack> {
    let options = Options {
        base_url: server.url.join("/api").unwrap(),
        token: Some("xoxb-hush-hush".into()),
        ..Options::default()
    };
    let clock = JumpClock::default();
    drop(clock.sleep_until(START + SignedDuration::from_hours(1)));
    Arc::new(Slack::new(options, Arc::new(clock), testing::transport()).unwrap())
}

fn options() -> SourceOptions {
    SourceOptions { signing_secrets: vec!["s".into()], ..SourceOptions::default() }
}

fn way(server: &Server) -> Arc<dyn Fetch> {
    all(&slack(server), &options()).remove(0)
}

fn asked(cursor: Option<String>) -> Asked {
    Asked { since: START, cursor, all: false }
}

/// What a delivery tells of: the channel, and the seconds after the start of the tests.
fn told(delivery: &Delivery) -> (String, i64) {
    let body: Value = serde_json::from_slice(&delivery.body).unwrap();
    let at = stamp(body["event"]["ts"].as_str().unwrap()).unwrap();
    (body["event"]["channel"].as_str().unwrap().to_owned(), at.as_second() - START.as_second())
}

fn moments(page: &Page) -> Vec<i64> {
    page.deliveries.iter().map(|delivery| told(delivery).1).collect()
}

/// All that there is now: what each page gave, and the last cursor.
async fn pages(way: &dyn Fetch, mut cursor: Option<String>) -> (Vec<Vec<(String, i64)>>, Option<String>) {
    let mut pages = Vec::new();
    loop {
        let page = way.page(&asked(cursor)).await.unwrap();
        pages.push(page.deliveries.iter().map(told).collect());
        cursor = page.cursor;
        if !page.more {
            return (pages, cursor);
        }
    }
}

#[tokio::test]
async fn what_names_the_bot_is_given_oldest_first_and_once() {
    let mut own = named(50);
    own["user"] = "UBOT".into();
    let mut posted = named(55);
    (posted["bot_id"], posted["user"]) = ("BBOT".into(), Value::Null);
    let mut joined = named(60);
    joined["subtype"] = "channel_join".into();
    let said = vec![
        named(30),
        named(-5),
        said(20, "lunch?"),
        named(10),
        own,
        posted,
        joined,
        said(40, "<@UBOT|ostler> hi"),
    ];
    let server = server(vec![("C1", said)]).await;
    let way = way(&server);
    let page = way.page(&asked(None)).await.unwrap();
    assert_eq!((moments(&page), page.more), (vec![10, 30, 40], false));
    let again = way.page(&asked(page.cursor)).await.unwrap();
    assert_eq!(moments(&again), [0; 0], "all of it was looked at");
}

#[tokio::test]
async fn it_is_told_as_the_webhook_would_have_told_it() {
    let mut message = reply(30, 10);
    message["user_team"] = "T2".into();
    let server = server(vec![("C1", vec![said(10, "who?"), message])]).await;
    let page = way(&server).page(&asked(None)).await.unwrap();
    let source = SlackSource::new(options());
    let Ok(Decoded::Event { event, identities }) = decode(&source, &page.deliveries[0]) else { panic!() };
    assert_eq!(event.kind.as_str(), "slack.mention");
    assert_eq!(event.subject.as_str(), format!("slack:T1/C1/{}", ts(10)));
    assert_eq!(event.time, START + SignedDuration::from_secs(30));
    assert_eq!(event.command.unwrap().name, "help");
    let actor = event.actor.unwrap();
    assert_eq!((actor.account.to_string().as_str(), actor.external), ("slack:UADA", true));
    assert_eq!(identities[1..], [format!("slack:mention:T1/C1/{}", ts(30))]);
    assert_eq!(page.deliveries[0].surface, "events");
    assert!(source.surfaces().contains(&page.deliveries[0].surface.as_str()));
}

#[tokio::test]
async fn replies_are_found_below_messages_that_are_older_and_only_where_there_are_new_ones() {
    let hours = |hours: i64| -hours * 3600;
    let mut shown = reply(50, hours(1));
    shown["subtype"] = "thread_broadcast".into();
    let said = vec![
        said(hours(100), "too long ago"),
        reply(20, hours(100)),
        said(hours(70), "days ago"),
        reply(30, hours(70)),
        said(hours(1), "an hour ago"),
        reply(hours(1) + 9, hours(1)),
        reply(40, hours(1)),
        shown,
        said(hours(2), "nothing new"),
        reply(hours(2) + 1, hours(2)),
        said(60, "new"),
        reply(70, 60),
    ];
    let server = server(vec![("C1", said)]).await;
    let page = way(&server).page(&asked(None)).await.unwrap();
    assert_eq!(moments(&page), [30, 40, 50, 70]);
    let threads = server.lines().iter().filter(|line| line.contains("conversations.replies")).count();
    assert_eq!(threads, 3, "{:#?}", server.lines());
}

#[tokio::test]
async fn more_than_a_page_holds_is_given_page_by_page_and_then_the_other_channels() {
    let busy = (1..=120).map(named).collect();
    let server = server(vec![("C2", vec![named(7)]), ("C1", busy), ("C3", vec![named(8)])]).await;
    let (pages, _) = pages(way(&server).as_ref(), None).await;
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [50, 50, 22]);
    let mut all: Vec<_> = (1..=120).map(|at| ("C1".to_owned(), at)).collect();
    all.extend([("C2".to_owned(), 7), ("C3".to_owned(), 8)]);
    assert_eq!(pages.concat(), all);
}

#[tokio::test]
async fn a_history_is_walked_over_all_its_lists() {
    let mut said: Vec<_> = (100..350).map(|at| said(at, "lunch?")).collect();
    said.push(named(5));
    let server = server(vec![("C1", said)]).await;
    assert_eq!(moments(&way(&server).page(&asked(None)).await.unwrap()), [5]);
}

#[tokio::test]
async fn many_channels_are_looked_at_some_with_each_page() {
    let ids: Vec<String> = (10..55).map(|number| format!("C{number}")).collect();
    let server = server(ids.iter().map(|id| (id.as_str(), vec![named(9)])).collect()).await;
    let (pages, cursor) = pages(way(&server).as_ref(), None).await;
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [20, 20, 5]);
    assert_eq!(pages.concat().into_iter().map(|(id, _)| id).collect::<Vec<_>>(), ids);
    let (again, _) = crate::plugin::slack::fetch::tests::pages(way(&server).as_ref(), cursor).await;
    assert_eq!(again.concat(), []);
}

#[tokio::test]
async fn a_channel_that_cannot_be_read_holds_up_no_other_and_is_looked_at_from_there_later() {
    let channels = || vec![("C1", vec![named(1)]), ("C2", vec![named(2)])];
    let closed = of(Workspace { broken: vec![("C1", "not_in_channel")], ..workspace(channels()) }).await;
    let page = way(&closed).page(&asked(None)).await.unwrap();
    assert_eq!((moments(&page), page.more), (vec![2], false));
    let open = server(channels()).await;
    assert_eq!(moments(&way(&open).page(&asked(page.cursor)).await.unwrap()), [1]);
}

#[tokio::test]
async fn what_was_found_before_a_pause_that_slack_asks_for_is_given_first() {
    let workspace = workspace(vec![("C1", vec![named(1)]), ("C2", vec![named(2)])]);
    let limited = Arc::new(AtomicBool::new(true));
    let is_limited = Arc::clone(&limited);
    let server = Server::start(move |seen| {
        if seen.path.contains("channel=C2") && is_limited.load(Ordering::SeqCst) {
            let mut refused = answer(429, &json!({"ok": false, "error": "ratelimited"}));
            refused.headers_mut().insert("retry-after", "90".parse().unwrap());
            return refused;
        }
        answer(200, &workspace.serve(seen))
    })
    .await;
    let way = way(&server);
    let page = way.page(&asked(None)).await.unwrap();
    assert_eq!((moments(&page), page.more), (vec![1], true));
    let error = way.page(&asked(page.cursor.clone())).await.unwrap_err();
    assert_eq!((error.problem, error.retry_after), (Problem::RateLimited, Some(Duration::from_secs(90))));
    limited.store(false, Ordering::SeqCst);
    let page = way.page(&asked(page.cursor)).await.unwrap();
    assert_eq!((moments(&page), page.more), (vec![2], false));
}

#[tokio::test]
async fn what_was_said_before_the_bot_came_into_a_channel_is_not_for_it() {
    let before = server(vec![("C1", vec![named(3000)])]).await;
    let (_, cursor) = pages(way(&before).as_ref(), None).await;
    let old = vec![named(100), named(3590)];
    let after = server(vec![("C1", vec![named(3000)]), ("C2", old)]).await;
    let (found, _) = pages(way(&after).as_ref(), cursor).await;
    assert_eq!(found.concat(), [("C2".to_owned(), 3590)]);
}

#[tokio::test]
async fn a_channel_that_the_bot_left_counts_from_its_coming_back() {
    let with = async |said: Vec<Value>| server(vec![("C1", Vec::new()), ("C2", said)]).await;
    let (_, cursor) = pages(way(&with(vec![named(5)]).await).as_ref(), None).await;
    let (_, cursor) = pages(way(&server(vec![("C1", Vec::new())]).await).as_ref(), cursor).await;
    let back = with(vec![named(5), named(900), named(3590)]).await;
    let (found, _) = pages(way(&back).as_ref(), cursor).await;
    assert_eq!(found.concat(), [("C2".to_owned(), 3590)]);
}

#[tokio::test]
async fn nothing_is_told_from_before_what_is_asked_for() {
    let server = server(vec![("C1", vec![named(100), named(300)])]).await;
    let since = START + SignedDuration::from_secs(200);
    let cursor = Cursor { since: START, reached: [("C1".to_owned(), START)].into(), round: None };
    let asked = Asked { since, ..asked(serde_json::to_string(&cursor).ok()) };
    assert_eq!(moments(&way(&server).page(&asked).await.unwrap()), [300]);
}

#[tokio::test]
async fn what_was_said_a_moment_ago_is_looked_at_again() {
    let server = server(vec![("C1", vec![named(3400), named(3500), named(3550)])]).await;
    let (_, cursor) = pages(way(&server).as_ref(), None).await;
    let (again, _) = pages(way(&server).as_ref(), cursor).await;
    assert_eq!(again.concat(), [("C1".to_owned(), 3500), ("C1".to_owned(), 3550)]);
}

#[tokio::test]
async fn messages_are_told_where_the_app_subscribes_to_them() {
    let server = server(vec![("C1", vec![said(1, "lunch?"), named(2)])]).await;
    let way = all(&slack(&server), &SourceOptions { messages: true, ..options() }).remove(0);
    let page = way.page(&asked(None)).await.unwrap();
    let source = SlackSource::new(options());
    let kinds = page.deliveries.iter().map(|delivery| {
        let Ok(Decoded::Event { event, identities }) = decode(&source, delivery) else { panic!() };
        (event.kind.to_string(), identities[1].clone())
    });
    let kinds: Vec<_> = kinds.collect();
    let name = |what, at| format!("slack:{what}:T1/C1/{}", ts(at));
    assert_eq!(
        kinds,
        [("slack.message".to_owned(), name("message", 1)), ("slack.mention".to_owned(), name("mention", 2)),]
    );
    let asked_for = |types: &str| server.lines().iter().any(|line| line.contains(&format!("types={types}")));
    assert!(asked_for("im") && asked_for("mpim"), "{:?}", server.lines());
}

#[tokio::test]
async fn an_app_of_a_whole_organisation_is_told_that_it_cannot_be_asked_for() {
    let identity = json!({"ok": true, "user_id": "UBOT", "team_id": "E1", "is_enterprise_install": true});
    let server = Server::start(move |_| answer(200, &identity)).await;
    let error = way(&server).page(&asked(None)).await.unwrap_err();
    assert!(error.problem == Problem::NotOffered && error.message.contains("catch_up: false"), "{error}");
}

#[tokio::test]
async fn a_source_that_is_off_is_not_asked() {
    let server = server(Vec::new()).await;
    let slack = slack(&server);
    assert_eq!(all(&slack, &options())[0].name(), "slack.history");
    assert!(all(&slack, &SourceOptions { signing_secrets: Vec::new(), ..options() }).is_empty());
    assert!(all(&slack, &SourceOptions { catch_up: Some(false), ..options() }).is_empty());
}

#[test]
fn moments_are_read_and_written_as_slack_writes_them() {
    for text in ["1763628600.000200", "1763628600.999999", "0.000000"] {
        assert_eq!(written(stamp(text).unwrap()), text);
    }
    assert_eq!(stamp("1763628600"), stamp("1763628600.000000"));
    assert_eq!(stamp("1763628600.5"), stamp("1763628600.500000"));
    for text in ["", "x", "1.é€€€", "99999999999999999999.0", "1.-"] {
        assert_eq!(stamp(text), None, "{text}");
    }
}
