use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use axum::response::Response;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::options::Fields;
use super::{Jira, Options};
use crate::event::TaskRef;
use crate::plugin::Problem;
use crate::plugin::client::testing::{self, JumpClock, Seen, Server, effect, lost};
use crate::plugin::tracker::{NewTask, Position, Status, Tracker};

fn jira(server: &Server) -> Jira {
    let options = Options {
        base_url: Some(server.url.clone()),
        site_url: Some("https://shop.example".parse().unwrap()),
        email: Some("bot@shop.example".to_owned()),
        api_token: Some(SecretString::from("hush-hush")),
        statuses: [(Status::InReview, vec!["Peer check".to_owned()])].into(),
        fields: Fields {
            repository: Some("customfield_1".to_owned()),
            team_channel: Some("customfield_2".to_owned()),
        },
        default_project: Some("SHOP".to_owned()),
        ..Options::default()
    };
    Jira::new(options, Arc::new(JumpClock::default()), testing::transport()).unwrap()
}

fn shop7() -> TaskRef {
    TaskRef::new("jira", "SHOP-7")
}

fn ok(body: &Value) -> Response {
    testing::json(200, body)
}

fn status_json(name: &str, category: &str) -> Value {
    json!({ "name": name, "statusCategory": {"key": category} })
}

fn issue_json(status: &Value) -> Value {
    json!({ "key": "SHOP-7", "fields": {
        "summary": "Rounding",
        "description": {"type": "doc", "version": 1, "content": [
            {"type": "paragraph", "content": [{"type": "text", "text": "Off by a cent."}]}
        ]},
        "status": status, "issuetype": {"name": "Bug"}, "labels": ["money"],
        "assignee": {"accountId": "5b10"}, "customfield_1": "https://git.example/acme/shop",
        "customfield_2": {"value": "shop-dev"},
    }})
}

#[tokio::test]
async fn an_issue_is_a_task_through_the_mappings() {
    let server = Server::start(|_| ok(&issue_json(&status_json("Peer check", "indeterminate")))).await;
    let task = jira(&server).get_task(&shop7()).await.unwrap();
    assert_eq!((task.status, task.kind.as_str()), (Status::InReview, "bug"));
    assert_eq!(task.description, "Off by a cent.");
    assert_eq!(task.repository_url.as_deref(), Some("https://git.example/acme/shop"));
    assert_eq!(task.team_channel.as_deref(), Some("shop-dev"));
    assert_eq!(task.url, "https://shop.example/browse/SHOP-7");
    let fields = "summary,description,status,issuetype,labels,assignee,customfield_1,customfield_2";
    assert_eq!(server.lines(), [format!("GET /rest/api/3/issue/SHOP-7?fields={fields}")]);
    assert_eq!(server.seen()[0].header("authorization"), "Basic Ym90QHNob3AuZXhhbXBsZTpodXNoLWh1c2g=");
}

#[tokio::test]
async fn an_unmapped_status_goes_by_its_category() {
    for (name, category, expected) in [
        ("Backlog", "new", Status::Todo),
        ("Doing", "indeterminate", Status::InProgress),
        ("Code Review", "indeterminate", Status::InReview),
        ("Shipped", "done", Status::Done),
    ] {
        let server = Server::start(move |_| ok(&issue_json(&status_json(name, category)))).await;
        assert_eq!(jira(&server).get_task(&shop7()).await.unwrap().status, expected, "{name}");
    }
}

