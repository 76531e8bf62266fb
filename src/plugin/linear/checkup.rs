//! Whether Linear can be worked with as it is configured.

use futures_util::future::BoxFuture;
use serde_json::json;
use url::Url;

use super::client::{self, GRAPHQL, Linear, account};
use super::setup::{EVENTS, HOOKS};
use super::wire;
use crate::event::SourceName;
use crate::plugin::Problem;
use crate::plugin::checkup::{self, Checkup, Expected, Finding, Health, HookFound};

const NEW_KEY: &str = "make a new API key of Ostler's own account on Linear (Settings, Security & access) and put it \
                       into LINEAR_API_KEY";

const TEAMS: &str = "query { teams(first: 100) { nodes { id key } } }";

impl Checkup for Linear {
    fn name(&self) -> SourceName {
        client::name()
    }

    fn examine<'a>(&'a self, expected: &'a Expected) -> BoxFuture<'a, Vec<Finding>> {
        Box::pin(async move {
            let mut findings = match checkup::reach(&self.client, GRAPHQL).await {
                Ok(findings) => findings,
                Err(finding) => return vec![finding],
            };
            match self.own_user().await {
                Ok(user) => findings.push(Finding::ok("token", format!("acts as {}", account(user).id))),
                Err(error) => {
                    findings.push(Finding::of_error("token", &error, NEW_KEY));
                    return findings;
                }
            }
            findings.push(self.teams_checkup().await);
            if let Some(address) = expected.address_for(&self.client) {
                findings.push(self.hook_checkup(address).await);
            }
            findings
        })
    }
}

impl Linear {
    async fn teams_checkup(&self) -> Finding {
        let advice = "make Ostler's account a member of the teams that it is to work in";
        match self.read::<wire::Teams>(TEAMS, json!({})).await {
            Ok(found) if found.teams.nodes.is_empty() => {
                Finding::failed("teams", "the account sees no team", advice)
            }
            Ok(found) => {
                let keys: Vec<_> = found.teams.nodes.iter().map(|team| team.key.as_str()).collect();
                Finding::ok("teams", format!("sees the issues of {}", keys.join(", ")))
            }
            Err(error) => Finding::of_error("teams", &error, advice),
        }
    }

    async fn hook_checkup(&self, address: &Url) -> Finding {
        match self.read::<wire::Webhooks>(HOOKS, json!({})).await {
            Ok(found) => {
                let found: Vec<_> = found.webhooks.nodes.into_iter().map(HookFound::from).collect();
                checkup::webhook("webhook", &found, address, EVENTS)
            }
            Err(error) if error.problem == Problem::Denied => Finding::bad(
                Health::Skipped,
                "webhook",
                "the account may not look at webhooks: only administrators may",
                "let an administrator look at Settings, API, Webhooks",
            ),
            Err(error) => Finding::of_error("webhook", &error, "look at Settings, API, Webhooks"),
        }
    }
}

impl From<wire::Hook> for HookFound {
    fn from(hook: wire::Hook) -> Self {
        let url = hook.url.unwrap_or_default();
        Self { url, events: hook.resource_types, active: hook.enabled, trouble: None }
    }
}
