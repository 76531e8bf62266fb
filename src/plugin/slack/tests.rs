use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use axum::response::Response;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::{Options, Slack};
use crate::event::Account;
use crate::plugin::chat::{Chat, NewMessage};
use crate::plugin::checkup::{Checkup as _, Expected, Health};
use crate::plugin::client::testing::{self, JumpClock, Seen, Server, effect, lost};
use crate::plugin::{Problem, effect::Effect};

fn slack(server: &Server) -> Slack {
    let options = Options {
        base_url: server.url.join("/api").unwrap(),
        token: Some(SecretString::from("xoxb-hush-hush")),
        default_channel: Some("#shop-dev".to_owned()),
        ..Options::default()
    };
    Slack::new(options, Arc::new(JumpClock::default()), testing::transport()).unwrap()
}

fn ok(body: &Value) -> Response {
    testing::json(200, body)
}

fn message(channel: Option<&str>, thread: Option<&str>) -> NewMessage {
    NewMessage {
        channel: channel.map(str::to_owned),
        thread: thread.map(str::to_owned),
        text: "Fix <cents> & more: https://git.example/3".to_owned(),
        choices: Vec::new(),
    }
}

/// A workspace: what is posted stays in its channel, even where the answer is lost.
fn workspace(first: Vec<Value>, losses: u32) -> impl Fn(&Seen) -> Response + Send + Sync {
    let messages = Mutex::new(first);
    let losses = AtomicU32::new(losses);
    move |seen| match seen.path.split('?').next().unwrap() {
        "/api/auth.test" => ok(&json!({ "ok": true, "user_id": "UBOT", "bot_id": "BBOT", "team_id": "T1" })),
        "/api/conversations.list" if seen.path.contains("cursor=more") => {
            ok(&json!({ "ok": true, "channels": [{"id": "C2", "name": "shop-dev"}] }))
        }
        "/api/conversations.list" => ok(&json!({
            "ok": true, "channels": [{"id": "C1", "name": "general"}],
            "response_metadata": {"next_cursor": "more"},
        })),
        "/api/conversations.history" | "/api/conversations.replies" => {
            ok(&json!({ "ok": true, "messages": *messages.lock().unwrap(), "has_more": false }))
        }
        "/api/chat.postMessage" => {
            let made =
                json!({ "ts": "1700000001.000100", "user": "UBOT", "metadata": seen.json["metadata"] });
            messages.lock().unwrap().push(made);
            let lose =
                losses.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
            let answer = json!({ "ok": true, "channel": seen.json["channel"], "ts": "1700000001.000100" });
            if lose { lost() } else { ok(&answer) }
        }
        "/api/chat.delete" => {
            let mut messages = messages.lock().unwrap();
            let before = messages.len();
            messages.retain(|message| message["ts"] != seen.json["ts"]);
            let gone = messages.len() < before;
            ok(&if gone {
                json!({ "ok": true })
            } else {
                json!({ "ok": false, "error": "message_not_found" })
            })
        }
        _ => ok(&json!({ "ok": false, "error": "unknown_method" })),
    }
}

fn posts(server: &Server) -> usize {
    server.seen().iter().filter(|seen| seen.path == "/api/chat.postMessage").count()
}

#[tokio::test]
async fn a_message_goes_to_a_channel_by_name_escaped_and_marked() {
    let server = Server::start(workspace(Vec::new(), 0)).await;
    let slack = slack(&server);
    let note = effect("tell", true);
    let made = slack.send(&message(None, None), &note).await.unwrap();
    assert_eq!((made.found, made.value.channel.as_str()), (false, "C2"));
    let sent = server.seen().pop().unwrap();
    assert_eq!(sent.header("authorization"), "Bearer xoxb-hush-hush");
    assert_eq!(sent.json["text"], "Fix &lt;cents&gt; &amp; more: https://git.example/3");
    let mark = json!({ "event_type": "ostler_effect", "event_payload": {"key": note.key.to_string()} });
    assert_eq!(sent.json["metadata"], mark);
    // The second message finds the channel without asking again.
    slack.send(&message(Some("shop-dev"), None), &effect("again", true)).await.unwrap();
    assert_eq!(server.lines().iter().filter(|line| line.contains("conversations.list")).count(), 2);
}

#[tokio::test]
async fn no_preview_is_fetched_of_what_a_message_links_to() {
    let server = Server::start(workspace(Vec::new(), 0)).await;
    for thread in [None, Some("1700000000.1")] {
        slack(&server).send(&message(Some("C9"), thread), &effect("tell", true)).await.unwrap();
        let sent = server.seen().into_iter().rfind(|seen| seen.path == "/api/chat.postMessage").unwrap();
        assert_eq!((&sent.json["unfurl_links"], &sent.json["unfurl_media"]), (&json!(false), &json!(false)));
    }
}

#[tokio::test]
async fn a_message_whose_answer_was_lost_is_not_sent_twice() {
    for (thread, method) in [(None, "conversations.history"), (Some("1700000000.1"), "conversations.replies")]
    {
        let server = Server::start(workspace(Vec::new(), 1)).await;
        let made = slack(&server).send(&message(Some("C9"), thread), &effect("tell", true)).await.unwrap();
        assert_eq!((made.found, posts(&server), made.value.channel.as_str()), (true, 1, "C9"));
        let look = server.lines().pop().unwrap();
        assert!(look.contains(method) && look.contains("include_all_metadata=true"), "{look}");
        assert!(look.contains("oldest=1699999400.000000"), "{look}");
    }
}

