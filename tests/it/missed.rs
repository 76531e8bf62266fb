//! What a source could not deliver is asked for: nothing is lost and nothing is done twice.

use serde_json::{Value, json};

use crate::harness::{Tale, Traces, World};

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

/// Ada mentions the bot, in a channel or below a message there.
async fn mention(world: &World, text: &str, thread: Option<&Value>) -> Value {
    let mention = json!({"channel": "bank-dev", "user": "ada", "text": text, "thread": thread});
    world.act(json!({ "mention": mention })).await
}

#[tokio::test]
async fn who_mentioned_the_bot_while_nobody_listened_is_answered_once() {
    let mut world = World::start().await;
    world.asked("slack.history").await;
    let heard = mention(&world, "good morning", None).await;
    assert_eq!(heard["answers"][0]["status"], 200, "{heard}");
    world.settle(1).await;
    let morning = world.state().await.channel("bank-dev")["messages"][0]["ts"].clone();
    world.kill();
    let wish = "implement monthly interest rounded to the cent --repo acme/bank";
    for (text, thread) in [(wish, None), ("good night", Some(&morning))] {
        let acted = mention(&world, text, thread).await;
        assert_eq!(acted["answers"][0]["status"], Value::Null, "nobody is there to take it: {acted}");
    }
    world.restart();
    let account = world.asked("slack.history").await;
    assert_eq!((&account["accepted"], &account["refused"]), (&json!(2), &json!(0)), "{account}");
    assert!(account["duplicate"].as_u64() >= Some(1), "what was delivered is known: {account}");
    world.settle(3).await;
    let again = world.redeliver().await;
    let of_slack = again["answers"].as_array().unwrap().iter().filter(|sent| sent["sender"] == "slack");
    let answers: Vec<_> = of_slack.map(|sent| sent["answer"].as_str().unwrap().to_owned()).collect();
    assert!(answers.len() >= 2 && answers.iter().all(|text| text.contains("duplicate")), "{answers:?}");
    assert_eq!(world.settle(3).await.len(), 3);
    let state = world.state().await;
    assert_eq!(Tale::Command.traces(&state), Traces::ONCE, "{:#?}", state.channel("bank-dev"));
    assert_eq!(state.bot_messages().count(), 3, "{:#?}", state.channel("bank-dev"));
}
