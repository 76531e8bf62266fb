use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::response::Response;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::{Anthropic, Options};
use crate::money::Usage;
use crate::plugin::client::testing::{self, JumpClock, Server, lost};
use crate::plugin::model::{Block, Message, Model, Request, Speaker, Stop, Tool};
use crate::plugin::{PluginError, Problem};

fn anthropic(server: &Server) -> Anthropic {
    let options = Options {
        base_url: server.url.clone(),
        api_key: Some(SecretString::from("sk-hush-hush")),
        ..Options::default()
    };
    Anthropic::new(&options, Arc::new(JumpClock::default()), testing::transport()).unwrap()
}

fn reply() -> Value {
    json!({
        "type": "message", "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": "s"},
            {"type": "text", "text": "Let me look.", "citations": null},
            {"type": "tool_use", "id": "t1", "name": "read_file", "input": {"path": "a.rs"}},
        ],
        "stop_reason": "tool_use", "stop_sequence": null,
        "usage": {"input_tokens": 10, "output_tokens": 5, "cache_creation_input_tokens": null,
                  "cache_read_input_tokens": 90, "service_tier": null},
    })
}

fn conversation() -> Request {
    let use_block =
        Block::ToolUse { id: "t1".into(), name: "read_file".into(), input: json!({"path": "a.rs"}) };
    let result = Block::ToolResult { id: "t1".into(), content: "fn main() {}".into(), is_error: false };
    Request {
        model: "m-1".to_owned(),
        system: "You fix bugs.".to_owned(),
        messages: vec![
            Message { role: Speaker::User, content: vec![Block::Text("Fix it.".into())] },
            Message {
                role: Speaker::Assistant,
                content: vec![Block::Opaque(json!({"type": "thinking", "thinking": "hm"})), use_block],
            },
            Message { role: Speaker::User, content: vec![Block::Text("Go on.".into()), result] },
        ],
        tools: vec![Tool {
            name: "read_file".into(),
            description: "Reads.".into(),
            input_schema: json!({"type": "object"}),
        }],
        max_tokens: 1_000,
    }
}

#[tokio::test]
async fn a_turn_is_sent_with_results_first_and_cache_marks_last() {
    let server = Server::start(|_| testing::json(200, &reply())).await;
    anthropic(&server).answer(&conversation()).await.unwrap();
    let seen = &server.seen()[0];
    assert_eq!(seen.line(), "POST /v1/messages");
    assert_eq!(seen.header("x-api-key"), "sk-hush-hush");
    assert_eq!(seen.header("anthropic-version"), "2023-06-01");
    let mark = json!({ "type": "ephemeral" });
    assert_eq!(
        seen.json["system"],
        json!([{"type": "text", "text": "You fix bugs.", "cache_control": mark}])
    );
    let last = &seen.json["messages"][2]["content"];
    let result =
        json!({"type": "tool_result", "tool_use_id": "t1", "content": "fn main() {}", "is_error": false});
    assert_eq!(last[0], result);
    assert_eq!(last[1], json!({"type": "text", "text": "Go on.", "cache_control": mark}));
    assert_eq!(seen.json["messages"][1]["content"][0], json!({"type": "thinking", "thinking": "hm"}));
    assert_eq!(seen.json["tools"][0]["input_schema"], json!({"type": "object"}));
    let marks = seen.json.to_string().matches("cache_control").count();
    assert_eq!(marks, 2);
    for gone in ["temperature", "top_p", "top_k"] {
        assert!(seen.json.get(gone).is_none());
    }
}

#[tokio::test]
async fn an_answer_is_read_with_its_thinking_kept() {
    let server = Server::start(|_| testing::json(200, &reply())).await;
    let answer = anthropic(&server).answer(&conversation()).await.unwrap();
    assert_eq!(
        answer.content[0],
        Block::Opaque(json!({"type": "thinking", "thinking": "hm", "signature": "s"}))
    );
    assert_eq!(answer.content[1], Block::Text("Let me look.".into()));
    assert!(matches!(&answer.content[2], Block::ToolUse { name, .. } if name == "read_file"));
    assert_eq!(answer.stop, Stop::ToolUse);
    assert_eq!(answer.usage, Usage { input: 10, output: 5, cache_write: 0, cache_read: 90 });
}

