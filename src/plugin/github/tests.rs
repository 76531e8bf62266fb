use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use axum::response::Response;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use super::{GitHub, Options};
use crate::event::{Account, RepositoryName, TaskRef};
use crate::plugin::client::testing::{self, JumpClock, Seen, Server, effect, lost};
use crate::plugin::forge::{FileChange, Forge, LineComment, NewChange, NewReview, Permission};
use crate::plugin::tracker::{CommentRef, NewTask, Status, Tracker};
use crate::plugin::{PluginError, Problem};

fn github(server: &Server) -> GitHub {
    let options = Options {
        base_url: server.url.join("/api/v3").unwrap(),
        git_url: "https://git.example".parse().unwrap(),
        token: Some(SecretString::from("hush-hush")),
        default_channel: Some("shop-dev".to_owned()),
        ..Options::default()
    };
    GitHub::new(options, Arc::new(JumpClock::default()), testing::transport()).unwrap()
}

fn shop() -> RepositoryName {
    "acme/shop".parse().unwrap()
}

fn issue() -> TaskRef {
    TaskRef::new("github", "acme/shop#12")
}

fn ok(body: &Value) -> Response {
    testing::json(200, body)
}

fn no_route(seen: &Seen) -> Response {
    testing::json(404, &json!({ "message": format!("no route {}", seen.line()) }))
}

fn issue_json(state: &str, labels: &[&str]) -> Value {
    let labels: Vec<Value> = labels.iter().map(|name| json!({ "name": name })).collect();
    json!({
        "number": 12, "title": "Rounding", "body": "Off by a cent.", "state": state, "labels": labels,
        "html_url": "https://git.example/acme/shop/issues/12", "user": {"login": "ada"},
        "assignee": {"login": "Ostler-Bot"},
    })
}

fn pull_json(number: u64) -> Value {
    json!({
        "number": number, "title": "Fix", "body": null, "state": "open", "draft": false,
        "html_url": format!("https://git.example/acme/shop/pull/{number}"),
        "head": {"ref": "fix/cents", "sha": "aaaa", "repo": {"full_name": "acme/shop"}},
        "base": {"ref": "main", "sha": "bbbb", "repo": {"full_name": "acme/shop"}},
    })
}

#[tokio::test]
async fn an_issue_is_a_task_by_its_labels() {
    for (state, labels, status, kind) in [
        ("open", &["bug"][..], Status::Todo, "bug"),
        ("open", &["Status: in progress"], Status::InProgress, "feature"),
        ("open", &["status: in progress", "status: in review"], Status::InReview, "feature"),
        ("closed", &["enhancement"], Status::Done, "feature"),
    ] {
        let server = Server::start(move |_| ok(&issue_json(state, labels))).await;
        let task = github(&server).get_task(&issue()).await.unwrap();
        assert_eq!((task.status, task.kind.as_str(), task.id.as_str()), (status, kind, "12"));
        assert_eq!(task.assignee, Some(Account::new("github", "ostler-bot")));
        assert_eq!(task.repository_url.as_deref(), Some("https://git.example/acme/shop"));
        assert_eq!(task.team_channel, None, "nothing in an issue says where its team talks");
        assert_eq!(server.lines(), ["GET /api/v3/repos/acme/shop/issues/12"]);
        let seen = &server.seen()[0];
        assert_eq!(seen.header("authorization"), "Bearer hush-hush");
        assert_eq!(seen.header("x-github-api-version"), "2022-11-28");
        assert!(seen.header("user-agent").starts_with("ostler/"));
    }
}

#[tokio::test]
async fn a_status_is_one_label_and_the_state() {
    let server = Server::start(|_| ok(&issue_json("open", &["status: in progress", "bug"]))).await;
    github(&server).set_status(&issue(), Status::InReview, &effect("move", true)).await.unwrap();
    let lines = server.lines();
    assert_eq!(lines[1], "POST /api/v3/repos/acme/shop/issues/12/labels");
    assert_eq!(server.seen()[1].json, json!({ "labels": ["status: in review"] }));
    assert_eq!(lines[2], "DELETE /api/v3/repos/acme/shop/issues/12/labels/status%3A%20in%20progress");
    assert_eq!(lines.len(), 3);
}

