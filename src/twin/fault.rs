//! Faults on purpose, and the log of every request.
//!
//! `POST /twin/faults` arms one; the next requests that it matches meet it, as many times as it says.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use jiff::Timestamp;
use regex::Regex;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::world::{World, lock};
use crate::clock::Clock;

/// A fault that waits for its request.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Armed {
    #[serde(rename = "match", default)]
    pattern: Pattern,
    fault: Fault,
    #[serde(default = "once")]
    times: u32,
}

fn once() -> u32 {
    1
}

/// Which requests meet it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pattern {
    method: Option<String>,
    #[serde(default, deserialize_with = "regex")]
    path: Option<Regex>,
}

/// What goes wrong.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Fault {
    /// Another answer; nothing is done.
    Answer(Canned),
    /// The right answer, late.
    Delay { delay_ms: u64 },
    /// No answer: the connection breaks before anything is done.
    Cut { cut: Yes },
    /// No answer: the connection breaks after everything was done.
    LoseAnswer { lose_answer: Yes },
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Canned {
    status: u16,
    #[serde(default)]
    headers: std::collections::BTreeMap<String, String>,
    /// Text as it is, anything else as JSON.
    body: Option<Value>,
    /// How often the body is repeated, for answers that are too large.
    #[serde(default = "once")]
    repeat: u32,
}

/// `true` and nothing else, so that `cut: false` is not a cut.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "bool")]
struct Yes;

impl TryFrom<bool> for Yes {
    type Error = &'static str;

    fn try_from(value: bool) -> Result<Self, Self::Error> {
        value.then_some(Self).ok_or("must be true")
    }
}

/// A request that was answered.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Logged {
    /// When it came.
    at: Timestamp,
    method: String,
    path: String,
    query: Option<String>,
    status: u16,
    /// The answer's size.
    bytes: u64,
    /// What the answer calls itself, where the service names its answers; the same for the same request.
    request_id: Option<String>,
    /// Whether it met a fault.
    fault: bool,
}

/// The faults that are armed, and what was asked so far.
#[derive(Debug)]
pub(super) struct Faults {
    armed: Mutex<Vec<Armed>>,
    log: Mutex<Vec<Logged>>,
    clock: Arc<dyn Clock>,
}

impl Faults {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { armed: Mutex::default(), log: Mutex::default(), clock }
    }

    pub(super) fn arm(&self, fault: Armed) {
        if fault.times > 0 {
            lock(&self.armed).push(fault);
        }
    }

    pub(super) fn clear(&self) {
        lock(&self.armed).clear();
    }

    pub(super) fn log(&self) -> Vec<Logged> {
        lock(&self.log).clone()
    }

    /// The fault that a request meets, one time less afterwards.
    fn take(&self, method: &Method, path: &str) -> Option<Fault> {
        let mut armed = lock(&self.armed);
        let index = armed.iter().position(|armed| armed.pattern.takes(method, path))?;
        armed[index].times -= 1;
        let fault = armed[index].fault.clone();
        armed.retain(|armed| armed.times > 0);
        Some(fault)
    }
}

impl Pattern {
    fn takes(&self, method: &Method, path: &str) -> bool {
        self.method.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method.as_str()))
            && self.path.as_ref().is_none_or(|wanted| wanted.is_match(path))
    }
}

/// Lets a request meet its fault, if one waits, and writes it down.
pub(super) async fn middleware(State(world): State<Arc<World>>, request: Request, next: Next) -> Response {
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let at = world.faults.clock.now();
    let fault = world.faults.take(&method, uri.path());
    let faulty = fault.is_some();
    let response = match fault {
        None => next.run(request).await,
        Some(Fault::Answer(canned)) => canned.response(),
        Some(Fault::Cut { cut: Yes }) => broken(),
        Some(Fault::LoseAnswer { lose_answer: Yes }) => {
            next.run(request).await;
            broken()
        }
        Some(Fault::Delay { delay_ms }) => {
            world.faults.clock.sleep(Duration::from_millis(delay_ms)).await;
            next.run(request).await
        }
    };
    let request_id = response.headers().get("request-id").and_then(|id| id.to_str().ok());
    lock(&world.faults.log).push(Logged {
        at,
        method: method.to_string(),
        path: uri.path().to_owned(),
        query: uri.query().map(str::to_owned),
        status: response.status().as_u16(),
        bytes: response.body().size_hint().exact().unwrap_or(0),
        request_id: request_id.map(str::to_owned),
        fault: faulty,
    });
    response
}

impl Canned {
    fn response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = self.body.map_or_else(String::new, |body| match body {
            Value::String(text) => text,
            other => other.to_string(),
        });
        let body = body.repeat(self.repeat as usize);
        let headers: HeaderMap = self
            .headers
            .iter()
            .filter_map(|(name, value)| {
                Some((name.parse::<HeaderName>().ok()?, value.parse::<HeaderValue>().ok()?))
            })
            .collect();
        (status, headers, body).into_response()
    }
}

/// An answer that promises a body and breaks before its first byte: the connection is closed.
fn broken() -> Response {
    let cut =
        futures_util::stream::once(async { Err::<bytes::Bytes, _>(std::io::Error::other("cut on purpose")) });
    let mut response = Body::from_stream(cut).into_response();
    *response.status_mut() = StatusCode::OK;
    response.headers_mut().insert("content-length", HeaderValue::from_static("1024"));
    response
}

fn regex<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Regex>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| Regex::new(&text).map_err(serde::de::Error::custom)).transpose()
}
