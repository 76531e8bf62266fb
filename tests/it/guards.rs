//! What holds runs back, as the binary does it: a group of which one is under way, and a trigger that is taken for
//! a loop.

use ostler::run::Entry;
use serde_json::{Value, json};

use crate::harness::World;

const WORKFLOW: &str = "name: Ship\ndescription: Says that it ships\nversion: \"1\"\nsteps:\n  - name: tell\n    \
    type: system\n    action: reply\n    inputs: {text: Shipped.}\n";

/// A world in which a comment ships, held back by this guard.
fn world(guard: &str) -> World {
    let mut world = World::without_bot(&[]);
    let handler = format!("on: github.comment.created\ncommand: ship\nrun: ship\n{guard}\n");
    world.configure(|text| text, &[("ship", &handler)]);
    world.write_workflow("ship", WORKFLOW);
    world.restart();
    world
}

async fn ship(world: &World) {
    asks(world, "ada").await;
}

async fn asks(world: &World, person: &str) {
    let comment = json!({"repository": "acme/site", "number": 1, "body": "/ostler ship", "by": person});
    world.act(json!({"comment": comment})).await;
}

/// Has comments under the issue take a while, so that who writes one is at work meanwhile.
async fn dawdle(world: &World) {
    let pattern = json!({"method": "POST", "path": "^/github/api/v3/repos/acme/site/issues/1/comments$"});
    world.fault(json!({"match": pattern, "fault": {"delay_ms": 3000}})).await;
}

async fn told(world: &World, text: &str) -> usize {
    let state = world.state().await;
    state.answers_under("acme/site", 1).iter().filter(|answer| answer.contains(text)).count()
}

fn shipping(runs: &[Value]) -> Vec<Value> {
    let mut ships: Vec<_> = runs.iter().filter(|run| run["workflow"] == "ship").cloned().collect();
    ships.sort_by_key(|run| run["id"].to_string());
    ships
}

#[tokio::test]
async fn of_a_group_the_second_run_waits_for_the_first_and_who_asked_reads_so() {
    let mut world = world("concurrency: {group: ships, when_busy: queue}");
    dawdle(&world).await;
    ship(&world).await;
    ship(&world).await;
    let runs = world.settle(3).await;
    let ships = shipping(&runs);
    assert!(ships.iter().all(|run| run["status"] == "succeeded"), "{runs:#?}");
    assert_eq!((ships.len(), told(&world, "Shipped.").await), (2, 2));
    assert_eq!(told(&world, &format!("Queued behind {}", ships[0]["id"].as_str().unwrap())).await, 1);
    assert!(world.terminate().success());
    let journals = world.journals(&ships).await;
    let [first, second] = &journals[..] else { panic!("not two: {journals:#?}") };
    // Whether the person may is asked before; that is nobody's turn.
    let is_work = |entry: &&Entry| serde_json::to_string(&entry.record).unwrap().contains("\"tell\"");
    let begun = |entries: &[Entry]| entries.iter().find(is_work).unwrap().at;
    assert!(begun(second) >= first.last().unwrap().at, "they were under way together: {journals:#?}");
}

#[tokio::test]
async fn who_may_not_stops_nobody_and_who_may_does() {
    let world = world("concurrency: {group: ships, when_busy: replace}");
    let of_runs = |runs: Vec<Value>| -> Vec<Value> {
        shipping(&runs).iter().map(|run| run["status"].clone()).collect()
    };
    dawdle(&world).await;
    ship(&world).await;
    asks(&world, "eve").await;
    assert_eq!(of_runs(world.settle(2).await), ["succeeded", "refused"]);
    assert_eq!(told(&world, "Shipped.").await, 1);
    dawdle(&world).await;
    ship(&world).await;
    ship(&world).await;
    assert_eq!(of_runs(world.settle(4).await)[2..], ["cancelled", "succeeded"]);
}

#[tokio::test]
async fn a_loop_is_told_of_once_in_the_thread_and_then_met_with_silence() {
    let world = world("breaker: 1/1h");
    ship(&world).await;
    world.settle(1).await;
    ship(&world).await;
    world.settle(2).await;
    for _ in 0..2 {
        ship(&world).await;
    }
    let runs = world.settle(2).await;
    assert_eq!((runs.len(), shipping(&runs).len()), (2, 1), "{runs:#?}");
    assert_eq!(told(&world, "Shipped.").await, 1);
    assert_eq!(told(&world, "I stopped listening here until").await, 1);
    assert_eq!(told(&world, "").await, 2, "nothing else is said");
}
