use std::path::Path;
use std::sync::Arc;

use axum::response::Response;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::options::Api;
use super::{OpenAi, Options};
use crate::money::Usage;
use crate::plugin::client::testing::{self, JumpClock, Server, lost};
use crate::plugin::model::{Answer, Block, Message, Model, Request, Speaker, Stop, Tool};
use crate::plugin::{PluginError, Problem};

fn options(server: &Server, api: Api) -> Options {
    Options {
        base_url: server.url.clone(),
        api_key: Some(SecretString::from("sk-hush-hush")),
        organization: Some("org-1".into()),
        api,
        ..Options::default()
    }
}

fn openai(options: &Options) -> OpenAi {
    OpenAi::new(options, Arc::new(JumpClock::default()), testing::transport()).unwrap()
}

fn reasoned() -> Value {
    json!({"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"})
}

fn conversation() -> Request {
    let call = Block::ToolUse { id: "c1".into(), name: "read_file".into(), input: json!({"path": "a.rs"}) };
    let thinking = Block::Opaque(json!({"type": "thinking", "thinking": "hm", "signature": "s"}));
    let result = Block::ToolResult { id: "c1".into(), content: "no such file".into(), is_error: true };
    Request {
        model: "m-1".to_owned(),
        system: "You fix bugs.".to_owned(),
        messages: vec![
            Message { role: Speaker::User, content: vec![Block::Text("Fix it.".into())] },
            Message {
                role: Speaker::Assistant,
                content: vec![thinking, Block::Opaque(reasoned()), Block::Text("I look.".into()), call],
            },
            Message { role: Speaker::User, content: vec![Block::Text("Go on.".into()), result] },
        ],
        tools: vec![Tool {
            name: "read_file".into(),
            description: "Reads.".into(),
            input_schema: json!({"type": "object", "properties": {"path": {"type": "string"}}}),
        }],
        max_tokens: 1_000,
    }
}

/// What of the published description of the API a request's body breaks; nothing where it is not at hand.
fn broken(schema: &str, body: &Value) -> Vec<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/specs/openai.json");
    let Ok(text) = std::fs::read_to_string(&file) else {
        eprintln!("skipped: there is no description of the API at {}", file.display());
        return Vec::new();
    };
    let described: Value = serde_json::from_str(&text).unwrap();
    let root =
        json!({"$ref": format!("#/components/schemas/{schema}"), "components": described["components"]});
    let validator = jsonschema::validator_for(&root).unwrap();
    validator.iter_errors(body).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

fn responses_reply() -> Value {
    json!({
        "id": "resp_1", "object": "response", "status": "completed", "error": null, "incomplete_details": null,
        "output": [
            reasoned(),
            {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
             "content": [{"type": "output_text", "text": "Let me look.", "annotations": []}]},
            {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "read_file",
             "arguments": "{\"path\":\"a.rs\"}", "status": "completed"},
        ],
        "usage": {"input_tokens": 100, "input_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 30},
                  "output_tokens": 20, "output_tokens_details": {"reasoning_tokens": 15}, "total_tokens": 120},
    })
}

fn chat_reply() -> Value {
    json!({
        "id": "chatcmpl-1", "object": "chat.completion",
        "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {
            "role": "assistant", "content": "Let me look.", "refusal": null,
            "tool_calls": [{"id": "c1", "type": "function",
                            "function": {"name": "read_file", "arguments": "{\"path\":\"a.rs\"}"}}],
        }}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120,
                  "prompt_tokens_details": {"cached_tokens": 60}},
    })
}

fn looks() -> [Block; 2] {
    let input = json!({"path": "a.rs"});
    [Block::Text("Let me look.".into()), Block::ToolUse { id: "c1".into(), name: "read_file".into(), input }]
}

async fn answered(api: Api, reply: Value) -> Answer {
    let server = Server::start(move |_| testing::json(200, &reply)).await;
    openai(&options(&server, api)).answer(&conversation()).await.unwrap()
}

