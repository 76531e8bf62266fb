//! The twins over real HTTP, as Ostler and a person meet them.

mod github;
mod gitlab;
mod jira;
mod linear;
mod messages;
mod operator;
mod slack;

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::{Value, json};

use super::*;
use crate::clock::SystemClock;

/// A delivery that arrived where Ostler would be.
#[derive(Debug, Clone)]
struct Arrived {
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Arrived {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// Where deliveries go: keeps them, and answers with what it is told to.
#[derive(Debug, Default)]
struct Hooks {
    arrived: Mutex<Vec<Arrived>>,
    answers: Mutex<Vec<(StatusCode, String)>>,
}

impl Hooks {
    async fn take(
        State(hooks): State<Arc<Self>>,
        Path(path): Path<String>,
        headers: HeaderMap,
        body: Bytes,
    ) -> (StatusCode, String) {
        hooks.arrived.lock().unwrap().push(Arrived { path, headers, body });
        hooks.answers.lock().unwrap().pop().unwrap_or((StatusCode::OK, String::new()))
    }
}

/// Twins, and a place for what they send.
struct Setting {
    base: String,
    client: reqwest::Client,
    hooks: Arc<Hooks>,
    shutdown: CancellationToken,
    handle: Handle,
}

impl Setting {
    async fn start() -> Self {
        let hooks = Arc::new(Hooks::default());
        let place = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = Url::parse(&format!("http://{}", place.local_addr().unwrap())).unwrap();
        let routes =
            Router::new().route("/webhooks/{*path}", post(Hooks::take)).with_state(Arc::clone(&hooks));
        tokio::spawn(async move { axum::serve(place, routes).await });
        let options = Options {
            hooks: address,
            secrets: Secrets::default(),
            scripts: None,
            clock: Arc::new(SystemClock),
            repositories: Vec::new(),
        };
        let shutdown = CancellationToken::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let handle = serve(listener, options, shutdown.clone()).await.unwrap();
        let base = handle.base().as_str().trim_end_matches('/').to_owned();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { base, client, hooks, shutdown, handle }
    }

    /// Stops the twins; what they were sending has arrived afterwards, or never will.
    async fn stop(self) -> Vec<Arrived> {
        drop(self.client);
        self.shutdown.cancel();
        self.handle.stopped().await;
        self.hooks.arrived.lock().unwrap().clone()
    }

    /// Waits for a delivery that is sent in the background.
    async fn arrived(&self, wanted: impl Fn(&Arrived) -> bool) -> Arrived {
        for _ in 0..500 {
            let found = self.hooks.arrived.lock().unwrap().iter().find(|one| wanted(one)).cloned();
            if let Some(found) = found {
                return found;
            }
            SystemClock.sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("no such delivery among {:?}", self.hooks.arrived.lock().unwrap());
    }

    async fn act(&self, act: Value) -> Value {
        let (status, body) = self.operate("act", &act).await;
        assert_eq!(status, 200, "{body}");
        body
    }

    async fn operate(&self, what: &str, body: &Value) -> (u16, Value) {
        let request = self.client.post(format!("{}/twin/{what}", self.base)).json(body);
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    async fn state(&self) -> Value {
        self.client.get(format!("{}/twin/state", self.base)).send().await.unwrap().json().await.unwrap()
    }
}

/// The status and JSON of an answer.
async fn read(request: reqwest::RequestBuilder) -> (u16, Value) {
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

#[tokio::test]
async fn what_the_twins_hold_goes_when_they_stop() {
    let setting = Setting::start().await;
    let state = setting.state().await;
    assert!(state["github"]["repositories"]["acme/tools"]["branches"]["ada/join-path"].is_string());
    assert_eq!(state["jira"]["tickets"]["SHOP-7"]["status"], "To Do");
    assert_eq!(setting.stop().await.len(), 0);
}

#[test]
fn the_configuration_for_twins_names_their_secrets() {
    use secrecy::ExposeSecret as _;
    let texts = [
        include_str!("../../fixtures/twins.yaml"),
        include_str!("../../fixtures/gitlab.yaml"),
        include_str!("../../fixtures/linear.yaml"),
    ];
    for text in texts {
        assert!(serde_saphyr::from_str::<Value>(text).is_ok_and(|value| value != json!(null)));
    }
    let text = texts.concat();
    let secrets = Secrets::default();
    for secret in [
        &secrets.github_webhook,
        &secrets.github_token,
        &secrets.gitlab_webhook,
        &secrets.gitlab_token,
        &secrets.jira_webhook,
        &secrets.jira_token,
        &secrets.linear_webhook,
        &secrets.linear_key,
        &secrets.slack_signing,
        &secrets.slack_token,
        &secrets.slack_app_token,
        &secrets.model_key,
    ] {
        assert!(text.contains(secret.expose_secret()), "{}", secret.expose_secret());
    }
}