#[tokio::test]
async fn being_there_already_is_success() {
    let server = Server::start(|_| ok(&issue_json("open", &["status: in review"]))).await;
    github(&server).set_status(&issue(), Status::InReview, &effect("move", true)).await.unwrap();
    assert_eq!(server.lines().len(), 1);
}

#[tokio::test]
async fn done_closes_and_todo_opens_again() {
    for (before, status, after) in [("open", Status::Done, "closed"), ("closed", Status::Todo, "open")] {
        let server = Server::start(move |_| ok(&issue_json(before, &[]))).await;
        github(&server).set_status(&issue(), status, &effect("move", true)).await.unwrap();
        let last = server.seen().pop().unwrap();
        assert_eq!(
            (last.line().as_str(), &last.json),
            ("PATCH /api/v3/repos/acme/shop/issues/12", &json!({ "state": after }))
        );
    }
}

/// An issue's conversation: what is posted stays there, even where the answer is lost.
fn conversation(first: Vec<Value>, losses: u32) -> impl Fn(&Seen) -> Response + Send + Sync {
    let comments = Mutex::new(first);
    let losses = AtomicU32::new(losses);
    move |seen| match (seen.method.as_str(), seen.path.as_str()) {
        ("GET", "/api/v3/user") => ok(&json!({ "login": "Ostler-Bot" })),
        ("GET", _) => ok(&json!(*comments.lock().unwrap())),
        ("POST", "/api/v3/repos/acme/shop/issues/12/comments") => {
            let made =
                comment(comments.lock().unwrap().len(), "ostler-bot", seen.json["body"].as_str().unwrap());
            comments.lock().unwrap().push(made.clone());
            let lose =
                losses.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
            if lose { lost() } else { testing::json(201, &made) }
        }
        ("DELETE", path) => {
            let id = path.strip_prefix("/api/v3/repos/acme/shop/issues/comments/").unwrap();
            let mut comments = comments.lock().unwrap();
            let before = comments.len();
            comments.retain(|comment| comment["id"].to_string().as_str() != id);
            if comments.len() < before { testing::nothing() } else { no_route(seen) }
        }
        _ => no_route(seen),
    }
}

fn comment(id: usize, login: &str, body: &str) -> Value {
    json!({ "id": id, "body": body, "user": {"login": login}, "html_url": format!("https://c/{id}") })
}

fn posts(server: &Server) -> usize {
    server.seen().iter().filter(|seen| seen.method == "POST").count()
}

#[tokio::test]
async fn a_comment_whose_answer_was_lost_is_not_written_twice() {
    let server = Server::start(conversation(Vec::new(), 1)).await;
    let note = effect("note", true);
    let made = Tracker::add_comment(&github(&server), &issue(), "Working on it.", &note).await.unwrap();
    assert!(made.found);
    assert_eq!((posts(&server), made.value.url.as_str()), (1, "https://c/0"));
    let body = server.seen()[0].json["body"].as_str().unwrap().to_owned();
    assert_eq!(body, format!("Working on it.\n\n{}", note.key.marker()));
}

#[tokio::test]
async fn a_comment_of_an_earlier_attempt_is_adopted_and_one_by_somebody_else_is_not() {
    let note = effect("note", false);
    let forged = comment(0, "mallory", &format!("Mine! {}", note.key.marker()));
    let server = Server::start(conversation(vec![forged], 0)).await;
    let github = github(&server);
    let first = Tracker::add_comment(&github, &issue(), "Hello.", &note).await.unwrap();
    assert!(!first.found);
    let second = Tracker::add_comment(&github, &issue(), "Hello.", &note).await.unwrap();
    assert!(second.found);
    assert_eq!((first.value, posts(&server)), (second.value, 1));
}

#[tokio::test]
async fn the_second_page_is_asked_of_the_configured_host_and_signed() {
    let note = effect("note", false);
    let marked = note.key.marker();
    let server = Server::start(move |seen| match seen.path.as_str() {
        "/api/v3/user" => ok(&json!({ "login": "ostler-bot" })),
        path if path.contains("page=2&") => ok(&json!([comment(7, "ostler-bot", &marked)])),
        _ => {
            let mut page = ok(&json!([comment(1, "ada", "hi")]));
            let next = "<http://elsewhere.example/api/v3/repos/acme/shop/issues/12/comments?page=2&x=1>; rel=\"next\"";
            page.headers_mut().insert("link", next.parse().unwrap());
            page
        }
    })
    .await;
    let made = Tracker::add_comment(&github(&server), &issue(), "Hello.", &note).await.unwrap();
    assert_eq!((made.found, made.value.id.as_str()), (true, "7"));
    let second = server.seen().pop().unwrap();
    assert_eq!(second.line(), "GET /api/v3/repos/acme/shop/issues/12/comments?page=2&x=1");
    assert_eq!(second.header("authorization"), "Bearer hush-hush");
}

