use std::collections::BTreeMap;

use axum::response::Response;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::super::super::source::{GitlabSource, SourceOptions};
use super::super::super::tests::gitlab;
use super::*;
use crate::event::Event;
use crate::plugin::client::testing::{START, Seen, Server, json as answer};
use crate::plugin::fetch::walk::Cursor;
use crate::plugin::fixture::tests::decode;
use crate::plugin::source::Decoded;

/// Seconds after the start of the tests.
fn at(seconds: i64) -> Timestamp {
    START + SignedDuration::from_secs(seconds)
}

fn time(seconds: i64) -> String {
    at(seconds).to_string()
}

fn user(name: &str) -> Value {
    json!({ "id": name.len(), "username": name, "name": name })
}

/// An issue by Ada with the label `ostler`.
fn issue(iid: u64, created: i64, updated: i64) -> Value {
    json!({
        "id": 7000 + iid, "iid": iid, "title": "T", "description": "B", "state": "opened", "author": user("ada"),
        "labels": ["ostler"], "assignees": [], "assignee": null, "issue_type": "issue", "confidential": false,
        "web_url": format!("https://gl.example/acme/shop/-/issues/{iid}"),
        "created_at": time(created), "updated_at": time(updated),
    })
}

fn change(iid: u64, created: i64, updated: i64) -> Value {
    json!({
        "id": 8000 + iid, "iid": iid, "title": "M", "description": "B", "state": "merged", "author": user("ada"),
        "labels": [], "assignees": [], "reviewers": [user("ostler-bot")], "draft": false, "sha": "abc",
        "source_branch": "ada/fix", "target_branch": "main", "source_project_id": 3, "target_project_id": 3,
        "web_url": format!("https://gl.example/acme/shop/-/merge_requests/{iid}"),
        "created_at": time(created), "updated_at": time(updated),
    })
}

fn label(id: u64, action: &str, name: &str, seconds: i64) -> Value {
    json!({
        "id": id, "user": user("ada"), "created_at": time(seconds), "resource_type": "Issue",
        "label": {"id": 1, "name": name}, "action": action,
    })
}

fn state(id: u64, state: &str, seconds: i64) -> Value {
    json!({ "id": id, "user": user("ada"), "created_at": time(seconds), "state": state })
}

fn note(id: u64, body: &str, seconds: i64) -> Value {
    let system = !body.starts_with('/');
    json!({
        "id": id, "body": body, "author": user("eve"), "created_at": time(seconds), "updated_at": time(seconds + 5),
        "system": system, "internal": false,
    })
}

/// What a project holds: lists by their paths, without what is asked for of them.
#[derive(Debug, Default, Clone)]
struct Held {
    lists: BTreeMap<&'static str, Vec<Value>>,
    /// What is answered in place of a path.
    broken: BTreeMap<&'static str, u16>,
    home: Value,
}

impl Held {
    fn of(issues: Vec<Value>) -> Self {
        Self::default().with("issues", issues)
    }

    fn with(mut self, path: &'static str, list: Vec<Value>) -> Self {
        self.lists.insert(path, list);
        self
    }

    async fn served(self) -> Server {
        Server::start(move |seen| self.answer(seen)).await
    }

    fn answer(&self, seen: &Seen) -> Response {
        let path = seen.path.strip_prefix("/gl/api/v4/projects/acme%2Fshop").unwrap();
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let path = path.trim_start_matches('/');
        if let Some(status) = self.broken.get(path) {
            return answer(*status, &json!({ "message": "404 Not found" }));
        }
        if path.is_empty() {
            let mut home = json!({
                "id": 3, "name": "shop", "path_with_namespace": "acme/shop", "default_branch": "main",
                "web_url": "https://gl.example/acme/shop", "visibility": "private",
            });
            home.as_object_mut().unwrap().extend(self.home.as_object().cloned().unwrap_or_default());
            return answer(200, &home);
        }
        page(self.lists.get(path).cloned().unwrap_or_default(), query)
    }
}

/// A page of a list as GitLab gives it: what was updated in the order of that, everything else as it stands.
fn page(mut list: Vec<Value>, query: &str) -> Response {
    let asked: BTreeMap<&str, &str> =
        query.split('&').filter(|part| !part.is_empty()).map(|part| part.split_once('=').unwrap()).collect();
    let moment = |text: &str| text.parse::<Timestamp>().unwrap();
    if let Some(after) = asked.get("updated_after") {
        assert_eq!((asked["order_by"], asked["sort"], asked["state"]), ("updated_at", "asc", "all"));
        list.retain(|item| moment(item["updated_at"].as_str().unwrap()) >= moment(after));
        list.sort_by_key(|item| moment(item["updated_at"].as_str().unwrap()));
    }
    let (size, number): (usize, usize) = (asked["per_page"].parse().unwrap(), asked["page"].parse().unwrap());
    let items: Vec<_> = list.iter().skip((number - 1) * size).take(size).collect();
    let mut page = answer(200, &json!(items));
    let next = if list.len() > number * size { (number + 1).to_string() } else { String::new() };
    page.headers_mut().insert("x-next-page", next.parse().unwrap());
    page
}

