//! A bot that nobody can send anything to listens over connections that it opens: nothing is lost, and nothing done twice.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Delivery, Tale, World};

/// A world in which Slack is listened to, and can send nothing.
fn listening() -> World {
    let mut world = World::without_bot(&[]);
    let heard = "slack: {app_token: xapp-twin-slack-token}";
    world.configure(|text| text.replace("slack: {signing_secrets: [twin-slack-signing]}", heard), &[]);
    world.restart();
    world
}

/// Slack's connections, once there are so many.
async fn connections(world: &World, open: u64) -> Value {
    for _ in 0..2000 {
        let found = world.state().await.0["slack"]["connections"].clone();
        if found["open"] == open {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("there are not {open} connections: {}\n{}", world.state().await.0["slack"], world.log());
}

async fn mention(world: &World, text: &str) -> Value {
    world.act(json!({"mention": {"channel": "bank-dev", "user": "ada", "text": text}})).await
}

#[tokio::test]
async fn slack_is_listened_to_and_a_command_is_answered_and_done() {
    let world = listening();
    connections(&world, 1).await;
    Tale::Command.tell(&world.twins).await;
    let runs = world.settle(1).await;
    assert_eq!((runs.len(), &runs[0]["status"]), (1, &json!("succeeded")), "{runs:#?}");
    let state = world.state().await;
    state.assert_told_once(&[Tale::Command]);
    let whispers = &state.0["slack"]["whispers"];
    let started = whispers[0]["text"].as_str().unwrap_or_default();
    assert!(started.starts_with("Started standard-development in acme/bank"), "{whispers}");
    let posted = world.deliver(&Delivery::slack_command(0, "text=help")).await;
    assert_eq!(posted.status(), 404, "nothing can be sent here");
}

#[tokio::test]
async fn nothing_is_lost_while_connections_end_break_and_are_away() {
    let mut world = listening();
    connections(&world, 1).await;
    // One that is about to end is listened to until it has; the next one is open before.
    world.twins.end_connections("refresh").await;
    for number in 0..40 {
        let told = mention(&world, &format!("hello {number}")).await;
        assert_eq!(told["answers"][0]["status"], 200, "{number}: {told}\n{}", world.log());
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    let found = connections(&world, 1).await;
    assert_eq!((&found["opened"], &found["most"]), (&json!(2), &json!(2)), "{found}");
    // One that broke is opened again.
    world.twins.end_connections("drop").await;
    let mut told = 40;
    while connections(&world, 1).await["opened"] == 2 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(mention(&world, "hello again").await["answers"][0]["status"], 200);
    told += 1;
    // What was said while nobody listened is found, and what is told again is known.
    world.kill();
    let nobody = mention(&world, "hello?").await;
    assert_eq!(nobody["answers"][0]["status"], Value::Null, "{nobody}");
    told += 1;
    world.restart();
    assert_eq!(world.asked("slack.history").await["accepted"], 1);
    connections(&world, 1).await;
    let again = world.redeliver().await;
    assert!(again["answers"].as_array().unwrap().iter().all(|sent| sent["status"] == 200), "{again}");
    assert_eq!(world.settle(told).await.len(), told);
}

#[tokio::test]
async fn an_app_whose_token_is_wrong_is_told_of_by_the_doctor() {
    let mut world = World::without_bot(&[]);
    let heard = "slack: {app_token: xapp-wrong}";
    world.configure(|text| text.replace("slack: {signing_secrets: [twin-slack-signing]}", heard), &[]);
    world.restart();
    let said = world.ostler(&["doctor", "--config", "ostler.yaml", "--json"]);
    let findings = said.json()["findings"].as_array().unwrap().clone();
    let found = findings.iter().find(|one| one["what"] == "Socket Mode").unwrap();
    assert_eq!((&found["health"], &found["said"]), (&json!("failed"), &json!("invalid_auth")), "{found}");
    assert!(!said.out.contains("xapp-wrong"));
}