#[tokio::test]
async fn an_issue_whose_answer_was_lost_is_found_by_its_marker() {
    let issues = Mutex::new(Vec::new());
    let server = Server::start(move |seen| match seen.method.as_str() {
        "POST" => {
            let mut made = issue_json("open", &[]);
            made["body"] = seen.json["body"].clone();
            made["user"] = json!({ "login": "ostler-bot" });
            issues.lock().unwrap().push(made);
            lost()
        }
        _ if seen.path == "/api/v3/user" => ok(&json!({ "login": "ostler-bot" })),
        _ => ok(&json!(*issues.lock().unwrap())),
    })
    .await;
    let new = NewTask {
        project: None,
        repository: Some(shop()),
        title: "Rounding".to_owned(),
        description: "Off by a cent.".to_owned(),
        kind: "bug".to_owned(),
    };
    let made = github(&server).create_task(&new, &effect("create", true)).await.unwrap();
    assert_eq!((made.found, posts(&server), made.value.id.as_str()), (true, 1, "12"));
    assert_eq!(server.seen()[0].json["labels"], json!(["bug"]));
}

#[tokio::test]
async fn a_branch_that_is_there_is_adopted() {
    let server = Server::start(|seen| match seen.method.as_str() {
        "POST" => testing::json(422, &json!({ "message": "Reference already exists" })),
        _ => ok(&json!({ "ref": "refs/heads/fix/cents", "object": {"sha": "cafe"} })),
    })
    .await;
    let github = github(&server);
    let made = github.create_branch(&shop(), "fix/cents", "beef", &effect("branch", true)).await.unwrap();
    assert_eq!((made.found, made.value.sha.as_str()), (true, "cafe"));
    assert_eq!(made.value.url, "https://git.example/acme/shop/tree/fix/cents");
    assert_eq!(server.seen()[0].json, json!({ "ref": "refs/heads/fix/cents", "sha": "beef" }));
    assert_eq!(server.lines()[1], "GET /api/v3/repos/acme/shop/git/ref/heads/fix/cents");
}

#[tokio::test]
async fn a_branch_that_is_not_there_is_none() {
    let server = Server::start(no_route).await;
    assert_eq!(github(&server).branch(&shop(), "nope").await.unwrap(), None);
}

#[tokio::test]
async fn the_open_pull_request_of_a_branch_is_adopted() {
    let server = Server::start(|seen| match seen.method.as_str() {
        "POST" => {
            let detail = "A pull request already exists for acme:fix/cents.";
            testing::json(422, &json!({ "message": "Validation Failed", "errors": [{"message": detail}] }))
        }
        _ => ok(&json!([pull_json(3)])),
    })
    .await;
    let new = NewChange {
        head: "fix/cents".to_owned(),
        base: "main".to_owned(),
        title: "Fix".to_owned(),
        body: "Closes #12".to_owned(),
        draft: true,
    };
    let made = github(&server).create_change(&shop(), &new, &effect("pr", true)).await.unwrap();
    assert_eq!((made.found, made.value.number), (true, 3));
    assert_eq!(server.seen()[0].json["draft"], json!(true));
    let expected =
        "GET /api/v3/repos/acme/shop/pulls?head=acme%3Afix%2Fcents&base=main&state=open&per_page=100";
    assert_eq!(server.lines()[1], expected);
}

#[tokio::test]
async fn a_refused_pull_request_is_an_error_that_says_why() {
    let server = Server::start(|_| {
        let errors = json!([{ "message": "No commits between main and fix/cents" }]);
        testing::json(422, &json!({ "message": "Validation Failed", "errors": errors }))
    })
    .await;
    let new = NewChange {
        head: "fix/cents".to_owned(),
        base: "main".to_owned(),
        title: "Fix".to_owned(),
        body: String::new(),
        draft: false,
    };
    let error = github(&server).create_change(&shop(), &new, &effect("pr", true)).await.unwrap_err();
    assert_eq!(error.problem, Problem::Invalid);
    assert_eq!(error.to_string(), "github: Validation Failed: No commits between main and fix/cents");
}

