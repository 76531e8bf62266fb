//! Which repository, where nobody said it: Ostler asks where the request was made, and goes on with the answer.

use serde_json::{Value, json};

use crate::harness::World;

fn command(user: &str, text: &str) -> Value {
    json!({"command": {"channel": "#general", "user": user, "text": text}})
}

fn remark(by: &str, body: &str) -> Value {
    json!({"comment_ticket": {"ticket": "SHOP-7", "body": body, "by": by}})
}

/// A world in which nobody has said where the work of the shop's tickets goes.
fn unmapped() -> World {
    let mut world = World::without_bot(&[]);
    world.configure(|text| text.replace("  SHOP: acme/shop\n", ""), &[]);
    world.restart();
    world
}

async fn last_whisper(world: &World) -> String {
    world.state().await.whispers().last().unwrap().to_string()
}

#[tokio::test]
async fn a_slash_command_goes_on_with_the_repository_that_is_named_after_a_restart() {
    let mut world = World::start().await;
    world.act(command("ada", "/ostler implement monthly interest")).await;
    let asked = last_whisper(&world).await;
    assert!(asked.contains("1. acme/bank") && asked.contains("`/ostler use acme/bank`"), "{asked}");
    world.kill();
    world.restart();
    // Somebody else's answer is none, and one that does not fit is told what does.
    world.act(command("eve", "/ostler use acme/bank")).await;
    assert!(last_whisper(&world).await.contains("No question"), "{}", last_whisper(&world).await);
    world.act(command("ada", "/ostler use acme/elsewhere")).await;
    assert!(last_whisper(&world).await.contains("`acme/elsewhere` is none of"));
    assert_eq!(world.runs().await.len(), 0);
    world.act(command("ada", "/ostler use acme/bank")).await;
    let told = last_whisper(&world).await;
    assert!(told.contains("Started standard-development in acme/bank"), "{told}");
    world.act(command("ada", "/ostler use acme/bank")).await;
    let runs = world.settle(1).await;
    assert_eq!((runs.len(), &runs[0]["status"]), (1, &json!("succeeded")), "{runs:#?}");
    assert_eq!(world.state().await.pulls("acme/bank").len(), 1);
}

#[tokio::test]
async fn an_assigned_ticket_goes_on_with_the_repository_that_a_comment_names_after_a_restart() {
    let mut world = unmapped();
    world.act(json!({"assign": {"ticket": "SHOP-7", "by": "ada"}})).await;
    world.settle(1).await;
    let state = world.state().await;
    let [asked] = state.answers_on("SHOP-7")[..] else { panic!("{:?}", state.answers_on("SHOP-7")) };
    assert!(asked.contains("SHOP") && asked.contains("acme/shop"), "{asked}");
    world.terminate();
    world.restart();
    for (by, body) in [("eve", "acme/shop"), ("ada", "I would say the shop."), ("ada", "2"), ("ada", "2")] {
        world.act(remark(by, body)).await;
    }
    let runs = world.settle(2).await;
    let work: Vec<_> = runs.iter().filter(|run| run["workflow"] == "standard-development").collect();
    assert!(matches!(work[..], [run] if run["status"] == "succeeded"), "{runs:#?}");
    let state = world.state().await;
    assert_eq!(state.pulls("acme/shop").len(), 1);
    let event = world.ask(&format!("events/{}", work[0]["event"].as_str().unwrap())).await;
    assert_eq!(
        event["event"]["kind"], "jira.issue.assigned",
        "the run is about what was asked first: {event:#}"
    );
}

const NIGHTLY: &str = "\
on: schedule
schedule: \"* * * * *\"
timezone: Europe/Berlin
repository: acme/site
run: nightly
";

const WORKFLOW: &str = "\
name: Nightly
description: Says that it ran
version: \"1.0.0\"
inputs:
  times: {type: number, default: 1}
steps:
  - name: note
    type: system
    action: log
    description: A line
    inputs: {message: \"night\"}
";

/// A world with a workflow of its own, and these handlers.
fn with_workflow(handlers: &[(&str, &str)]) -> World {
    let mut world = World::without_bot(&[]);
    world.configure(|text| text, handlers);
    world.write_workflow("nightly", WORKFLOW);
    world
}

/// The events of a kind.
async fn events(world: &World, kind: &str) -> Vec<Value> {
    let listed = world.ask("events").await;
    listed["events"].as_array().unwrap().iter().filter(|event| event["kind"] == kind).cloned().collect()
}

#[tokio::test]
async fn a_trigger_on_a_schedule_comes_to_its_time_once_across_restarts() {
    let mut world = with_workflow(&[("nightly", NIGHTLY)]);
    world.restart();
    let runs = world.settle(1).await;
    assert_eq!(
        (&runs[0]["status"], &runs[0]["trigger"]),
        (&json!("succeeded"), &json!("nightly")),
        "{runs:#?}"
    );
    world.kill();
    world.restart();
    let ticks = events(&world, "ostler.schedule").await;
    assert_eq!(ticks[0]["subject"], "ostler:schedule/nightly");
    assert_eq!(ticks[0]["repository"]["name"], "acme/site");
    let times: std::collections::BTreeSet<_> = ticks.iter().map(|tick| tick["time"].to_string()).collect();
    assert_eq!(times.len(), ticks.len(), "a time came twice: {ticks:#?}");
}

#[tokio::test]
async fn a_workflow_is_started_by_its_name_with_a_server_and_without() {
    let mut world = with_workflow(&[]);
    world.restart();
    let dir = world.dir().to_owned();
    let order = |arguments: &[&str]| {
        let fixed = ["run", "nightly", "--config", "ostler.yaml", "--data", "data", "--json"];
        crate::harness::ostler(&dir, &[&fixed, arguments].concat())
    };
    let said = order(&["--input", "times=3", "--repo", "acme/site"]);
    assert_eq!(said.code, 0, "{said:#?}");
    let run = said.json()["runs"][0].as_str().unwrap().to_owned();
    let runs = world.settle(1).await;
    assert_eq!((&runs[0]["id"], &runs[0]["status"]), (&json!(run), &json!("succeeded")), "{runs:#?}");
    assert_eq!(events(&world, "ostler.run").await.len(), 1);
    for (wrong, why) in [("times=often", "times"), ("tmes=3", "tmes")] {
        let said = order(&["--input", wrong]);
        assert_eq!(said.code, 1, "{said:#?}");
        assert!(said.err.contains(why), "{said:#?}");
    }
    assert!(world.terminate().success());
    let said = order(&[]);
    assert_eq!(said.code, 0, "{said:#?}");
    assert!(said.err.contains("next `ostler serve`"), "{said:#?}");
    world.restart();
    let runs = world.settle(2).await;
    assert!(runs.iter().all(|run| run["status"] == "succeeded"), "{runs:#?}");
}