fn marked(effect: &Effect, user: &str) -> Value {
    json!({ "ts": "1.1", "user": user, "metadata": {
        "event_type": "ostler_effect", "event_payload": {"key": effect.key.to_string()},
    }})
}

#[tokio::test]
async fn only_our_own_message_is_adopted_and_strange_metadata_disturbs_nobody() {
    let note = effect("tell", false);
    let strange = json!({ "ts": "1.0", "metadata": {"event_type": "x", "event_payload": {"deep": [1]}} });
    let server = Server::start(workspace(vec![strange.clone(), marked(&note, "UMALLORY")], 0)).await;
    assert!(!slack(&server).send(&message(Some("C9"), None), &note).await.unwrap().found);
    let server = Server::start(workspace(vec![strange, marked(&note, "UBOT")], 0)).await;
    let made = slack(&server).send(&message(Some("C9"), None), &note).await.unwrap();
    assert_eq!((made.found, made.value.id.as_str(), posts(&server)), (true, "1.1", 0));
}

#[tokio::test]
async fn a_failure_with_status_200_is_a_failure() {
    for (error, problem, asked) in [
        ("channel_not_found", Problem::NotFound, 1),
        ("not_in_channel", Problem::Denied, 1),
        ("msg_too_long", Problem::Invalid, 1),
        ("ratelimited", Problem::RateLimited, 4),
    ] {
        let server = Server::start(move |_| ok(&json!({ "ok": false, "error": error }))).await;
        let failed =
            slack(&server).send(&message(Some("C9"), None), &effect("tell", true)).await.unwrap_err();
        assert_eq!((failed.problem, posts(&server)), (problem, asked), "{error}");
        assert_eq!(failed.to_string(), format!("slack: {error}"));
    }
}

#[tokio::test]
async fn the_bot_knows_itself() {
    let server = Server::start(workspace(Vec::new(), 0)).await;
    assert_eq!(slack(&server).whoami().await.unwrap(), Account::new("slack", "UBOT"));
}

#[tokio::test]
async fn an_unknown_channel_is_said_by_name() {
    let server = Server::start(workspace(Vec::new(), 0)).await;
    let failed =
        slack(&server).send(&message(Some("#nowhere"), None), &effect("tell", true)).await.unwrap_err();
    assert_eq!(failed.to_string(), "slack: there is no channel `nowhere` here");
}

#[tokio::test]
async fn nothing_prints_the_token() {
    let server = Server::start(|_| ok(&json!({ "ok": false, "error": "invalid_auth" }))).await;
    let slack = slack(&server);
    let error = slack.whoami().await.unwrap_err();
    assert!(!format!("{slack:?} {:?} {error:?} {error}", slack.options).contains("hush"));
}

#[tokio::test]
async fn a_checkup_says_which_scopes_are_missing_and_what_for() {
    let given = "app_mentions:read,channels:history, channels:read,chat:write,commands,groups:read";
    let findings = async |given: &'static str| {
        let server = Server::start(move |_| {
            let mut answer = ok(&json!({ "ok": true, "user_id": "UBOT" }));
            answer.headers_mut().insert("x-oauth-scopes", given.parse().unwrap());
            answer
        })
        .await;
        let found = slack(&server).examine(&Expected::default()).await;
        let scopes =
            found.into_iter().filter(|finding| ["scopes", "private channels"].contains(&&*finding.what));
        scopes.map(|finding| (finding.health, finding.said)).collect::<Vec<_>>()
    };
    let found = findings(given).await;
    assert_eq!((found.len(), found[0].0, found[1].0), (2, Health::Ok, Health::Skipped), "{found:?}");
    assert!(found[1].1.contains("without groups:history nothing"), "{found:?}");
    let found = findings("chat:write,groups:read,groups:history").await;
    assert_eq!((found.len(), found[0].0), (1, Health::Failed), "{found:?}");
    assert!(found[0].1.contains("channels:history"), "{found:?}");
}

#[tokio::test]
async fn an_own_message_is_found_by_its_mark_and_deleted_and_nobody_elses_is() {
    let note = effect("tell", false);
    let server = Server::start(workspace(vec![marked(&note, "UMALLORY")], 0)).await;
    let (slack, said) = (slack(&server), message(Some("C9"), None));
    assert_eq!(slack.find_message(&said, &note).await.unwrap(), None);
    let sent = slack.send(&said, &note).await.unwrap().value;
    assert_eq!(slack.find_message(&said, &note).await.unwrap(), Some(sent.clone()));
    slack.delete_message(&sent).await.unwrap();
    assert_eq!(server.seen().pop().unwrap().json, json!({ "channel": "C9", "ts": sent.id }));
    assert_eq!(slack.find_message(&said, &note).await.unwrap(), None);
    // Deleting again is success: it is gone.
    slack.delete_message(&sent).await.unwrap();
}

#[tokio::test]
async fn a_thread_that_is_gone_holds_nothing_and_a_channel_that_is_gone_is_an_error() {
    for (said, expected) in [("thread_not_found", None), ("channel_not_found", Some(Problem::NotFound))] {
        let server = Server::start(move |seen| match seen.path.as_str() {
            "/api/auth.test" => ok(&json!({ "ok": true, "user_id": "UBOT" })),
            _ => ok(&json!({ "ok": false, "error": said })),
        })
        .await;
        let found =
            slack(&server).find_message(&message(Some("C9"), Some("1.1")), &effect("tell", false)).await;
        assert_eq!(found.map_err(|error| error.problem), expected.map_or(Ok(None), Err), "{said}");
    }
}