#[tokio::test]
async fn what_an_account_may_do_is_its_role() {
    for (answer, expected) in [
        (json!({"permission": "write", "role_name": "maintain"}), Permission::Maintain),
        (json!({"permission": "read", "role_name": "triage"}), Permission::Triage),
        (json!({"permission": "write", "role_name": "release-crew"}), Permission::Write),
        (json!({"permission": "none"}), Permission::None),
    ] {
        let server = Server::start(move |_| ok(&answer)).await;
        let ada = Account::new("github", "Ada");
        assert_eq!(github(&server).permission(&shop(), &ada).await.unwrap(), expected);
        assert_eq!(server.lines(), ["GET /api/v3/repos/acme/shop/collaborators/ada/permission"]);
    }
}

#[tokio::test]
async fn who_accepted_belongs_to_a_team_and_who_was_only_invited_does_not() {
    for (status, answer, expected) in [
        (200, json!({"state": "active", "role": "member"}), Some(true)),
        (200, json!({"state": "pending", "role": "member"}), Some(false)),
        (404, json!({"message": "Not Found"}), Some(false)),
        (403, json!({"message": "Resource not accessible by integration"}), None),
    ] {
        let server = Server::start(move |_| testing::json(status, &answer)).await;
        let (team, ada) = ("acme/payments".parse().unwrap(), Account::new("github", "Ada"));
        let found = github(&server).is_member(&shop(), &team, &ada).await;
        assert_eq!(found.as_ref().ok().copied(), expected, "{found:?}");
        assert!(expected.is_some() || found.unwrap_err().problem == Problem::Denied);
        assert_eq!(server.lines(), ["GET /api/v3/orgs/acme/teams/payments/memberships/ada"]);
    }
}

#[tokio::test]
async fn a_secondary_limit_is_waited_for_although_it_comes_as_403() {
    let count = AtomicU32::new(0);
    let server = Server::start(move |seen| match seen.method.as_str() {
        "POST" if count.fetch_add(1, Ordering::SeqCst) == 0 => {
            testing::json(403, &json!({ "message": "You have exceeded a secondary rate limit." }))
        }
        "POST" => testing::json(201, &comment(1, "ostler-bot", "x")),
        _ => no_route(seen),
    })
    .await;
    let made =
        Tracker::add_comment(&github(&server), &issue(), "Hello.", &effect("note", true)).await.unwrap();
    assert_eq!((made.found, posts(&server)), (false, 2));
}

#[tokio::test]
async fn git_is_given_the_token_and_nothing_prints_it() {
    let server = Server::start(no_route).await;
    let github = github(&server);
    let remote = github.remote(&shop()).await.unwrap();
    assert_eq!(remote.url, "https://git.example/acme/shop.git");
    let (user, password) = remote.credential.clone().unwrap();
    assert_eq!((user.as_str(), password.expose_secret()), ("x-access-token", "hush-hush"));
    let error: PluginError = github.get_task(&issue()).await.unwrap_err();
    for text in [format!("{github:?} {remote:?} {:?}", github.options), format!("{error} {error:?}")] {
        assert!(!text.contains("hush-hush"), "{text}");
    }
}

#[tokio::test]
async fn without_credentials_there_is_no_github() {
    let built = GitHub::new(Options::default(), Arc::new(JumpClock::default()), testing::transport());
    assert_eq!(built.unwrap_err().problem, Problem::NotOffered);
}

/// A fresh RSA key in a file, as an App's owner downloads it.
fn key_file() -> tempfile::NamedTempFile {
    use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
    use base64::Engine as _;
    let pair = aws_lc_rs::rsa::KeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
    let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    let text = base64::engine::general_purpose::STANDARD.encode(der.as_ref());
    let lines: Vec<&str> = (0..text.len()).step_by(64).map(|at| &text[at..text.len().min(at + 64)]).collect();
    let file = tempfile::NamedTempFile::new().unwrap();
    let kind = "PRIVATE KEY";
    let pem = format!("-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n", lines.join("\n"));
    std::fs::write(file.path(), pem).unwrap();
    file
}

