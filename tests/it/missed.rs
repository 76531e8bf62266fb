//! What a source could not deliver is asked for: nothing is lost and nothing is done twice.

use serde_json::{Value, json};

use crate::harness::{Tale, World};

#[tokio::test]
async fn a_ticket_that_was_assigned_while_nobody_listened_is_worked_on_once() {
    let mut world = World::start().await;
    world.asked("jira.jql").await;
    world.act(json!({"comment_ticket": {"ticket": "SHOP-7", "body": "Who takes it?", "by": "ada"}})).await;
    world.kill();
    let acted = world.act(Tale::Ticket.act()).await;
    assert_eq!(acted["answers"][0]["status"], Value::Null, "nobody is there to take it: {acted}");
    world.restart();
    let account = world.asked("jira.jql").await;
    assert_eq!(account["accepted"], 1, "{account}");
    assert!(account["duplicate"].as_u64() >= Some(1), "what was delivered is known: {account}");
    world.settle(1).await;
    let again = world.redeliver().await;
    let of_jira = again["answers"].as_array().unwrap().iter().filter(|sent| sent["sender"] == "jira");
    let answers: Vec<_> = of_jira.map(|sent| sent["answer"].as_str().unwrap().to_owned()).collect();
    assert!(!answers.is_empty() && answers.iter().all(|text| text.contains("duplicate")), "{answers:?}");
    let runs = world.settle(1).await;
    assert_eq!(runs.len(), 1, "{runs:#?}");
    world.state().await.assert_told_once(&[Tale::Ticket]);
}
