//! What tests of the plugins share: a clock that jumps, an effect, and a small server to talk to.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Method, StatusCode};
use jiff::Timestamp;
use serde_json::Value;
use url::Url;

use crate::clock::Clock;
use crate::id::{EffectKey, EventId, RunId, StepPath};
use crate::plugin::effect::Effect;

/// When all tests take place.
pub(crate) const START: Timestamp = Timestamp::constant(1_700_000_000, 0);

/// A clock on which every sleep is over at once, and has taken its time.
#[derive(Debug)]
pub(crate) struct JumpClock(Mutex<Timestamp>);

impl Default for JumpClock {
    fn default() -> Self {
        Self(Mutex::new(START))
    }
}

impl JumpClock {
    /// How long was slept altogether.
    pub(crate) fn slept(&self) -> Duration {
        Duration::try_from(self.now().duration_since(START)).unwrap()
    }
}

impl Clock for JumpClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    fn sleep_until(&self, moment: Timestamp) -> BoxFuture<'_, ()> {
        let mut now = self.0.lock().unwrap();
        *now = moment.max(*now);
        Box::pin(std::future::ready(()))
    }
}

/// An effect of a step of this name.
pub(crate) fn effect(step: &str, fresh: bool) -> Effect {
    let run = RunId::of(EventId::from_bytes(event_bytes()), "test");
    Effect { key: EffectKey { run, step: StepPath::root(step), ordinal: 0 }, fresh }
}

fn event_bytes() -> [u8; 16] {
    let mut bytes = [7; 16];
    bytes[..6].copy_from_slice(&START.as_millisecond().to_be_bytes()[2..]);
    bytes
}

/// A request as the server saw it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    /// The path with its query.
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    /// The body, where it was JSON.
    pub(crate) json: Value,
}

impl Seen {
    /// `METHOD /path?query`
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// A server on this machine that answers as its test says and remembers what it was asked.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) url: Url,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    /// Starts a server that answers each request by `answer`.
    pub(crate) async fn start(answer: impl Fn(&Seen) -> Response + Send + Sync + 'static) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (log, answer) = (Arc::clone(&seen), Arc::new(answer));
        let router = axum::Router::new().fallback(move |request: axum::extract::Request| {
            let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
            async move {
                let request = read(request).await;
                let response = answer(&request);
                log.lock().unwrap().push(request);
                response
            }
        });
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, seen, task }
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// What was asked, one line for each request.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.seen().iter().map(Seen::line).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn read(request: axum::extract::Request) -> Seen {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    Seen {
        method: parts.method,
        path: parts.uri.path_and_query().unwrap().to_string(),
        headers: parts.headers,
        json: serde_json::from_slice(&body).unwrap_or_default(),
    }
}

/// A JSON answer.
pub(crate) fn json(status: u16, body: &Value) -> Response {
    let builder = Response::builder().status(StatusCode::from_u16(status).unwrap());
    builder.header("content-type", "application/json").body(Body::from(body.to_string())).unwrap()
}

/// The answer to a deletion.
pub(crate) fn nothing() -> Response {
    Response::builder().status(StatusCode::NO_CONTENT).body(Body::empty()).unwrap()
}

/// An answer that breaks off before its end: the server did what it was asked, and nobody hears of it.
pub(crate) fn lost() -> Response {
    let broken = futures_util::stream::iter([Err::<bytes::Bytes, _>(std::io::Error::other("cut"))]);
    Response::new(Body::from_stream(broken))
}

/// A connection pool that talks to this machine directly.
pub(crate) fn transport() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}
