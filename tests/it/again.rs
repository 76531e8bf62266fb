//! What was done is done again: runs with other inputs, old events by today's handlers, with a server and without.

use serde_json::{Value, json};

use crate::harness::{Said, State, World, ostler};

const HANDLER: &str = "on: github.comment.created
command: ship
run: ship
inputs: {what: \"${event.command.text}\"}
";

const WORKFLOW: &str = "name: Ship
inputs:
  what: {type: string, required: true}
steps:
  - {name: tell, type: system, action: reply, inputs: {text: \"Shipped ${inputs.what}\"}}
";

const ASKING: &str = "name: Ship
inputs:
  what: {type: string, required: true}
steps:
  - {name: gate, type: approval, message: \"Ship ${inputs.what}?\"}
";

fn world(workflow: &str) -> World {
    let mut world = World::without_bot(&[]);
    world.configure(|text| text, &[("ship", HANDLER)]);
    world.write_workflow("ship", workflow);
    world.restart();
    world
}

async fn ship(world: &World) {
    let comment =
        json!({"repository": "acme/site", "number": 1, "body": "/ostler ship the shop", "by": "ada"});
    world.act(json!({ "comment": comment })).await;
}

/// Says something to whoever has the store.
fn say(world: &World, what: &[&str]) -> Said {
    let place = ["--config", "ostler.yaml", "--data", "data"];
    world.ostler(&[what, &place].concat())
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value:#}"))
}

/// How often the bot wrote this.
async fn told(world: &World, what: &str) -> usize {
    let state = world.state().await;
    state.answers_under("acme/site", 1).into_iter().filter(|answer| answer.contains(what)).count()
}

#[tokio::test]
async fn a_run_is_done_again_with_another_input_and_an_event_is_replayed_once_for_each_key() {
    let mut world = world(WORKFLOW);
    ship(&world).await;
    let first = world.settle(1).await[0].clone();
    let (run, event) = (text(&first, "id").to_owned(), text(&first, "event").to_owned());

    let wrong = say(&world, &["rerun", &run, "--input", "waht=tea"]);
    assert_eq!(wrong.code, 1, "{wrong:#?}");
    assert!(wrong.err.contains("takes no input `waht`"), "{wrong:#?}");
    let again = say(&world, &["rerun", &run, "--input", "what=tea"]).json();
    let runs = world.settle(2).await;
    let rerun = runs.iter().find(|other| other["id"] == again["runs"][0]).unwrap();
    assert_eq!((text(rerun, "rerun_of"), text(rerun, "status")), (run.as_str(), "succeeded"), "{rerun:#}");
    assert_eq!((told(&world, "Shipped tea").await, told(&world, "Shipped the shop").await), (1, 1));
    let why = say(&world, &["explain", text(rerun, "id")]).json();
    assert!(text(&why["explanation"], "sentence").contains(&format!("It does {run} again")), "{why:#}");

    let replay = |key: &str| say(&world, &["replay", &event, "--key", key]).json();
    let replayed = replay("monday");
    assert_eq!((text(&replayed, "replays"), text(&replayed, "status")), (event.as_str(), "accepted"));
    world.settle(3).await;
    let same = replay("monday");
    assert_eq!((text(&same, "status"), &same["runs"]), ("duplicate", &replayed["runs"]));
    assert_eq!(told(&world, "Shipped the shop").await, 2);
    let why = say(&world, &["explain", text(&replayed, "event_id")]).json();
    assert!(text(&why["explanation"], "sentence").contains(&format!("It is {event} once more")), "{why:#}");

    // By the handlers of today.
    std::fs::write(world.dir().join("handlers/ship.yaml"), HANDLER.replace("command: ship", "command: sink"))
        .unwrap();
    assert!(world.terminate().success());
    let none = say(&world, &["replay", &event]);
    assert_eq!(none.code, 0, "{none:#?}");
    let none = none.json();
    assert_eq!(text(&none, "status"), "accepted", "who asked is answered: {none:#}");
    assert!(text(&none, "sentence").contains("wanted it"), "{none:#}");
    world.restart();
    world.settle(4).await;
    assert_eq!(told(&world, "Shipped the shop").await, 2, "today's handlers want it no more");
}

#[tokio::test]
async fn without_a_server_it_is_kept_for_the_next_one() {
    let mut world = world(WORKFLOW);
    ship(&world).await;
    let first = world.settle(1).await[0].clone();
    world.kill();
    let again = say(&world, &["rerun", text(&first, "id"), "--key", "k"]);
    assert_eq!(again.code, 0, "{again:#?}");
    assert!(again.err.contains("next `ostler serve`"), "{again:#?}");
    let same = say(&world, &["rerun", text(&first, "id"), "--key", "k"]).json();
    assert_eq!((text(&same, "status"), &same["runs"]), ("duplicate", &again.json()["runs"]));
    let used = say(&world, &["rerun", text(&first, "id"), "--key", "k", "--input", "what=tea"]);
    assert_eq!(used.code, 4, "{used:#?}");
    world.restart();
    world.settle(2).await;
    assert_eq!(told(&world, "Shipped the shop").await, 2);
}

#[tokio::test]
async fn what_is_not_over_is_not_done_again_unless_somebody_insists() {
    let mut world = world(ASKING);
    ship(&world).await;
    assert!(world.asks().await);
    let run = text(&world.runs().await[0], "id").to_owned();
    let refused = say(&world, &["rerun", &run]);
    assert_eq!(refused.code, 4, "{refused:#?}");
    assert!(
        refused.err.contains("is not over yet (open)") && refused.err.contains("--anyway"),
        "{refused:#?}"
    );
    assert_eq!(world.runs().await.len(), 1);
    assert_eq!(say(&world, &["rerun", &run, "--anyway"]).code, 0);
    assert_eq!(world.runs().await.len(), 2);
    let missing = say(&world, &["rerun", "run_00000000000070008000000000000000"]);
    assert_eq!(missing.code, 1, "{missing:#?}");
}

#[tokio::test]
async fn a_dry_run_shows_what_would_be_done_and_does_none_of_it() {
    let world = world(WORKFLOW);
    ship(&world).await;
    let first = world.settle(1).await[0].clone();
    let told_of = |state: &State| state.0["requests"].as_array().unwrap().len();
    let (before, events) = (world.state().await, world.ask("events").await);
    let event = text(&first, "event");
    let replay = say(&world, &["replay", event, "--dry-run"]).json();
    let plan = &replay["plans"][0];
    assert_eq!((&replay["dry_run"], text(plan, "workflow")), (&json!(true), "ship"), "{replay:#}");
    let steps = plan["steps"].as_array().unwrap();
    let tell = steps.iter().find(|step| step["step"] == "tell").unwrap();
    assert_eq!((text(tell, "does"), text(&tell["inputs"], "text")), ("say", "Shipped the shop"));
    let run = text(&first, "id");
    let rerun = say(&world, &["rerun", run, "--input", "what=tea", "--dry-run"]).json();
    assert!(rerun.to_string().contains("Shipped tea"), "{rerun:#}");
    let ordered =
        say(&world, &["run", "ship", "--dry-run", "--repo", "acme/site", "--input", "what=tea"]).json();
    assert!(ordered.to_string().contains("Shipped tea"), "{ordered:#}");
    let wrong = say(&world, &["run", "ship", "--dry-run", "--repo", "acme/site", "--input", "waht=tea"]);
    assert!(wrong.code == 1 && wrong.err.contains("takes no input `waht`"), "{wrong:#?}");
    let after = world.state().await;
    assert_eq!(told_of(&after), told_of(&before), "the outside was asked");
    assert_eq!((world.ask("events").await, world.runs().await.len()), (events, 1));
}

#[tokio::test]
async fn a_dry_run_of_a_kept_delivery_needs_no_server_and_no_store() {
    let place = tempfile::tempdir().unwrap();
    let what = ["run", "standard-development", "--dry-run", "--event", "github/issue_comment.created"];
    let said = ostler(place.path(), &what);
    assert_eq!(said.code, 0, "{said:#?}");
    let plan = said.json()["plans"][0].clone();
    assert_eq!((text(&plan, "trigger"), text(&plan, "ending")), ("comment-command", "succeeded"), "{plan:#}");
    let does = |name: &str| plan["steps"].as_array().unwrap().iter().any(|step| step["does"] == name);
    assert!(does("begin") && does("agent") && does("act"), "{plan:#}");
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0, "nothing is written");
}