#[tokio::test]
async fn an_app_acts_through_its_installation_with_tokens_for_one_repository() {
    let minted = AtomicU32::new(0);
    let server = Server::start(move |seen| match seen.path.as_str() {
        "/app" => ok(&json!({ "slug": "Ostler" })),
        "/repos/acme/shop/installation" => ok(&json!({ "id": 77 })),
        "/app/installations/77/access_tokens" => {
            let token = format!("ghs_{}", minted.fetch_add(1, Ordering::SeqCst));
            let mut body = json!({ "token": token, "permissions": {}, "repository_selection": "selected" });
            body["expires_at"] = "2999-01-01T00:00:00Z".into();
            testing::json(201, &body)
        }
        "/repos/acme/shop/issues/12" => ok(&issue_json("open", &[])),
        _ => no_route(seen),
    })
    .await;
    let key = key_file();
    let options = Options {
        base_url: server.url.clone(),
        app_id: Some(5),
        private_key_file: Some(key.path().to_owned()),
        ..Options::default()
    };
    let github = GitHub::new(options, Arc::new(JumpClock::default()), testing::transport()).unwrap();
    assert_eq!(Forge::whoami(&github).await.unwrap(), Account::new("github", "ostler[bot]"));
    github.get_task(&issue()).await.unwrap();
    github.get_task(&issue()).await.unwrap();
    let seen = server.seen();
    assert!(seen[0].header("authorization").starts_with("Bearer ey"), "the App itself shows a signed token");
    let minting: Vec<&Seen> = seen.iter().filter(|each| each.path.ends_with("/access_tokens")).collect();
    assert_eq!(minting.len(), 1, "one token serves both reads");
    assert_eq!(minting[0].json["repositories"], json!(["shop"]));
    assert_eq!(seen.last().unwrap().header("authorization"), "Bearer ghs_0");
    // Git gets a token of its own, with its whole hour before it.
    let (_, password) = github.remote(&shop()).await.unwrap().credential.unwrap();
    assert_eq!(password.expose_secret(), "ghs_1");
}

#[tokio::test]
async fn an_own_comment_is_found_by_its_mark_and_deleted_and_nobody_elses_is() {
    let note = effect("note", false);
    let forged = comment(9, "mallory", &format!("Mine! {}", note.key.marker()));
    let server = Server::start(conversation(vec![forged], 0)).await;
    let github = github(&server);
    assert_eq!(Tracker::find_comment(&github, &issue(), &note).await.unwrap(), None);
    let made = Tracker::add_comment(&github, &issue(), "Hello.", &note).await.unwrap().value;
    assert_eq!(Forge::find_comment(&github, &shop(), 12, &note).await.unwrap(), Some(made.clone()));
    Tracker::delete_comment(&github, &issue(), &made).await.unwrap();
    assert_eq!(Tracker::find_comment(&github, &issue(), &note).await.unwrap(), None);
    // Deleting again is success: it is gone.
    Forge::delete_comment(&github, &shop(), 12, &made).await.unwrap();
}

#[tokio::test]
async fn a_deletion_that_is_answered_by_something_else_is_none() {
    let server = Server::start(|_| ok(&json!({ "message": "Welcome to our proxy." }))).await;
    let there = CommentRef { id: "7".to_owned(), url: String::new() };
    let error = Tracker::delete_comment(&github(&server), &issue(), &there).await.unwrap_err();
    assert_eq!(error.problem, Problem::BadAnswer);
}

#[tokio::test]
async fn the_pull_request_that_an_effect_opened_is_found_by_its_mark_whatever_became_of_it() {
    let opened = effect("pr", false);
    let marker = opened.key.marker();
    let server = Server::start(move |seen| {
        let pull = |number: u64, login: &str, body: &str| {
            let mut pull = pull_json(number);
            (pull["user"], pull["body"]) = (json!({ "login": login }), json!(body));
            (pull["state"], pull["merged_at"]) = ("closed".into(), "2026-11-20T09:20:31Z".into());
            pull
        };
        match seen.path.as_str() {
            "/api/v3/user" => ok(&json!({ "login": "ostler-bot" })),
            _ if seen.method == "PATCH" => ok(&pull_json(3)),
            _ => ok(&json!([
                pull(5, "mallory", &marker),
                pull(4, "ostler-bot", "x"),
                pull(3, "ostler-bot", &marker)
            ])),
        }
    })
    .await;
    let github = github(&server);
    let found = github.find_change(&shop(), "fix/cents", &opened).await.unwrap().unwrap();
    assert_eq!((found.number, found.open, found.merged), (3, false, true));
    assert_eq!(github.find_change(&shop(), "fix/cents", &effect("other", false)).await.unwrap(), None);
    let query = "head=acme%3Afix%2Fcents&state=all&sort=created&direction=desc&per_page=100";
    assert_eq!(server.lines()[1], format!("GET /api/v3/repos/acme/shop/pulls?{query}"));
    github.close_change(&shop(), 3).await.unwrap();
    let last = server.seen().pop().unwrap();
    assert_eq!(last.line(), "PATCH /api/v3/repos/acme/shop/pulls/3");
    assert_eq!(last.json, json!({ "state": "closed" }));
}

