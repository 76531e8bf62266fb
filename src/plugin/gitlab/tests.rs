use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use axum::response::Response;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use super::{GitLab, Options};
use crate::event::{Account, RepositoryName, TaskRef};
use crate::plugin::client::testing::{self, JumpClock, Seen, Server, effect, lost};
use crate::plugin::forge::{FileChange, Forge, LineComment, NewChange, NewReview, Permission};
use crate::plugin::tracker::{NewTask, Status, Tracker};
use crate::plugin::{PluginError, Problem};

/// Where the API has the project: groups are in one another, so its name is one segment.
const PROJECT: &str = "/gl/api/v4/projects/acme%2Ftools%2Fshop";

pub(super) fn gitlab(server: &Server) -> GitLab {
    let options = Options {
        base_url: server.url.join("/gl").unwrap(),
        token: Some(SecretString::from("hush-hush")),
        rate_per_second: 1e6,
        ..Options::default()
    };
    GitLab::new(options, Arc::new(JumpClock::default()), testing::transport()).unwrap()
}

fn shop() -> RepositoryName {
    "acme/tools/shop".parse().unwrap()
}

fn issue() -> TaskRef {
    TaskRef::new("gitlab", "acme/tools/shop#12")
}

fn ok(body: &Value) -> Response {
    testing::json(200, body)
}

fn no_route(seen: &Seen) -> Response {
    testing::json(404, &json!({ "message": format!("404 {} Not Found", seen.line()) }))
}

fn own_user(seen: &Seen) -> Option<Response> {
    (seen.path == "/gl/api/v4/user").then(|| ok(&json!({ "id": 7, "username": "Ostler-Bot" })))
}

fn issue_json(state: &str, labels: &[&str]) -> Value {
    json!({
        "id": 900, "iid": 12, "title": "Rounding", "description": "Off by a cent.", "state": state,
        "labels": labels, "web_url": "https://gl.example/acme/tools/shop/-/issues/12",
        "author": {"id": 1, "username": "ada"}, "assignees": [{"id": 7, "username": "Ostler-Bot"}],
    })
}

fn change_json(iid: u64, source_project: u64) -> Value {
    json!({
        "id": 900 + iid, "iid": iid, "title": "Fix", "description": null, "state": "opened", "draft": false,
        "web_url": format!("https://gl.example/acme/tools/shop/-/merge_requests/{iid}"), "sha": "aaaa",
        "source_branch": "fix/cents", "target_branch": "main", "labels": [],
        "source_project_id": source_project, "target_project_id": 3,
    })
}

fn new_change(draft: bool) -> NewChange {
    NewChange {
        head: "fix/cents".to_owned(),
        base: "main".to_owned(),
        title: "Fix".to_owned(),
        body: "For #12".to_owned(),
        draft,
    }
}

fn posts(server: &Server) -> usize {
    server.seen().iter().filter(|seen| seen.method == "POST").count()
}

#[tokio::test]
async fn an_issue_is_a_task_by_its_state_and_labels() {
    for (state, labels, status, kind) in [
        ("opened", &["bug"][..], Status::Todo, "bug"),
        ("opened", &["Status::In progress"], Status::InProgress, "feature"),
        ("opened", &["status::in review"], Status::InReview, "feature"),
        ("closed", &["enhancement"], Status::Done, "feature"),
    ] {
        let server = Server::start(move |_| ok(&issue_json(state, labels))).await;
        let task = gitlab(&server).get_task(&issue()).await.unwrap();
        assert_eq!((task.status, task.kind.as_str(), task.id.as_str()), (status, kind, "12"));
        assert_eq!(task.assignee, Some(Account::new("gitlab", "ostler-bot")));
        assert_eq!(task.repository_url, Some(format!("{}gl/acme/tools/shop", server.url)));
        assert_eq!(server.lines(), [format!("GET {PROJECT}/issues/12")]);
        assert_eq!(server.seen()[0].header("private-token"), "hush-hush");
    }
}

