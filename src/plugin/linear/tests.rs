use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use axum::response::Response;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::{Linear, Options};
use crate::event::{Account, TaskRef};
use crate::plugin::checkup::{Checkup, Expected, Health};
use crate::plugin::client::testing::{self, JumpClock, Seen, Server, effect, lost};
use crate::plugin::setup::{Hooks, WantedHook};
use crate::plugin::tracker::{NewTask, Status, Tracker};
use crate::plugin::{PluginError, Problem};

pub(super) fn linear(server: &Server) -> Linear {
    with(server, Options { api_key: Some(SecretString::from("hush-hush")), ..Options::default() })
}

fn with(server: &Server, options: Options) -> Linear {
    let options =
        Options { base_url: server.url.clone(), default_project: Some("ENG".to_owned()), ..options };
    Linear::new(options, Arc::new(JumpClock::default()), testing::transport()).unwrap()
}

fn eng7() -> TaskRef {
    TaskRef::new("linear", "ENG-7")
}

fn data(data: &Value) -> Response {
    testing::json(200, &json!({ "data": data }))
}

fn refused(status: u16, code: &str, message: &str) -> Response {
    let error = json!({ "message": message, "extensions": {"code": code, "userPresentableMessage": ""} });
    testing::json(status, &json!({ "data": null, "errors": [error] }))
}

/// Whether a query or mutation is about this.
fn asks(seen: &Seen, what: &str) -> bool {
    seen.json["query"].as_str().unwrap().contains(what)
}

fn count(server: &Server, what: &str) -> usize {
    server.seen().iter().filter(|seen| asks(seen, what)).count()
}

fn issue(state: &Value) -> Value {
    json!({
        "identifier": "ENG-7", "title": "Rounding", "description": "Off by a cent.", "url": "https://l.example/ENG-7",
        "state": state, "labels": {"nodes": [{"name": "money"}, {"name": "bug"}]}, "assignee": null,
        "delegate": {"id": "bot"}, "creator": {"id": "bot"},
    })
}

fn state(id: &str, name: &str, kind: &str, position: f64) -> Value {
    json!({ "id": id, "name": name, "type": kind, "position": position })
}

#[tokio::test]
async fn an_issue_is_a_task_by_its_labels_and_its_status() {
    for (name, kind, expected) in [
        ("Icebox", "backlog", Status::Todo),
        ("Triage", "triage", Status::Todo),
        ("Doing", "started", Status::InProgress),
        ("Code Review", "started", Status::InReview),
        ("Peer check", "started", Status::InReview),
        ("Shipped", "completed", Status::Done),
        ("Canceled", "canceled", Status::Done),
    ] {
        let server =
            Server::start(move |_| data(&json!({ "issue": issue(&state("s", name, kind, 1.0)) }))).await;
        let statuses = [(Status::InReview, vec!["peer check".to_owned()])].into();
        let options = Options { token: Some(SecretString::from("t")), statuses, ..Options::default() };
        let task = with(&server, options).get_task(&eng7()).await.unwrap();
        assert_eq!((task.status, task.kind.as_str()), (expected, "bug"), "{name}");
        assert_eq!((task.task_id.as_str(), task.description.as_str()), ("ENG-7", "Off by a cent."));
        assert_eq!(task.assignee, Some(Account::new("linear", "bot")), "an agent's issue is its delegate's");
        let seen = &server.seen()[0];
        assert_eq!((seen.line().as_str(), seen.header("authorization")), ("POST /graphql", "Bearer t"));
        assert_eq!(seen.json["variables"], json!({ "id": "ENG-7" }));
    }
}

#[tokio::test]
async fn a_key_stands_by_itself_and_nothing_at_all_is_refused() {
    let server = Server::start(|_| data(&json!({ "viewer": {"id": "u"} }))).await;
    assert_eq!(linear(&server).whoami().await.unwrap(), Account::new("linear", "u"));
    assert_eq!(server.seen()[0].header("authorization"), "hush-hush");
    let empty = Options { api_key: Some(SecretString::from("")), ..Options::default() };
    let error = Linear::new(empty, Arc::new(JumpClock::default()), testing::transport()).unwrap_err();
    assert_eq!(error.problem, Problem::NotOffered);
    let printed = format!("{:?}", linear(&server));
    assert!(!printed.contains("hush"), "{printed}");
}