#[tokio::test]
async fn an_issue_is_called_off_once_and_goes_back_to_where_it_stood() {
    let server = Server::start(|_| ok(&issue_json("open", &["status: in review"]))).await;
    let off = github(&server);
    off.close_task(&issue(), &effect("off", true)).await.unwrap();
    let wish = json!({ "state": "closed", "state_reason": "not_planned" });
    assert_eq!(server.seen().pop().unwrap().json, wish);
    assert_eq!(off.position(&issue()).await.unwrap(), Status::InReview.into());
    off.put_back(&issue(), &Status::Todo.into(), &effect("back", true)).await.unwrap();
    let last = server.lines().pop().unwrap();
    assert_eq!(last, "DELETE /api/v3/repos/acme/shop/issues/12/labels/status%3A%20in%20review");
    let server = Server::start(|_| ok(&issue_json("closed", &[]))).await;
    github(&server).close_task(&issue(), &effect("off", true)).await.unwrap();
    assert_eq!(server.lines().len(), 1, "what is closed stays as it is");
}

/// A request's path without its query.
fn bare(seen: &Seen) -> &str {
    seen.path.split('?').next().unwrap()
}

/// A review of a pull request that this user opened, as it was posted.
async fn reviewed(author: &'static str) -> Value {
    let server = Server::start(move |seen| match (seen.method.as_str(), bare(seen)) {
        (_, "/api/v3/user") => ok(&json!({"login": "ostler-bot"})),
        ("GET", "/api/v3/repos/acme/shop/pulls/4") => {
            let mut pull = pull_json(4);
            pull["user"] = json!({"login": author});
            ok(&pull)
        }
        ("POST", "/api/v3/repos/acme/shop/pulls/4/reviews") => {
            ok(&json!({"id": 5, "html_url": "https://git.example/r", "body": "x", "user": {"login": "ostler-bot"}}))
        }
        _ => no_route(seen),
    })
    .await;
    let at = (Some("a.sh".to_owned()), Some(2));
    let said = LineComment { path: at.0, line: at.1, body: "Here.".to_owned(), thread: None };
    let (body, sha) = ("Wrong.".to_owned(), "aaaa".to_owned());
    let review = NewReview { body, sha, wants_changes: true, comments: vec![said] };
    github(&server).add_review(&shop(), 4, &review, &effect("review", true)).await.unwrap();
    server.seen().into_iter().find(|seen| seen.method.as_str() == "POST").unwrap().json
}

#[tokio::test]
async fn a_review_asks_for_changes_of_others_and_only_comments_on_ones_own() {
    let posted = reviewed("ada").await;
    assert_eq!((&posted["event"], &posted["commit_id"]), (&json!("REQUEST_CHANGES"), &json!("aaaa")));
    assert!(posted["body"].as_str().unwrap().contains(&effect("review", true).key.marker()));
    let said = json!([{"path": "a.sh", "line": 2, "side": "RIGHT", "body": "Here."}]);
    assert_eq!(posted["comments"], said);
    assert_eq!(reviewed("Ostler-Bot").await["event"], "COMMENT");
}