/// A site on which one issue stands somewhere and can be moved; the first answers to a move may be lost.
fn board(losses: u32) -> impl Fn(&Seen) -> Response + Send + Sync {
    let place = Mutex::new("To Do");
    let losses = AtomicU32::new(losses);
    move |seen| match (seen.method.as_str(), seen.path.as_str()) {
        ("GET", "/rest/api/3/issue/SHOP-7?fields=status") => {
            let waits = ["To Do", "Backlog"].contains(&*place.lock().unwrap());
            let category = if waits { "new" } else { "indeterminate" };
            ok(&json!({ "fields": {"status": status_json(*place.lock().unwrap(), category)} }))
        }
        ("GET", "/rest/api/3/issue/SHOP-7/transitions") => ok(&json!({ "transitions": [
            {"id": "11", "name": "Start", "to": status_json("Doing", "indeterminate")},
            {"id": "21", "name": "Show", "to": status_json("Peer check", "indeterminate")},
            {"id": "31", "name": "Wait", "to": status_json("Backlog", "new")},
            {"id": "32", "name": "Stop", "to": status_json("To Do", "new")},
        ]})),
        ("POST", "/rest/api/3/issue/SHOP-7/transitions") => {
            *place.lock().unwrap() = match seen.json["transition"]["id"].as_str().unwrap() {
                "21" => "Peer check",
                "31" => "Backlog",
                "32" => "To Do",
                _ => "Doing",
            };
            let lose =
                losses.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
            if lose { lost() } else { testing::json(204, &Value::Null) }
        }
        _ => testing::json(404, &json!({ "errorMessages": [format!("no route {}", seen.line())] })),
    }
}

fn posts(server: &Server) -> usize {
    server.seen().iter().filter(|seen| seen.method == "POST").count()
}

#[tokio::test]
async fn a_move_takes_the_transition_to_the_mapped_status() {
    for (status, id) in [(Status::InReview, "21"), (Status::InProgress, "11")] {
        let server = Server::start(board(0)).await;
        let jira = jira(&server);
        jira.set_status(&shop7(), status, &effect("move", true)).await.unwrap();
        assert_eq!(server.seen().last().unwrap().json, json!({ "transition": {"id": id} }));
        // Being there already is success, and nothing is sent.
        jira.set_status(&shop7(), status, &effect("move", true)).await.unwrap();
        assert_eq!(posts(&server), 1);
    }
}

#[tokio::test]
async fn a_move_whose_answer_was_lost_is_seen_and_not_repeated() {
    let server = Server::start(board(1)).await;
    jira(&server).set_status(&shop7(), Status::InReview, &effect("move", true)).await.unwrap();
    assert_eq!(posts(&server), 1);
}

#[tokio::test]
async fn a_move_that_the_workflow_does_not_offer_says_what_it_offers() {
    let server = Server::start(board(0)).await;
    let error = jira(&server).set_status(&shop7(), Status::Done, &effect("move", true)).await.unwrap_err();
    assert_eq!(error.problem, Problem::Invalid);
    assert!(error.message.contains("Show"), "{error}");
}

/// An issue's comments: what is posted stays, even where the answer is lost.
fn comments(first: Vec<Value>, losses: u32) -> impl Fn(&Seen) -> Response + Send + Sync {
    let comments = Mutex::new(first);
    let losses = AtomicU32::new(losses);
    move |seen| match (seen.method.as_str(), seen.path.as_str()) {
        ("GET", "/rest/api/3/myself") => ok(&json!({ "accountId": "bot" })),
        ("DELETE", "/rest/api/3/issue/SHOP-7/comment/100") => {
            let mut comments = comments.lock().unwrap();
            let before = comments.len();
            comments.retain(|comment| comment["id"] != "100");
            if comments.len() < before { testing::nothing() } else { testing::json(404, &json!({})) }
        }
        ("GET", _) => ok(&json!({ "comments": *comments.lock().unwrap(), "total": 1 })),
        _ => {
            let made =
                json!({ "id": "100", "author": {"accountId": "bot"}, "properties": seen.json["properties"] });
            comments.lock().unwrap().push(made.clone());
            let lose =
                losses.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
            if lose { lost() } else { testing::json(201, &made) }
        }
    }
}

#[tokio::test]
async fn a_comment_whose_answer_was_lost_is_not_written_twice() {
    let server = Server::start(comments(Vec::new(), 1)).await;
    let note = effect("note", true);
    let made = jira(&server).add_comment(&shop7(), "Working *on* it.", &note).await.unwrap();
    assert_eq!((made.found, posts(&server)), (true, 1));
    assert_eq!(made.value.url, "https://shop.example/browse/SHOP-7?focusedCommentId=100");
    let sent = &server.seen()[0].json;
    assert_eq!(sent["properties"][0]["value"]["key"], note.key.to_string());
    assert_eq!(sent["body"]["type"], "doc");
}

