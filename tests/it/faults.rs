//! An outside world that fails: the story still ends right, once, or says why not and leaves nothing twice.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::harness::{State, Tale, Traces, World};

/// A kind of outside call: its method and path, the one of every call that the clean story makes.
type Call = (String, String);

/// The outside calls that tales make, in order, each once.
async fn calls(tales: &[Tale]) -> Vec<Call> {
    let world = World::start().await;
    let before = world.state().await.requests().count();
    for tale in tales {
        tale.tell(&world.twins).await;
    }
    world.settle(tales.len()).await;
    let state = world.state().await;
    state.assert_told_once(tales);
    let mut seen = BTreeSet::new();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let made =
        state.requests().skip(before).map(|request| (text(&request["method"]), text(&request["path"])));
    made.filter(|(_, path)| !is_catching_up(path)).filter(|call| seen.insert(call.clone())).collect()
}

/// Whether this is asked on a schedule, whatever is told.
pub(crate) fn is_catching_up(path: &str) -> bool {
    const LISTS: [&str; 5] =
        ["/hook/deliveries", "/search/jql", "/hooks", "/conversations.history", "/users.conversations"];
    // A ticket that a list names is read by its number; whoever works on one knows its key.
    let is_listed = |path: &str| path.split("/jira/rest/api/2/issue/").nth(1).is_some_and(is_numbered);
    LISTS.iter().any(|list| path.contains(list)) || is_listed(path)
}

fn is_numbered(rest: &str) -> bool {
    rest.starts_with(|first: char| first.is_ascii_digit())
}

/// Arms a fault for the next requests of a kind.
async fn arm(world: &World, (method, path): &Call, fault: &Value, times: u32) {
    let pattern = format!("^{}$", regex::escape(path));
    world.fault(json!({"match": {"method": method, "path": pattern}, "fault": fault, "times": times})).await;
}

/// A fault, how often it comes, and where.
struct Trouble {
    name: &'static str,
    fault: Value,
    times: u32,
    calls: Vec<Call>,
}

/// Every kind of call meets the fault, and the tales end right, once.
async fn withstand(trouble: Trouble) {
    let Trouble { name, fault, times, calls } = trouble;
    let world = World::start().await;
    for call in &calls {
        arm(&world, call, &fault, times).await;
    }
    for tale in Tale::FOUR {
        tale.tell(&world.twins).await;
    }
    let runs = world.settle(Tale::FOUR.len()).await;
    let failed: Vec<&Value> = runs.iter().filter(|run| run["status"] != "succeeded").collect();
    assert!(failed.is_empty(), "{name}: {failed:#?}\n{}", world.log());
    let state = world.state().await;
    state.assert_told_once(&Tale::FOUR);
    let met = state.requests().filter(|request| request["fault"] == true).count();
    assert_eq!(met, calls.len() * times as usize, "{name}: not every kind of call met its fault");
}

/// Lets worlds end, and fails if one of them did.
async fn all(mut worlds: JoinSet<()>) {
    let mut failures = Vec::new();
    while let Some(ended) = worlds.join_next().await {
        failures.extend(ended.err().map(|error| error.to_string()));
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[tokio::test]
async fn whatever_passes_by_itself_is_withstood_at_every_kind_of_call() {
    let calls = calls(&Tale::FOUR).await;
    for kind in ["/anthropic/", "git-upload-pack", "git-receive-pack", "/jira/", "/slack/", "/pulls"] {
        assert!(calls.iter().any(|(_, path)| path.contains(kind)), "no call of {kind}: {calls:#?}");
    }
    // A fetch is two calls, and what fails either fails both: one of them at a time.
    let (exchanges, others): (Vec<Call>, Vec<Call>) =
        calls.iter().cloned().partition(|(_, path)| path.contains(".git/git-"));
    let twice = json!({"status": 500});
    let slow_down = json!({"status": 429, "headers": {"retry-after": "1"}});
    let troubles = [
        Trouble { name: "500 twice", fault: twice.clone(), times: 2, calls: others },
        Trouble { name: "500 twice in git's exchanges", fault: twice, times: 2, calls: exchanges },
        Trouble { name: "429", fault: slow_down, times: 1, calls: calls.clone() },
        Trouble { name: "cut", fault: json!({"cut": true}), times: 1, calls: calls.clone() },
        Trouble { name: "late", fault: json!({"delay_ms": 1500}), times: 1, calls: calls.clone() },
        Trouble { name: "lost answer", fault: json!({"lose_answer": true}), times: 1, calls },
    ];
    all(troubles.into_iter().map(withstand).collect()).await;
}

/// Every kind of call is answered with nonsense once, each in a tale of its own where it ends one: the tale
/// ends right, or its run says why it did not; nothing is there twice.
async fn bear(name: &'static str, nonsense: Value, calls: Vec<Call>) {
    let world = World::start().await;
    for (method, path) in &calls {
        // Whichever issue it is about.
        let pattern =
            regex::escape(path).replace("issues/1", r"issues/\d+").replace("ostler/1", r"ostler/\d+");
        let pattern = format!("^{pattern}$");
        world.fault(json!({"match": {"method": method, "path": pattern}, "fault": nonsense})).await;
    }
    let mut tales = Vec::new();
    let met = |state: &State| state.requests().filter(|request| request["fault"] == true).count();
    while met(&world.state().await) < calls.len() {
        assert!(tales.len() < 2 * calls.len(), "{name}: not every kind of call met it");
        let number = tales.len();
        tales.push(match number {
            0 => Tale::Label(1),
            _ => Tale::another(&world.twins, number).await,
        });
        tales[number].tell(&world.twins).await;
        world.settle(tales.len()).await;
    }
    let runs = world.settle(tales.len()).await;
    let state = world.state().await;
    state.assert_nothing_doubled(&tales);
    let (right, wrong): (Vec<&Value>, Vec<&Value>) =
        runs.iter().partition(|run| run["status"] == "succeeded");
    for run in &wrong {
        let reason = run["reason"].as_str().unwrap_or_default();
        println!("{name}: {reason}");
        let clear = ["github: ", "slack: ", "anthropic: ", "git "].iter().any(|who| reason.contains(who));
        assert!(clear, "{name}: a run ended without a clear reason: {run:#}");
    }
    let ended = tales.iter().filter(|tale| tale.traces(&state) == Traces::ONCE).count();
    assert!(ended >= right.len(), "{name}: {} runs say that they ended well, {ended} did", right.len());
    assert!(!right.is_empty(), "{name}: no run got to its end");
}

#[tokio::test]
async fn nonsense_ends_a_run_right_or_with_a_reason_and_doubles_nothing() {
    let mut calls = calls(&[Tale::Label(1)]).await;
    // To nonsense in the answer to a push git itself listens until its time is up, which takes minutes.
    calls.retain(|(_, path)| !path.ends_with("git-receive-pack"));
    let mut worlds = JoinSet::new();
    worlds.spawn(bear("garbage", json!({"status": 200, "body": "}{"}), calls.clone()));
    worlds.spawn(bear("empty", json!({"status": 200, "body": ""}), calls.clone()));
    let large = json!({"status": 200, "body": "[0123456789]\n", "repeat": 800_000});
    worlds.spawn(bear("10 MB", large, calls));
    all(worlds).await;
}
