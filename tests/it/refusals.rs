//! Bad deliveries: each is refused with its own answer, and leaves nothing behind.

use std::time::{SystemTime, UNIX_EPOCH};

use futures_util::future::join_all;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::harness::{Delivery, World};

const PING: &[u8] = br#"{"zen": "Design for failure.", "hook_id": 1}"#;

fn issue_labeled(label: &str) -> Vec<u8> {
    let person = json!({"login": "ada", "id": 1, "type": "User"});
    let repository = json!({
        "id": 1, "name": "site", "full_name": "acme/site", "owner": {"login": "acme"},
        "default_branch": "main", "private": false,
    });
    let issue = json!({
        "number": 1, "title": "A title", "body": "A body", "user": person, "state": "open",
        "labels": [{"name": label}], "assignees": [], "html_url": "http://localhost/acme/site/issues/1",
    });
    let event = json!({
        "action": "labeled", "issue": issue, "label": {"name": label}, "repository": repository, "sender": person,
    });
    event.to_string().into_bytes()
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().try_into().unwrap()
}

#[tokio::test]
async fn what_is_not_genuine_or_not_sound_is_refused_and_leaves_nothing() {
    let world = World::start().await;
    let before = world.ask("census").await;
    let good = Delivery::github("ping", "1", PING);
    let body = issue_labeled("ostler");
    let command = "command=%2Fostler&text=help&user_id=U0ADA&team_id=T1&channel_id=C1&trigger_id=1.2";
    let large = vec![b' '; 30 << 20];
    let cases = [
        (
            "wrong signature",
            good.clone().with("x-hub-signature-256", &format!("sha256={}", "0".repeat(64))),
            401,
        ),
        ("no signature", good.clone().without("x-hub-signature-256"), 401),
        ("signature of another scheme", good.clone().with("x-hub-signature-256", "sha1=00"), 401),
        ("stale Slack timestamp", Delivery::slack_command(now() - 400, command), 401),
        ("future Slack timestamp", Delivery::slack_command(now() + 400, command), 401),
        ("garbage", Delivery::github("issues", "2", b"{\"action\": "), 400),
        ("not a mapping", Delivery::github("issues", "3", b"[1, 2]"), 400),
        ("30 MB", Delivery::github("issues", "4", &large), 413),
        (
            "unknown source",
            Delivery { path: "/webhooks/nobody", ..Delivery::github("issues", "5", &body) },
            404,
        ),
        ("unknown surface", Delivery { path: "/webhooks/slack/doors", ..good.clone() }, 404),
    ];
    for (name, delivery, status) in cases {
        let (answered, problem) = world.answer(&delivery).await;
        assert_eq!(answered.as_u16(), status, "{name}: {problem}");
        assert_eq!(problem["status"], status, "{name}: {problem}");
        assert!(problem["title"].is_string() && problem["detail"].is_string(), "{name}: {problem}");
        assert!(!problem.to_string().contains("twin-"), "{name} tells a secret: {problem}");
    }
    assert_eq!(world.ask("census").await, before, "a refused delivery left something behind");
    assert_eq!(world.ask("events").await["events"], json!([]));
}

#[tokio::test]
async fn problems_are_problem_documents() {
    let world = World::start().await;
    let answer = world.deliver(&Delivery::github("ping", "1", PING).without("x-hub-signature-256")).await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
}

#[tokio::test]
async fn a_ping_is_answered_and_starts_nothing() {
    let world = World::start().await;
    let answer = world.deliver(&Delivery::github("ping", "1", PING)).await;
    assert!(answer.status().is_success());
    assert_eq!(world.ask("census").await["events"], 0);
}

#[tokio::test]
async fn the_same_delivery_ten_times_at_once_starts_one_run() {
    // What the run does comes back as deliveries too: it is held until everything has been counted.
    let world = World::start_with(&[("OSTLER_FAILPOINTS", "before_effect=sleep:20000")]).await;
    let delivery =
        Delivery::github("issues", "9f0c1d1e-0000-4000-8000-000000000001", &issue_labeled("ostler"));
    let answers = join_all((0..10).map(|_| world.answer(&delivery))).await;
    let count = |status: &str| answers.iter().filter(|(_, answer)| answer["status"] == status).count();
    assert!(answers.iter().all(|(status, _)| status.is_success()), "{answers:?}");
    assert_eq!((count("accepted"), count("duplicate")), (1, 9), "{answers:?}");
    let events: Vec<&Value> = answers.iter().map(|(_, answer)| &answer["event_id"]).collect();
    assert!(events.windows(2).all(|pair| pair[0] == pair[1]), "{events:?}");
    assert_eq!(world.ask("census").await["events"], 1);
    assert_eq!(world.runs().await.len(), 1);
}

#[tokio::test]
async fn the_same_delivery_after_a_restart_is_still_the_same() {
    let mut world = World::start().await;
    let delivery = Delivery::github(
        "issues",
        "9f0c1d1e-0000-4000-8000-000000000002",
        &issue_labeled("nobody-wants-this"),
    );
    let (_, first) = world.answer(&delivery).await;
    world.kill();
    world.restart();
    let (status, second) = world.answer(&delivery).await;
    assert!(status.is_success());
    assert_eq!(second["status"], "duplicate");
    assert_eq!(second["event_id"], first["event_id"]);
}

#[tokio::test]
async fn an_event_that_no_trigger_wants_is_kept_with_the_reasons() {
    let world = World::start().await;
    let delivery =
        Delivery::github("issues", "9f0c1d1e-0000-4000-8000-000000000003", &issue_labeled("wontfix"));
    let (status, answer) = world.answer(&delivery).await;
    assert!(status.is_success());
    assert_eq!(answer["status"], "ignored", "{answer}");
    let event = world.ask(&format!("events/{}", answer["event_id"].as_str().unwrap())).await;
    let reasons = event["reasons"].to_string();
    assert!(reasons.contains("label") && reasons.contains("wontfix"), "{event:#}");
}
