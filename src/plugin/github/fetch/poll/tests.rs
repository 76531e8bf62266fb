use axum::response::IntoResponse as _;
use serde_json::json;

use super::super::super::Options;
use super::super::super::source::{GithubSource, SourceOptions};
use super::*;
use crate::event::Event;
use crate::plugin::client::testing::{self, JumpClock, START, Seen, Server};
use crate::plugin::fixture::tests::decode;
use crate::plugin::source::Decoded;

/// Seconds after the start of the tests.
fn at(seconds: i64) -> Timestamp {
    START + SignedDuration::from_secs(seconds)
}

fn time(seconds: i64) -> String {
    at(seconds).to_string()
}

fn user(login: &str) -> Value {
    json!({ "login": login, "type": "User" })
}

/// An issue with the label `ostler`, or a pull request seen as one.
fn issue(number: u64, created: i64, updated: i64, is_pull: bool) -> Value {
    let mut issue = json!({
        "id": 7000 + number, "number": number, "title": "T", "body": "B", "state": "open", "user": user("ada"),
        "labels": [{"name": "ostler"}], "assignees": [user("ostler-bot")], "assignee": user("ostler-bot"),
        "created_at": time(created), "updated_at": time(updated),
    });
    if is_pull {
        issue["pull_request"] = json!({ "html_url": "https://github.example/acme/shop/pull/1" });
    }
    issue
}

fn event(id: u64, number: u64, word: &str, seconds: i64) -> Value {
    let mut event = json!({
        "id": id, "event": word, "actor": user("ada"), "created_at": time(seconds), "issue": {"number": number},
    });
    match word {
        "labeled" => event["label"] = json!({ "name": "ostler" }),
        "assigned" => event["assignee"] = user("ostler-bot"),
        _ => {}
    }
    event
}

/// A repository with these issues and events, and one comment on each issue that is not new.
async fn server(issues: Vec<Value>, events: Vec<Value>, comments: Vec<Value>) -> Server {
    Server::start(move |seen: &Seen| {
        let ok = |body: &Value| testing::json(200, body);
        match seen.path.strip_prefix("/repos/acme/shop").unwrap() {
            "/issues?state=all&sort=updated&direction=desc&per_page=100" => {
                if seen.header("if-none-match") == "\"one\"" {
                    return http::StatusCode::NOT_MODIFIED.into_response();
                }
                let mut answer = ok(&json!(issues));
                answer.headers_mut().insert("etag", "\"one\"".parse().unwrap());
                answer
            }
            "/issues/events?per_page=100" => {
                let mut first = ok(&json!(events.iter().take(2).collect::<Vec<_>>()));
                let next =
                    "<http://other.host/repos/acme/shop/issues/events?per_page=100&page=2>; rel=\"next\"";
                first.headers_mut().insert("link", next.parse().unwrap());
                first
            }
            "/issues/events?per_page=100&page=2" => ok(&json!(events.iter().skip(1).collect::<Vec<_>>())),
            "/issues/comments?sort=created&direction=desc&per_page=100" => ok(&json!(comments)),
            "" => ok(&json!({ "full_name": "acme/shop", "default_branch": "main" })),
            "/pulls/2" => {
                let mut pull = issue(2, -5000, -100, false);
                pull["head"] = json!({ "ref": "ada/fix", "sha": "abc" });
                ok(&pull)
            }
            _ => testing::json(404, &json!({ "message": "Not Found" })),
        }
    })
    .await
}

fn way(server: &Server) -> Polled {
    let options = Options {
        base_url: server.url.clone(),
        token: Some("t".into()),
        rate_per_second: 1e6,
        ..Options::default()
    };
    let github = GitHub::new(options, Arc::new(JumpClock::default()), testing::transport()).unwrap();
    Polled::new(&Arc::new(github), &"acme/shop".parse().unwrap(), Duration::from_secs(30))
}

fn asked(cursor: Option<String>) -> Asked {
    Asked { since: at(-3600), cursor, all: false }
}

fn understood(delivery: &Delivery) -> (Event, Vec<String>) {
    let source = GithubSource::new(SourceOptions::default());
    let Ok(Decoded::Event { event, identities }) = decode(&source, delivery) else { panic!("{delivery:?}") };
    (*event, identities)
}

