//! Twins: small stateful stand-ins of GitHub, GitLab, Jira, Linear, Slack and the Messages API, over real HTTP.
//!
//! They are the outside world of the demo and of the tests. A twin checks what it is sent as the real
//! service would, keeps what it was told, and sends signed webhooks about everything that happens in it,
//! Ostler's own doings included. One listener serves them all, each under its own prefix:
//!
//! | prefix | what |
//! |---|---|
//! | `/github/api/v3` | GitHub's REST API |
//! | `/github/git` | its repositories, for git |
//! | `/gitlab` | GitLab: `/api/v4` its REST API, anything else its repositories and pages |
//! | `/jira` | Jira Cloud's REST API, version 3 |
//! | `/linear` | Linear: `/graphql` its API, anything else its pages |
//! | `/slack/api` | Slack's Web API |
//! | `/anthropic` | the Messages API, played from scripts |
//! | `/twin` | for operators and tests: what there is, acts of people, faults |

mod act;
mod fault;
mod git;
mod github;
mod gitlab;
mod jira;
mod linear;
mod messages;
mod operator;
mod outbox;
mod page;
mod seed;
mod slack;
mod smart_http;
mod world;

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header::DATE;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use jiff::fmt::rfc2822::DateTimePrinter;
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;

pub use self::seed::{Repository, SeedFile};
use self::world::World;
use crate::clock::Clock;

/// The largest request that a twin reads, in bytes: the Messages API's own limit.
const BODY_LIMIT: usize = 32 << 20;

/// What the twins must be told.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where Ostler listens: deliveries go to `/webhooks/…` under this address.
    pub hooks: Url,
    /// What both sides know.
    pub secrets: Secrets,
    /// A directory of scripts for the model; without one, those in the binary.
    pub scripts: Option<PathBuf>,
    /// Repositories that the world begins with besides its own, on GitHub.
    pub repositories: Vec<Repository>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl Options {
    /// Twins whose deliveries go to `hooks`, with the secrets and scripts that are in the binary.
    #[must_use]
    pub fn new(hooks: Url, clock: Arc<dyn Clock>) -> Self {
        Self { hooks, secrets: Secrets::default(), scripts: None, repositories: Vec::new(), clock }
    }
}

/// The secrets that the twins and Ostler share.
#[derive(Debug, Clone)]
pub struct Secrets {
    /// Signs GitHub's deliveries.
    pub github_webhook: SecretString,
    /// Opens GitHub's API and repositories, as the bot.
    pub github_token: SecretString,
    /// Comes with GitLab's deliveries.
    pub gitlab_webhook: SecretString,
    /// Opens GitLab's API and repositories, as the bot.
    pub gitlab_token: SecretString,
    /// Signs Jira's deliveries.
    pub jira_webhook: SecretString,
    /// Opens Jira's API, as the bot, with the bot's e-mail address as the user name.
    pub jira_token: SecretString,
    /// Signs Linear's deliveries.
    pub linear_webhook: SecretString,
    /// Opens Linear's API, as the bot.
    pub linear_key: SecretString,
    /// Signs Slack's deliveries.
    pub slack_signing: SecretString,
    /// Opens Slack's API, as the bot.
    pub slack_token: SecretString,
    /// Opens connections to Slack, as the app.
    pub slack_app_token: SecretString,
    /// Opens the Messages API.
    pub model_key: SecretString,
}

impl Default for Secrets {
    /// Those that `fixtures/twins.yaml` names: they open nothing but twins.
    fn default() -> Self {
        Self {
            github_webhook: "twin-github-webhook".into(),
            github_token: "twin-github-token".into(),
            gitlab_webhook: "twin-gitlab-webhook".into(),
            gitlab_token: "twin-gitlab-token".into(),
            jira_webhook: "twin-jira-webhook".into(),
            jira_token: "twin-jira-token".into(),
            linear_webhook: "twin-linear-webhook".into(),
            linear_key: "twin-linear-key".into(),
            slack_signing: "twin-slack-signing".into(),
            slack_token: "xoxb-twin-slack-token".into(),
            slack_app_token: "xapp-twin-slack-token".into(),
            model_key: "twin-model-key".into(),
        }
    }
}

/// Why the twins could not start.
#[derive(Debug, thiserror::Error)]
pub enum TwinError {
    /// The listener, the disk or git failed.
    #[error("{what}: {error}")]
    Io {
        /// What was tried.
        what: String,
        /// What happened.
        error: std::io::Error,
    },
    /// git refused.
    #[error("git {command}: {message}")]
    Git {
        /// Its arguments.
        command: String,
        /// What it said.
        message: String,
    },
    /// A file of the fixtures cannot be read as what it should be.
    #[error("{file}: {message}")]
    Fixture {
        /// Which.
        file: String,
        /// What is wrong with it.
        message: String,
    },
}

impl TwinError {
    fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |error| Self::Io { what, error }
    }
}

/// Running twins.
#[derive(Debug)]
pub struct Handle {
    base: Url,
    served: JoinHandle<()>,
}

impl Handle {
    /// The address under which all of them are, without a slash at its end in its path.
    #[must_use]
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// Waits until they have stopped.
    pub async fn stopped(self) {
        if let Err(error) = self.served.await {
            tracing::error!(%error, "the twins did not stop in order");
        }
    }
}

/// Starts the twins; they stop, and everything in them is gone, once `shutdown` is cancelled.
///
/// # Errors
/// When a fixture is wrong, or git or the disk fails.
pub async fn serve(
    listener: TcpListener,
    options: Options,
    shutdown: CancellationToken,
) -> Result<Handle, TwinError> {
    let address = listener.local_addr().map_err(TwinError::io("the twins' listener"))?;
    let base = Url::parse(&format!("http://{address}"))
        .map_err(|error| TwinError::Fixture { file: address.to_string(), message: error.to_string() })?;
    let world = Arc::new(World::create(base.clone(), options, shutdown.clone()).await?);
    let routes = routes(&world);
    let served = tokio::spawn(async move {
        let stop = shutdown.cancelled_owned();
        if let Err(error) = axum::serve(listener, routes).with_graceful_shutdown(stop).await {
            tracing::error!(%error, "the twins stopped serving");
        }
        world.outbox.drain().await;
    });
    Ok(Handle { base, served })
}

fn routes(world: &Arc<World>) -> Router {
    let services = Router::new()
        .nest("/github/api/v3", github::routes(world))
        .nest("/github/git", github::git_routes().merge(github::page_routes()))
        .nest("/gitlab", gitlab::routes(world))
        .nest("/jira", jira::routes(world))
        .nest("/linear", linear::routes(world))
        .nest("/slack", slack::routes())
        .nest("/anthropic", messages::routes())
        .nest("/openai", messages::openai::routes())
        .layer(from_fn_with_state(Arc::clone(world), fault::middleware))
        .layer(from_fn_with_state(Arc::clone(world), dated));
    Router::new()
        .merge(services)
        .merge(page::routes())
        .nest("/twin", operator::routes())
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(Arc::clone(world))
}

/// Answers say what time it is in the twins.
async fn dated(State(world): State<Arc<World>>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&world.now());
    if let Some(date) = date.ok().and_then(|date| date.parse().ok()) {
        response.headers_mut().entry(DATE).or_insert(date);
    }
    response
}

#[cfg(test)]
mod tests;