fn way(server: &Server) -> Polled {
    Polled::new(&Arc::new(gitlab(server)), &"acme/shop".parse().unwrap(), Duration::from_secs(30))
}

fn asked(cursor: Option<String>) -> Asked {
    Asked { since: at(-3600), cursor, all: false }
}

fn understood(delivery: &Delivery) -> (Event, Vec<String>) {
    let source = GitlabSource::new(SourceOptions::default());
    let Ok(Decoded::Event { event, identities }) = decode(&source, delivery) else { panic!("{delivery:?}") };
    (*event, identities)
}

/// The events that a page tells of.
async fn events(server: &Server) -> Vec<Event> {
    let page = way(server).page(&asked(None)).await.unwrap();
    page.deliveries.iter().map(|delivery| understood(delivery).0).collect()
}

fn kinds(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.kind.as_str()).collect()
}

#[tokio::test]
async fn everything_that_happened_is_told_as_it_was_at_the_time() {
    let mut first = issue(1, -500, -100);
    first["assignees"] = json!([user("ostler-bot")]);
    first["state"] = "closed".into();
    let held = Held::of(vec![first, issue(3, -5000, -400), issue(9, -9000, -4000)])
        .with("issues/1/resource_label_events", vec![label(15, "add", "ostler", -150)])
        .with("issues/1/resource_state_events", vec![state(1, "closed", -100)])
        .with("issues/1/notes", vec![note(20, "assigned to @ostler-bot and unassigned @old", -300)])
        .with("issues/3/resource_label_events", vec![label(11, "add", "ostler", -4000)])
        .with("issues/3/notes", vec![note(900, "/ostler help", -400), note(19, "/ostler old", -3700)]);
    let events = events(&held.served().await).await;
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
            ("gitlab.issue.opened", "gitlab:acme/shop#1", 0, "ada", at(-500)),
            ("gitlab.comment.created", "gitlab:acme/shop#3", 1, "eve", at(-400)),
            ("gitlab.issue.assigned", "gitlab:acme/shop#1", 0, "eve", at(-300)),
            ("gitlab.issue.labeled", "gitlab:acme/shop#1", 1, "ada", at(-150)),
            ("gitlab.issue.closed", "gitlab:acme/shop#1", 1, "ada", at(-100)),
        ]
    );
    let tasks: Vec<_> = events.iter().map(|event| event.task.as_ref().unwrap()).collect();
    let assignees: Vec<_> =
        tasks.iter().map(|task| task.assignee.as_ref().map(ToString::to_string)).collect();
    let (old, bot) = (Some("gitlab:old".to_owned()), Some("gitlab:ostler-bot".to_owned()));
    assert_eq!(assignees, [old, None, bot.clone(), bot.clone(), bot], "a note tells of no assignee");
    assert_eq!(tasks[3].status.as_deref(), Some("opened"), "it was closed later");
    assert_eq!(tasks[4].status.as_deref(), Some("closed"));
    assert_eq!((tasks[0].title.as_deref(), tasks[0].kind.as_deref()), (Some("T"), Some("Issue")));
    assert_eq!(events[1].command.as_ref().unwrap().name, "help");
    assert_eq!(
        events[1].comment.as_ref().unwrap().url.as_deref(),
        Some("https://gl.example/acme/shop/-/issues/3#note_900")
    );
    assert_eq!(events[2].assignee.as_ref().unwrap().to_string(), "gitlab:ostler-bot");
    assert_eq!(events[3].label.as_deref(), Some("ostler"));
    let repository = events[0].repository.as_ref().unwrap();
    assert_eq!((repository.name.to_string().as_str(), repository.private), ("acme/shop", Some(true)));
}