/// A team with these statuses, and an issue of it that stands in one of them.
fn board(states: Vec<Value>, at: &'static str) -> impl Fn(&Seen) -> Response + Send + Sync {
    let place = Mutex::new(at.to_owned());
    move |seen| {
        if asks(seen, "issueUpdate") {
            *place.lock().unwrap() = seen.json["variables"]["state"].as_str().unwrap().to_owned();
            return data(&json!({ "done": {"success": true} }));
        }
        let current = states.iter().find(|state| state["id"] == *place.lock().unwrap()).unwrap();
        data(&json!({ "issue": {"state": current, "team": {"states": {"nodes": states}}} }))
    }
}

async fn moved(states: &[Value], at: &'static str, status: Status) -> Option<String> {
    let server = Server::start(board(states.to_vec(), at)).await;
    let linear = linear(&server);
    linear.set_status(&eng7(), status, &effect("move", true)).await.unwrap();
    // Being there already is success, and nothing is changed.
    linear.set_status(&eng7(), status, &effect("move", true)).await.unwrap();
    let changes: Vec<_> = server.seen().into_iter().filter(|seen| asks(seen, "issueUpdate")).collect();
    assert!(changes.len() < 2);
    Some(changes.first()?.json["variables"]["state"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn an_issue_goes_to_the_first_status_of_the_right_type() {
    let states = [
        state("can", "Canceled", "canceled", 0.0),
        state("back", "Backlog", "backlog", 1.0),
        state("qa", "Testing", "started", 9.0),
        state("rev", "In Review", "started", 2.0),
        state("prog", "In Progress", "started", 3.0),
        state("todo", "Todo", "unstarted", 4.0),
        state("ship", "Shipped", "completed", 6.0),
        state("done", "Done", "completed", 5.0),
    ];
    for (at, status, to) in [
        ("todo", Status::InProgress, Some("prog")),
        ("todo", Status::InReview, Some("rev")),
        ("prog", Status::Todo, Some("todo")),
        ("prog", Status::Done, Some("done")),
        ("qa", Status::InProgress, None),
        ("back", Status::Todo, None),
        ("can", Status::Done, None),
    ] {
        assert_eq!(moved(&states, at, status).await.as_deref(), to, "{at} {status:?}");
    }
    // A team without a status for reviews keeps it in work.
    let few: Vec<_> = states.into_iter().filter(|state| state["id"] != "rev").collect();
    assert_eq!(moved(&few, "todo", Status::InReview).await.as_deref(), Some("prog"));
    assert_eq!(moved(&few, "prog", Status::InReview).await, None);
}

#[tokio::test]
async fn a_status_that_the_team_does_not_have_is_said_with_those_that_it_has() {
    let server = Server::start(board(vec![state("todo", "Todo", "unstarted", 1.0)], "todo")).await;
    let error = linear(&server).set_status(&eng7(), Status::Done, &effect("move", true)).await.unwrap_err();
    assert_eq!(error.problem, Problem::Invalid);
    assert!(error.message.contains("Todo"), "{error}");
}

/// An issue's comments: what is made stays, even where the answer is lost; an id is good for one.
fn comments(first: Vec<Value>, losses: u32) -> impl Fn(&Seen) -> Response + Send + Sync {
    let comments = Mutex::new(first);
    let losses = AtomicU32::new(losses);
    move |seen| {
        let mut comments = comments.lock().unwrap();
        let input = &seen.json["variables"]["input"];
        if asks(seen, "viewer") {
            return data(&json!({ "viewer": {"id": "bot"} }));
        }
        if asks(seen, "commentDelete") {
            let before = comments.len();
            comments.retain(|one| one["id"] != seen.json["variables"]["id"]);
            let gone = comments.len() < before;
            return if gone {
                data(&json!({ "done": {"success": true} }))
            } else {
                refused(200, "INPUT_ERROR", "Entity not found: Comment")
            };
        }
        if !asks(seen, "commentCreate") {
            let found: Vec<_> =
                comments.iter().filter(|one| one["id"] == seen.json["variables"]["id"]).collect();
            return data(&json!({ "comments": {"nodes": found} }));
        }
        if comments.iter().any(|one| one["id"] == input["id"]) {
            return refused(200, "INPUT_ERROR", "conflict on insert of Comment");
        }
        let made = json!({ "id": input["id"], "url": "https://l.example/ENG-7#c", "user": {"id": "bot"} });
        comments.push(made.clone());
        let lose =
            losses.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        if lose { lost() } else { data(&json!({ "made": {"success": true, "made": made} })) }
    }
}

#[tokio::test]
async fn a_comment_whose_answer_was_lost_is_not_written_twice() {
    let server = Server::start(comments(Vec::new(), 1)).await;
    let made = linear(&server).add_comment(&eng7(), "Done.", &effect("note", true)).await.unwrap();
    assert_eq!((made.found, made.value.url.as_str()), (true, "https://l.example/ENG-7#c"));
    assert_eq!(count(&server, "commentCreate"), 1);
    let input = &server.seen()[0].json["variables"]["input"];
    assert_eq!((&input["issueId"], &input["body"]), (&json!("ENG-7"), &json!("Done.")));
    let id = uuid::Uuid::parse_str(input["id"].as_str().unwrap()).unwrap();
    assert_eq!(id.get_version_num(), 4, "Linear takes no other");
}

#[tokio::test]
async fn a_comment_that_cannot_be_seen_yet_is_refused_and_found() {
    let hidden = AtomicU32::new(1);
    let answer = comments(Vec::new(), 1);
    let server = Server::start(move |seen| {
        let looks = asks(seen, "comments(");
        let hide = looks
            && hidden.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        if hide { data(&json!({ "comments": {"nodes": []} })) } else { answer(seen) }
    })
    .await;
    let made = linear(&server).add_comment(&eng7(), "Done.", &effect("note", true)).await.unwrap();
    assert_eq!((made.found, count(&server, "commentCreate")), (true, 2));
}

#[tokio::test]
async fn a_comment_of_our_id_by_somebody_else_is_not_ours() {
    let note = effect("note", false);
    let server = Server::start(comments(Vec::new(), 0)).await;
    linear(&server).add_comment(&eng7(), "Hello.", &note).await.unwrap();
    let id = server.seen().last().unwrap().json["variables"]["input"]["id"].clone();
    let forged = json!({ "id": id, "url": "https://l.example/x", "user": {"id": "mallory"} });
    let server = Server::start(comments(vec![forged], 0)).await;
    let error = linear(&server).add_comment(&eng7(), "Hello.", &note).await.unwrap_err();
    assert_eq!(error.problem, Problem::Conflict);
}

#[tokio::test]
async fn an_issue_whose_answer_was_lost_is_found_by_its_id() {
    let made = Mutex::new(Vec::new());
    let server = Server::start(move |seen| {
        let mut made = made.lock().unwrap();
        if asks(seen, "viewer") {
            return data(&json!({ "viewer": {"id": "bot"} }));
        }
        if asks(seen, "teams(") {
            let labels = json!([{"id": "g", "name": "Feature", "isGroup": true}, {"id": "l", "name": "Improvement", "isGroup": false}]);
            return data(&json!({ "teams": {"nodes": [{"id": "t", "key": "ENG"}]}, "issueLabels": {"nodes": labels} }));
        }
        if asks(seen, "issueCreate") {
            made.push(issue(&state("s", "Todo", "unstarted", 1.0)));
            return lost();
        }
        data(&json!({ "issues": {"nodes": *made} }))
    })
    .await;
    let new = NewTask {
        project: None,
        repository: None,
        title: "Rounding".to_owned(),
        description: "Off by a cent.".to_owned(),
        kind: "feature".to_owned(),
    };
    let made = linear(&server).create_task(&new, &effect("create", true)).await.unwrap();
    assert_eq!((made.found, made.value.id.as_str()), (true, "ENG-7"));
    let seen = server.seen();
    assert_eq!(seen[0].json["variables"], json!({ "key": "ENG", "names": ["Feature", "Improvement"] }));
    let input = &seen[1].json["variables"]["input"];
    assert_eq!((&input["teamId"], &input["labelIds"]), (&json!("t"), &json!(["l"])), "a group is no label");
    assert_eq!((count(&server, "issueCreate"), &seen[3].json["variables"]["id"]), (1, &input["id"]));
}

#[tokio::test]
async fn a_link_is_made_again_where_it_may_have_failed() {
    let failures = AtomicU32::new(0);
    let server = Server::start(move |_| {
        let fail = failures.fetch_add(1, Ordering::SeqCst) == 0;
        if fail { testing::json(502, &json!({})) } else { data(&json!({ "done": {"success": true} })) }
    })
    .await;
    linear(&server).link(&eng7(), "https://git.example/1", "Fix", &effect("link", true)).await.unwrap();
    let input = json!({ "issueId": "ENG-7", "url": "https://git.example/1", "title": "Fix" });
    assert_eq!(server.seen()[1].json["variables"], json!({ "input": input }));
}

#[tokio::test]
async fn errors_are_found_under_whatever_status() {
    let said = async |status: u16, code: &'static str, message: &'static str| -> PluginError {
        let server = Server::start(move |_| refused(status, code, message)).await;
        linear(&server).get_task(&eng7()).await.unwrap_err()
    };
    for (status, code, message, problem) in [
        (200, "INPUT_ERROR", "Entity not found: Issue", Problem::NotFound),
        (200, "INPUT_ERROR", "conflict on insert of Issue", Problem::Conflict),
        (400, "GRAPHQL_VALIDATION_FAILED", "Cannot query field", Problem::Invalid),
        (401, "AUTHENTICATION_ERROR", "Authentication required", Problem::Denied),
        (200, "FORBIDDEN", "no", Problem::Denied),
        (200, "USAGE_LIMIT_EXCEEDED", "no", Problem::Exhausted),
        (200, "INTERNAL_SERVER_ERROR", "oh", Problem::Unavailable),
        (400, "RATELIMITED", "Rate limit exceeded", Problem::RateLimited),
        (401, "UNHEARD_OF", "no", Problem::Denied),
        (500, "INPUT_ERROR", "Entity not found: Issue", Problem::Unavailable),
    ] {
        let error = said(status, code, message).await;
        assert_eq!((error.problem, error.message.as_str()), (problem, message), "{code}");
    }
    let server = Server::start(|_| testing::json(200, &json!({ "data": null }))).await;
    assert_eq!(linear(&server).get_task(&eng7()).await.unwrap_err().problem, Problem::BadAnswer);
    let server = Server::start(|_| data(&json!({ "done": {"success": false} }))).await;
    let unlinked = linear(&server).link(&eng7(), "https://x.example", "x", &effect("link", true)).await;
    assert_eq!(unlinked.unwrap_err().problem, Problem::Invalid);
}

#[tokio::test]
async fn a_limit_that_was_reached_is_waited_for_as_long_as_is_asked() {
    let times = AtomicU32::new(0);
    let server = Server::start(move |_| {
        if times.fetch_add(1, Ordering::SeqCst) > 0 {
            return data(&json!({ "viewer": {"id": "u"} }));
        }
        let mut answer = refused(400, "RATELIMITED", "Rate limit exceeded");
        answer.headers_mut().insert("retry-after", "7".parse().unwrap());
        answer
    })
    .await;
    let linear = linear(&server);
    let before = linear.client.clock().now();
    linear.whoami().await.unwrap();
    assert_eq!(linear.client.clock().now().duration_since(before).as_secs(), 7);
}

#[tokio::test]
async fn a_webhook_is_made_once_and_one_that_is_there_is_brought_up_to_date() {
    let hook = json!({ "id": "h", "url": "https://o.example/webhooks/linear/", "enabled": false, "resourceTypes": ["Project"] });
    let wanted = WantedHook {
        address: "https://o.example/webhooks/linear".parse().unwrap(),
        secret: "hush".into(),
        repositories: Vec::new(),
    };
    for found in [vec![], vec![hook]] {
        let is_new = found.is_empty();
        let server = Server::start(move |seen| match asks(seen, "mutation") {
            true => data(&json!({ "done": {"success": true} })),
            false => data(&json!({ "webhooks": {"nodes": found} })),
        })
        .await;
        let registered = linear(&server).register(&wanted).await.unwrap();
        assert_eq!(registered[0].made, is_new);
        let sent = &server.seen()[1].json["variables"];
        if is_new {
            let input = json!({
                "resourceTypes": ["Issue", "Comment"], "secret": "hush", "enabled": true, "label": "Ostler",
                "url": wanted.address, "allPublicTeams": true,
            });
            assert_eq!(*sent, json!({ "input": input }));
        } else {
            let input = json!({ "resourceTypes": ["Project", "Issue", "Comment"], "secret": "hush", "enabled": true });
            assert_eq!(*sent, json!({ "id": "h", "input": input }));
        }
    }
}

async fn examined(answer: impl Fn(&Seen) -> Response + Send + Sync + 'static) -> Vec<(String, Health)> {
    let server =
        Server::start(move |seen| if seen.method == "GET" { refused(400, "x", "x") } else { answer(seen) })
            .await;
    let address = server.url.join("webhooks/linear").unwrap();
    let expected = Expected { address: Some(address), repositories: Vec::new() };
    let findings = linear(&server).examine(&expected).await;
    let told = findings.into_iter().filter(|one| one.what != "clock");
    told.map(|one| (one.what, one.health)).collect()
}

#[tokio::test]
async fn what_the_account_cannot_do_is_told() {
    let found = examined(|_| refused(401, "AUTHENTICATION_ERROR", "no")).await;
    assert_eq!(found, [("connection".to_owned(), Health::Ok), ("token".to_owned(), Health::Failed)]);
    let found = examined(|seen| match () {
        () if asks(seen, "viewer") => data(&json!({ "viewer": {"id": "u"} })),
        () if asks(seen, "teams") => data(&json!({ "teams": {"nodes": []} })),
        () => refused(200, "FORBIDDEN", "no"),
    })
    .await;
    let health: Vec<_> = found.iter().map(|(_, health)| *health).collect();
    assert_eq!(health, [Health::Ok, Health::Ok, Health::Failed, Health::Skipped]);
    let found = examined(|seen| match () {
        () if asks(seen, "viewer") => data(&json!({ "viewer": {"id": "u"} })),
        () if asks(seen, "teams") => data(&json!({ "teams": {"nodes": [{"id": "t", "key": "ENG"}]} })),
        () => data(&json!({ "webhooks": {"nodes": [{"id": "h", "url": null, "enabled": true, "resourceTypes": []}]} })),
    })
    .await;
    assert_eq!(found[2..], [("teams".to_owned(), Health::Ok), ("webhook".to_owned(), Health::Failed)]);
}

#[tokio::test]
async fn an_issue_goes_back_to_the_very_status_that_it_had() {
    let states = vec![
        state("todo", "Todo", "unstarted", 1.0),
        state("back", "Backlog", "backlog", 0.0),
        state("prog", "In Progress", "started", 2.0),
        state("can", "Canceled", "canceled", 4.0),
        state("done", "Done", "completed", 3.0),
    ];
    let server = Server::start(board(states, "back")).await;
    let linear = linear(&server);
    let before = linear.position(&eng7()).await.unwrap();
    assert_eq!((before.status, before.name.as_str()), (Status::Todo, "Backlog"));
    let after = linear.set_status(&eng7(), Status::InReview, &effect("move", true)).await.unwrap();
    assert_eq!((after.status, after.name.as_str()), (Status::InProgress, "In Progress"));
    linear.put_back(&eng7(), &before, &effect("back", true)).await.unwrap();
    assert_eq!(linear.position(&eng7()).await.unwrap(), before);
    linear.close_task(&eng7(), &effect("off", true)).await.unwrap();
    assert_eq!(linear.position(&eng7()).await.unwrap().name, "Canceled");
    linear.close_task(&eng7(), &effect("off", false)).await.unwrap();
    assert_eq!(count(&server, "issueUpdate"), 3, "what is closed stays as it is");
}

#[tokio::test]
async fn an_own_comment_is_found_by_its_id_and_deleted() {
    let note = effect("note", true);
    let server = Server::start(comments(Vec::new(), 0)).await;
    let linear = linear(&server);
    assert_eq!(linear.find_comment(&eng7(), &note).await.unwrap(), None);
    let made = linear.add_comment(&eng7(), "Done.", &note).await.unwrap().value;
    assert_eq!(linear.find_comment(&eng7(), &note).await.unwrap(), Some(made.clone()));
    linear.delete_comment(&eng7(), &made).await.unwrap();
    assert_eq!(linear.find_comment(&eng7(), &note).await.unwrap(), None);
    // Deleting again is success: it is gone.
    linear.delete_comment(&eng7(), &made).await.unwrap();
}

#[tokio::test]
async fn a_link_is_asked_for_and_taken_off_by_its_address() {
    let links = Mutex::new(vec![json!({ "id": "a1", "title": "Fix" })]);
    let server = Server::start(move |seen| {
        let mut links = links.lock().unwrap();
        if asks(seen, "attachmentDelete") {
            links.clear();
            return data(&json!({ "done": {"success": true} }));
        }
        data(&json!({ "issue": {"attachments": {"nodes": *links}} }))
    })
    .await;
    let (linear, url) = (linear(&server), "https://git.example/1");
    assert_eq!(linear.linked(&eng7(), url).await.unwrap().as_deref(), Some("Fix"));
    linear.unlink(&eng7(), url).await.unwrap();
    assert_eq!(linear.linked(&eng7(), url).await.unwrap(), None);
    linear.unlink(&eng7(), url).await.unwrap();
    assert_eq!(count(&server, "attachmentDelete"), 1);
    assert_eq!(server.seen()[0].json["variables"], json!({ "id": "ENG-7", "url": url }));
}
