use std::sync::Mutex;

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::super::tests::gitlab;
use super::*;
use crate::plugin::client::testing::{START, Server, json as answer};

/// An entry of the list: a note that was written so many seconds after the start of the tests.
fn attempt(id: u64, seconds: i64, status: &str) -> Value {
    let time = START + SignedDuration::from_secs(seconds);
    let time = time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
    json!({
        "id": id, "response_status": status,
        "request_headers": {"X-Gitlab-Event": "Note Hook", "Idempotency-Key": format!("k{id}"),
                            "X-Gitlab-Token": "[REDACTED]"},
        "request_data": {"object_kind": "note", "object_attributes": {"id": id, "updated_at": time}},
    })
}

/// GitLab with a webhook of Ostler's, one of somebody else's, and these entries, newest first.
async fn server(attempts: Vec<Value>) -> Server {
    let attempts = Mutex::new(attempts);
    Server::start(move |seen| {
        match seen.path.strip_prefix("/gl/api/v4/projects/acme%2Fshop/hooks").unwrap() {
            "?per_page=100&page=1" => answer(
                200,
                &json!([
                    {"id": 7, "url": "https://bot.example/webhooks/gitlab"},
                    {"id": 8, "url": "https://ci.example/build"},
                ]),
            ),
            rest => {
                let number =
                    rest.strip_prefix("/7/events?per_page=20&page=").expect("only our own hook is asked");
                let number: usize = number.parse().unwrap();
                let all = attempts.lock().unwrap();
                let page: Vec<_> = all.iter().skip((number - 1) * 20).take(20).collect();
                let mut page = answer(200, &json!(page));
                if all.len() > number * 20 {
                    page.headers_mut().insert("x-next-page", (number + 1).to_string().parse().unwrap());
                }
                page
            }
        }
    })
    .await
}

fn way(server: &Server) -> Arc<dyn Fetch> {
    let options = SourceOptions {
        secrets: vec!["s".into()],
        repositories: vec!["acme/shop".parse().unwrap()],
        ..SourceOptions::default()
    };
    all(&Arc::new(gitlab(server)), &options).remove(0)
}

fn asked(cursor: Option<String>) -> Asked {
    Asked { since: START, cursor, all: false }
}

fn keys(page: &Page) -> Vec<&str> {
    page.deliveries.iter().map(|delivery| delivery.header("idempotency-key").unwrap()).collect()
}

#[tokio::test]
async fn what_was_not_taken_is_given_oldest_first_and_nothing_from_before() {
    let mut attempts = vec![
        attempt(9, 90, "200"),
        attempt(8, 80, "internal error"),
        json!({"id": 7, "response_status": "500", "request_data": {"oversize": true}}),
        attempt(6, 60, "503"),
        attempt(5, -50, "500"),
    ];
    attempts.extend((0..4).rev().map(|id| attempt(id, -600, "500")));
    let server = server(attempts).await;
    let page = way(&server).page(&asked(None)).await.unwrap();
    assert_eq!(keys(&page), ["k6", "k8"]);
    assert_eq!(page.deliveries[0].header("x-gitlab-event"), Some("Note Hook"));
    assert_eq!(page.deliveries[0].header("x-gitlab-token"), None);
    assert!(!page.more);
    let next = way(&server).page(&asked(page.cursor)).await.unwrap();
    assert_eq!(keys(&next), [""; 0], "everything up to the newest was looked at");
    let all = way(&server).page(&Asked { all: true, ..asked(None) }).await.unwrap();
    assert_eq!(keys(&all), ["k6", "k8", "k9"]);
}

#[tokio::test]
async fn an_entry_about_something_old_ends_no_walk_that_knows_where_it_began() {
    let stale = attempt(30, -9000, "200");
    let server =
        server(vec![stale, attempt(29, 29, "500"), attempt(28, 28, "500"), attempt(27, 27, "500")]).await;
    let cursor = Some(r#"{"7":27}"#.to_owned());
    assert_eq!(keys(&way(&server).page(&asked(cursor)).await.unwrap()), ["k28", "k29"]);
    assert_eq!(keys(&way(&server).page(&asked(None)).await.unwrap()), ["k27", "k28", "k29"]);
}

#[tokio::test]
async fn a_walk_ends_at_the_first_page_of_which_all_is_too_old() {
    let attempts = (0..100).rev().map(|id| attempt(id, if id < 70 { -1 } else { 1 }, "500"));
    let server = server(attempts.collect()).await;
    let page = way(&server).page(&asked(None)).await.unwrap();
    assert_eq!((page.deliveries.len(), server.lines().len()), (30, 4), "{:?}", server.lines());
}

#[tokio::test]
async fn more_than_a_page_holds_is_given_page_by_page() {
    let server = server((1..=120).rev().map(|id| attempt(id, 1, "500")).collect()).await;
    let (mut cursor, mut found, mut sizes) = (None, Vec::new(), Vec::new());
    loop {
        let page = way(&server).page(&asked(cursor)).await.unwrap();
        found.extend(keys(&page).into_iter().map(str::to_owned));
        sizes.push(page.deliveries.len());
        cursor = page.cursor;
        if !page.more {
            break;
        }
    }
    assert_eq!(sizes, [50, 50, 20]);
    assert_eq!(found, (1..=120).map(|id| format!("k{id}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_source_that_is_off_is_not_asked() {
    let server = server(Vec::new()).await;
    let on = SourceOptions {
        secrets: vec!["s".into()],
        repositories: vec!["acme/shop".parse().unwrap()],
        ..SourceOptions::default()
    };
    let gitlab = Arc::new(gitlab(&server));
    assert_eq!(all(&gitlab, &on)[0].name(), "gitlab.hook/acme/shop");
    let unproven = SourceOptions { secrets: Vec::new(), ..on.clone() };
    assert!(all(&gitlab, &unproven).is_empty());
    assert!(all(&gitlab, &SourceOptions { catch_up: Some(false), ..on }).is_empty());
}
