//! A bot that nobody can send anything to: it asks, and does the same work.

use serde_json::json;

use crate::harness::{Tale, World};

/// GitHub's repositories, each asked for what happened in it.
const GITHUB: &str = "github: {poll: {every: 1s}, repositories: [acme/site, acme/tools]}";

/// The tales of sources that can be polled.
const TALES: [Tale; 3] = [Tale::Ticket, Tale::Label(1), Tale::Comment];

/// The ways of asking.
const WAYS: [&str; 3] = ["jira.jql", "github.poll/acme/site", "github.poll/acme/tools"];

/// A world in which every source is polled, and no path for deliveries is on.
fn polled() -> World {
    let mut world = World::without_bot(&[]);
    let change = |text: String| {
        text.replace("github: {secrets: [twin-github-webhook]}", GITHUB)
            .replace("jira: {secrets: [twin-jira-webhook]}", "jira: {poll: {every: 1s}}")
            .replace("slack: {signing_secrets: [twin-slack-signing]}", "")
    };
    world.configure(change, &[]);
    world.restart();
    world
}

async fn all_asked(world: &World) {
    for way in WAYS {
        world.asked(way).await;
    }
}

#[tokio::test]
async fn a_bot_without_a_webhook_does_its_work_once_across_restarts() {
    let mut world = polled();
    all_asked(&world).await;
    for tale in TALES {
        tale.tell(&world.twins).await;
    }
    world.kill();
    world.restart();
    let runs = world.settle(TALES.len()).await;
    assert_eq!(runs.len(), TALES.len(), "{runs:#?}");
    world.terminate();
    world.restart();
    all_asked(&world).await;
    let runs = world.settle(TALES.len()).await;
    assert_eq!(runs.len(), TALES.len(), "what was done before is asked for again and known: {runs:#?}");
    let state = world.state().await;
    state.assert_told_once(&TALES);
    let taken = state.deliveries().filter(|sent| sent["status"].as_u64().is_some_and(|status| status < 400));
    assert_eq!(taken.collect::<Vec<_>>(), Vec::<&serde_json::Value>::new(), "nothing came in by itself");
    assert!(state.deliveries().any(|sent| sent["status"] == json!(404)));
}
