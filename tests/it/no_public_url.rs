//! A bot that nobody can send anything to: it asks, and does the same work.

use serde_json::{Value, json};

use crate::harness::{State, Tale, World};

/// The configuration for the twins in which GitLab is the forge.
const GITLAB: &str = include_str!("../../fixtures/gitlab.yaml");

/// The configuration for the twins in which Linear is the tracker.
const LINEAR: &str = include_str!("../../fixtures/linear.yaml");

/// GitHub's repositories, each asked for what happened in it.
const GITHUB_POLLED: &str = "github: {poll: {every: 1s}, repositories: [acme/site, acme/tools]}";

/// The tales of sources that can be polled.
const TALES: [Tale; 3] = [Tale::Ticket, Tale::Label(1), Tale::Comment];

/// The ways of asking.
const WAYS: [&str; 3] = ["jira.jql", "github.poll/acme/site", "github.poll/acme/tools"];

/// The ways of asking where GitLab is the forge.
const WAYS_TO_GITLAB: [&str; 2] = ["gitlab.poll/acme/web/site", "gitlab.poll/acme/web/tools"];

/// The ways of asking Linear.
const WAYS_TO_LINEAR: [&str; 2] = ["linear.poll/issues", "linear.poll/comments"];

/// A world in which every source is polled, and no path for deliveries is on.
fn polled() -> World {
    let mut world = World::without_bot(&[]);
    let change = |text: String| {
        text.replace("github: {secrets: [twin-github-webhook]}", GITHUB_POLLED)
            .replace("jira: {secrets: [twin-jira-webhook]}", "jira: {poll: {every: 1s}}")
            .replace("slack: {signing_secrets: [twin-slack-signing]}", "")
    };
    world.configure(change, &[]);
    world.restart();
    world
}

async fn all_asked(world: &World, ways: &[&str]) {
    for way in ways {
        world.asked(way).await;
    }
}

#[tokio::test]
async fn a_bot_without_a_webhook_does_its_work_once_across_restarts() {
    let mut world = polled();
    all_asked(&world, &WAYS).await;
    for tale in TALES {
        tale.tell(&world.twins).await;
    }
    world.kill();
    world.restart();
    let runs = world.settle(TALES.len()).await;
    assert_eq!(runs.len(), TALES.len(), "{runs:#?}");
    world.terminate();
    world.restart();
    all_asked(&world, &WAYS).await;
    let runs = world.settle(TALES.len()).await;
    assert_eq!(runs.len(), TALES.len(), "what was done before is asked for again and known: {runs:#?}");
    let state = world.state().await;
    state.assert_told_once(&TALES);
    assert_nothing_came(&state);
}

/// Every delivery that was sent found nobody who takes it.
fn assert_nothing_came(state: &State) {
    let taken = state.deliveries().filter(|sent| sent["status"].as_u64().is_some_and(|status| status < 400));
    assert_eq!(taken.collect::<Vec<_>>(), Vec::<&Value>::new(), "nothing came in by itself");
    assert!(state.deliveries().any(|sent| sent["status"] == json!(404)));
}

/// Two runs end well over a kill, and after another restart everything was asked for once more and was known.
async fn two_are_done_across_restarts(world: &mut World, ways: &[&str]) {
    world.kill();
    world.restart();
    let runs = world.settle(2).await;
    assert!(runs.iter().all(|run| run["status"] == "succeeded"), "{runs:#?}\n{}", world.log());
    world.terminate();
    world.restart();
    all_asked(world, ways).await;
    let runs = world.settle(2).await;
    assert_eq!(runs.len(), 2, "what was done before is asked for again and known: {runs:#?}");
}

/// A world in which GitLab is the forge, and polled.
fn gitlab_polled() -> World {
    let mut world = World::without_bot(&[]);
    let polled = GITLAB.replace("secrets: [twin-gitlab-webhook]", "poll: {every: 1s}");
    world.configure(|_| polled, &[]);
    world.restart();
    world
}

#[tokio::test]
async fn what_happens_on_gitlab_is_found_and_done_once_across_restarts() {
    let mut world = gitlab_polled();
    all_asked(&world, &WAYS_TO_GITLAB).await;
    let (label, note) = (
        json!({"project": "acme/web/site", "issue": 1, "label": "ostler", "by": "ada"}),
        json!({"project": "acme/web/tools", "merge_request": 1, "body": "/ostler fix this", "by": "ada"}),
    );
    world.act(json!({ "label_on_gitlab": label })).await;
    world.act(json!({ "note_on_gitlab": note })).await;
    two_are_done_across_restarts(&mut world, &WAYS_TO_GITLAB).await;
    let state = world.state().await;
    let projects = &state.0["gitlab"]["projects"];
    let (site, tools) = (&projects["acme/web/site"], &projects["acme/web/tools"]);
    assert_eq!(site["merge_requests"].as_array().unwrap().len(), 1, "{site:#}");
    for item in [&site["issues"][0], &tools["merge_requests"][0]] {
        let notes = item["notes"].as_array().unwrap().iter().filter(|note| note["author"] == "ostler-bot");
        assert_eq!(notes.count(), 1, "{item:#}");
    }
    assert_nothing_came(&state);
}

#[tokio::test]
async fn what_happens_on_linear_is_found_and_done_once_across_restarts() {
    let mut world = World::without_bot(&[]);
    let polled = LINEAR.replace("secrets: [twin-linear-webhook]", "poll: {every: 1s}");
    let polled = polled.replace("  slack: {signing_secrets: [twin-slack-signing]}\n", "");
    world.configure(|_| polled.replace("ENG: acme/shop", "ENG: acme/site"), &[]);
    world.restart();
    all_asked(&world, &WAYS_TO_LINEAR).await;
    world.act(json!({"label_on_linear": {"issue": "ENG-8", "label": "ostler", "by": "ada"}})).await;
    let asked = json!({"issue": "ENG-7", "body": "/ostler help", "by": "ada"});
    world.act(json!({"comment_on_linear": asked})).await;
    two_are_done_across_restarts(&mut world, &WAYS_TO_LINEAR).await;
    let state = world.state().await;
    let issues = &state.0["linear"]["issues"];
    for key in ["ENG-7", "ENG-8"] {
        assert_eq!(state.bot_comments(&issues[key]).count(), 1, "{issues:#}");
    }
    assert_eq!(issues["ENG-8"]["status"], "In Review");
    let pulls = state.0["github"]["repositories"]["acme/site"]["pulls"].as_array().unwrap();
    assert_eq!(pulls.len(), 1, "{pulls:#?}");
    assert_nothing_came(&state);
}
