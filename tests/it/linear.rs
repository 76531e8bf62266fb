//! Linear as the tracker, with GitHub as the forge: its ways in, each to its end.

use serde_json::{Value, json};

use crate::harness::{World, git, passes_at};

/// The configuration for the twins in which Linear is the tracker.
const CONFIG: &str = include_str!("../../fixtures/linear.yaml");

/// Twins, and a bot whose tasks are in Linear.
async fn start() -> World {
    let mut world = World::without_bot(&[]);
    world.configure(|_| CONFIG.to_owned(), &[]);
    world.restart();
    world
}

/// What Linear holds of an issue.
async fn issue(world: &World, key: &str) -> Value {
    world.state().await.0["linear"]["issues"][key].clone()
}

/// The bot's comments on an issue.
fn own_comments(issue: &Value) -> Vec<&str> {
    let all = issue["comments"].as_array().unwrap().iter();
    let own = all.filter(|comment| comment["author"] == "ostler-bot");
    own.map(|comment| comment["body"].as_str().unwrap()).collect()
}

/// The one pull request of the shop mends what is wrong with it, and the issue was moved and tells where it is.
async fn assert_done(world: &World, key: &str) {
    let state = world.state().await;
    let shop = &state.0["github"]["repositories"]["acme/shop"];
    let pulls = shop["pulls"].as_array().unwrap();
    let [pull] = &pulls[..] else { panic!("not one pull request: {shop:#}") };
    let url = pull["url"].as_str().unwrap();
    let place = tempfile::tempdir().unwrap();
    let (base, _) = url.split_once("/github/").unwrap();
    git(place.path(), &["clone", "-q", &format!("{base}/github/git/acme/shop.git"), "."]);
    assert!(!passes_at(place.path(), "origin/main"), "the shop had nothing to mend");
    assert!(passes_at(place.path(), pull["head_sha"].as_str().unwrap()), "the shop is not mended");
    let issue = issue(world, key).await;
    assert_eq!(issue["status"], "In Review");
    let comments = own_comments(&issue);
    assert!(matches!(comments[..], [comment] if comment.contains(url)), "{comments:#?}");
}

async fn succeeded_once(world: &World) {
    let runs = world.settle(1).await;
    assert_eq!((runs.len(), &runs[0]["status"]), (1, &json!("succeeded")), "{runs:#?}\n{}", world.log());
}

#[tokio::test]
async fn an_issue_that_is_labelled_becomes_a_pull_request() {
    let world = start().await;
    world.act(json!({"label_on_linear": {"issue": "ENG-7", "label": "ostler", "by": "ada"}})).await;
    succeeded_once(&world).await;
    assert_done(&world, "ENG-7").await;
    // Linear's second attempt carries another time of sending.
    world.redeliver().await;
    succeeded_once(&world).await;
}

#[tokio::test]
async fn an_issue_that_is_given_to_the_bot_becomes_a_pull_request() {
    let world = start().await;
    world.act(json!({"assign_on_linear": {"issue": "ENG-7", "by": "ada"}, "deliver": 2})).await;
    succeeded_once(&world).await;
    assert_done(&world, "ENG-7").await;
}

#[tokio::test]
async fn a_command_under_an_issue_becomes_a_pull_request() {
    let world = start().await;
    world
        .act(json!({"comment_on_linear": {"issue": "ENG-7", "body": "/ostler implement", "by": "ada"}}))
        .await;
    succeeded_once(&world).await;
    assert_done(&world, "ENG-7").await;
}

#[tokio::test]
async fn words_in_slack_become_an_issue_and_a_pull_request() {
    let world = start().await;
    let text = "/ostler implement the missing discount";
    world.act(json!({"command": {"channel": "shop-dev", "user": "ada", "text": text}})).await;
    succeeded_once(&world).await;
    assert_done(&world, "ENG-9").await;
    assert_eq!(issue(&world, "ENG-9").await["creator"], "ostler-bot");
}

#[tokio::test]
async fn who_is_not_known_on_the_forge_starts_nothing() {
    let world = start().await;
    world
        .act(json!({"comment_on_linear": {"issue": "ENG-8", "body": "/ostler implement", "by": "eve"}}))
        .await;
    let runs = world.settle(1).await;
    assert_eq!((&runs[0]["status"], &runs[0]["cost"]), (&json!("refused"), &json!(0.0)), "{runs:#?}");
    let issue = issue(&world, "ENG-8").await;
    assert_eq!((own_comments(&issue).len(), &issue["status"]), (1, &json!("Todo")), "{issue:#}");
}

#[tokio::test]
async fn what_was_asked_while_the_bot_was_away_is_caught_up_once() {
    let mut world = start().await;
    world.asked("linear.missed/comments").await;
    world.terminate();
    world
        .act(json!({"comment_on_linear": {"issue": "ENG-7", "body": "/ostler implement", "by": "ada"}}))
        .await;
    world.restart();
    succeeded_once(&world).await;
    // Linear's own second attempt comes late.
    world.redeliver().await;
    succeeded_once(&world).await;
    assert_done(&world, "ENG-7").await;
}