#[tokio::test]
async fn a_merge_request_is_a_task_of_its_own_number() {
    let server = Server::start(|_| ok(&change_json(12, 3))).await;
    let gitlab = gitlab(&server);
    let reference = gitlab.change_task(&shop(), 12);
    assert_ne!(reference, issue());
    assert_eq!(gitlab.get_task(&reference).await.unwrap().reference, reference);
    assert_eq!(server.lines(), [format!("GET {PROJECT}/merge_requests/12")]);
}

#[tokio::test]
async fn a_status_is_labels_and_the_state_in_one_request() {
    for (state, labels, status, wish) in [
        (
            "opened",
            &["status::in progress", "bug"][..],
            Status::InReview,
            json!({"add_labels": "status::in review", "remove_labels": "status::in progress"}),
        ),
        (
            "opened",
            &["status::in review"],
            Status::Done,
            json!({"remove_labels": "status::in review", "state_event": "close"}),
        ),
        ("closed", &[], Status::Todo, json!({"state_event": "reopen"})),
    ] {
        let server = Server::start(move |_| ok(&issue_json(state, labels))).await;
        gitlab(&server).set_status(&issue(), status, &effect("move", true)).await.unwrap();
        let last = server.seen().pop().unwrap();
        assert_eq!((last.line(), last.json), (format!("PUT {PROJECT}/issues/12"), wish));
    }
}

#[tokio::test]
async fn being_there_already_is_success_and_a_merge_request_is_never_closed() {
    let server = Server::start(|_| ok(&issue_json("opened", &["status::in review"]))).await;
    let gitlab = gitlab(&server);
    gitlab.set_status(&issue(), Status::InReview, &effect("move", true)).await.unwrap();
    assert_eq!(server.lines().len(), 1);
    gitlab.set_status(&gitlab.change_task(&shop(), 12), Status::Done, &effect("end", true)).await.unwrap();
    assert_eq!(server.seen().pop().unwrap().json, json!({"remove_labels": "status::in review"}));
}

/// An issue's conversation: what is posted stays there, even where the answer is lost.
fn conversation(first: Vec<Value>, losses: u32) -> impl Fn(&Seen) -> Response + Send + Sync {
    let notes = Mutex::new(first);
    let losses = AtomicU32::new(losses);
    move |seen| match seen.method.as_str() {
        "GET" => own_user(seen).unwrap_or_else(|| ok(&json!(*notes.lock().unwrap()))),
        "POST" if seen.path == format!("{PROJECT}/issues/12/notes") => {
            let made = note(notes.lock().unwrap().len(), "ostler-bot", seen.json["body"].as_str().unwrap());
            notes.lock().unwrap().push(made.clone());
            let lose =
                losses.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
            if lose { lost() } else { testing::json(201, &made) }
        }
        "DELETE" => {
            let id = seen.path.rsplit('/').next().unwrap();
            let mut notes = notes.lock().unwrap();
            let before = notes.len();
            notes.retain(|note| note["id"].to_string().as_str() != id);
            if notes.len() < before { testing::nothing() } else { no_route(seen) }
        }
        _ => no_route(seen),
    }
}

fn note(id: usize, username: &str, body: &str) -> Value {
    json!({
        "id": id, "body": body, "author": {"id": 1, "username": username}, "system": false,
        "created_at": "2026-11-20T09:20:31.000Z",
    })
}

#[tokio::test]
async fn a_note_whose_answer_was_lost_is_not_written_twice() {
    let server = Server::start(conversation(Vec::new(), 1)).await;
    let working = effect("note", true);
    let made = Tracker::add_comment(&gitlab(&server), &issue(), "Working on it.", &working).await.unwrap();
    assert_eq!((made.found, posts(&server)), (true, 1));
    assert_eq!(made.value.url, format!("{}gl/acme/tools/shop/-/issues/12#note_0", server.url));
    let body = server.seen()[0].json["body"].as_str().unwrap().to_owned();
    assert_eq!(body, format!("Working on it.\n\n{}", working.key.marker()));
}

