//! Where a command finds what is kept: behind a running server's admin socket, else in the store itself.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use reqwest::{Client, RequestBuilder};
use serde_json::Value;

use crate::app;
use crate::config::{self, Environment};
use crate::store::{self, Store};

/// The arguments of every command that looks at what is kept.
#[derive(Debug, clap::Args)]
pub(super) struct Place {
    /// The configuration that says where things are kept.
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// The directory in which things are kept.
    #[arg(long, value_name = "DIR")]
    pub(super) data: Option<PathBuf>,
}

/// Who answers for what is kept.
#[derive(Debug)]
pub(super) enum Kept {
    /// A running server did.
    Told(Value),
    /// None runs; this is the store.
    Here(Arc<dyn Store>),
}

impl Place {
    /// Asks a running server for `path` of its API; where none runs, opens the store.
    pub(super) async fn ask(&self, path: &str, environment: &Environment) -> anyhow::Result<Kept> {
        self.request(|http| http.get(address(path)), environment).await
    }

    /// Asks a running server for something; where none runs, opens the store.
    pub(super) async fn request(
        &self,
        request: impl FnOnce(&Client) -> RequestBuilder,
        environment: &Environment,
    ) -> anyhow::Result<Kept> {
        let data = self.data(environment)?;
        if !data.exists() {
            bail!("nothing is kept in {}: no server has run on it yet", data.display());
        }
        let socket = app::admin_socket(&data);
        if socket.exists()
            && let Some(answer) = ask_server(&socket, request).await?
        {
            return Ok(Kept::Told(answer));
        }
        Ok(Kept::Here(store::open(&format!("sled://{}", data.display()))?))
    }

    /// Asks what only a running server can do.
    pub(super) async fn of_server(
        &self,
        environment: &Environment,
        request: impl FnOnce(&Client) -> RequestBuilder,
    ) -> anyhow::Result<Value> {
        let data = self.data(environment)?;
        let socket = app::admin_socket(&data);
        let answer = if socket.exists() { ask_server(&socket, request).await? } else { None };
        answer.with_context(|| format!("no server runs on {}", data.display()))
    }

    /// The directory in which things are kept.
    pub(super) fn data(&self, environment: &Environment) -> anyhow::Result<PathBuf> {
        if let Some(data) = &self.data {
            return Ok(data.clone());
        }
        let loaded = config::load(self.config.as_deref(), environment)?;
        loaded.config.data_dir().context("a store in memory can only be looked at from within")
    }
}

/// The address of a path of a server's API, by way of its socket.
pub(super) fn address(path: &str) -> String {
    format!("http://ostler/api/v1/{path}")
}

/// Asks the server behind a socket; nothing when no server is there any more.
pub(super) async fn ask_server(
    socket: &Path,
    request: impl FnOnce(&Client) -> RequestBuilder,
) -> anyhow::Result<Option<Value>> {
    let client = Client::builder().unix_socket(socket).build()?;
    let answer = match request(&client).send().await {
        Ok(answer) => answer,
        // A socket file outlives a server that was killed.
        Err(error) if error.is_connect() => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let found = answer.status().is_success();
    let body: Value = answer.json().await?;
    if !found {
        return Err(Declined::of(&body).into());
    }
    Ok(Some(body))
}

/// What a server said no with.
#[derive(Debug, thiserror::Error)]
#[error("{detail}")]
pub(super) struct Declined {
    /// What programs tell it by.
    pub(super) name: String,
    detail: String,
}

impl Declined {
    pub(super) fn of(problem: &Value) -> Self {
        let text = |name: &str| problem[name].as_str();
        let name = text("type").and_then(|kind| kind.rsplit(':').next()).unwrap_or_default();
        let detail = text("detail").unwrap_or("the server did not say why not");
        Self { name: name.to_owned(), detail: detail.to_owned() }
    }
}
