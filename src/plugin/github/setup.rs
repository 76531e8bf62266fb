//! How GitHub is set up: what it must be told, and its webhooks.

mod app;

use http::Method;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use url::Url;

pub use self::app::GithubApps;
use super::client::{self, Call, GitHub};
use super::wire;
use crate::event::{RepositoryName, SourceName};
use crate::plugin::checkup::same_address;
use crate::plugin::setup::{Guide, Hooks, Kind, Place, Registered, Setting, WantedHook};
use crate::plugin::{self, PluginError};

/// The events that the shipped handlers live on.
pub(super) const EVENTS: &[&str] = &[
    "issues",
    "issue_comment",
    "pull_request",
    "pull_request_review",
    "pull_request_review_comment",
    "check_run",
];

/// What GitHub must be told.
pub const GUIDE: Guide = Guide {
    provider: client::NAME,
    title: "GitHub",
    serves: &["version_control", "task_management"],
    settings: &[
        Setting {
            place: Place::Source,
            key: "secrets",
            variable: "GITHUB_WEBHOOK_SECRET",
            about: "The webhook's secret",
            kind: Kind::Made,
        },
        Setting {
            place: Place::Plugin,
            key: "token",
            variable: "GITHUB_TOKEN",
            about: "A token that may read and write contents, issues and pull requests (and webhooks, to register them)",
            kind: Kind::Secret,
        },
        Setting {
            place: Place::Plugin,
            key: "base_url",
            variable: "GITHUB_API_URL",
            about: "Where the API is (Enterprise: https://HOST/api/v3)",
            kind: Kind::Usually("https://api.github.com"),
        },
        Setting {
            place: Place::Plugin,
            key: "git_url",
            variable: "GITHUB_URL",
            about: "Where repositories are cloned from (Enterprise: https://HOST)",
            kind: Kind::Usually("https://github.com"),
        },
    ],
    steps: &["In each repository, Settings, Webhooks: {public}/webhooks/github as JSON with the secret \
         GITHUB_WEBHOOK_SECRET, for issues, issue comments, pull requests, pull request reviews, review comments and check runs."],
    manifest: None,
};

impl Hooks for GitHub {
    fn name(&self) -> SourceName {
        client::name()
    }

    fn api(&self) -> &Url {
        self.client.base_url()
    }

    fn register<'a>(&'a self, wanted: &'a WantedHook) -> plugin::Call<'a, Vec<Registered>> {
        Box::pin(async move {
            if self.is_app() {
                return self.register_app(wanted).await.map(|registered| vec![registered]);
            }
            let mut registered = Vec::new();
            for repository in &wanted.repositories {
                registered.push(self.register_in(repository, wanted).await?);
            }
            Ok(registered)
        })
    }
}

impl GitHub {
    /// The App's own webhook, which tells of all its installations; its events belong to its registration.
    async fn register_app(&self, wanted: &WantedHook) -> Result<Registered, PluginError> {
        let call = Call::new(Method::PATCH, "/app/hook/config", &config(wanted)).repeatable();
        let _: serde::de::IgnoredAny = self.as_root(call).await?;
        Ok(Registered { of: "the App".to_owned(), made: false })
    }

    async fn register_in(
        &self,
        repository: &RepositoryName,
        wanted: &WantedHook,
    ) -> Result<Registered, PluginError> {
        let route = format!("/repos/{repository}/hooks");
        let ours = |hook: &wire::Hook| same_address(&hook.config.url, &wanted.address);
        let found: Option<wire::Hook> = self.find(repository, &format!("{route}?per_page=100"), ours).await?;
        let made = found.is_none();
        let mut body = json!({"active": true, "events": EVENTS, "config": config(wanted)});
        match found {
            Some(hook) => {
                body["events"] = events_with(hook.events).into();
                let route = format!("{route}/{}", hook.id);
                self.act(repository, Call::new(Method::PATCH, &route, &body).repeatable()).await?;
            }
            None => {
                body["name"] = "web".into();
                self.act(repository, Call::new(Method::POST, &route, &body)).await?;
            }
        }
        Ok(Registered { of: repository.to_string(), made })
    }
}

/// The events that a webhook tells of already, and those that are needed.
fn events_with(mut events: Vec<String>) -> Vec<String> {
    if !events.iter().any(|event| event == "*") {
        let missing = plugin::checkup::lacking(EVENTS, &events);
        events.extend(missing.into_iter().map(str::to_owned));
    }
    events
}

fn config(wanted: &WantedHook) -> Value {
    json!({
        "url": wanted.address,
        "content_type": "json",
        "insecure_ssl": "0",
        "secret": wanted.secret.expose_secret(),
    })
}
