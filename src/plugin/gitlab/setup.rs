//! How GitLab is set up: what it must be told, and the webhooks of its projects.

use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use url::Url;

use super::client::{self, GitLab, project, put};
use super::wire;
use crate::event::{RepositoryName, SourceName};
use crate::plugin::checkup::same_address;
use crate::plugin::client::Request;
use crate::plugin::setup::{Guide, Hooks, Kind, Place, Registered, Setting, WantedHook};
use crate::plugin::{Call, PluginError};

/// The events that the shipped handlers live on.
pub(super) const EVENTS: &[&str] = &["issues_events", "note_events"];

/// What GitLab must be told.
pub const GUIDE: Guide = Guide {
    provider: client::NAME,
    title: "GitLab",
    serves: &["version_control", "task_management"],
    settings: &[
        Setting {
            place: Place::Source,
            key: "secrets",
            variable: "GITLAB_WEBHOOK_SECRET",
            about: "The webhook's secret token",
            kind: Kind::Made,
        },
        Setting {
            place: Place::Plugin,
            key: "token",
            variable: "GITLAB_TOKEN",
            about: "An access token with the scopes api and write_repository (of a Maintainer, to register webhooks)",
            kind: Kind::Secret,
        },
        Setting {
            place: Place::Plugin,
            key: "base_url",
            variable: "GITLAB_URL",
            about: "The server (https://HOST)",
            kind: Kind::Usually("https://gitlab.com"),
        },
    ],
    steps: &["In each project, Settings, Webhooks: {public}/webhooks/gitlab with the secret token \
         GITLAB_WEBHOOK_SECRET, for issue events and comments."],
    manifest: None,
};

impl Hooks for GitLab {
    fn name(&self) -> SourceName {
        client::name()
    }

    fn api(&self) -> &Url {
        self.client.base_url()
    }

    fn register<'a>(&'a self, wanted: &'a WantedHook) -> Call<'a, Vec<Registered>> {
        Box::pin(async move {
            let mut registered = Vec::new();
            for repository in &wanted.repositories {
                registered.push(self.register_in(repository, wanted).await?);
            }
            Ok(registered)
        })
    }
}

impl GitLab {
    async fn register_in(
        &self,
        repository: &RepositoryName,
        wanted: &WantedHook,
    ) -> Result<Registered, PluginError> {
        let path = project(repository, "/hooks");
        let ours = |hook: &wire::Hook| same_address(&hook.url, &wanted.address);
        let found = self.find(&path, ours).await?;
        let made = found.is_none();
        let mut body = body(wanted);
        let request = match found {
            // What is not named stays as somebody set it.
            Some(hook) => put(format!("{path}/{}", hook.id), &body),
            None => {
                // Unless it says otherwise, a new one tells of every push.
                body["push_events"] = false.into();
                Request::post(path, &body)
            }
        };
        self.read(&request).await.map(|serde::de::IgnoredAny| ())?;
        Ok(Registered { of: repository.to_string(), made })
    }
}

fn body(wanted: &WantedHook) -> Value {
    let mut body = json!({
        "url": wanted.address,
        "token": wanted.secret.expose_secret(),
        "enable_ssl_verification": true,
    });
    for event in EVENTS {
        body[*event] = true.into();
    }
    body
}

#[cfg(test)]
mod tests {
    use super::super::tests::gitlab;
    use super::*;
    use crate::plugin::client::testing::{Server, json as answer};

    #[tokio::test]
    async fn a_webhook_is_made_once_and_one_that_is_there_is_brought_up_to_date() {
        let server = Server::start(|seen| match seen.path.as_str() {
            "/gl/api/v4/projects/acme%2Fshop/hooks?per_page=100&page=1" => answer(
                200,
                &json!([{ "id": 4, "url": "https://ci.example" }, { "id": 5, "url": "https://o.example/webhooks/gitlab/" }]),
            ),
            path if path.contains("/hooks?") => answer(200, &json!([])),
            _ => answer(201, &json!({ "id": 6, "url": "https://o.example/webhooks/gitlab" })),
        })
        .await;
        let wanted = WantedHook {
            address: "https://o.example/webhooks/gitlab".parse().unwrap(),
            secret: "hush".into(),
            repositories: vec!["acme/shop".parse().unwrap(), "acme/tools/site".parse().unwrap()],
        };
        let registered = gitlab(&server).register(&wanted).await.unwrap();
        assert_eq!(registered.iter().map(|one| one.made).collect::<Vec<_>>(), [false, true]);
        let seen = server.seen();
        assert_eq!(seen[1].line(), "PUT /gl/api/v4/projects/acme%2Fshop/hooks/5");
        assert_eq!(seen[1].json.get("push_events"), None, "what somebody set stays");
        assert_eq!(seen[3].line(), "POST /gl/api/v4/projects/acme%2Ftools%2Fsite/hooks");
        let made = json!({
            "url": wanted.address, "token": "hush", "enable_ssl_verification": true, "issues_events": true,
            "note_events": true, "push_events": false,
        });
        assert_eq!(seen[3].json, made);
    }
}