#[tokio::test]
async fn a_turn_is_sent_as_items_and_nothing_is_stored() {
    let server = Server::start(|_| testing::json(200, &responses_reply())).await;
    let options = Options { reasoning_effort: Some("high".into()), ..options(&server, Api::Responses) };
    openai(&options).answer(&conversation()).await.unwrap();
    let seen = &server.seen()[0];
    assert_eq!(seen.line(), "POST /responses");
    assert_eq!(seen.header("authorization"), "Bearer sk-hush-hush");
    assert_eq!(seen.header("openai-organization"), "org-1");
    assert_eq!(broken("CreateResponse", &seen.json), [""; 0]);
    assert_eq!((&seen.json["store"], &seen.json["max_output_tokens"]), (&json!(false), &json!(1_000)));
    assert_eq!(seen.json["instructions"], "You fix bugs.");
    assert_eq!(seen.json["reasoning"], json!({"effort": "high"}));
    assert_eq!(
        seen.json["input"],
        json!([
            {"type": "message", "role": "user", "content": "Fix it."},
            reasoned(),
            {"type": "message", "role": "assistant", "content": "I look."},
            {"type": "function_call", "call_id": "c1", "name": "read_file", "arguments": "{\"path\":\"a.rs\"}"},
            {"type": "function_call_output", "call_id": "c1", "output": "[failed] no such file"},
            {"type": "message", "role": "user", "content": "Go on."},
        ])
    );
}

