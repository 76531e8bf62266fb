//! How Linear is set up: what it must be told, and its webhook.

use secrecy::ExposeSecret as _;
use serde_json::json;
use url::Url;

use super::client::{self, Linear};
use super::wire;
use crate::event::SourceName;
use crate::plugin::Call;
use crate::plugin::checkup::{lacking, same_address};
use crate::plugin::setup::{Guide, Hooks, Kind, Place, Registered, Setting, WantedHook};

/// The types of thing that the shipped handlers live on.
pub(super) const EVENTS: &[&str] = &["Issue", "Comment"];

/// The webhooks that are there.
pub(super) const HOOKS: &str = "query { webhooks(first: 250) { nodes { id url enabled resourceTypes } } }";

const CREATE: &str =
    "mutation($input: WebhookCreateInput!) { done: webhookCreate(input: $input) { success } }";

const UPDATE: &str = "mutation($id: String!, $input: WebhookUpdateInput!) { \
                      done: webhookUpdate(id: $id, input: $input) { success } }";

/// What Linear must be told.
pub const GUIDE: Guide = Guide {
    provider: client::NAME,
    title: "Linear",
    serves: &["task_management"],
    settings: &[
        Setting {
            place: Place::Source,
            key: "secrets",
            variable: "LINEAR_WEBHOOK_SECRET",
            about: "The webhook's signing secret",
            kind: Kind::Made,
        },
        Setting {
            place: Place::Plugin,
            key: "api_key",
            variable: "LINEAR_API_KEY",
            about: "An API key of Ostler's own account there (Settings, Security & access; of an administrator, to register the webhook)",
            kind: Kind::Secret,
        },
    ],
    steps: &[
        "In Linear, Settings, API, Webhooks: {public}/webhooks/linear for issues and comments. Linear makes the signing \
         secret there: put it into .env as LINEAR_WEBHOOK_SECRET, in place of what stands there.",
    ],
    manifest: None,
};

impl Hooks for Linear {
    fn name(&self) -> SourceName {
        client::name()
    }

    fn api(&self) -> &Url {
        self.client.base_url()
    }

    fn register<'a>(&'a self, wanted: &'a WantedHook) -> Call<'a, Vec<Registered>> {
        Box::pin(async move {
            let hooks: wire::Webhooks = self.read(HOOKS, json!({})).await?;
            let is_ours =
                |hook: &wire::Hook| hook.url.as_ref().is_some_and(|url| same_address(url, &wanted.address));
            let found = hooks.webhooks.nodes.into_iter().find(is_ours);
            let made = found.is_none();
            self.put_hook(found, wanted).await?;
            Ok(vec![Registered { of: "the workspace".to_owned(), made }])
        })
    }
}

impl Linear {
    /// The webhook as it should be; what somebody has set of one that is there stays.
    async fn put_hook(
        &self,
        found: Option<wire::Hook>,
        wanted: &WantedHook,
    ) -> Result<(), crate::plugin::PluginError> {
        let mut types = found.as_ref().map(|hook| hook.resource_types.clone()).unwrap_or_default();
        let missing = lacking(EVENTS, &types);
        types.extend(missing.into_iter().map(str::to_owned));
        let mut input =
            json!({ "resourceTypes": types, "secret": wanted.secret.expose_secret(), "enabled": true });
        if let Some(hook) = found {
            return self.set(UPDATE, json!({ "id": hook.id, "input": input })).await;
        }
        input["url"] = json!(wanted.address);
        input["label"] = "Ostler".into();
        input["allPublicTeams"] = true.into();
        let done: wire::Done = self.make(CREATE, json!({ "input": input })).await?;
        self.check(done.done.success)
    }
}
