//! The four ways in, each to its end.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::harness::{Said, State, World, git, ostler, passes_at};

/// What a story must leave in the repository: the pull request, whose branch passes the tests that
/// `before` fails.
fn assert_mends(state: &State, repository: &str, branch: &str, before: &str) -> Value {
    let pulls = state.pulls(repository);
    let [pull] = pulls[..] else { panic!("not one pull request: {pulls:#?}") };
    assert_eq!(pull["head"], branch, "{pull:#}");
    let clone = state.clone_of(repository);
    let head = git(clone.path(), &["rev-parse", &format!("origin/{branch}")]);
    assert_eq!(pull["head_sha"], head.as_str());
    assert!(!passes_at(clone.path(), before), "{repository} had nothing to mend at {before}");
    assert!(passes_at(clone.path(), &head), "{repository} is not mended at {branch}");
    pull.clone()
}

/// The parts that people who review look for.
fn assert_reviewable(pull: &Value, task: &str) {
    let body = pull["body"].as_str().unwrap();
    for part in
        ["## Overview", "## Changes", "## Tests", "## For the review", "passes, and did not before", task]
    {
        assert!(body.contains(part), "{part:?} is missing in:\n{body}");
    }
}

fn assert_one(what: &[&str], holds: &str) {
    assert!(matches!(what, [one] if one.contains(holds)), "not one {holds:?}: {what:#?}");
}

#[tokio::test]
async fn a_ticket_that_is_assigned_becomes_a_pull_request() {
    let world = World::start().await;
    world.act(json!({"assign": {"ticket": "SHOP-7", "by": "ada"}})).await;
    let runs = world.settle(1).await;
    assert_eq!(runs[0]["status"], "succeeded", "{runs:#?}");
    let state = world.state().await;
    assert_eq!(state.branches("acme/shop"), ["main", "ostler/shop-7"]);
    let pull = assert_mends(&state, "acme/shop", "ostler/shop-7", "origin/main");
    assert_reviewable(&pull, "SHOP-7");
    assert_one(&state.answers_on("SHOP-7"), pull["url"].as_str().unwrap());
    assert_eq!(state.ticket("SHOP-7")["status"], "In Review");
    let messages = state.messages();
    assert!(
        matches!(messages[..], [("shop-dev", text)] if text.contains("/acme/shop/pull/")),
        "{messages:#?}"
    );
}

#[tokio::test]
async fn an_issue_that_is_labelled_becomes_a_pull_request() {
    let world = World::start().await;
    world
        .act(json!({"label": {"repository": "acme/site", "issue": 1, "label": "ostler", "by": "ada"}}))
        .await;
    let runs = world.settle(1).await;
    assert_eq!(runs[0]["status"], "succeeded", "{runs:#?}");
    let state = world.state().await;
    assert_eq!(state.branches("acme/site").len(), 2, "{:?}", state.branches("acme/site"));
    let branch = state.pulls("acme/site")[0]["head"].as_str().unwrap().to_owned();
    let pull = assert_mends(&state, "acme/site", &branch, "origin/main");
    assert_reviewable(&pull, "#1");
    assert_one(&state.answers_under("acme/site", 1), pull["url"].as_str().unwrap());
    assert_eq!(state.messages().len(), 1, "{:?}", state.messages());
}

#[tokio::test]
async fn a_command_on_a_pull_request_becomes_a_commit_on_it() {
    let world = World::start().await;
    let old = world.state().await.pulls("acme/tools")[0]["head_sha"].as_str().unwrap().to_owned();
    let comment = json!({"repository": "acme/tools", "number": 1, "body": "/ostler fix this", "by": "ada"});
    world.act(json!({"comment": comment})).await;
    let runs = world.settle(1).await;
    assert_eq!(runs[0]["status"], "succeeded", "{runs:#?}");
    let state = world.state().await;
    assert_eq!(state.branches("acme/tools"), ["ada/join-path", "main"], "it made a branch of its own");
    let pull = assert_mends(&state, "acme/tools", "ada/join-path", &old);
    assert_eq!(pull["title"], "Add join_path", "the pull request's own words stay");
    assert_eq!(state.answers_under("acme/tools", 1).len(), 1, "{:?}", state.answers_under("acme/tools", 1));
    assert_eq!(state.messages().len(), 1, "{:?}", state.messages());
    let clone = state.clone_of("acme/tools");
    let commits = git(clone.path(), &["rev-list", "--count", &format!("{old}..origin/ada/join-path")]);
    assert_eq!(commits, "1");
}

#[tokio::test]
async fn a_slash_command_becomes_a_ticket_and_a_pull_request() {
    let world = World::start().await;
    let text = "/ostler implement monthly interest rounded to the cent";
    world.act(json!({"command": {"channel": "#bank-dev", "user": "ada", "text": text}})).await;
    let runs = world.settle(1).await;
    assert_eq!(runs[0]["status"], "succeeded", "{runs:#?}");
    let state = world.state().await;
    assert_one(&state.whispers(), "Started");
    let ticket = state.ticket("BANK-1");
    assert_eq!(ticket["summary"], "monthly interest rounded to the cent");
    assert!(ticket["description"].as_str().unwrap().contains("Asked for by ada"), "{ticket:#}");
    assert_eq!(state.branches("acme/bank"), ["main", "ostler/bank-1"]);
    let pull = assert_mends(&state, "acme/bank", "ostler/bank-1", "origin/main");
    assert_reviewable(&pull, "BANK-1");
    assert_one(&state.answers_on("BANK-1"), pull["url"].as_str().unwrap());
    let messages = state.messages();
    assert!(
        matches!(messages[..], [("bank-dev", text)] if text.contains("/acme/bank/pull/")),
        "{messages:#?}"
    );
}