#[tokio::test]
async fn what_was_reasoned_is_left_out_where_it_would_be_refused() {
    let server = Server::start(|_| testing::json(200, &responses_reply())).await;
    let mut request = conversation();
    request.messages.truncate(1);
    let unread = Block::Opaque(json!({"type": "reasoning", "id": "rs_2", "summary": []}));
    let spoke = vec![Block::Opaque(reasoned()), unread, Block::Text("(no usable answer)".into())];
    request.messages.push(Message { role: Speaker::Assistant, content: spoke });
    openai(&options(&server, Api::Responses)).answer(&request).await.unwrap();
    let input = server.seen()[0].json["input"].clone();
    assert_eq!(input[1], json!({"type": "message", "role": "assistant", "content": "(no usable answer)"}));
    assert_eq!(input.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_turn_is_sent_as_chat_messages_each_result_one() {
    for (api, length, other) in [
        (Api::Chat, "max_completion_tokens", "max_tokens"),
        (Api::Compatible, "max_tokens", "max_completion_tokens"),
    ] {
        let server = Server::start(|_| testing::json(200, &chat_reply())).await;
        openai(&options(&server, api)).answer(&conversation()).await.unwrap();
        let seen = &server.seen()[0];
        assert_eq!(seen.line(), "POST /chat/completions");
        assert_eq!(broken("CreateChatCompletionRequest", &seen.json), [""; 0]);
        assert_eq!((&seen.json[length], seen.json.get(other)), (&json!(1_000), None));
        let function = json!({"name": "read_file", "arguments": "{\"path\":\"a.rs\"}"});
        assert_eq!(
            seen.json["messages"],
            json!([
                {"role": "system", "content": "You fix bugs."},
                {"role": "user", "content": "Fix it."},
                {"role": "assistant", "content": "I look.",
                 "tool_calls": [{"id": "c1", "type": "function", "function": function}]},
                {"role": "tool", "tool_call_id": "c1", "content": "[failed] no such file"},
                {"role": "user", "content": "Go on."},
            ])
        );
    }
}

/// The description must be able to fail: a check that takes everything says nothing.
#[test]
fn the_description_refuses_what_is_wrong() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/specs/openai.json");
    if file.exists() {
        assert_ne!(broken("CreateResponse", &json!({"model": "m", "max_output_tokens": "many"})), [""; 0]);
        assert_ne!(broken("CreateChatCompletionRequest", &json!({"model": "m"})), [""; 0]);
    }
}

#[tokio::test]
async fn an_answer_is_read_with_its_reasoning_kept_and_its_cache_apart() {
    let answer = answered(Api::Responses, responses_reply()).await;
    assert_eq!(answer.content[0], Block::Opaque(reasoned()));
    assert_eq!(answer.content[1..], looks());
    assert_eq!(answer.stop, Stop::ToolUse);
    assert_eq!(answer.usage, Usage { input: 10, output: 20, cache_write: 30, cache_read: 60 });
    let answer = answered(Api::Chat, chat_reply()).await;
    assert_eq!((answer.content.as_slice(), answer.stop), (looks().as_slice(), Stop::ToolUse));
    assert_eq!(answer.usage, Usage { input: 40, output: 20, cache_write: 0, cache_read: 60 });
}

#[tokio::test]
async fn every_reason_to_stop_is_told_apart() {
    let refusal = json!([{"type": "message", "content": [{"type": "refusal", "refusal": "No."}]}]);
    for (status, reason, output, stop) in [
        ("completed", Value::Null, json!([]), Stop::EndTurn),
        ("completed", Value::Null, refusal, Stop::Refusal),
        ("incomplete", json!("max_output_tokens"), json!([]), Stop::MaxTokens),
        ("incomplete", json!("content_filter"), json!([]), Stop::Refusal),
    ] {
        let details = json!({"reason": reason});
        let reply = json!({"status": status, "output": output, "incomplete_details": details});
        assert_eq!(answered(Api::Responses, reply).await.stop, stop, "{status} {reason}");
    }
    for (reason, message, stop) in [
        ("stop", json!({"content": "Done."}), Stop::EndTurn),
        ("stop", json!({"content": null, "refusal": "No."}), Stop::Refusal),
        ("stop", chat_reply()["choices"][0]["message"].clone(), Stop::ToolUse),
        ("length", json!({"content": "Do"}), Stop::MaxTokens),
        ("content_filter", json!({"content": null}), Stop::Refusal),
    ] {
        let reply = json!({"choices": [{"finish_reason": reason, "message": message}]});
        assert_eq!(answered(Api::Compatible, reply).await.stop, stop, "{reason}");
    }
}

#[tokio::test]
async fn arguments_that_are_not_json_are_kept_for_the_model_to_see() {
    for (written, read) in [("", json!({})), ("{\"a\":1}", json!({"a": 1})), ("{\"a\":", json!("{\"a\":"))] {
        let mut reply = chat_reply();
        reply["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"] = written.into();
        let answer = answered(Api::Chat, reply).await;
        assert!(matches!(&answer.content[1], Block::ToolUse { input, .. } if *input == read), "{written}");
    }
}

fn error(status: u16, kind: &str, code: &Value, message: &str) -> Response {
    let error = json!({"message": message, "type": kind, "param": null, "code": code});
    testing::json(status, &json!({ "error": error }))
}

async fn failing(failure: impl Fn() -> Response + Send + Sync + 'static) -> (PluginError, usize) {
    let server = Server::start(move |_| failure()).await;
    let error = openai(&options(&server, Api::Responses)).answer(&conversation()).await.unwrap_err();
    (error, server.seen().len())
}

#[tokio::test]
async fn a_quota_that_is_used_up_is_not_tried_again() {
    for code in ["insufficient_quota", "billing_hard_limit_reached"] {
        let (failed, asked) =
            failing(move || error(429, "insufficient_quota", &json!(code), "You exceeded your quota")).await;
        assert_eq!((failed.problem, asked), (Problem::Exhausted, 1));
        assert_eq!(failed.to_string(), format!("openai: You exceeded your quota ({code})"));
    }
}

#[tokio::test]
async fn what_provably_failed_is_tried_again_and_a_lost_answer_is_not() {
    for (status, problem) in [(429, Problem::RateLimited), (500, Problem::Unavailable)] {
        let (failed, asked) = failing(move || error(status, "server_error", &json!(null), "Wait")).await;
        assert_eq!((failed.problem, asked), (problem, 4));
    }
    let (failed, asked) = failing(lost).await;
    assert_eq!((failed.problem, asked), (Problem::Unknown, 1));
}

#[tokio::test]
async fn a_conversation_that_is_too_long_is_said_to_be() {
    for (code, message) in [
        (json!("context_length_exceeded"), "Your input is too long."),
        (json!(400), "This model's maximum context length is 32768 tokens. However, you requested 42832."),
    ] {
        let (failed, asked) = failing(move || error(400, "invalid_request_error", &code, message)).await;
        assert_eq!((failed.problem, asked), (Problem::TooLong, 1));
    }
}

#[tokio::test]
async fn an_answer_that_failed_on_its_way_is_an_error() {
    let failed =
        json!({"status": "failed", "error": {"code": "server_error", "message": "Oh."}, "output": []});
    let (error, asked) = failing(move || testing::json(200, &failed)).await;
    assert_eq!((error.problem, error.message.as_str(), asked), (Problem::Unknown, "Oh.", 1));
}

#[tokio::test]
async fn only_a_compatible_server_does_without_a_key_and_nothing_prints_one() {
    let server = Server::start(|_| testing::json(200, &chat_reply())).await;
    let keyless = |api| Options { api_key: None, ..options(&server, api) };
    let build =
        |options: &Options| OpenAi::new(options, Arc::new(JumpClock::default()), testing::transport());
    assert_eq!(build(&keyless(Api::Chat)).unwrap_err().problem, Problem::NotOffered);
    let local = build(&keyless(Api::Compatible)).unwrap();
    local.answer(&conversation()).await.unwrap();
    assert_eq!(server.seen()[0].header("authorization"), "");
    assert!(!format!("{:?}", openai(&options(&server, Api::Chat))).contains("hush"));
}