#[tokio::test]
async fn a_review_whose_answer_was_lost_is_found() {
    let marker = effect("review", false).key.marker();
    let server = Server::start(move |seen| match (seen.method.as_str(), bare(seen)) {
        (_, "/api/v3/user") => ok(&json!({"login": "ostler-bot"})),
        ("GET", "/api/v3/repos/acme/shop/pulls/4") => ok(&pull_json(4)),
        ("GET", "/api/v3/repos/acme/shop/pulls/4/reviews") => ok(&json!([
            {"id": 4, "html_url": "https://git.example/4", "body": marker, "user": {"login": "eve"}},
            {"id": 5, "html_url": "https://git.example/5", "body": marker, "user": {"login": "ostler-bot"}},
        ])),
        _ => no_route(seen),
    })
    .await;
    let (body, sha) = ("Wrong.".to_owned(), "aaaa".to_owned());
    let review = NewReview { body, sha, wants_changes: false, comments: Vec::new() };
    let made = github(&server).add_review(&shop(), 4, &review, &effect("review", false)).await.unwrap();
    assert_eq!((made.found, made.value.id.as_str()), (true, "5"));
}

#[tokio::test]
async fn a_thread_at_a_line_is_answered_once() {
    let marker = effect("answer", false).key.marker();
    let server = Server::start(move |seen| match (seen.method.as_str(), bare(seen)) {
        (_, "/api/v3/user") => ok(&json!({"login": "ostler-bot"})),
        ("GET", "/api/v3/repos/acme/shop/pulls/4/reviews/9/comments") => ok(&json!([
            {"id": 31, "path": "a.sh", "line": 2, "body": "Why?"},
            {"id": 33, "in_reply_to_id": 30, "path": "a.sh", "line": 5, "body": "And here?"},
        ])),
        ("POST", "/api/v3/repos/acme/shop/pulls/4/comments/31/replies") => {
            ok(&json!({"id": 40, "html_url": "https://git.example/40", "body": "x", "user": {"login": "ostler-bot"}}))
        }
        ("GET", "/api/v3/repos/acme/shop/pulls/4/comments") => ok(&json!([
            {"id": 38, "html_url": "https://git.example/38", "body": marker, "user": {"login": "eve"}},
            {"id": 39, "html_url": "https://git.example/39", "body": marker, "user": {"login": "ostler-bot"}},
        ])),
        _ => no_route(seen),
    })
    .await;
    let github = github(&server);
    let said = github.review_comments(&shop(), 4, "9").await.unwrap();
    let threads: Vec<_> = said.iter().map(|comment| comment.thread.as_deref()).collect();
    assert_eq!(threads, [Some("31"), Some("30")], "an answer is given where the thread began");
    let made = github.reply(&shop(), 4, "31", "So.", &effect("answer", true)).await.unwrap();
    assert_eq!((made.found, made.value.id.as_str()), (false, "40"));
    let found = github.reply(&shop(), 4, "31", "So.", &effect("answer", false)).await.unwrap();
    assert_eq!((found.found, found.value.id.as_str()), (true, "39"), "what was lost is found by its mark");
}

#[tokio::test]
async fn a_pull_request_is_read_file_by_file_and_its_checks_by_their_ends() {
    let server = Server::start(|seen| match bare(seen) {
        "/api/v3/repos/acme/shop/pulls/4/files" => ok(&json!([
            {"filename": "a.sh", "status": "modified", "patch": "@@ -1 +1 @@\n-a\n+b"},
            {"filename": "c.sh", "previous_filename": "b.sh", "status": "renamed"},
            {"filename": "d.sh", "status": "removed", "patch": "@@ -1 +0,0 @@\n-d"},
        ])),
        "/api/v3/repos/acme/shop/commits/cafe/check-runs" => ok(&json!({"total_count": 2, "check_runs": [
            {"name": "test", "status": "completed", "conclusion": "timed_out",
             "output": {"title": "Too slow", "summary": "10 min", "text": null}},
            {"name": "lint", "status": "in_progress", "conclusion": null, "output": null},
        ]})),
        _ => no_route(seen),
    })
    .await;
    let github = github(&server);
    let files = github.files(&shop(), 4).await.unwrap();
    assert_eq!((files[0].change, files[2].change), (FileChange::Modified, FileChange::Removed));
    assert_eq!((files[1].previous.as_deref(), &files[1].patch), (Some("b.sh"), &None));
    let checks = github.checks(&shop(), "cafe").await.unwrap();
    let told: Vec<_> =
        checks.iter().map(|check| (check.done, check.failed, check.summary.as_str())).collect();
    assert_eq!(told, [(true, true, "Too slow\n\n10 min"), (false, false, "")]);
}
