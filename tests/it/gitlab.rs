//! GitLab as the forge and the tracker: its ways in, each to its end.

use serde_json::{Value, json};

use crate::harness::{World, git, passes_at};

/// The configuration for the twins in which GitLab is the forge.
const CONFIG: &str = include_str!("../../fixtures/gitlab.yaml");

/// Twins, and a bot that works on GitLab.
async fn start() -> World {
    let mut world = World::without_bot(&[]);
    world.configure(|_| CONFIG.to_owned(), &[]);
    world.restart();
    world
}

/// What GitLab holds of a project.
async fn project(world: &World, path: &str) -> Value {
    world.state().await.0["gitlab"]["projects"][path].clone()
}

/// The bot's notes on an issue or a merge request.
fn own_notes(item: &Value) -> Vec<&str> {
    let notes = item["notes"].as_array().unwrap().iter().filter(|note| note["author"] == "ostler-bot");
    notes.map(|note| note["body"].as_str().unwrap()).collect()
}

/// The branch of a merge request passes the tests that `before` fails.
fn assert_mends(path: &str, change: &Value, before: &str) {
    let place = tempfile::tempdir().unwrap();
    let (base, _) = change["url"].as_str().unwrap().split_once("/gitlab/").unwrap();
    git(place.path(), &["clone", "-q", &format!("{base}/gitlab/{path}.git"), "."]);
    let branch = change["source_branch"].as_str().unwrap();
    let head = git(place.path(), &["rev-parse", &format!("origin/{branch}")]);
    assert_eq!(change["sha"], head.as_str());
    assert!(!passes_at(place.path(), before), "{path} had nothing to mend at {before}");
    assert!(passes_at(place.path(), &head), "{path} is not mended at {branch}");
}

/// Ada asks for the first issue of the site.
fn label() -> Value {
    json!({"label_on_gitlab": {"project": "acme/web/site", "issue": 1, "label": "ostler", "by": "ada"}})
}

/// Somebody writes a note on the first issue or merge request of a project.
fn note(on: &str, project: &str, body: &str, by: &str) -> Value {
    json!({"note_on_gitlab": {"project": project, on: 1, "body": body, "by": by}})
}

#[tokio::test]
async fn an_issue_that_is_labelled_becomes_a_merge_request() {
    let world = start().await;
    world.act(label()).await;
    let runs = world.settle(1).await;
    assert_eq!((runs.len(), &runs[0]["status"]), (1, &json!("succeeded")), "{runs:#?}\n{}", world.log());
    let site = project(&world, "acme/web/site").await;
    let changes = site["merge_requests"].as_array().unwrap();
    let [change] = &changes[..] else { panic!("not one merge request: {site:#}") };
    assert_mends("acme/web/site", change, "origin/main");
    assert!(change["description"].as_str().unwrap().contains("## Overview"), "{change:#}");
    assert_eq!(change["author"], "ostler-bot");
    let issue = &site["issues"][0];
    let notes = own_notes(issue);
    assert!(
        matches!(notes[..], [note] if note.contains("/gitlab/acme/web/site/-/merge_requests/1")),
        "{notes:#?}"
    );
    assert_eq!(issue["labels"], json!(["ostler", "status::in review"]));
}

#[tokio::test]
async fn a_note_on_a_merge_request_becomes_a_commit_on_it() {
    let world = start().await;
    let old =
        project(&world, "acme/web/tools").await["merge_requests"][0]["sha"].as_str().unwrap().to_owned();
    world.act(note("merge_request", "acme/web/tools", "/ostler fix this", "ada")).await;
    let runs = world.settle(1).await;
    assert_eq!(runs[0]["status"], "succeeded", "{runs:#?}\n{}", world.log());
    let tools = project(&world, "acme/web/tools").await;
    let branches: Vec<_> = tools["branches"].as_object().unwrap().keys().collect();
    assert_eq!(branches, ["ada/join-path", "main"], "it made a branch of its own");
    let change = &tools["merge_requests"][0];
    assert_mends("acme/web/tools", change, &old);
    assert_eq!(change["title"], "Add join_path", "the merge request's own words stay");
    assert_eq!(own_notes(change).len(), 1, "{change:#}");
    assert_eq!(tools["issues"], json!([]), "the task is the merge request itself");
}

#[tokio::test]
async fn who_is_no_developer_of_the_project_starts_nothing() {
    let world = start().await;
    world.act(note("issue", "acme/web/site", "/ostler implement", "eve")).await;
    let runs = world.settle(1).await;
    assert_eq!((&runs[0]["status"], &runs[0]["cost"]), (&json!("refused"), &json!(0.0)), "{runs:#?}");
    let site = project(&world, "acme/web/site").await;
    assert_eq!(site["merge_requests"], json!([]));
    let notes = own_notes(&site["issues"][0]);
    assert!(matches!(notes[..], [note] if note.contains("may not write to acme/web/site")), "{notes:#?}");
}

/// Registers a webhook, as `ostler init` does.
async fn register(world: &World) {
    let site = project(world, "acme/web/site").await;
    let (base, _) = site["issues"][0]["url"].as_str().unwrap().split_once("/acme/").unwrap();
    let hooks = format!("{base}/api/v4/projects/acme%2Fweb%2Fsite/hooks");
    let request = reqwest::Client::builder().no_proxy().build().unwrap().post(hooks);
    let wanted = json!({"url": "https://ostler.example/webhooks/gitlab", "issues_events": true});
    let answer = request.header("private-token", "twin-gitlab-token").json(&wanted).send().await.unwrap();
    assert!(answer.status().is_success());
}

#[tokio::test]
async fn what_happened_while_the_bot_was_away_is_caught_up_once() {
    let mut world = start().await;
    register(&world).await;
    world.terminate();
    world.act(label()).await;
    world.restart();
    let runs = world.settle(1).await;
    assert_eq!((runs.len(), &runs[0]["status"]), (1, &json!("succeeded")), "{runs:#?}\n{}", world.log());
    // GitLab's own second attempt comes late.
    world.redeliver().await;
    let runs = world.settle(1).await;
    assert_eq!(runs.len(), 1, "{runs:#?}");
    assert_eq!(project(&world, "acme/web/site").await["merge_requests"].as_array().unwrap().len(), 1);
}