#[tokio::test]
async fn a_note_of_an_earlier_attempt_is_adopted_and_one_by_somebody_else_is_not() {
    let hello = effect("note", false);
    let forged = note(0, "mallory", &format!("Mine! {}", hello.key.marker()));
    let server = Server::start(conversation(vec![forged], 0)).await;
    let gitlab = gitlab(&server);
    let first = Tracker::add_comment(&gitlab, &issue(), "Hello.", &hello).await.unwrap();
    let second = Tracker::add_comment(&gitlab, &issue(), "Hello.", &hello).await.unwrap();
    assert_eq!((first.found, second.found, posts(&server)), (false, true, 1));
    assert_eq!(first.value, second.value);
}

#[tokio::test]
async fn an_own_note_is_found_on_the_second_page() {
    let hello = effect("note", false);
    let marked = hello.key.marker();
    let server = Server::start(move |seen| match seen.path.as_str() {
        path if path.ends_with("page=2") => ok(&json!([note(7, "ostler-bot", &marked)])),
        _ => own_user(seen).unwrap_or_else(|| {
            let mut page = ok(&json!([note(1, "ada", "hi")]));
            page.headers_mut().insert("x-next-page", "2".parse().unwrap());
            page
        }),
    })
    .await;
    let made = Tracker::add_comment(&gitlab(&server), &issue(), "Hello.", &hello).await.unwrap();
    assert_eq!((made.found, made.value.id.as_str()), (true, "7"));
}

#[tokio::test]
async fn what_is_written_carries_out_no_quick_action() {
    let server = Server::start(conversation(Vec::new(), 0)).await;
    let text = "Done.\n/merge\n  /assign @me\n/Close\n`a/b`, 1/2";
    Tracker::add_comment(&gitlab(&server), &issue(), text, &effect("note", true)).await.unwrap();
    let body = server.seen()[0].json["body"].as_str().unwrap().to_owned();
    let commands = body.lines().filter(|line| {
        let rest = line.trim_start().strip_prefix('/').unwrap_or_default();
        rest.starts_with(|c: char| c.is_ascii_alphabetic())
    });
    assert_eq!(commands.count(), 0, "{body}");
    assert!(body.contains("`a/b`, 1/2"), "{body}");
}

#[tokio::test]
async fn an_issue_whose_answer_was_lost_is_found_by_its_marker() {
    let issues = Mutex::new(Vec::new());
    let server = Server::start(move |seen| match seen.method.as_str() {
        "POST" => {
            let mut made = issue_json("opened", &[]);
            made["description"] = seen.json["description"].clone();
            made["author"] = json!({ "id": 7, "username": "ostler-bot" });
            issues.lock().unwrap().push(made);
            lost()
        }
        _ => own_user(seen).unwrap_or_else(|| ok(&json!(*issues.lock().unwrap()))),
    })
    .await;
    let new = NewTask {
        project: None,
        repository: Some(shop()),
        title: "Rounding".to_owned(),
        description: "Off by a cent.".to_owned(),
        kind: "bug".to_owned(),
    };
    let made = gitlab(&server).create_task(&new, &effect("create", true)).await.unwrap();
    assert_eq!((made.found, posts(&server), made.value.id.as_str()), (true, 1, "12"));
    assert_eq!(server.seen()[0].json["labels"], "bug");
    assert!(server.seen().iter().any(|seen| seen.path.contains("created_after=2023-11-14T22:03:20Z")));
}

#[tokio::test]
async fn a_branch_that_is_there_is_adopted() {
    let server = Server::start(|seen| match seen.method.as_str() {
        "POST" => testing::json(400, &json!({ "message": "Branch already exists" })),
        _ => ok(&json!({ "name": "fix/cents", "commit": {"id": "cafe"}, "web_url": "https://gl.example/b" })),
    })
    .await;
    let made = gitlab(&server).create_branch(&shop(), "fix/cents", "beef", &effect("b", true)).await.unwrap();
    assert_eq!((made.found, made.value.sha.as_str()), (true, "cafe"));
    assert_eq!(server.seen()[0].json, json!({ "branch": "fix/cents", "ref": "beef" }));
    assert_eq!(server.lines()[1], format!("GET {PROJECT}/repository/branches/fix%2Fcents"));
}

