//! Whether Jira can be worked with as it is configured.

use futures_util::future::BoxFuture;
use url::Url;

use super::client::{self, API, Jira};
use super::setup::{EVENTS, HOOKS};
use super::wire;
use crate::event::SourceName;
use crate::plugin::checkup::{self, Checkup, Expected, Finding, Health, HookFound};
use crate::plugin::client::Request;
use crate::plugin::{PluginError, Problem};

/// What the account must be allowed to do.
const PERMISSIONS: &[&str] = &[
    "BROWSE_PROJECTS",
    "ADD_COMMENTS",
    "EDIT_ISSUES",
    "TRANSITION_ISSUES",
    "ASSIGN_ISSUES",
    "CREATE_ISSUES",
];

impl Checkup for Jira {
    fn name(&self) -> SourceName {
        SourceName::new(client::NAME)
    }

    fn examine<'a>(&'a self, expected: &'a Expected) -> BoxFuture<'a, Vec<Finding>> {
        Box::pin(async move {
            let mut findings = match checkup::reach(&self.client, &format!("{API}/serverInfo")).await {
                Ok(findings) => findings,
                Err(finding) => return vec![finding],
            };
            let advice = "make a new API token of the account in `email` and put it into JIRA_API_TOKEN";
            match self.read::<wire::User>(&Request::get(format!("{API}/myself"))).await {
                Ok(user) => findings.push(Finding::ok("token", format!("acts as {}", user.account_id))),
                Err(error) => {
                    findings.push(Finding::of_error("token", &error, advice));
                    return findings;
                }
            }
            findings.push(self.permissions().await.unwrap_or_else(|error| {
                Finding::of_error("permissions", &error, "look at the permission scheme yourself")
            }));
            if let Some(address) = expected.address_for(&self.client) {
                findings.push(self.hook_checkup(address).await);
            }
            findings
        })
    }
}

impl Jira {
    async fn permissions(&self) -> Result<Finding, PluginError> {
        let path = format!("{API}/mypermissions?permissions={}", PERMISSIONS.join(","));
        let mine: wire::Permissions = self.read(&Request::get(path)).await?;
        let given: Vec<_> = mine.permissions.into_iter().filter(|(_, held)| held.have_permission).collect();
        let given: Vec<_> = given.into_iter().map(|(name, _)| name).collect();
        let missing = checkup::lacking(PERMISSIONS, &given);
        if missing.is_empty() {
            return Ok(Finding::ok("permissions", "the account may do all that is needed, in some project"));
        }
        let said = format!("the account lacks {}", missing.join(", "));
        let advice = "give it these in the permission scheme of the projects that it is to work in";
        Ok(Finding::failed("permissions", said, advice))
    }

    async fn hook_checkup(&self, address: &Url) -> Finding {
        match self.read::<Vec<wire::Hook>>(&Request::get(HOOKS)).await {
            Ok(hooks) => {
                let found: Vec<_> = hooks.into_iter().map(HookFound::from).collect();
                checkup::webhook("webhook", &found, address, EVENTS)
            }
            Err(error) if matches!(error.problem, Problem::Denied | Problem::NotFound) => Finding::bad(
                Health::Skipped,
                "webhook",
                "the account may not look at webhooks: only administrators may",
                "let an administrator look at Settings, System, WebHooks",
            ),
            Err(error) => Finding::of_error("webhook", &error, "look at Settings, System, WebHooks"),
        }
    }
}

impl From<wire::Hook> for HookFound {
    fn from(hook: wire::Hook) -> Self {
        Self { url: hook.url, events: hook.events, active: hook.enabled, trouble: None }
    }
}
