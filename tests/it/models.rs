//! Whoever has the models: the same work is done by each, and by another where one cannot answer.

use serde_json::{Value, json};

use crate::harness::{State, World, git, passes_at};

/// The twins' configuration with this in the place of its provider of models.
fn provided_by(config: &str, provider: &str) -> String {
    let (before, rest) = config.split_once("ai_provider:").unwrap();
    let (_, after) = rest.split_once("\n\n").unwrap();
    format!("{before}{provider}\n\n{after}")
}

fn openai(api: &str) -> String {
    let base = "${OSTLER_TWINS:-http://127.0.0.1:8090}/openai/v1";
    format!(
        "type: openai, api: {api}, model: gpt-5.1, base_url: \"{base}\", api_key: twin-model-key, rate_per_second: 50"
    )
}

/// A world in which a ticket was assigned and its run came to an end.
async fn after_a_ticket(provider: &str, fault: Option<Value>) -> (World, Value) {
    let mut world = World::without_bot(&[]);
    world.configure(|config| provided_by(&config, provider), &[]);
    world.restart();
    if let Some(fault) = fault {
        world.fault(fault).await;
    }
    world.act(json!({"assign": {"ticket": "SHOP-7", "by": "ada"}})).await;
    let runs = world.settle(1).await;
    (world, runs[0].clone())
}

/// How often a path was asked for.
fn asked(state: &State, path: &str) -> usize {
    state
        .requests()
        .filter(|request| request["path"].as_str().is_some_and(|asked| asked.ends_with(path)))
        .count()
}

#[tokio::test]
async fn a_ticket_becomes_a_pull_request_by_a_model_behind_each_api_of_openai() {
    for (api, path) in
        [("responses", "/responses"), ("chat", "/chat/completions"), ("compatible", "/chat/completions")]
    {
        let (world, run) = after_a_ticket(&format!("ai_provider: {{{}}}", openai(api)), None).await;
        assert_eq!(run["status"], "succeeded", "{api}: {run:#}");
        assert!(run["cost"].as_f64().unwrap() > 0.0, "{api}: {run:#}");
        let state = world.state().await;
        assert!(asked(&state, path) >= 3, "{api}");
        let clone = state.clone_of("acme/shop");
        let head = git(clone.path(), &["rev-parse", "origin/ostler/shop-7"]);
        assert!(passes_at(clone.path(), &head), "{api}");
    }
}

#[tokio::test]
async fn where_an_account_is_used_up_another_provider_goes_on_and_it_is_said_which() {
    let anthropic = "type: anthropic, model: claude-sonnet-4-5, api_key: twin-model-key, rate_per_second: 50, \
                     base_url: \"${OSTLER_TWINS:-http://127.0.0.1:8090}/anthropic\"";
    let both = format!("ai_provider: {{{anthropic}}}\nai_fallback: [{{{}}}]", openai("responses"));
    let body = json!({"type": "error", "error": {"type": "billing_error", "message": "No credit is left."}});
    let fault = json!({"status": 402, "body": body});
    let used_up = json!({"match": {"path": "/anthropic/v1/messages"}, "fault": fault, "times": 1000});
    let (mut world, run) = after_a_ticket(&both, Some(used_up)).await;
    assert_eq!(run["status"], "succeeded", "{run:#}");
    let state = world.state().await;
    let (refused, answered) = (asked(&state, "/anthropic/v1/messages"), asked(&state, "/responses"));
    assert!(refused >= 1 && answered >= 3 * refused, "a conversation stays with who can answer");
    world.terminate();
    let recorded = serde_json::to_string(&world.journals(&[run]).await).unwrap();
    assert!(recorded.contains("\"by\":\"gpt-5.1\""), "the journal names who answered");
}