#[tokio::test]
async fn a_comment_with_our_key_by_somebody_else_is_not_ours() {
    let note = effect("note", false);
    let property = json!([{ "key": "ostler.effect", "value": {"key": note.key.to_string()} }]);
    let forged = json!({ "id": "1", "author": {"accountId": "mallory"}, "properties": property });
    let server = Server::start(comments(vec![forged], 0)).await;
    let made = jira(&server).add_comment(&shop7(), "Hello.", &note).await.unwrap();
    assert_eq!((made.found, made.value.id.as_str()), (false, "100"));
}

#[tokio::test]
async fn an_issue_whose_answer_was_lost_is_found_by_its_label() {
    let created = Mutex::new(Vec::new());
    let server = Server::start(move |seen| match (seen.method.as_str(), seen.path.as_str()) {
        ("POST", "/rest/api/3/issue") => {
            created
                .lock()
                .unwrap()
                .push(json!({ "key": "SHOP-7", "fields": {"creator": {"accountId": "bot"}} }));
            lost()
        }
        ("POST", "/rest/api/3/search/jql") => {
            ok(&json!({ "issues": *created.lock().unwrap(), "isLast": true }))
        }
        ("GET", "/rest/api/3/myself") => ok(&json!({ "accountId": "bot" })),
        _ => ok(&issue_json(&status_json("To Do", "new"))),
    })
    .await;
    let new = NewTask {
        project: None,
        repository: None,
        title: "Rounding".to_owned(),
        description: "Off by a cent.".to_owned(),
        kind: "feature".to_owned(),
    };
    let made = jira(&server).create_task(&new, &effect("create", true)).await.unwrap();
    assert_eq!((made.found, made.value.id.as_str()), (true, "SHOP-7"));
    let seen = server.seen();
    let fields = &seen[0].json["fields"];
    assert_eq!((&fields["project"]["key"], &fields["issuetype"]["name"]), (&json!("SHOP"), &json!("Task")));
    let label = fields["labels"][0].as_str().unwrap();
    let search = seen.iter().find(|each| each.path.ends_with("/search/jql")).unwrap();
    assert_eq!(search.json["jql"], format!("labels = \"{label}\""));
    assert_eq!(seen.iter().filter(|each| each.path == "/rest/api/3/issue").count(), 1);
}

#[tokio::test]
async fn a_link_goes_by_its_address_and_may_be_made_again() {
    let failures = AtomicU32::new(0);
    let server = Server::start(move |_| {
        let fail = failures.fetch_add(1, Ordering::SeqCst) == 0;
        testing::json(if fail { 502 } else { 200 }, &json!({}))
    })
    .await;
    let url = "https://git.example/acme/shop/pull/3";
    jira(&server).link(&shop7(), url, "Fix", &effect("link", true)).await.unwrap();
    assert_eq!(server.lines(), ["POST /rest/api/3/issue/SHOP-7/remotelink"; 2]);
    assert_eq!(server.seen()[1].json, json!({ "globalId": url, "object": {"url": url, "title": "Fix"} }));
}

#[tokio::test]
async fn failures_say_what_jira_said_and_no_secret() {
    let server = Server::start(|_| {
        testing::json(400, &json!({ "errorMessages": ["Bad key"], "errors": {"summary": "is required"} }))
    })
    .await;
    let jira = jira(&server);
    let error = jira.get_task(&shop7()).await.unwrap_err();
    assert_eq!(error.to_string(), "jira: Bad key; summary: is required");
    let printed = format!("{jira:?} {:?} {error:?}", jira.options);
    assert!(!printed.contains("hush-hush") && !printed.contains("Ym90"), "{printed}");
}

