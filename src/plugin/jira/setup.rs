//! How Jira is set up: what it must be told, and its admin webhook.

use http::Method;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use url::Url;

use super::client::{self, Jira};
use super::wire;
use crate::event::SourceName;
use crate::plugin::checkup::{lacking, same_address};
use crate::plugin::client::{Request, Retry, segment};
use crate::plugin::setup::{Guide, Hooks, Kind, Place, Registered, Setting, WantedHook};
use crate::plugin::{Call, PluginError};

/// Where admin webhooks are: not part of the third API.
pub(super) const HOOKS: &str = "/rest/webhooks/1.0/webhook";

/// The events that the shipped handlers live on.
pub(super) const EVENTS: &[&str] = &["jira:issue_created", "jira:issue_updated", "comment_created"];

/// What Jira must be told.
pub const GUIDE: Guide = Guide {
    provider: client::NAME,
    title: "Jira",
    serves: &["task_management"],
    settings: &[
        Setting {
            place: Place::Source,
            key: "secrets",
            variable: "JIRA_WEBHOOK_SECRET",
            about: "The webhook's secret",
            kind: Kind::Made,
        },
        Setting {
            place: Place::Plugin,
            key: "base_url",
            variable: "JIRA_URL",
            about: "The site (https://SITE.atlassian.net)",
            kind: Kind::Plain,
        },
        Setting {
            place: Place::Plugin,
            key: "email",
            variable: "JIRA_EMAIL",
            about: "The e-mail address of Ostler's account there",
            kind: Kind::Plain,
        },
        Setting {
            place: Place::Plugin,
            key: "api_token",
            variable: "JIRA_API_TOKEN",
            about: "An API token of that account (https://id.atlassian.com/manage-profile/security/api-tokens)",
            kind: Kind::Secret,
        },
    ],
    steps: &[
        "In Jira, Settings, System, WebHooks: {public}/webhooks/jira with the secret JIRA_WEBHOOK_SECRET, for \
         issue created, issue updated and comment created.",
    ],
    manifest: None,
};

impl Hooks for Jira {
    fn name(&self) -> SourceName {
        SourceName::new(client::NAME)
    }

    fn api(&self) -> &Url {
        self.client.base_url()
    }

    fn register<'a>(&'a self, wanted: &'a WantedHook) -> Call<'a, Vec<Registered>> {
        Box::pin(async move {
            let hooks: Vec<wire::Hook> = self.read(&Request::get(HOOKS)).await?;
            let found = hooks.into_iter().find(|hook| same_address(&hook.url, &wanted.address));
            let made = found.is_none();
            self.put_hook(found.as_ref(), wanted).await?;
            Ok(vec![Registered { of: "the site".to_owned(), made }])
        })
    }
}

impl Jira {
    async fn put_hook(&self, found: Option<&wire::Hook>, wanted: &WantedHook) -> Result<(), PluginError> {
        let body = body(found, wanted);
        let request = match found.and_then(wire::Hook::id) {
            Some(id) => {
                let path = format!("{HOOKS}/{}", segment(id));
                Request { method: Method::PUT, ..Request::post(path, &body) }.retried(Retry::Always)
            }
            None => Request::post(HOOKS, &body),
        };
        self.read(&request).await.map(|serde::de::IgnoredAny| ())
    }
}

/// The webhook as it should be; what somebody has set of one that is there stays.
fn body(found: Option<&wire::Hook>, wanted: &WantedHook) -> Value {
    let mut events = found.map(|hook| hook.events.clone()).unwrap_or_default();
    let missing = lacking(EVENTS, &events);
    events.extend(missing.into_iter().map(str::to_owned));
    let mut body = json!({
        "name": found.map_or("Ostler", |hook| hook.name.as_str()),
        "url": wanted.address,
        "events": events,
        "secret": wanted.secret.expose_secret(),
        "enabled": true,
        "excludeBody": false,
    });
    if let Some(filters) = found.and_then(|hook| hook.filters.clone()) {
        body["filters"] = filters;
    }
    body
}