#[tokio::test]
async fn a_branch_that_is_not_there_is_none() {
    let server = Server::start(no_route).await;
    assert_eq!(gitlab(&server).branch(&shop(), "nope").await.unwrap(), None);
}

#[tokio::test]
async fn the_open_merge_request_of_a_branch_is_adopted_and_a_forks_is_not() {
    let server = Server::start(|seen| match seen.method.as_str() {
        "POST" => {
            let said = "Another open merge request already exists for this source branch: !3";
            testing::json(409, &json!({ "message": [said] }))
        }
        _ => ok(&json!([change_json(2, 99), change_json(3, 3)])),
    })
    .await;
    let made = gitlab(&server).create_change(&shop(), &new_change(true), &effect("mr", true)).await.unwrap();
    assert_eq!((made.found, made.value.number), (true, 3));
    assert_eq!(made.value.head_repository, Some(shop()));
    assert_eq!(server.seen()[0].json["title"], "Draft: Fix");
    let query = "state=opened&source_branch=fix%2Fcents&target_branch=main&per_page=100&page=1";
    assert_eq!(server.lines()[1], format!("GET {PROJECT}/merge_requests?{query}"));
}

#[tokio::test]
async fn the_branch_of_a_merge_request_may_be_in_a_fork_or_gone_with_it() {
    let server = Server::start(|seen| match seen.path.as_str() {
        path if path.ends_with("/merge_requests/1") => ok(&change_json(1, 99)),
        path if path.ends_with("/merge_requests/2") => ok(&change_json(2, 98)),
        "/gl/api/v4/projects/99" => ok(&json!({
            "id": 99, "path_with_namespace": "eve/shop", "web_url": "https://gl.example/eve/shop",
        })),
        _ => no_route(seen),
    })
    .await;
    let gitlab = gitlab(&server);
    let fork = gitlab.change(&shop(), 1).await.unwrap();
    assert_eq!(fork.head_repository, Some("eve/shop".parse().unwrap()));
    assert_eq!(gitlab.change(&shop(), 2).await.unwrap().head_repository, None, "it cannot be seen");
}

#[tokio::test]
async fn a_refusal_says_why() {
    let server = Server::start(|_| {
        let said = json!({ "message": {"base": ["Source branch does not exist"], "title": ["is too long"]} });
        testing::json(422, &said)
    })
    .await;
    let made = gitlab(&server).create_change(&shop(), &new_change(false), &effect("mr", true)).await;
    let error = made.unwrap_err();
    assert_eq!(error.problem, Problem::Invalid);
    assert_eq!(error.to_string(), "gitlab: base Source branch does not exist: title is too long");
}

/// What somebody may do whose account and membership are these.
async fn permission(user: Value, member: Value) -> Permission {
    let server = Server::start(move |seen| match seen.path.as_str() {
        "/gl/api/v4/users?username=ada" => ok(&user),
        path if path == format!("{PROJECT}/members/all/5") && !member.is_null() => ok(&member),
        _ => no_route(seen),
    })
    .await;
    gitlab(&server).permission(&shop(), &Account::new("gitlab", "Ada")).await.unwrap()
}

#[tokio::test]
async fn what_an_account_may_do_is_its_access_level() {
    let ada = || json!([{ "id": 4, "username": "ada-2" }, { "id": 5, "username": "ada", "state": "active" }]);
    for (level, expected) in [
        (50, Permission::Admin),
        (40, Permission::Maintain),
        (30, Permission::Write),
        (25, Permission::Triage),
        (20, Permission::Triage),
        (10, Permission::Read),
        (5, Permission::None),
    ] {
        let member = json!({ "access_level": level, "state": "active", "membership_state": "active" });
        assert_eq!(permission(ada(), member).await, expected, "{level}");
    }
}

