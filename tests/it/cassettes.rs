//! The shipped workflow recorded and replayed: the same files without a model, a changed prompt named, and the change
//! made again from what the agents did.

use std::path::Path;

use serde_json::{Value, json};

use crate::harness::{World, git};

/// The branch of the ticket that is worked on.
const BRANCH: &str = "ostler/shop-7";

/// What cannot be reached, with a key that is not there.
const NOBODY: &str =
    "ai_provider: {type: anthropic, base_url: \"http://127.0.0.1:9/\", api_key: \"${NO_SUCH_KEY}\"}
ai_fallback: [{type: openai, api: compatible, base_url: \"http://127.0.0.1:9/v1\", model: other}]";

/// A world whose bot has this cassette.
fn with_cassette(mode: &str, path: &Path) -> World {
    let path = path.to_str().unwrap();
    World::without_bot(&[("OSTLER_CASSETTE__MODE", mode), ("OSTLER_CASSETTE__PATH", path)])
}

/// Lets the ticket be worked on; gives the run.
async fn assign(world: &mut World) -> Value {
    world.restart();
    world.act(json!({"assign": {"ticket": "SHOP-7", "by": "ada"}})).await;
    world.settle(1).await[0].clone()
}

/// The files that were pushed, as a git tree.
async fn pushed(world: &World) -> String {
    let clone = world.state().await.clone_of("acme/shop");
    git(clone.path(), &["rev-parse", &format!("origin/{BRANCH}^{{tree}}")])
}

/// Records the work on the ticket; gives the files that were pushed.
async fn record(path: &Path) -> String {
    let mut world = with_cassette("record", path);
    let run = assign(&mut world).await;
    assert_eq!(run["status"], "succeeded", "{run:#}");
    assert!(run["cost"].as_f64().unwrap() > 0.0);
    pushed(&world).await
}

/// The twins' configuration with nobody behind `ai_provider`.
fn asking_nobody(config: &str) -> String {
    let (before, rest) = config.split_once("ai_provider:").unwrap();
    let (_, after) = rest.split_once("\n\n").unwrap();
    format!("{before}{NOBODY}\n\n{after}")
}

#[tokio::test]
async fn what_was_recorded_comes_out_again_without_a_model_and_costs_nothing() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("shop.jsonl");
    let files = record(&path).await;
    let cassette = std::fs::read_to_string(&path).unwrap();
    assert!(!cassette.contains("twin-model-key") && !cassette.contains("authorization"));

    let mut world = with_cassette("replay", &path);
    world.configure(|config| asking_nobody(&config), &[]);
    let run = assign(&mut world).await;
    assert_eq!(run["status"], "succeeded", "{run:#}\n{}", world.log());
    assert_eq!(pushed(&world).await, files);
    assert_eq!(world.state().await.model_calls(), 0);
    assert_eq!(run["cost"], 0.0);
    let costs = world.ask("costs").await;
    let booked = ["spent", "reserved"].map(|what| costs[what].as_f64());
    assert_eq!((booked, &costs["usage"]["output"]), ([Some(0.0); 2], &json!(0)), "{costs:#}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), cassette, "a replay writes nothing");
    assert_rebuilt(&world, run["id"].as_str().unwrap(), &files).await;
}

/// The change comes out again from what the agents did, on a clone, and a wrong call is told of.
async fn assert_rebuilt(world: &World, run: &str, files: &str) {
    let told = world.ostler(&["trajectory", run, "--data", world.dir().join("data").to_str().unwrap()]);
    assert_eq!(told.code, 0, "{}", told.err);
    let file = world.dir().join("trajectory.jsonl");
    std::fs::write(&file, &told.out).unwrap();
    let clone = world.state().await.clone_of("acme/shop");
    let again = |extra: &[&str]| {
        let config = world.dir().join("ostler.yaml");
        let (file, clone, config) =
            (file.to_str().unwrap(), clone.path().to_str().unwrap(), config.to_str().unwrap());
        let arguments = ["rebuild", file, "--repository", clone, "--config", config];
        world.ostler(&[&arguments[..], extra].concat())
    };
    let rebuilt = again(&["--json"]);
    assert_eq!(rebuilt.code, 0, "{rebuilt:?}");
    let report = rebuilt.json();
    assert_eq!((&report["tree"], &report["same"]), (&json!(files), &json!(true)), "{report:#}");
    let patch = git(clone.path(), &["diff", "-M", "origin/main", &format!("origin/{BRANCH}")]);
    assert_eq!(again(&[]).out.trim(), patch.trim());

    let wrong = "sum * discount / 100";
    assert!(told.out.contains(wrong));
    std::fs::write(&file, told.out.replace(wrong, "sum * discount / 10")).unwrap();
    let differing = again(&["--json"]);
    assert_eq!((differing.code, &differing.json()["same"]), (1, &json!(false)));
    assert!(again(&[]).err.contains("they differ from turn"));
}

#[tokio::test]
async fn a_changed_prompt_is_a_miss_that_names_the_difference() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("shop.jsonl");
    record(&path).await;
    let mut world = with_cassette("replay", &path);
    world.configure(|config| asking_nobody(&config), &[]);
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/prompts/agents/development.md");
    let role = std::fs::read_to_string(shipped).unwrap();
    let prompts = world.dir().join("prompts/agents");
    std::fs::create_dir_all(&prompts).unwrap();
    std::fs::write(prompts.join("development.md"), format!("{}\nBe quick.\n", role.trim_end())).unwrap();
    let run = assign(&mut world).await;
    assert_eq!(run["status"], "failed", "{run:#}");
    let said = world.ask(&format!("runs/{}", run["id"].as_str().unwrap())).await.to_string();
    assert!(said.contains("not_recorded") && said.contains("differs first at system"), "{said}");
    assert!(said.contains("Be quick."), "{said}");
    assert!(!said.contains("; then "), "another model was asked: {said}");
    assert_eq!(world.state().await.model_calls(), 0);
}

#[tokio::test]
async fn work_that_was_done_once_is_paid_for_once_with_a_cache() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("shop.jsonl");
    let mut calls = Vec::new();
    for _ in 0..2 {
        let mut world = with_cassette("cache", &path);
        let run = assign(&mut world).await;
        assert_eq!(run["status"], "succeeded", "{run:#}");
        calls.push((world.state().await.model_calls(), run["cost"].as_f64().unwrap()));
    }
    assert!(calls[0].0 >= 3 && calls[0].1 > 0.0, "{calls:?}");
    assert_eq!(calls[1], (0, 0.0));
}