#[tokio::test]
async fn a_merge_request_is_told_of_with_its_branches_and_what_was_said_at_a_line() {
    let mut line = note(31, "/ostler fix this", -300);
    line["position"] = json!({ "position_type": "text", "new_line": 7 });
    let held = Held::default()
        .with("merge_requests", vec![change(1, -500, -100)])
        .with("merge_requests/1/resource_state_events", vec![state(1, "merged", -100)])
        .with(
            "merge_requests/1/notes",
            vec![
                note(34, "approved this merge request", -150),
                note(33, "changed title from **{-N-}** to **{+M+}**", -200),
                line,
                note(30, "requested review from @ostler-bot", -400),
            ],
        );
    let events = events(&held.served().await).await;
    assert_eq!(
        kinds(&events),
        [
            "gitlab.merge_request.opened",
            "gitlab.merge_request.review_requested",
            "gitlab.review_comment.created",
            "gitlab.merge_request.edited",
            "gitlab.merge_request.merged",
        ]
    );
    for event in &events {
        assert_eq!(event.subject.as_str(), "gitlab:acme/shop!1");
        let change = event.change.as_ref().unwrap();
        assert_eq!(
            (change.head_branch.as_deref(), change.head_sha.as_deref()),
            (Some("ada/fix"), Some("abc"))
        );
    }
    assert_eq!(events[2].command.as_ref().unwrap().name, "fix");
}

#[tokio::test]
async fn what_a_thing_was_made_with_is_told_once_and_what_came_in_one_go_is_one() {
    let mut first = issue(1, -500, -100);
    first["labels"] = json!(["ostler", "bug", "p1"]);
    let mut deleted = label(16, "add", "", -200);
    deleted["label"] = Value::Null;
    let labels = vec![
        label(10, "add", "ostler", -499),
        label(11, "add", "p2", -499),
        deleted,
        label(17, "add", "bug", -200),
        label(18, "add", "p1", -200),
        label(19, "remove", "p2", -200),
    ];
    let server = Held::of(vec![first]).with("issues/1/resource_label_events", labels).served().await;
    let page = way(&server).page(&asked(None)).await.unwrap();
    let told: Vec<_> = page.deliveries.iter().map(understood).collect();
    let [(opened, _), (labelled, ids)] = &told[..] else { panic!("{told:?}") };
    assert_eq!(opened.kind.as_str(), "gitlab.issue.opened");
    assert_eq!(opened.labels_added, ["ostler", "p2"]);
    assert_eq!(opened.task.as_ref().unwrap().labels, ["ostler", "p2"]);
    assert_eq!(labelled.kind.as_str(), "gitlab.issue.labeled");
    assert_eq!(labelled.labels_added, ["bug", "p1"]);
    assert_eq!(ids[0], "gitlab:label/16", "by the first, whatever became of its label");
}

#[tokio::test]
async fn what_somebody_else_or_somebody_later_labels_is_told_by_itself() {
    for (seconds, by) in [(-499, "eve"), (-490, "ada")] {
        let mut event = label(10, "add", "ostler", seconds);
        event["user"] = json!({ "id": if by == "eve" { 99 } else { 3 }, "username": by });
        let held =
            Held::of(vec![issue(1, -500, seconds)]).with("issues/1/resource_label_events", vec![event]);
        let events = events(&held.served().await).await;
        assert_eq!(kinds(&events), ["gitlab.issue.opened", "gitlab.issue.labeled"], "{seconds} {by}");
        assert!(events[0].labels_added.is_empty());
    }
}

#[tokio::test]
async fn what_is_told_again_is_known_by_what_it_tells_of() {
    let told = async |updated: i64, later: Vec<Value>| {
        let mut labels = vec![label(15, "add", "ostler", -150)];
        labels.extend(later);
        let held = Held::of(vec![issue(1, -500, updated)])
            .with("issues/1/resource_label_events", labels)
            .with("issues/1/resource_state_events", vec![state(7, "closed", -140)])
            .with("issues/1/notes", vec![note(20, "/ostler help", -130)]);
        let page = way(&held.served().await).page(&asked(None)).await.unwrap();
        let told = page.deliveries.iter().map(|delivery| understood(delivery).1);
        told.collect::<Vec<_>>()
    };
    let (first, later) = (told(-130, vec![]).await, told(-10, vec![label(16, "add", "bug", -10)]).await);
    let ids: Vec<_> = later.iter().map(|identities| identities[0].as_str()).collect();
    assert_eq!(
        ids,
        [
            "gitlab:opened/acme/shop#1",
            "gitlab:label/15",
            "gitlab:state/7",
            "gitlab:note/20",
            "gitlab:label/16"
        ]
    );
    for (first, later) in first.iter().zip(&later) {
        assert_eq!(first[0], later[0]);
    }
    // As a webhook would be known, too.
    assert!(first[3].contains(&"gitlab.comment.created:acme/shop:20".to_owned()), "{first:?}");
}

