use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use super::super::Options;
use super::*;
use crate::plugin::client::testing::{self, JumpClock, START, Seen, Server};

/// Seconds after the start of the tests.
fn at(seconds: i64) -> Timestamp {
    START + SignedDuration::from_secs(seconds)
}

fn attempt(id: u64, guid: &str, seconds: i64, status: u16) -> Value {
    json!({
        "id": id, "guid": guid, "delivered_at": at(seconds).to_string(), "redelivery": id > 100,
        "status_code": status, "event": "issues",
    })
}

fn ok(body: &Value) -> Response {
    testing::json(200, body)
}

/// GitHub with a hook of Ostler's and one of somebody else's, and these deliveries, newest first.
async fn server(attempts: Vec<Value>) -> Server {
    let base = "/repos/acme/shop/hooks";
    Server::start(move |seen: &Seen| match seen.path.strip_prefix(base) {
        Some("?per_page=100") => ok(&json!([
            {"id": 7, "config": {"url": "https://bot.example/webhooks/github"}},
            {"id": 8, "config": {"url": "https://ci.example/build"}},
        ])),
        Some("/7/deliveries?per_page=100") => {
            let mut first = ok(&json!(attempts.iter().take(100).collect::<Vec<_>>()));
            let next = format!("<http://other.host{base}/7/deliveries?per_page=100&cursor=c>; rel=\"next\"");
            first.headers_mut().insert("link", next.parse().unwrap());
            first
        }
        Some("/7/deliveries?per_page=100&cursor=c") => {
            ok(&json!(attempts.iter().skip(100).collect::<Vec<_>>()))
        }
        Some("/7/deliveries/1") => ok(&json!({"request": {"payload": {"action": "labeled", "n": 1}}})),
        Some("/7/deliveries/2") => ok(&json!({"request": {"headers": {}, "payload": null}})),
        Some("/7/deliveries/3") => testing::json(404, &json!({"message": "gone"})),
        Some("/7/deliveries/2/attempts") => testing::json(202, &json!({})),
        Some(rest) if rest.starts_with("/7/deliveries/") => {
            ok(&json!({"request": {"payload": {"of": rest}}}))
        }
        _ => "no route".into_response(),
    })
    .await
}

fn way(server: &Server) -> Deliveries {
    let options = Options {
        base_url: server.url.clone(),
        token: Some("t".into()),
        rate_per_second: 1e6,
        ..Options::default()
    };
    let github = GitHub::new(options, Arc::new(JumpClock::default()), testing::transport()).unwrap();
    Deliveries::of(&Arc::new(github), &["acme/shop".parse().unwrap()]).remove(0)
}

fn asked(cursor: Option<String>) -> Asked {
    Asked { since: at(-3600), cursor, all: false }
}

fn guids(page: &Page) -> Vec<String> {
    page.deliveries.iter().map(|delivery| delivery.header("x-github-delivery").unwrap().to_owned()).collect()
}

#[tokio::test]
async fn what_was_not_taken_is_given_oldest_first_and_asked_for_no_further_back_than_wanted() {
    let server = server(vec![
        attempt(107, "again", -500, 200),
        attempt(6, "taken", -550, 204),
        attempt(5, "refused", -600, 503),
        attempt(4, "again", -700, 500),
        attempt(3, "gone", -750, 0),
        attempt(2, "bare", -770, 0),
        attempt(1, "unanswered", -800, 0),
        attempt(9, "old", -4000, 0),
    ])
    .await;
    let page = way(&server).page(&asked(None)).await.unwrap();
    assert_eq!(guids(&page), ["unanswered", "refused"]);
    assert_eq!(page.deliveries[0].body, r#"{"action":"labeled","n":1}"#);
    assert_eq!(page.deliveries[0].header("x-github-event"), Some("issues"));
    assert!(!page.more);
    let posts: Vec<_> = server.lines().into_iter().filter(|line| line.starts_with("POST")).collect();
    assert_eq!(posts, ["POST /repos/acme/shop/hooks/7/deliveries/2/attempts"], "its body is not kept");
    let next = way(&server).page(&asked(page.cursor)).await.unwrap();
    assert_eq!(guids(&next), Vec::<String>::new(), "everything up to the newest was looked at");
}

#[tokio::test]
async fn what_is_listed_late_is_not_walked_past() {
    let server = server(vec![attempt(11, "just now", -10, 200)]).await;
    let page = way(&server).page(&asked(None)).await.unwrap();
    let cursor: Cursor = serde_json::from_str(&page.cursor.unwrap()).unwrap();
    assert_eq!(cursor["/repos/acme/shop/hooks/7/deliveries"], at(-120));
}

#[tokio::test]
async fn more_than_a_page_holds_is_given_page_by_page_and_what_is_of_one_moment_together() {
    // Sixty at one moment, and sixty more at moments of their own.
    let moment = |n: i64| if n < 60 { -1000 } else { -1000 + n };
    let attempts = (0..120).rev().map(|n| attempt(1000, &format!("g{n}"), moment(n), 0));
    let server = server(attempts.collect()).await;
    let (mut cursor, mut found, mut sizes) = (None, Vec::new(), Vec::new());
    loop {
        let page = way(&server).page(&asked(cursor)).await.unwrap();
        found.extend(guids(&page));
        sizes.push(page.deliveries.len());
        cursor = page.cursor;
        if !page.more {
            break;
        }
    }
    assert_eq!(sizes, [60, 50, 10]);
    assert_eq!(found, (0..120).map(|n| format!("g{n}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn with_all_what_was_taken_is_given_too() {
    let server = server(vec![attempt(6, "taken", -550, 200)]).await;
    let page = way(&server).page(&Asked { all: true, ..asked(None) }).await.unwrap();
    assert_eq!(guids(&page), ["taken"]);
}

#[tokio::test]
async fn an_app_has_one_hook_and_a_source_that_is_off_is_not_asked() {
    let server = server(Vec::new()).await;
    let on = SourceOptions {
        secrets: vec!["s".into()],
        repositories: vec!["acme/shop".parse().unwrap()],
        catch_up: None,
        poll: None,
    };
    let way = way(&server);
    assert_eq!(all(&way.github, &on)[0].name(), "github.hook/acme/shop");
    assert!(all(&way.github, &SourceOptions { catch_up: Some(false), ..on.clone() }).is_empty());
    assert!(
        all(&way.github, &SourceOptions { secrets: Vec::new(), ..on }).is_empty(),
        "nothing is sent to it"
    );
}