fn demo(arguments: &[&str]) -> Said {
    let place = tempfile::tempdir().unwrap();
    let mut all = vec!["demo", "--once"];
    all.extend(arguments);
    ostler(place.path(), &all)
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

/// The document's shape is a promise to programs: these names, and no others.
fn assert_shape(document: &Value) -> Vec<Value> {
    assert_eq!(keys(document), ["stories"]);
    let stories = document["stories"].as_array().unwrap().clone();
    assert_eq!(stories.len(), 4);
    for story in &stories {
        let mut names = [
            "name",
            "source",
            "event_id",
            "run_id",
            "status",
            "pull_request",
            "ticket",
            "message",
            "cost_usd",
            "steps",
        ];
        names.sort_unstable();
        let mut found = keys(story);
        found.sort_unstable();
        assert_eq!(found, names, "{story:#}");
        let mut parts = [keys(&story["pull_request"]), keys(&story["ticket"]), keys(&story["message"])];
        parts.iter_mut().for_each(|part| part.sort_unstable());
        assert_eq!(
            parts,
            [vec!["branch", "commit", "url"], vec!["comments", "key", "status"], vec!["channel", "text"]]
        );
        assert!(story["cost_usd"].is_f64(), "{story:#}");
        assert!(story["steps"].as_array().is_some_and(|steps| !steps.is_empty()), "{story:#}");
    }
    stories
}

#[test]
fn the_demo_gives_one_document_about_four_good_stories() {
    let said = demo(&["--json"]);
    assert_eq!(said.code, 0, "{said:#?}");
    for story in assert_shape(&said.json()) {
        assert_eq!(story["status"], "succeeded", "{story:#}");
        assert_eq!(story["pull_request"]["commit"].as_str().unwrap().len(), 40, "{story:#}");
        assert!(story["cost_usd"].as_f64().unwrap() > 0.0, "{story:#}");
        assert_eq!(story["ticket"]["comments"].as_array().unwrap().len(), 1, "{story:#}");
        assert!(story["message"]["text"].as_str().unwrap().contains("/pull/"), "{story:#}");
    }
}

#[test]
fn the_demo_is_plain_lines_where_no_terminal_is() {
    let said = demo(&[]);
    assert_eq!(said.code, 0, "{said:#?}");
    assert!(!said.out.contains('\u{1b}') && !said.out.contains('\r'), "{}", said.out);
    assert!(said.out.contains("4 of 4 stories ended right"), "{}", said.out);
    assert!(
        said.out.lines().any(|line| line.trim_start().starts_with('+')),
        "no diff is shown: {}",
        said.out
    );
}

/// Tells the stories by a workflow of the file's, all of which must succeed.
fn told_by(file: &Path) -> Vec<Value> {
    let said = demo(&["--json", "--workflow", file.to_str().unwrap()]);
    assert_eq!(said.code, 0, "{}: {said:#?}", file.display());
    let stories = assert_shape(&said.json());
    assert!(stories.iter().all(|story| story["status"] == "succeeded"), "{stories:#?}");
    stories
}

fn own(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/workflows").join(name)
}

fn assert_published(stories: &[Value]) {
    for story in stories {
        assert_eq!(story["pull_request"]["commit"].as_str().unwrap().len(), 40, "{story:#}");
    }
}

#[test]
fn a_workflow_in_the_given_format_develops() {
    let stories = told_by(&own("development.yaml"));
    assert_published(&stories);
    for story in &stories {
        assert!(story["message"]["text"].as_str().unwrap().contains("/pull/"), "{story:#}");
        assert_eq!(story["ticket"]["comments"].as_array().unwrap().len(), 1, "{story:#}");
    }
}

#[test]
fn a_workflow_of_ai_actions_alone_finds_its_prompts_and_its_task() {
    let stories = told_by(&own("ai-steps.yaml"));
    assert_published(&stories);
    let steps = stories[0]["steps"].to_string();
    assert!(steps.contains("documentation") || steps.contains("docs/"), "{steps}");
}

#[test]
fn a_workflow_with_every_key_runs_to_its_end() {
    for story in told_by(&own("every-key.yaml")) {
        assert_eq!(story["message"]["channel"], "#dev", "{story:#}");
    }
}

/// The documents that the format was given by, where they are at hand.
pub(crate) fn given(name: &str) -> Option<PathBuf> {
    let shared = std::env::var_os("OSTLER_GIVEN_WORKFLOWS").map(PathBuf::from);
    let place =
        shared.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/workflows-as-given"));
    let file = place.join(name);
    if !file.exists() {
        let file = file.display();
        let skipped = format!("skipped: {file} is not here; OSTLER_GIVEN_WORKFLOWS names another place\n");
        std::io::stderr().write_all(skipped.as_bytes()).unwrap();
        return None;
    }
    Some(file)
}

#[test]
fn the_given_development_workflow_ends_well_unmodified() {
    if let Some(file) = given("development.yaml") {
        assert_published(&told_by(&file));
    }
}

#[test]
fn the_given_ai_development_workflow_ends_well_unmodified() {
    if let Some(file) = given("ai-development.yaml") {
        assert_published(&told_by(&file));
    }
}

#[test]
fn the_given_workflow_with_every_key_ends_well_unmodified() {
    if let Some(file) = given("every-key.yaml") {
        told_by(&file);
    }
}
