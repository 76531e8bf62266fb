//! An outside world that fails: the story still ends right, once, or says why not and leaves nothing twice.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::harness::{Tale, World};

/// A kind of outside call: its method and path, the one of every call that the clean story makes.
type Call = (String, String);

/// The outside calls that tales make, in order, each once.
async fn calls(tales: &[Tale]) -> Vec<Call> {
    let mut world = World::start().await;
    let before = world.state().await.requests().count();
    for tale in tales {
        tale.tell(&world.twins).await;
    }
    world.settle(tales.len()).await;
    let state = world.state().await;
    state.assert_told_once(tales);
    let mut seen = BTreeSet::new();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let made = state.requests().skip(before).map(|request| (text(&request["method"]), text(&request["path"])));
    made.filter(|call| seen.insert(call.clone())).collect()
}

/// Arms a fault for the next requests of a kind.
async fn arm(world: &World, (method, path): &Call, fault: &Value, times: u32) {
    let pattern = format!("^{}$", regex::escape(path));
    world.fault(json!({"match": {"method": method, "path": pattern}, "fault": fault, "times": times})).await;
}

/// Every kind of call meets the fault, and the tales end right, once.
async fn withstands(name: &'static str, fault: Value, times: u32, tales: [Tale; 4], calls: Vec<Call>) {
    let mut world = World::start().await;
    for call in &calls {
        arm(&world, call, &fault, times).await;
    }
    for tale in tales {
        tale.tell(&world.twins).await;
    }
    let runs = world.settle(tales.len()).await;
    let failed: Vec<&Value> = runs.iter().filter(|run| run["status"] != "succeeded").collect();
    assert!(failed.is_empty(), "{name}: {failed:#?}\n{}", world.log());
    let state = world.state().await;
    state.assert_told_once(&tales);
    let met = state.requests().filter(|request| request["fault"] == true).count();
    assert_eq!(met, calls.len() * times as usize, "{name}: not every kind of call met its fault");
}

#[tokio::test]
async fn whatever_passes_by_itself_is_withstood_at_every_kind_of_call() {
    let tales = Tale::FOUR;
    let calls = calls(&tales).await;
    for kind in ["/anthropic/", "git-upload-pack", "git-receive-pack", "/jira/", "/slack/", "/pulls"] {
        assert!(calls.iter().any(|(_, path)| path.contains(kind)), "no call of {kind}: {calls:#?}");
    }
    let faults = [
        ("500 twice", json!({"status": 500}), 2),
        ("429", json!({"status": 429, "headers": {"retry-after": "1"}}), 1),
        ("cut", json!({"cut": true}), 1),
        ("late", json!({"delay_ms": 1500}), 1),
        ("lost answer", json!({"lose_answer": true}), 1),
    ];
    let mut worlds = JoinSet::new();
    for (name, fault, times) in faults {
        worlds.spawn(withstands(name, fault, times, tales, calls.clone()));
    }
    let mut failures = Vec::new();
    while let Some(ended) = worlds.join_next().await {
        failures.extend(ended.err().map(|error| error.to_string()));
    }
    assert!(failures.is_empty(), "{failures:#?}");
}
