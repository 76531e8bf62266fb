//! Who may start what: the binary with a handler that names people, asked by one who may and by one who may not.

use serde_json::{Value, json};

use crate::harness::{State, World};

const WORKFLOW: &str = "name: Deploy\ndescription: Says that it ships\nversion: \"1\"\nsteps:\n  - name: tell\n    \
    type: system\n    action: reply\n    inputs: {text: Shipped.}\n";

const HANDLERS: &str = "triggers:
  - name: ship
    description: Ships it.
    on: [github.comment.created, slack.command]
    command: ship
    who: {team: acme/payments}
    run: deploy
  - name: stop
    description: Stops it.
    on: [github.comment.created, slack.command]
    command: stop
    who: {users: [ada], association: owner}
    run: deploy
  - name: look
    description: Looks at it.
    on: [github.comment.created, slack.command]
    command: look
    who: {role: read}
    run: deploy
";

fn world() -> World {
    let mut world = World::without_bot(&[]);
    world.configure(|text| text, &[("deploy", HANDLERS)]);
    world.write_workflow("deploy", WORKFLOW);
    world.restart();
    world
}

async fn comment(world: &World, by: &str, body: &str) {
    world.act(json!({"comment": {"repository": "acme/site", "number": 1, "body": body, "by": by}})).await;
}

async fn whispered(world: &World, user: &str, text: &str) -> String {
    world.act(json!({"command": {"channel": "#site-dev", "user": user, "text": text}})).await;
    world.state().await.whispers().last().unwrap().to_string()
}

fn statuses(runs: &[Value]) -> Vec<&str> {
    let mut statuses: Vec<&str> = runs.iter().map(|run| run["status"].as_str().unwrap()).collect();
    statuses.sort_unstable();
    statuses
}

/// What the bot said under the issue, without its marks.
fn answers(state: &State) -> Vec<&str> {
    let said = |text: &'_ str| text.split("\n\n<!--").next().unwrap_or_default().len();
    state.answers_under("acme/site", 1).into_iter().map(|text| &text[..said(text)]).collect()
}

#[tokio::test]
async fn a_team_member_may_and_a_stranger_is_refused_in_the_thread() {
    let world = world();
    comment(&world, "ada", "/ostler ship").await;
    let runs = world.settle(1).await;
    assert_eq!(statuses(&runs), ["succeeded"], "{runs:#?}");
    assert_eq!(answers(&world.state().await), ["Shipped."]);
    comment(&world, "eve", "/ostler ship").await;
    let runs = world.settle(2).await;
    assert_eq!(statuses(&runs), ["refused", "succeeded"], "{runs:#?}");
    let state = world.state().await;
    let told = answers(&state)[1];
    assert!(told.contains("the team acme/payments") && told.contains("eve is not among them"), "{told}");
}

#[tokio::test]
async fn who_the_event_itself_refuses_is_told_once_and_explained() {
    let world = world();
    for runs in 1..=2 {
        comment(&world, "eve", "/ostler stop").await;
        world.settle(runs).await;
    }
    let runs = world.runs().await;
    assert_eq!(statuses(&runs), ["refused", "refused"], "{runs:#?}");
    let state = world.state().await;
    let told = answers(&state);
    let expected = "Nothing was started: `stop` is for whoever is owner there or ada; eve is not among them.";
    assert_eq!(told, [expected]);
    let explained = world.ostler(&["explain", runs[0]["id"].as_str().unwrap(), "--data", "data", "--json"]);
    let triggers = explained.json()["explanation"]["triggers"].clone();
    let said = triggers.as_array().unwrap().iter().find(|said| said["trigger"] == "deploy/stop").unwrap();
    assert_eq!((&said["verdict"], &said["condition"]), (&json!("refused"), &json!("who")), "{triggers:#}");
    assert_eq!(said["expected"], json!({"association": ["owner"], "users": ["ada"]}));
    comment(&world, "ada", "/ostler stop").await;
    let runs = world.settle(3).await;
    assert_eq!(statuses(&runs), ["refused", "refused", "succeeded"], "{runs:#?}");
}

#[tokio::test]
async fn a_person_is_one_on_slack_and_github_and_help_is_theirs_alone() {
    let world = world();
    assert!(
        whispered(&world, "eve", "/ostler stop")
            .await
            .contains("`stop` is for whoever is owner there or ada")
    );
    let help = whispered(&world, "eve", "/ostler help").await;
    assert!(help.contains("`slack:U0EVE` under `identity`") && !help.contains("Ships it"), "{help}");
    let help = whispered(&world, "ada", "/ostler help").await;
    assert!(["Ships it", "Stops it", "Looks at it"].iter().all(|line| help.contains(line)), "{help}");
    assert!(world.runs().await.is_empty());
    whispered(&world, "ada", "/ostler ship").await;
    assert_eq!(statuses(&world.settle(1).await), ["succeeded"]);
    // Under an issue the forge is asked for what the event does not say.
    comment(&world, "eve", "/ostler help").await;
    comment(&world, "ada", "/ostler help").await;
    world.settle(3).await;
    let state = world.state().await;
    let told = answers(&state);
    let lists = |line: &str| told.iter().map(|text| text.contains(line)).collect::<Vec<_>>();
    assert_eq!(lists("Looks at it"), [true, true], "{told:#?}");
    for line in ["Ships it", "Stops it", "`implement`"] {
        assert_eq!(lists(line), [false, true], "{line}: {told:#?}");
    }
}
