//! The outside world, as people act in it and as it can be broken.

use std::time::Duration;

use reqwest::Client;
use serde_json::{Value, json};

use super::state::State;

/// The twins' side for people and operators; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Twins {
    base: String,
    client: Client,
}

impl Twins {
    /// The twins that listen on a port of this machine.
    pub(crate) fn on(port: u16) -> Self {
        Self { base: format!("http://127.0.0.1:{port}/twin"), client: client() }
    }

    /// Lets a person act; gives what the twins say of it.
    pub(crate) async fn act(&self, act: Value) -> Value {
        self.post("act", &act).await
    }

    /// Breaks something in the outside world.
    pub(crate) async fn fault(&self, fault: Value) {
        self.post("faults", &fault).await;
    }

    /// Mends everything that was broken.
    pub(crate) async fn mend(&self) {
        let answer = self.client.delete(format!("{}/faults", self.base)).send().await.unwrap();
        assert!(answer.status().is_success(), "{answer:?}");
    }

    /// Sends every delivery again that has not been answered 2xx.
    pub(crate) async fn redeliver(&self) -> Value {
        self.post("redeliver", &json!({})).await
    }

    /// Lets the connections end that are listened on: `refresh` or `drop`.
    #[cfg(feature = "socket-mode")]
    pub(crate) async fn end_connections(&self, how: &str) {
        self.post("sockets", &json!({ "how": how })).await;
    }

    /// Registers a webhook at the forge, as an administrator of the repository does.
    pub(crate) async fn register_hook(&self, repository: &str, hook: &Value) {
        let forge = self.base.trim_end_matches("/twin");
        let request = self.client.post(format!("{forge}/github/api/v3/repos/{repository}/hooks")).json(hook);
        let answer =
            request.bearer_auth("twin-github-token").header("user-agent", "ada").send().await.unwrap();
        assert_eq!(answer.status(), 201, "{:?}", answer.text().await);
    }

    /// Everything that the outside world holds.
    pub(crate) async fn state(&self) -> State {
        State(self.client.get(format!("{}/state", self.base)).send().await.unwrap().json().await.unwrap())
    }

    async fn post(&self, what: &str, body: &Value) -> Value {
        let answer = self.client.post(format!("{}/{what}", self.base)).json(body).send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{what} {body}: {status} {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }
}

/// A client without a memory of connections: the process at the other end may be another one by the
/// next request.
pub(crate) fn client() -> Client {
    Client::builder().timeout(Duration::from_secs(60)).pool_max_idle_per_host(0).no_proxy().build().unwrap()
}
