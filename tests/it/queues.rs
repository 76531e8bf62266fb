//! Nobody waits in silence: what a run waits for is said where it was asked for and on the command line.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::World;

const WORKFLOW: &str = "name: Ship
steps:
  - {name: gate, type: approval, message: \"Ship it?\"}
  - {name: tell, type: system, action: reply, inputs: {text: Shipped.}}
";

const HANDLER: &str = "on: github.comment.created\ncommand: ship\nrun: ship\n\
                       concurrency: {group: ships, when_busy: queue}\n";

fn world() -> World {
    let mut world = World::without_bot(&[]);
    world.configure(|text| text, &[("ship", HANDLER)]);
    world.write_workflow("ship", WORKFLOW);
    world.restart();
    world
}

async fn ship(world: &World) {
    let comment = json!({"repository": "acme/site", "number": 1, "body": "/ostler ship", "by": "ada"});
    world.act(json!({ "comment": comment })).await;
}

/// The runs that ship, the oldest first.
async fn ships(world: &World) -> Vec<Value> {
    let mut runs = world.runs().await;
    runs.retain(|run| run["workflow"] == "ship");
    runs.reverse();
    runs
}

/// Waits until the ship of this place waits for something, and gives the run.
async fn waits(world: &World, place: usize, what: &str) -> Value {
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        let runs = ships(world).await;
        if let Some(run) = runs.get(place).filter(|run| run["waits"]["for"] == what) {
            return run.clone();
        }
        assert!(Instant::now() < deadline, "it never waited for a {what}: {runs:#?}\n{}", world.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until the bot has said something under the issue.
async fn told(world: &World, sentence: &str) {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let state = world.state().await;
        let answers = state.answers_under("acme/site", 1);
        if answers.iter().any(|answer| answer.contains(sentence)) {
            return;
        }
        assert!(Instant::now() < deadline, "nobody said {sentence:?}: {answers:#?}\n{}", world.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn who_waits_is_told_for_what_in_which_place_and_on_whom() {
    let mut world = world();
    ship(&world).await;
    let first = waits(&world, 0, "person").await;
    assert_eq!(first["waits"]["sentence"], "It waits for somebody's decision.");
    for _ in 0..2 {
        ship(&world).await;
    }
    let last = waits(&world, 2, "group").await;
    let ids: Vec<String> =
        ships(&world).await.iter().map(|run| run["id"].as_str().unwrap().to_owned()).collect();
    let sentence = format!("It waits for its turn in its group behind {}, as number 2 of 2.", ids[1]);
    assert_eq!(last["waits"]["sentence"], sentence.as_str());
    assert_eq!((last["waits"]["position"].as_u64(), last["waits"]["of"].as_u64()), (Some(2), Some(2)));
    let said = world.ostler(&["runs", &ids[2], "--data", "data", "--json"]).json();
    assert_eq!(said["run"]["waits"], last["waits"]);
    told(&world, &format!("Queued behind {}, as number 2.", ids[1])).await;

    // Nobody forgets who waits for what, and each comes to its turn.
    world.kill();
    world.restart();
    assert_eq!(waits(&world, 2, "group").await["waits"]["sentence"], sentence.as_str());
    for (place, id) in ids.iter().enumerate() {
        waits(&world, place, "person").await;
        assert_eq!(world.ostler(&["approve", id, "--data", "data", "--json"]).code, 0);
    }
    // Each queued one was answered.
    let runs = world.settle(5).await;
    assert!(runs.iter().all(|run| run["waits"].is_null()), "{runs:#?}");
}