#[tokio::test]
async fn who_is_no_member_or_blocked_or_unknown_may_do_nothing() {
    let ada = |state: &str| json!([{ "id": 5, "username": "ada", "state": state }]);
    let owner = json!({ "access_level": 50 });
    assert_eq!(permission(ada("active"), Value::Null).await, Permission::None);
    assert_eq!(permission(ada("blocked"), owner.clone()).await, Permission::None);
    assert_eq!(permission(json!([{ "id": 5, "username": "adam" }]), owner.clone()).await, Permission::None);
    let awaiting = json!({ "access_level": 50, "state": "active", "membership_state": "awaiting" });
    assert_eq!(permission(ada("active"), awaiting).await, Permission::None);
    assert_eq!(permission(ada("active"), owner).await, Permission::Admin);
}

#[tokio::test]
async fn a_team_is_a_group_and_who_is_in_it_or_above_it_belongs_to_it() {
    for (member, expected) in [
        (json!({ "access_level": 30, "state": "active" }), true),
        (json!({ "access_level": 30, "state": "awaiting" }), false),
        (Value::Null, false),
    ] {
        let server = Server::start(move |seen| match seen.path.as_str() {
            "/gl/api/v4/users?username=ada" => {
                ok(&json!([{ "id": 5, "username": "ada", "state": "active" }]))
            }
            "/gl/api/v4/groups/acme%2Ftools%2Fcrew/members/all/5" if !member.is_null() => ok(&member),
            _ => no_route(seen),
        })
        .await;
        let (team, ada) = ("acme/tools/crew".parse().unwrap(), Account::new("gitlab", "Ada"));
        assert_eq!(gitlab(&server).is_member(&shop(), &team, &ada).await.unwrap(), expected);
    }
}

#[tokio::test]
async fn git_is_given_the_token_and_nothing_prints_it() {
    let server = Server::start(no_route).await;
    let gitlab = gitlab(&server);
    let remote = gitlab.remote(&shop()).await.unwrap();
    assert_eq!(remote.url, format!("{}gl/acme/tools/shop.git", server.url));
    let (user, password) = remote.credential.clone().unwrap();
    assert_eq!((user.as_str(), password.expose_secret()), ("oauth2", "hush-hush"));
    let error: PluginError = gitlab.get_task(&issue()).await.unwrap_err();
    for text in [format!("{gitlab:?} {remote:?} {:?}", gitlab.options), format!("{error} {error:?}")] {
        assert!(!text.contains("hush-hush"), "{text}");
    }
}

#[tokio::test]
async fn without_a_token_there_is_no_gitlab_and_no_task_without_a_number() {
    let built = GitLab::new(Options::default(), Arc::new(JumpClock::default()), testing::transport());
    assert_eq!(built.unwrap_err().problem, Problem::NotOffered);
    let server = Server::start(no_route).await;
    for key in ["shop", "acme/tools/shop", "acme/tools/shop#x", "#12"] {
        let error = gitlab(&server).get_task(&TaskRef::new("gitlab", key)).await.unwrap_err();
        assert_eq!(error.problem, Problem::Invalid, "{key}");
    }
    assert_eq!(server.lines(), [""; 0], "nothing is asked of GitLab");
}

#[tokio::test]
async fn an_own_note_is_found_by_its_mark_and_deleted_and_nobody_elses_is() {
    let hello = effect("note", false);
    let forged = note(9, "mallory", &format!("Mine! {}", hello.key.marker()));
    let server = Server::start(conversation(vec![forged], 0)).await;
    let gitlab = gitlab(&server);
    assert_eq!(Tracker::find_comment(&gitlab, &issue(), &hello).await.unwrap(), None);
    let made = Tracker::add_comment(&gitlab, &issue(), "Hello.", &hello).await.unwrap().value;
    assert_eq!(Tracker::find_comment(&gitlab, &issue(), &hello).await.unwrap(), Some(made.clone()));
    Tracker::delete_comment(&gitlab, &issue(), &made).await.unwrap();
    assert_eq!(server.lines().pop().unwrap(), format!("DELETE {PROJECT}/issues/12/notes/1"));
    assert_eq!(Tracker::find_comment(&gitlab, &issue(), &hello).await.unwrap(), None);
    // Deleting again is success: it is gone.
    Forge::delete_comment(&gitlab, &shop(), 12, &made).await.unwrap();
    assert_eq!(server.lines().pop().unwrap(), format!("DELETE {PROJECT}/merge_requests/12/notes/1"));
}

