//! What a run did that fails is taken back, wherever it fails, and what cannot be is told.

use std::collections::BTreeSet;

use regex::escape;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::faults::is_catching_up;
use crate::harness::{State, World, variable};

/// Everything that a workflow can write, and then a failure.
const WORKFLOW: &str = include_str!("../../fixtures/workflows/rollback.yaml");

/// As many worlds at once as the machine bears.
const AT_ONCE: usize = 3;

/// Every so many kinds of call one is refused, unless `OSTLER_EVERY` says otherwise.
const EVERY: usize = 6;

/// The same with only so many of its steps before the failure.
fn cut(steps: usize) -> String {
    let mut parts: Vec<&str> = WORKFLOW.split_inclusive("\n  - name:").collect();
    parts.drain(steps + 1..parts.len() - 1);
    parts.concat()
}

fn steps() -> usize {
    WORKFLOW.matches("\n  - name:").count() - 1
}

fn world(workflow: &str) -> World {
    let mut world = World::without_bot(&[]);
    world.configure(|text| text, &[]);
    world.write_workflow("standard-development", workflow);
    world.restart();
    world
}

/// Lets the workflow run to its end, and gives the run.
async fn fail(world: &World) -> Value {
    world.act(json!({"assign": {"ticket": "SHOP-7", "by": "ada"}})).await;
    let [run] = &world.settle(1).await[..] else { panic!("not one run") };
    assert_eq!(run["status"], "failed", "{run:#}\n{}", world.log());
    run.clone()
}

/// What of the work is still there.
pub(crate) fn remains(state: &State) -> Vec<String> {
    let mut remains = Vec::new();
    let ticket = state.ticket("SHOP-7");
    let mut note = |what: &str, value: String, nothing: &str| {
        if value != nothing {
            remains.push(format!("{what}: {value}"));
        }
    };
    note("branches", state.branches("acme/shop").join(", "), "main");
    note("status", ticket["status"].as_str().unwrap().to_owned(), "To Do");
    note("comments", state.answers_on("SHOP-7").join(", "), "");
    note("links", ticket["links"].to_string(), "[]");
    note("messages", format!("{:?}", state.messages()), "[]");
    for pull in state.pulls("acme/shop") {
        note("open pull request", pull["open"].to_string(), "false");
        let number = pull["number"].as_u64().unwrap();
        note("comments in it", state.answers_under("acme/shop", number).join(", "), "");
    }
    for (key, task) in state.tickets().filter(|(_, ticket)| ticket["summary"] == "Totals of totals") {
        note(key, task["status"].as_str().unwrap().to_owned(), "Done");
    }
    remains
}

/// Lives of several worlds, a few of them at once.
async fn each<F: Future<Output = ()> + Send + 'static>(lives: Vec<F>) {
    let (mut lives, mut begun) = (lives.into_iter(), JoinSet::new());
    for life in lives.by_ref().take(AT_ONCE) {
        begun.spawn(life);
    }
    while let Some(lived) = begun.join_next().await {
        lived.unwrap();
        lives.next().into_iter().for_each(|life| drop(begun.spawn(life)));
    }
}

#[tokio::test]
async fn whichever_step_it_fails_after_nothing_is_left() {
    let life = |steps: usize| async move {
        let world = world(&cut(steps));
        let run = fail(&world).await;
        let state = world.state().await;
        assert_eq!(remains(&state), Vec::<String>::new(), "after {steps} steps\n{run:#}\n{}", world.log());
        let reason = run["reason"].as_str().unwrap();
        assert!(reason.starts_with("step `fail` failed: "), "{reason}");
        let told = if steps == 0 { "there was nothing to take back" } else { "taken back: " };
        assert!(reason.contains(told) && !reason.contains("left as it is"), "{reason}");
    };
    each((0..=steps()).map(life).collect()).await;
}

/// The calls that change something, each once, in order.
async fn writes() -> Vec<(String, String)> {
    let world = world(WORKFLOW);
    let before = world.state().await.requests().count();
    fail(&world).await;
    let state = world.state().await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let made =
        state.requests().skip(before).map(|request| (text(&request["method"]), text(&request["path"])));
    let mut seen = BTreeSet::new();
    let reads = ["/anthropic/", "git-upload-pack", "/access_tokens", "/oauth", "/graphql"];
    made.filter(|(method, path)| {
        method != "GET" && !is_catching_up(path) && !reads.iter().any(|part| path.contains(part))
    })
    .filter(|call| seen.insert(call.clone()))
    .collect()
}

#[tokio::test]
async fn whichever_call_is_refused_nothing_is_left_that_is_not_told() {
    let every = variable("OSTLER_EVERY").unwrap_or(EVERY);
    let writes = writes().await;
    assert!(writes.len() > 12, "{writes:#?}");
    let life = |(method, path): (String, String)| async move {
        let world = world(WORKFLOW);
        let pattern = format!("^{}$", escape(&path));
        let refused = json!({"status": 403, "body": {"message": "Forbidden"}});
        world
            .fault(json!({"match": {"method": method, "path": pattern}, "fault": refused, "times": 99}))
            .await;
        let run = fail(&world).await;
        let (remains, reason) = (remains(&world.state().await), run["reason"].as_str().unwrap());
        println!("{method} {path}: {reason}");
        let told = reason.contains("left as it is: ");
        assert!(remains.is_empty() || told, "{method} {path}: {remains:#?}\n{reason}\n{}", world.log());
    };
    each(writes.into_iter().step_by(every).map(life).collect()).await;
}

/// Everything is done, then somebody does something, and then somebody says no.
async fn rejected_after(act: fn(&State) -> Value) -> (State, String) {
    let ask = "  - {name: \"ask\", type: \"approval\", message: \"Go on?\"}\n\n  - name: \"fail\"";
    let mut world = world(&WORKFLOW.replace("  - name: \"fail\"", ask));
    world.act(json!({"assign": {"ticket": "SHOP-7", "by": "ada"}})).await;
    assert!(world.asks().await, "{}", world.log());
    world.act(act(&world.state().await)).await;
    let run = world.runs().await[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(world.ostler(&["reject", &run, "--data", "data", "--json"]).json()["signal"], "reject");
    let runs = world.settle(1).await;
    (world.state().await, runs[0]["reason"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn what_somebody_changed_since_stays_and_is_told() {
    let moved = |_: &State| json!({"move_ticket": {"ticket": "SHOP-7", "status": "Done", "by": "ada"}});
    let (state, reason) = rejected_after(moved).await;
    assert_eq!(state.ticket("SHOP-7")["status"], "Done", "{reason}");
    assert_eq!(state.branches("acme/shop"), ["main"], "{reason}");
    assert!(reason.contains("left as it is: the status of SHOP-7 (it is `Done` now"), "{reason}");
}

#[tokio::test]
async fn a_branch_is_not_pulled_away_from_under_what_was_merged() {
    let merged = |state: &State| {
        let number = &state.pulls("acme/shop")[0]["number"];
        json!({"merge_pull": {"repository": "acme/shop", "number": number, "by": "ada"}})
    };
    let (state, reason) = rejected_after(merged).await;
    assert_eq!(state.branches("acme/shop").len(), 2, "{reason}");
    assert!(reason.contains("(somebody has merged it)"), "{reason}");
    assert!(reason.contains("(its pull request was merged)"), "{reason}");
    assert_eq!(state.ticket("SHOP-7")["status"], "To Do");
}
