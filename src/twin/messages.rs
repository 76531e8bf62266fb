//! The Messages API: requests are checked as the real service checks them, answers are played from scripts.
//!
//! A script is not told what it did before: which turn it is follows from the request alone, and what
//! earlier turns saw is read again out of the conversation. A client that was killed and comes back with
//! the same conversation gets the same answer.

mod fill;
pub(super) mod openai;
mod play;
mod request;
mod script;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use subtle::ConstantTimeEq as _;

use self::play::Turn;
use self::request::Request;
pub(super) use self::script::{Script, scripts};
use super::world::{World, lock};
use crate::id::Digest;

/// The versions of the API that are alive.
const VERSIONS: [&str; 2] = ["2023-06-01", "2026-10-21"];

/// The API.
pub(super) fn routes() -> Router<Arc<World>> {
    Router::new()
        .route("/v1/messages", post(answer))
        .route("/v1/models", get(models))
        .route("/v1/models/{model}", get(models))
}

/// Every model is there for whoever has the key.
async fn models(State(world): State<Arc<World>>, headers: HeaderMap) -> Response {
    let key = headers.get("x-api-key").map_or(&b""[..], |value| value.as_bytes());
    if bool::from(world.secrets.model_key.expose_secret().as_bytes().ct_eq(key)) {
        return Json(json!({"data": [], "has_more": false})).into_response();
    }
    let error = json!({"type": "authentication_error", "message": "invalid x-api-key"});
    (StatusCode::UNAUTHORIZED, Json(json!({"type": "error", "error": error}))).into_response()
}

/// What the API answers when it does not answer.
#[derive(Debug)]
struct Refusal {
    status: StatusCode,
    kind: &'static str,
    message: String,
}

impl Refusal {
    fn invalid(message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, kind: "invalid_request_error", message: message.into() }
    }
}

async fn answer(State(world): State<Arc<World>>, headers: HeaderMap, body: Bytes) -> Response {
    let digest = Digest::of(&body).to_string();
    let id = format!("req_{}", &digest[..24]);
    let (status, body) = match play(&world, &headers, &body) {
        Ok(mut message) => {
            message["id"] = format!("msg_{}", &digest[..24]).into();
            (StatusCode::OK, message)
        }
        Err(Refusal { status, kind, message }) => {
            let error = json!({"type": kind, "message": message});
            (status, json!({"type": "error", "error": error, "request_id": id}))
        }
    };
    (status, [("request-id", id)], Json(body)).into_response()
}

fn play(world: &World, headers: &HeaderMap, body: &[u8]) -> Result<Value, Refusal> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let key = world.secrets.model_key.expose_secret().as_bytes();
    if !bool::from(key.ct_eq(header("x-api-key").as_bytes())) {
        let message = "invalid x-api-key".to_owned();
        return Err(Refusal { status: StatusCode::UNAUTHORIZED, kind: "authentication_error", message });
    }
    let version = header("anthropic-version");
    if !VERSIONS.contains(&version) {
        return Err(Refusal::invalid(format!("anthropic-version: {version:?} is not a valid version")));
    }
    if !header("content-type").starts_with("application/json") {
        return Err(Refusal::invalid("content-type: must be application/json"));
    }
    let request = Request::read(body, version).map_err(Refusal::invalid)?;
    let Turn { content, stop } = play::turn(&world.scripts, &request);
    let usage = request.usage(&Value::Array(content.clone()));
    lock(&world.bills).push(usage.clone());
    Ok(json!({
        "type": "message",
        "role": "assistant",
        "model": request.model,
        "content": content,
        "stop_reason": stop,
        "stop_sequence": null,
        "usage": usage,
    }))
}
