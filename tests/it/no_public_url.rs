//! A bot that nobody can send anything to: it asks, and does the same work.

use serde_json::json;

use crate::harness::{Tale, World};

/// A world in which every source is polled, and no path for deliveries is on.
fn polled() -> World {
    let mut world = World::without_bot(&[]);
    let change = |text: String| {
        text.replace("github: {secrets: [twin-github-webhook]}", "")
            .replace("jira: {secrets: [twin-jira-webhook]}", "jira: {poll: {every: 1s}}")
            .replace("slack: {signing_secrets: [twin-slack-signing]}", "")
    };
    world.configure(change, &[]);
    world.restart();
    world
}

#[tokio::test]
async fn a_bot_without_a_webhook_does_its_work_once_across_restarts() {
    let mut world = polled();
    world.asked("jira.jql").await;
    world.act(Tale::Ticket.act()).await;
    world.kill();
    world.restart();
    let runs = world.settle(1).await;
    assert_eq!(runs.len(), 1, "{runs:#?}");
    world.terminate();
    world.restart();
    world.asked("jira.jql").await;
    assert_eq!(world.settle(1).await.len(), 1, "what was done before is asked for again and known");
    let state = world.state().await;
    state.assert_told_once(&[Tale::Ticket]);
    let taken = state.deliveries().filter(|sent| sent["status"].as_u64().is_some_and(|status| status < 400));
    assert_eq!(taken.collect::<Vec<_>>(), Vec::<&serde_json::Value>::new(), "nothing came in by itself");
    assert!(state.deliveries().any(|sent| sent["status"] == json!(404)));
}
