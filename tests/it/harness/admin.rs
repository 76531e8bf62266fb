//! A bot's admin socket, where its operators and its own commands ask.

use std::path::Path;
use std::time::Duration;

use reqwest::{Client, RequestBuilder};
use serde_json::Value;

/// Whoever asks a bot on its admin socket, through all of the bot's lives.
#[derive(Debug)]
pub(crate) struct Admin(Client);

impl Admin {
    /// For the bot with this data directory.
    pub(crate) fn of(data: &Path) -> Self {
        // The bot at the other end of a kept connection may be dead.
        let client = Client::builder().pool_max_idle_per_host(0).unix_socket(data.join("admin.sock"));
        Self(client.build().unwrap())
    }

    /// A request that is yet to be sent; its answer may go on for ever.
    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.0.get(format!("http://ostler/api/v1/{path}"))
    }

    /// What the bot says, or why it says nothing.
    pub(crate) async fn ask(&self, path: &str) -> reqwest::Result<Value> {
        self.get(path).timeout(Duration::from_secs(60)).send().await?.json().await
    }
}