#[tokio::test]
async fn what_only_members_may_read_is_left_out_and_other_types_have_their_name() {
    let (mut secret, mut task) = (issue(1, -500, -100), issue(2, -500, -100));
    secret["confidential"] = true.into();
    task["issue_type"] = "test_case".into();
    let mut inside = note(30, "/ostler fix", -200);
    inside["internal"] = true.into();
    let held = Held::of(vec![secret, task]).with("issues/2/notes", vec![inside]);
    let events = events(&held.served().await).await;
    assert_eq!(kinds(&events), ["gitlab.work_item.opened"]);
    assert_eq!(events[0].task.as_ref().unwrap().kind.as_deref(), Some("Test case"));
}

#[tokio::test]
async fn the_next_look_begins_behind_what_is_settled() {
    for (updated, since) in [(-150, at(-150) + SignedDuration::from_millis(1)), (-10, at(-120))] {
        let server = Held::of(vec![issue(1, -500, updated)]).served().await;
        let page = way(&server).page(&asked(None)).await.unwrap();
        let cursor: Cursor = serde_json::from_str(page.cursor.as_deref().unwrap()).unwrap();
        assert_eq!((cursor, page.more), (Cursor { since, walk: None }, false), "{updated}");
        let before = server.lines().len();
        let next = way(&server).page(&asked(page.cursor)).await.unwrap();
        assert_eq!(next.deliveries.len(), 0, "the issue was opened before");
        let asked: Vec<_> = server.lines().split_off(before);
        let changed = if updated == -10 { 3 } else { 0 };
        assert_eq!(asked.len(), 3 + changed, "a project, its lists, and what is not settled: {asked:?}");
        assert!(asked[1].contains(&format!("updated_after={since}")), "{asked:?}");
    }
}

#[tokio::test]
async fn more_than_a_page_tells_of_is_told_page_by_page_without_a_gap() {
    // More at one moment than a list's page holds, among others, in both lists.
    let moment = |number: i64| if (30..200).contains(&number) { -1000 } else { number - 1030 };
    let all = (0..260).map(|number| (number, moment(number)));
    let (issues, changes): (Vec<_>, Vec<_>) = all.partition(|(number, _)| number % 3 != 0);
    let issues = issues.into_iter().map(|(number, updated)| issue(number as u64, -2000, updated));
    let changes = changes.into_iter().map(|(number, updated)| change(number as u64, -2000, updated));
    let server = Held::of(issues.collect()).with("merge_requests", changes.collect()).served().await;
    let (mut cursor, mut found, mut sizes) = (None, Vec::new(), Vec::new());
    loop {
        let page = way(&server).page(&asked(cursor)).await.unwrap();
        sizes.push(page.deliveries.len());
        found.extend(page.deliveries.iter().map(|told| told.header("idempotency-key").unwrap().to_owned()));
        cursor = page.cursor;
        if !page.more {
            break;
        }
    }
    assert_eq!(sizes, [20, 180, 20, 20, 20]);
    found.sort();
    found.dedup();
    assert_eq!(found.len(), 260);
    let cursor: Cursor = serde_json::from_str(cursor.as_deref().unwrap()).unwrap();
    assert_eq!(cursor, Cursor { since: at(259 - 1030) + SignedDuration::from_millis(1), walk: None });
}

#[tokio::test]
async fn an_issue_that_is_gone_holds_up_nothing_and_a_failure_is_no_end() {
    let held = Held::of(vec![issue(4, -500, -150), issue(1, -500, -150)]);
    for (status, told) in [(404, Some(1)), (401, None), (500, None)] {
        let mut held = held.clone();
        held.broken.insert("issues/4/resource_label_events", status);
        let page = way(&held.served().await).page(&asked(None)).await.ok();
        assert_eq!(page.map(|page| page.deliveries.len()), told, "{status}");
    }
    let mut held = held;
    held.broken.insert("", 404);
    assert_eq!(way(&held.served().await).page(&asked(None)).await.unwrap_err().problem, Problem::NotFound);
}

#[tokio::test]
async fn a_list_that_the_project_does_not_have_is_not_asked_for() {
    let mut held = Held::of(vec![issue(1, -500, -150)]);
    held.broken.insert("merge_requests", 403);
    held.home = json!({ "merge_requests_enabled": false });
    assert_eq!(events(&held.served().await).await.len(), 1);
}

#[tokio::test]
async fn texts_that_are_too_long_together_are_had_one_by_one() {
    let issues = (1..=12_u64).map(|iid| {
        let mut long = issue(iid, -500, -150);
        long["description"] = "x".repeat(1_000_000).into();
        long
    });
    let events = events(&Held::of(issues.collect()).served().await).await;
    assert_eq!(events.len(), 12);
}