#[tokio::test]
async fn everything_that_happened_is_told_as_it_was_at_the_time() {
    let issues = vec![
        issue(1, -500, -150, false),
        issue(2, -5000, -200, true),
        issue(3, -5000, -400, false),
        issue(9, -9000, -4000, false),
    ];
    let events = vec![
        event(15, 1, "labeled", -150),
        event(14, 2, "labeled", -200),
        event(13, 1, "subscribed", -250),
        event(12, 1, "assigned", -300),
        event(11, 3, "labeled", -4000),
    ];
    let comment = json!({
        "id": 900, "body": "/ostler help", "user": user("eve"), "created_at": time(-400), "author_association": "NONE",
        "issue_url": "https://api.example/repos/acme/shop/issues/3",
    });
    let server = server(issues, events, vec![comment]).await;
    let page = way(&server).page(&asked(None)).await.unwrap();
    let events: Vec<_> = page.deliveries.iter().map(|delivery| understood(delivery).0).collect();
    let told: Vec<_> = events
        .iter()
        .map(|event| {
            let (task, actor) = (event.task.as_ref().unwrap(), event.actor.as_ref().unwrap());
            (event.kind.as_str(), event.subject.as_str(), task.labels.len(), actor.name.as_str(), event.time)
        })
        .collect();
    assert_eq!(
        told,
        [
            ("github.issue.opened", "github:acme/shop#1", 0, "ada", at(-500)),
            ("github.comment.created", "github:acme/shop#3", 1, "eve", at(-400)),
            ("github.issue.assigned", "github:acme/shop#1", 0, "ada", at(-300)),
            ("github.pull_request.labeled", "github:acme/shop#2", 1, "ada", at(-200)),
            ("github.issue.labeled", "github:acme/shop#1", 1, "ada", at(-150)),
        ]
    );
    assert_eq!(events[0].task.as_ref().unwrap().assignee, None, "it was assigned later");
    assert_eq!(events[1].command.as_ref().unwrap().name, "help");
    assert_eq!(events[2].assignee.as_ref().unwrap().to_string(), "github:ostler-bot");
    assert_eq!(events[3].change.as_ref().unwrap().head_branch.as_deref(), Some("ada/fix"));
    assert_eq!(events[4].label.as_deref(), Some("ostler"));
}

#[tokio::test]
async fn what_is_told_again_is_known_by_what_it_tells_of() {
    let told = async |updated: i64| {
        let server =
            server(vec![issue(1, -500, updated, false)], vec![event(15, 1, "labeled", -150)], vec![]);
        let page = way(&server.await).page(&asked(None)).await.unwrap();
        let ids =
            page.deliveries.iter().map(|delivery| delivery.header("x-github-delivery").unwrap().to_owned());
        (
            ids.collect::<Vec<_>>(),
            page.deliveries.into_iter().map(|told| understood(&told).1).collect::<Vec<_>>(),
        )
    };
    let (first, later) = (told(-150).await, told(-10).await);
    assert_eq!(first.0, ["opened/acme/shop/1", "event/15"]);
    assert_eq!(first.0, later.0);
    // As a webhook would be known, too: by the state in which each left the issue.
    assert!(first.1[1].iter().any(|id| id.ends_with(&format!("@{}", time(-150)))), "{:?}", first.1);
}

#[tokio::test]
async fn while_nothing_changes_one_request_says_so_and_everything_newer_is_still_to_come() {
    let server = server(vec![issue(1, -500, -150, false)], vec![], vec![]).await;
    let page = way(&server).page(&asked(None)).await.unwrap();
    let cursor: Cursor = serde_json::from_str(page.cursor.as_deref().unwrap()).unwrap();
    assert_eq!(cursor, Cursor { since: at(-149), etag: Some("\"one\"".to_owned()) });
    let before = server.seen().len();
    let next = way(&server).page(&asked(page.cursor)).await.unwrap();
    assert_eq!((next.deliveries.len(), next.cursor, server.seen().len() - before), (0, None, 1));
}

#[tokio::test]
async fn what_one_list_shows_later_than_another_is_not_missed() {
    let server = server(vec![issue(1, -500, -10, false)], vec![], vec![]).await;
    let page = way(&server).page(&asked(None)).await.unwrap();
    let cursor: Cursor = serde_json::from_str(page.cursor.as_deref().unwrap()).unwrap();
    assert_eq!(cursor, Cursor { since: at(-120), etag: None });
}

#[tokio::test]
async fn a_pull_request_that_is_gone_holds_up_nothing() {
    let issues = vec![issue(4, -500, -150, true), issue(1, -500, -150, false)];
    let server = server(issues, vec![], vec![]).await;
    let page = way(&server).page(&asked(None)).await.unwrap();
    assert_eq!(page.deliveries.len(), 1);
}