#[tokio::test]
async fn the_merge_request_that_an_effect_opened_is_found_by_its_mark_whatever_became_of_it() {
    let opened = effect("mr", false);
    let marker = opened.key.marker();
    let server = Server::start(move |seen| {
        let change = |iid: u64, source: u64, username: &str| {
            let mut change = change_json(iid, source);
            (change["author"], change["description"]) =
                (json!({ "id": 1, "username": username }), json!(marker));
            change["state"] = "merged".into();
            change
        };
        own_user(seen).unwrap_or_else(|| match seen.method.as_str() {
            "PUT" => ok(&change_json(3, 3)),
            _ => {
                ok(&json!([change(6, 99, "ostler-bot"), change(5, 3, "mallory"), change(3, 3, "ostler-bot")]))
            }
        })
    })
    .await;
    let gitlab = gitlab(&server);
    let found = gitlab.find_change(&shop(), "fix/cents", &opened).await.unwrap().unwrap();
    assert_eq!((found.number, found.open, found.merged), (3, false, true), "a fork's is none of ours");
    assert_eq!(gitlab.find_change(&shop(), "fix/cents", &effect("other", false)).await.unwrap(), None);
    let query = "state=all&source_branch=fix%2Fcents&per_page=100&page=1";
    assert_eq!(server.lines()[1], format!("GET {PROJECT}/merge_requests?{query}"));
    gitlab.close_change(&shop(), 3).await.unwrap();
    let last = server.seen().pop().unwrap();
    assert_eq!(last.line(), format!("PUT {PROJECT}/merge_requests/3"));
    assert_eq!(last.json, json!({ "state_event": "close" }));
}

#[tokio::test]
async fn an_issue_is_called_off_and_goes_back_to_where_it_stood() {
    let server = Server::start(|_| ok(&issue_json("opened", &["status::in review"]))).await;
    let gitlab = gitlab(&server);
    gitlab.close_task(&issue(), &effect("off", true)).await.unwrap();
    assert_eq!(server.seen().pop().unwrap().json, json!({ "state_event": "close" }));
    assert_eq!(gitlab.position(&issue()).await.unwrap(), Status::InReview.into());
    gitlab.put_back(&issue(), &Status::Todo.into(), &effect("back", true)).await.unwrap();
    assert_eq!(server.seen().pop().unwrap().json, json!({ "remove_labels": "status::in review" }));
}

/// A request's path without its query.
fn bare(seen: &Seen) -> &str {
    seen.path.split('?').next().unwrap()
}

#[tokio::test]
async fn a_merge_request_is_read_file_by_file() {
    let server = Server::start(|seen| match bare(seen).strip_prefix(PROJECT) {
        Some("/merge_requests/4/diffs") => ok(&json!([
            {"old_path": "a.sh", "new_path": "a.sh", "diff": "@@ -1 +1 @@\n-a\n+b\n"},
            {"old_path": "b.sh", "new_path": "c.sh", "renamed_file": true, "diff": ""},
            {"old_path": "d.sh", "new_path": "d.sh", "new_file": true, "diff": "@@ -0,0 +1 @@\n+d\n"},
        ])),
        _ => no_route(seen),
    })
    .await;
    let files = gitlab(&server).files(&shop(), 4).await.unwrap();
    assert_eq!((files[0].path.as_str(), files[0].change), ("a.sh", FileChange::Modified));
    assert_eq!((files[1].previous.as_deref(), &files[1].patch), (Some("b.sh"), &None));
    assert_eq!(
        (files[2].change, files[2].patch.as_deref()),
        (FileChange::Added, Some("@@ -0,0 +1 @@\n+d\n"))
    );
}