#[tokio::test]
async fn every_reason_to_stop_is_told_apart() {
    for (reason, stop) in [
        (json!("end_turn"), Stop::EndTurn),
        (json!("stop_sequence"), Stop::EndTurn),
        (json!("max_tokens"), Stop::MaxTokens),
        (json!("pause_turn"), Stop::Pause),
        (json!("refusal"), Stop::Refusal),
        (json!("model_context_window_exceeded"), Stop::ContextFull),
        (json!(null), Stop::EndTurn),
    ] {
        let body = json!({ "content": [], "stop_reason": reason, "usage": {} });
        let server = Server::start(move |_| testing::json(200, &body)).await;
        assert_eq!(anthropic(&server).answer(&conversation()).await.unwrap().stop, stop);
    }
}

fn error(status: u16, kind: &str, code: Option<&str>) -> Response {
    let details = code.map(|code| json!({ "error_code": code }));
    let error = json!({ "type": kind, "message": "no", "details": details });
    testing::json(status, &json!({ "type": "error", "error": error, "request_id": "r" }))
}

async fn failing(failure: impl Fn() -> Response + Send + Sync + 'static) -> (PluginError, usize) {
    let server = Server::start(move |_| failure()).await;
    let error = anthropic(&server).answer(&conversation()).await.unwrap_err();
    (error, server.seen().len())
}

#[tokio::test]
async fn a_limit_of_spending_is_not_tried_again() {
    for code in ["enforced_spend_limit_reached", "contract_spend_limit_reached"] {
        let (failed, asked) = failing(move || error(429, "rate_limit_error", Some(code))).await;
        assert_eq!((failed.problem, asked), (Problem::Exhausted, 1));
    }
    let (failed, asked) = failing(|| error(402, "billing_error", None)).await;
    assert_eq!((failed.problem, asked), (Problem::Exhausted, 1));
}

#[tokio::test]
async fn an_account_without_credit_is_told_from_a_mistake_and_not_asked_again() {
    let poor = "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing.";
    for (status, kind, message) in [
        (400, "invalid_request_error", poor),
        (
            429,
            "insufficient_quota",
            "You exceeded your current quota, please check your plan and billing details.",
        ),
    ] {
        let body = json!({"type": "error", "error": {"type": kind, "message": message}});
        let (failed, asked) = failing(move || testing::json(status, &body)).await;
        assert_eq!((failed.problem, asked), (Problem::Exhausted, 1), "{message}");
        let step = crate::run::StepError::from(failed);
        assert_eq!((step.code.as_str(), step.retryable), ("exhausted", false));
        assert!(step.message.contains(message), "{}", step.message);
    }
    let (failed, asked) = failing(|| error(400, "invalid_request_error", None)).await;
    assert_eq!((failed.problem, asked), (Problem::Invalid, 1));
}

#[tokio::test]
async fn what_provably_failed_is_tried_again_and_a_lost_answer_is_not() {
    for (status, kind, problem) in [
        (429, "rate_limit_error", Problem::RateLimited),
        (529, "overloaded_error", Problem::Unavailable),
        (500, "api_error", Problem::Unavailable),
    ] {
        let (failed, asked) = failing(move || error(status, kind, None)).await;
        assert_eq!((failed.problem, asked), (problem, 4));
        assert_eq!(failed.to_string(), format!("anthropic: no ({kind})"));
    }
    for failure in [lost, || error(504, "timeout_error", None)] {
        let (failed, asked) = failing(failure).await;
        assert_eq!((failed.problem, asked), (Problem::Unknown, 1));
    }
}

#[tokio::test]
async fn a_short_overload_is_waited_out_as_asked() {
    let count = AtomicU32::new(0);
    let server = Server::start(move |_| {
        if count.fetch_add(1, Ordering::SeqCst) > 0 {
            return testing::json(200, &reply());
        }
        let mut response = error(529, "overloaded_error", None);
        response.headers_mut().insert("retry-after-ms", "1500".parse().unwrap());
        response
    })
    .await;
    let clock = Arc::new(JumpClock::default());
    let options = Options {
        base_url: server.url.clone(),
        api_key: Some(SecretString::from("sk")),
        ..Options::default()
    };
    let model = Anthropic::new(&options, Arc::clone(&clock) as _, testing::transport()).unwrap();
    model.answer(&conversation()).await.unwrap();
    assert_eq!(clock.slept().as_millis(), 1500);
}

#[tokio::test]
async fn nothing_prints_the_key() {
    let server = Server::start(|_| error(401, "authentication_error", None)).await;
    let model = anthropic(&server);
    let failed = model.answer(&conversation()).await.unwrap_err();
    assert_eq!(failed.problem, Problem::Denied);
    assert!(!format!("{model:?} {failed:?}").contains("hush"));
}
