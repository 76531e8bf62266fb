//! How runs come along, as people read it where they asked: one comment or message of each run, edited.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{State, World};

const WORKFLOW: &str = "name: Ship
steps:
  - {name: look, type: system, action: log, inputs: {message: Looking}}
  - {name: gate, type: approval, message: \"Ready for ${command.text}?\"}
  - {name: pack, type: system, action: log, inputs: {message: Packing}}
";

const HANDLER: &str =
    "on: [github.comment.created, slack.command, jira.issue.commented]\ncommand: ship\nrun: ship\n";

/// A world whose bot tells how runs come along.
fn world() -> World {
    let mut world = World::without_bot(&[]);
    world.configure(
        |text| text.replace("system: {status: false}", "system: {status: true}"),
        &[("ship", HANDLER)],
    );
    world.write_workflow("ship", WORKFLOW);
    world.restart();
    world
}

/// Waits until something is told.
async fn until(world: &World, what: &str, told: impl Fn(&State) -> Vec<String>) -> Vec<String> {
    let mut seen = Vec::new();
    for _ in 0..600 {
        seen = told(&world.state().await);
        if seen.iter().any(|text| text.contains(what)) {
            return seen;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("it was never told: {what}; {seen:#?}; {:#?}; {}", world.runs().await, world.log());
}

/// What of these tells how a run comes along.
fn statuses<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    texts
        .into_iter()
        .filter(|text| text.contains("run_") && text.contains("look"))
        .map(str::to_owned)
        .collect()
}

fn edits(state: &State, path: &str) -> usize {
    let asked = state.0["requests"].as_array().unwrap().iter();
    asked.filter(|request| request["path"].as_str().is_some_and(|asked| asked.contains(path))).count()
}

async fn approve(world: &World) {
    let run = world.runs().await[0]["id"].as_str().unwrap().to_owned();
    let said = world.ostler(&["approve", &run, "--data", "data"]);
    assert_eq!(said.code, 0, "{said:#?}");
}

#[tokio::test]
async fn one_comment_is_edited_to_the_end_though_the_bot_dies_in_between() {
    let mut world = world();
    let told = |state: &State| statuses(state.answers_under("acme/site", 1));
    let comment = json!({"repository": "acme/site", "number": 1, "body": "/ostler ship it", "by": "ada"});
    world.act(json!({ "comment": comment })).await;
    until(&world, "it waits for a decision", told).await;
    world.kill();
    world.restart();
    approve(&world).await;
    world.settle(1).await;
    // Right after its end: what is not told yet is told by the next one.
    world.kill();
    world.restart();
    let last = until(&world, "Ship: done", told).await;
    assert_eq!(last.len(), 1, "one comment: {last:#?}");
    for line in ["✓ look", "✓ gate", "✓ pack"] {
        assert!(last[0].contains(line), "{line} is missing in {}", last[0]);
    }
    let state = world.state().await;
    assert!(
        edits(&state, "/issues/comments/") >= 2,
        "it is the same comment, edited: {}",
        state.0["requests"]
    );
}

#[tokio::test]
async fn a_channel_has_one_message_and_a_ticket_one_comment() {
    let world = world();
    let command = json!({"channel": "#site-dev", "user": "ada", "text": "/ostler ship it"});
    world.act(json!({ "command": command })).await;
    let in_channel = |state: &State| statuses(state.messages().into_iter().map(|(_, text)| text));
    until(&world, "it waits for a decision", in_channel).await;
    approve(&world).await;
    let last = until(&world, "Ship: done", in_channel).await;
    assert_eq!(last.len(), 1, "{last:#?}");

    let comment = json!({"ticket": "SHOP-7", "body": "/ostler ship it", "by": "ada"});
    world.act(json!({ "comment_ticket": comment })).await;
    let on_ticket = |state: &State| statuses(state.answers_on("SHOP-7"));
    until(&world, "it waits for a decision", on_ticket).await;
    approve(&world).await;
    let last = until(&world, "Ship: done", on_ticket).await;
    assert_eq!(last.len(), 1, "{last:#?}");
    let runs: Vec<Value> = world.settle(2).await;
    assert!(runs.iter().all(|run| run["status"] == "succeeded"), "{runs:#?}");
}
