//! Whether Slack can be worked with as it is configured.

use futures_util::future::BoxFuture;

use super::client::{self, Slack};
use super::setup::SCOPES;
use super::wire;
use crate::event::SourceName;
use crate::plugin::PluginError;
use crate::plugin::checkup::{self, Checkup, Expected, Finding, Health};
use crate::plugin::client::{Request, Retry};

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
        findings.extend(answer.header("x-oauth-scopes").map(scopes));
        Ok(findings)
    }
}

fn scopes(header: &str) -> Finding {
    let given: Vec<_> = header.split(',').map(str::trim).collect();
    let missing = checkup::lacking(SCOPES, &given);
    if missing.is_empty() {
        return Finding::ok("scopes", "the bot has all that is needed");
    }
    let said = format!("the bot lacks {}", missing.join(", "));
    let advice = "add the scopes on the app's page OAuth & Permissions and install the app again";
    Finding::failed("scopes", said, advice)
}
