//! What was sent while Ostler was down, or was refused, is found and taken in, once.

use serde_json::{Value, json};

use crate::harness::World;

/// How the forge is asked.
const WAY: &str = "github.hook/acme/site";

/// A world whose bot asks the forge about one repository's hook, which is registered there.
async fn world(environment: &[(&'static str, &str)], secret: &str) -> World {
    let mut world = World::without_bot(environment);
    let asked = format!("github: {{secrets: [{secret}], repositories: [acme/site]}}");
    world.configure(|text| text.replace("github: {secrets: [twin-github-webhook]}", &asked), &[]);
    let hook = json!({
        "name": "web", "events": ["issues"],
        "config": {"url": format!("http://127.0.0.1:{}/webhooks/github", world.port()), "content_type": "json"},
    });
    world.twins.register_hook("acme/site", &hook).await;
    world
}

async fn label(world: &World, by: &str) -> Value {
    world.act(json!({"label": {"repository": "acme/site", "issue": 1, "label": "ostler", "by": by}})).await
}

/// What the command says of the hook.
fn catch_up(world: &World, more: &[&str]) -> Value {
    let fixed = ["catch-up", "--data", "data", "--json", "--source", "github"];
    let said = world.ostler(&[&fixed, more].concat());
    assert_eq!(said.code, 0, "{said:#?}");
    let reports = said.json()["reports"].clone();
    let [report] = &reports.as_array().unwrap()[..] else { panic!("one way, one report: {reports:#}") };
    assert_eq!(report["way"], WAY);
    report.clone()
}

#[tokio::test]
async fn what_was_sent_while_ostler_was_down_is_found_at_the_next_start_and_starts_one_run() {
    let mut world = world(&[], "twin-github-webhook").await;
    world.restart();
    world.asked(WAY).await;
    world.kill();
    let done = label(&world, "ada").await;
    assert_eq!(done["answers"][0]["status"], Value::Null, "nobody was there: {done:#}");
    world.restart();
    let runs = world.settle(1).await;
    assert_eq!((runs.len(), &runs[0]["status"]), (1, &json!("succeeded")), "{runs:#?}");
    assert_eq!(world.state().await.pulls("acme/site").len(), 1);
    // It is told that it was here, and sent once more by the forge it is known as well.
    let report = catch_up(&world, &["--since", "1h"]);
    assert_eq!((&report["accepted"], &report["error"]), (&json!(0), &Value::Null), "{report:#}");
    assert!(report["duplicate"].as_u64() >= Some(1), "{report:#}");
    world.redeliver().await;
    assert_eq!(world.settle(1).await.len(), 1);
}

#[tokio::test]
async fn what_was_refused_is_shown_first_and_taken_in_when_it_is_asked_for() {
    let mut world = world(&[], "another-secret").await;
    world.restart();
    world.asked(WAY).await;
    let done = label(&world, "ada").await;
    assert_eq!(done["answers"][0]["status"], 401, "{done:#}");
    let seen = catch_up(&world, &["--dry-run"]);
    assert_eq!(
        (&seen["accepted"], &seen["deliveries"][0]["status"]),
        (&json!(1), &json!("accepted")),
        "{seen:#}"
    );
    assert!(seen["deliveries"][0]["what"].as_str().unwrap().contains("github.issue.labeled"), "{seen:#}");
    assert_eq!(world.runs().await.len(), 0, "it was only looked at");

    let said = world.ostler(&["catch-up", "--data", "data", "--source", "github"]);
    assert_eq!(said.code, 0, "{said:#?}");
    assert!(said.out.contains(WAY) && said.out.contains("1 accepted"), "{said:#?}");
    let runs = world.settle(1).await;
    assert_eq!((runs.len(), &runs[0]["status"]), (1, &json!("succeeded")), "{runs:#?}");
    assert!(said.out.contains(runs[0]["id"].as_str().unwrap()), "{said:#?}");

    assert_eq!(catch_up(&world, &[])["accepted"], 0);
    let status = world.ostler(&["catch-up", "--data", "data", "--status"]);
    assert!(status.out.contains("1 accepted") && status.out.contains("and next 20"), "{status:#?}");
    let other = world.ostler(&["catch-up", "--data", "data", "--source", "linear", "--json"]);
    assert_eq!(other.json()["reports"], json!([]));
}

#[tokio::test]
async fn a_source_that_does_not_answer_is_a_failure_that_says_why() {
    let mut world = world(&[], "twin-github-webhook").await;
    world.restart();
    world.asked(WAY).await;
    world
        .fault(json!({"match": {"path": "/repos/acme/site/hooks"}, "fault": {"status": 404}, "times": 9}))
        .await;
    let said = world.ostler(&["catch-up", "--data", "data"]);
    assert_eq!(said.code, 1, "{said:#?}");
    assert!(said.out.contains("github: "), "{said:#?}");
    world.terminate();
    let said = world.ostler(&["catch-up", "--data", "data"]);
    assert!(said.code == 1 && said.err.contains("no server runs"), "{said:#?}");
}