#[tokio::test]
async fn an_issue_goes_back_to_the_very_status_that_it_had() {
    let server = Server::start(board(0)).await;
    let jira = jira(&server);
    let before = jira.position(&shop7()).await.unwrap();
    assert_eq!((before.status, before.name.as_str()), (Status::Todo, "To Do"));
    let after = jira.set_status(&shop7(), Status::InReview, &effect("move", true)).await.unwrap();
    assert_eq!(after.name, "Peer check");
    // `Backlog` means the same to us and comes first, and is not where it stood.
    jira.put_back(&shop7(), &before, &effect("back", true)).await.unwrap();
    assert_eq!(jira.position(&shop7()).await.unwrap(), before);
    jira.put_back(&shop7(), &before, &effect("back", false)).await.unwrap();
    assert_eq!(posts(&server), 2, "being there already is success");
    let gone = Position { status: Status::Todo, name: "Icebox".to_owned() };
    let error = jira.put_back(&shop7(), &gone, &effect("back", true)).await.unwrap_err();
    assert!(error.message.contains("cannot go to Icebox"), "{error}");
}

#[tokio::test]
async fn an_own_comment_is_found_by_its_key_and_deleted() {
    let note = effect("note", true);
    let server = Server::start(comments(Vec::new(), 0)).await;
    let jira = jira(&server);
    assert_eq!(jira.find_comment(&shop7(), &note).await.unwrap(), None);
    let made = jira.add_comment(&shop7(), "Hello.", &note).await.unwrap().value;
    assert_eq!(jira.find_comment(&shop7(), &note).await.unwrap(), Some(made.clone()));
    jira.delete_comment(&shop7(), &made).await.unwrap();
    assert_eq!(jira.find_comment(&shop7(), &note).await.unwrap(), None);
    // Deleting again is success: it is gone.
    jira.delete_comment(&shop7(), &made).await.unwrap();
}

#[tokio::test]
async fn a_link_is_asked_for_and_taken_off_by_its_address() {
    let url = "https://git.example/acme/shop/pull/3";
    let links = Mutex::new(vec![json!({ "globalId": url, "object": {"url": url, "title": "Fix"} })]);
    let server = Server::start(move |seen| {
        let mut links = links.lock().unwrap();
        match seen.method.as_str() {
            _ if links.is_empty() => testing::json(404, &json!({})),
            "GET" => ok(&links[0]),
            _ => {
                links.clear();
                testing::nothing()
            }
        }
    })
    .await;
    let jira = jira(&server);
    assert_eq!(jira.linked(&shop7(), url).await.unwrap().as_deref(), Some("Fix"));
    jira.unlink(&shop7(), url).await.unwrap();
    assert_eq!(jira.linked(&shop7(), url).await.unwrap(), None);
    jira.unlink(&shop7(), url).await.unwrap();
    let place =
        "/rest/api/3/issue/SHOP-7/remotelink?globalId=https%3A%2F%2Fgit.example%2Facme%2Fshop%2Fpull%2F3";
    assert_eq!(server.lines()[..2], [format!("GET {place}"), format!("DELETE {place}")]);
}

#[tokio::test]
async fn what_is_called_off_goes_where_the_workflow_says_so_else_to_its_end() {
    let done = json!({ "id": "1", "name": "Finish", "to": status_json("Done", "done") });
    let off = json!({ "id": "2", "name": "Drop", "to": status_json("Cancelled", "done") });
    for (offered, id) in [(vec![done.clone(), off], "2"), (vec![done], "1")] {
        let server = Server::start(move |seen| match seen.path.as_str() {
            "/rest/api/3/issue/SHOP-7?fields=status" => {
                ok(&json!({ "fields": {"status": status_json("To Do", "new")} }))
            }
            _ if seen.method == "GET" => ok(&json!({ "transitions": offered })),
            _ => testing::nothing(),
        })
        .await;
        jira(&server).close_task(&shop7(), &effect("off", true)).await.unwrap();
        assert_eq!(server.seen().pop().unwrap().json, json!({ "transition": {"id": id} }));
    }
}
