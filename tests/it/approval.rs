//! Runs that ask people, and runs that wait for events: the binary, its restarts, and whoever answers where.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{State, World};

const WORKFLOW: &str = "name: Ship
steps:
  - name: gate
    type: approval
    message: \"Ship ${command.text}?\"
    outputs: {by: decision.by, comment: decision.why}
  - name: tell
    type: system
    action: reply
    inputs: {text: \"Shipped for ${decision.by}: ${decision.why}\"}
results: {by: \"${decision.by}\"}
";

const LISTENING: &str = "name: Ship
steps:
  - name: hear
    type: wait
    event: github.comment.created
    if: \"${received.comment.body == 'go'}\"
    timeout: 3600
    outputs: {event: heard}
  - {name: tell, type: system, action: reply, inputs: {text: \"Heard ${heard.actor.name}\"}}
";

fn world(workflow: &str) -> World {
    let mut world = World::without_bot(&[]);
    let handler = "on: [github.comment.created, slack.command, slack.mention]\ncommand: ship\nrun: ship\n";
    world.configure(|text| text, &[("ship", handler)]);
    world.write_workflow("ship", workflow);
    world.restart();
    world
}

async fn comment(world: &World, by: &str, body: &str) {
    world.act(json!({"comment": {"repository": "acme/site", "number": 1, "body": body, "by": by}})).await;
}

/// What the bot wrote under the issue, the newest last.
fn answers(state: &State) -> Vec<String> {
    state.answers_under("acme/site", 1).into_iter().map(str::to_owned).collect()
}

async fn asked(world: &World) -> State {
    world
        .until("the bot asks", |state| answers(state).iter().any(|text| text.contains("Ship the shop?")))
        .await
}

/// The button of a question in a channel: the message, and what each button is called and carries.
fn buttons(state: &State, channel: &str) -> (String, Vec<(String, String)>) {
    let messages = state.channel(channel)["messages"].as_array().unwrap();
    let asking = messages.iter().rev().find(|message| message["blocks"].is_array()).unwrap();
    let elements = asking["blocks"][1]["elements"].as_array().unwrap();
    let text = |element: &Value, key: &str| element[key].as_str().unwrap().to_owned();
    let buttons = elements.iter().map(|element| (text(element, "action_id"), text(element, "value")));
    (text(asking, "ts"), buttons.collect())
}

#[tokio::test]
async fn a_comment_decides_after_a_restart_and_a_stranger_does_not() {
    let mut world = world(WORKFLOW);
    comment(&world, "ada", "/ostler ship the shop").await;
    asked(&world).await;
    // Another definition than the one that the run began with must not matter.
    std::fs::write(world.dir().join("workflows/ship.yaml"), LISTENING).unwrap();
    world.kill();
    world.restart();
    comment(&world, "eve", "/ostler approve").await;
    world
        .until("eve is refused", |state| {
            answers(state).iter().any(|text| text.contains("not yours to decide"))
        })
        .await;
    assert!(world.runs().await.iter().all(|run| run["status"] == "open"));
    comment(&world, "ada", "/ostler approve looks good").await;
    comment(&world, "ada", "/ostler approve again").await;
    let runs = world.settle(1).await;
    let ship = runs.iter().find(|run| run["workflow"] == "ship").unwrap();
    assert_eq!(ship["status"], "succeeded", "{runs:#?}");
    let whole = world.ostler(&["runs", ship["id"].as_str().unwrap(), "--data", "data", "--json"]).json();
    assert_eq!(whole["timeline"]["results"], json!({"by": "ada"}), "{whole:#}");
    let state = world.until("it is told", |state| answers(state).iter().any(|t| t.contains("Shipped"))).await;
    let told = answers(&state);
    let shipped: Vec<_> = told.iter().filter(|text| text.contains("Shipped for ada: looks good")).collect();
    assert_eq!(shipped.len(), 1, "{told:#?}");
}

#[tokio::test]
async fn a_button_decides_once_however_often_it_is_pressed() {
    let world = world(WORKFLOW);
    world
        .act(json!({"command": {"channel": "#site-dev", "user": "ada", "text": "/ostler ship the shop"}}))
        .await;
    let state = world
        .until("the bot asks with buttons", |state| {
            let messages = state.channel("site-dev")["messages"].as_array().cloned().unwrap_or_default();
            messages.iter().any(|message| message["blocks"].is_array())
        })
        .await;
    let (ts, buttons) = buttons(&state, "site-dev");
    let press = |(action, value): (String, String), user: &'static str| {
        let press = json!({"channel": "#site-dev", "ts": ts, "action": action, "value": value, "user": user});
        world.act(json!({ "press": press }))
    };
    press(buttons[0].clone(), "eve").await;
    press(buttons[1].clone(), "ada").await;
    press(buttons[0].clone(), "ada").await;
    press(buttons[1].clone(), "ada").await;
    let runs = world.settle(1).await;
    assert_eq!(runs[0]["status"], "failed", "{runs:#?}");
    assert!(runs[0]["reason"].as_str().unwrap().contains("ada rejected it"), "{runs:#?}");
    // A click that comes too late starts nothing and harms nothing.
    press(buttons[0].clone(), "ada").await;
    assert_eq!(world.settle(1).await.len(), 1);
}

#[tokio::test]
async fn whoever_is_at_the_machine_decides_and_signals_find_their_run() {
    let world = world(WORKFLOW);
    comment(&world, "ada", "/ostler ship the shop").await;
    asked(&world).await;
    let run = world.runs().await[0]["id"].as_str().unwrap().to_owned();
    let said =
        |arguments: &[&str]| world.ostler(&[arguments, &[run.as_str(), "--data", "data", "--json"]].concat());
    assert_eq!(said(&["pause"]).json()["signal"], "pause");
    assert_eq!(said(&["retry"]).code, 1);
    assert_eq!(said(&["resume"]).json()["signal"], "resume");
    assert_eq!(said(&["approve", "--comment", "fine"]).json()["signal"], "approve");
    let runs = world.settle(1).await;
    assert_eq!(runs[0]["status"], "succeeded", "{runs:#?}");
    assert_eq!(said(&["approve"]).code, 1, "nothing waits any more");
    assert_eq!(said(&["cancel"]).code, 1, "it is over");
}

#[tokio::test]
async fn a_decision_where_nothing_asks_is_answered_and_starts_nothing() {
    let world = world(WORKFLOW);
    comment(&world, "ada", "/ostler approve").await;
    let state = world.until("it is answered", |state| !answers(state).is_empty()).await;
    assert!(answers(&state)[0].contains("Nothing here waits for a decision"), "{:?}", answers(&state));
}

#[tokio::test]
async fn an_event_ends_a_wait_and_another_one_does_not() {
    let mut world = world(LISTENING);
    comment(&world, "ada", "/ostler ship").await;
    for _ in 0..100 {
        let runs = world.runs().await;
        if runs.iter().any(|run| run["records"].as_u64() >= Some(5)) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    comment(&world, "ada", "wait").await;
    world.kill();
    world.restart();
    comment(&world, "eve", "go").await;
    let runs = world.settle(1).await;
    assert_eq!(runs[0]["status"], "succeeded", "{runs:#?}");
    let state = world.until("it is told", |state| !answers(state).is_empty()).await;
    assert!(answers(&state)[0].contains("Heard eve"), "{:?}", answers(&state));
}
