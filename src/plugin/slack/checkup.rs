//! Whether Slack can be worked with as it is configured.

use futures_util::future::BoxFuture;

use super::client::{self, Slack};
use super::setup::{PRIVATE, SCOPES};
use super::wire;
use crate::event::SourceName;
use crate::plugin::PluginError;
use crate::plugin::checkup::{self, Checkup, Expected, Finding, Health};
use crate::plugin::client::{Request, Retry};

/// What to do about a scope that is missing.
const ADVICE: &str = "add the scopes on the app's page OAuth & Permissions and install the app again";

impl Checkup for Slack {
    fn name(&self) -> SourceName {
        SourceName::new(client::NAME)
    }

    fn examine<'a>(&'a self, expected: &'a Expected) -> BoxFuture<'a, Vec<Finding>> {
        Box::pin(async move {
            let mut findings = match checkup::reach(&self.client, "/api.test").await {
                Ok(findings) => findings,
                Err(finding) => return vec![finding],
            };
            let advice =
                "install the app to the workspace again and put its bot token (xoxb-…) into SLACK_BOT_TOKEN";
            match self.token().await {
                Ok(found) => findings.extend(found),
                Err(error) => findings.push(Finding::of_error("token", &error, advice)),
            }
            findings.extend(expected.address_for(&self.client).map(|address| {
                let pages = "Event Subscriptions, Slash Commands and Interactivity";
                let advice = format!(
                    "the app's pages {pages} should name {address}/events, /commands and /interactions"
                );
                Finding::bad(Health::Skipped, "request URLs", "a bot's token cannot read them", advice)
            }));
            findings
        })
    }
}

impl Slack {
    /// Whose token it is, and what it may do: the answer's header says.
    async fn token(&self) -> Result<Vec<Finding>, PluginError> {
        // Asked directly: the session in between keeps headers to itself.
        let request = Request::post("/auth.test", &serde_json::json!({})).retried(Retry::Always);
        let answer = self.client.send(&request).await?;
        let identity: wire::Identity = answer.json(&self.client)?;
        let mut findings = vec![Finding::ok("token", format!("acts as {}", identity.user_id))];
        if let Some(header) = answer.header("x-oauth-scopes") {
            let given: Vec<_> = header.split(',').map(str::trim).collect();
            findings.push(scopes(&given));
            findings.extend(private(&given));
        }
        Ok(findings)
    }
}

fn scopes(given: &[&str]) -> Finding {
    let missing = checkup::lacking(SCOPES, given);
    if missing.is_empty() {
        return Finding::ok("scopes", "the bot has all that is needed");
    }
    let said = format!("the bot lacks {}", missing.join(", "));
    Finding::failed("scopes", said, ADVICE)
}

/// Whether private channels are looked into; many an installation has none.
fn private(given: &[&str]) -> Option<Finding> {
    let missing = checkup::lacking(PRIVATE, given);
    let said = format!("without {} nothing that was missed is found in them", missing.join(", "));
    (!missing.is_empty()).then(|| Finding::bad(Health::Skipped, "private channels", said, ADVICE))
}