#[tokio::test]
async fn a_comment_at_a_line_and_the_checks_of_a_commit_are_read() {
    let server = Server::start(|seen| match bare(seen).strip_prefix(PROJECT) {
        Some("/merge_requests/4/notes/9") => {
            ok(&json!({"id": 9, "body": "Wrong.", "position": {"new_path": "a.sh", "new_line": 3}}))
        }
        Some("/repository/commits/cafe/statuses") => ok(&json!([
            {"name": "test", "status": "failed", "description": "1 failed", "target_url": "https://ci/1"},
            {"name": "style", "status": "failed", "allow_failure": true, "description": null, "target_url": null},
            {"name": "build", "status": "running", "description": null, "target_url": null},
        ])),
        _ => no_route(seen),
    })
    .await;
    let gitlab = gitlab(&server);
    let said = gitlab.review_comments(&shop(), 4, "9").await.unwrap();
    assert_eq!(
        (said[0].path.as_deref(), said[0].line, said[0].body.as_str(), said[0].thread.as_deref()),
        (Some("a.sh"), Some(3), "Wrong.", Some("9"))
    );
    let checks = gitlab.checks(&shop(), "cafe").await.unwrap();
    let told: Vec<_> = checks.iter().map(|check| (check.name.as_str(), check.done, check.failed)).collect();
    assert_eq!(told, [("test", true, true), ("style", true, false), ("build", false, false)]);
    assert_eq!(checks[0].summary, "1 failed");
}

#[tokio::test]
async fn a_note_at_a_line_is_answered_in_its_discussion() {
    let server = Server::start(|seen| match (seen.method.as_str(), bare(seen).strip_prefix(PROJECT)) {
        ("GET", Some("/merge_requests/4/discussions")) => ok(&json!([
            {"id": "aa", "notes": [{"id": 8, "body": "x", "author": null}]},
            {"id": "bb", "notes": [{"id": 7, "body": "y", "author": null}, {"id": 9, "body": "z", "author": null}]},
        ])),
        ("POST", Some("/merge_requests/4/discussions/bb/notes")) => {
            testing::json(201, &json!({"id": 11, "body": "x", "author": {"id": 7, "username": "Ostler-Bot"}}))
        }
        _ => own_user(seen).unwrap_or_else(|| no_route(seen)),
    })
    .await;
    let gitlab = gitlab(&server);
    let made = gitlab.reply(&shop(), 4, "9", "/close it", &effect("answer", true)).await.unwrap();
    assert!(made.value.url.ends_with("/merge_requests/4#note_11"), "{}", made.value.url);
    let posted = server.seen().into_iter().find(|seen| seen.method.as_str() == "POST").unwrap().json;
    assert!(!posted["body"].as_str().unwrap().starts_with("/close"), "{posted}");
    let gone = gitlab.reply(&shop(), 4, "12", "x", &effect("answer", true)).await.unwrap_err();
    assert_eq!(gone.problem, Problem::NotFound);
}

#[tokio::test]
async fn a_review_is_a_comment_with_its_mark() {
    let server = Server::start(|seen| match seen.method.as_str() {
        "POST" => {
            testing::json(201, &json!({"id": 11, "body": "x", "author": {"id": 7, "username": "Ostler-Bot"}}))
        }
        _ => own_user(seen).unwrap_or_else(|| no_route(seen)),
    })
    .await;
    let at = (Some("a.sh".to_owned()), Some(2));
    let said = LineComment { path: at.0, line: at.1, body: "Here.".to_owned(), thread: None };
    let (body, sha) = ("Wrong.".to_owned(), "cafe".to_owned());
    let review = NewReview { body, sha, wants_changes: true, comments: vec![said] };
    gitlab(&server).add_review(&shop(), 4, &review, &effect("review", true)).await.unwrap();
    let seen = server.seen();
    let posted = seen.iter().find(|seen| seen.method.as_str() == "POST").unwrap();
    assert_eq!(posted.path, format!("{PROJECT}/merge_requests/4/notes"));
    let text = posted.json["body"].as_str().unwrap();
    assert!(text.contains(&effect("review", true).key.marker()));
    assert!(text.starts_with("Wrong.\n\n`a.sh`, line 2: Here."), "{text}");
}
