//! Whether GitLab can be worked with as it is configured.

use futures_util::future::BoxFuture;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use url::Url;

use super::client::{self, API, GitLab, project};
use super::setup::EVENTS;
use super::wire;
use crate::event::{RepositoryName, SourceName};
use crate::plugin::checkup::{self, Checkup, Expected, Finding, Health, HookFound};
use crate::plugin::client::Request;
use crate::plugin::forge::Permission;
use crate::plugin::{PluginError, Problem};

/// Of so many repositories each is looked at.
const REPOSITORIES: usize = 20;

/// Days before its end from which on a token is worth a word.
const DAYS_NOTED: i32 = 14;

const NEW_TOKEN: &str = "make a new access token on GitLab with the scopes api and write_repository and put it \
                         into GITLAB_TOKEN";

impl Checkup for GitLab {
    fn name(&self) -> SourceName {
        client::name()
    }

    fn examine<'a>(&'a self, expected: &'a Expected) -> BoxFuture<'a, Vec<Finding>> {
        Box::pin(async move {
            let mut findings = match checkup::reach(&self.client, &format!("{API}/version")).await {
                Ok(findings) => findings,
                Err(finding) => return vec![finding],
            };
            match self.own_account().await {
                Ok(account) => findings.push(Finding::ok("token", format!("acts as {}", account.id))),
                Err(error) => {
                    findings.push(Finding::of_error("token", &error, NEW_TOKEN));
                    return findings;
                }
            }
            findings.extend(self.token_checkup().await);
            for repository in expected.repositories.iter().take(REPOSITORIES) {
                findings
                    .extend(self.repository_checkup(repository, expected.address_for(&self.client)).await);
            }
            findings
        })
    }
}

impl GitLab {
    /// What the token may do, and for how long; nothing where it is of a kind that cannot be asked.
    async fn token_checkup(&self) -> Vec<Finding> {
        let path = format!("{API}/personal_access_tokens/self");
        let Ok(token) = self.read::<wire::Token>(&Request::get(path)).await else { return Vec::new() };
        let today = self.client.clock().now().to_zoned(TimeZone::UTC).date();
        let end = token.expires_at.and_then(|last| end(last, today));
        [scopes(&token.scopes)].into_iter().chain(end).collect()
    }

    async fn repository_checkup(&self, name: &RepositoryName, address: Option<&Url>) -> Vec<Finding> {
        let mut findings = match self.read::<wire::Reach>(&Request::get(project(name, ""))).await {
            Ok(reach) => vec![rights(name, &reach)],
            Err(error) => {
                let advice = "give the token's account access to the project, and check its name";
                return vec![Finding::of_error(name.to_string(), &error, advice)];
            }
        };
        if let Some(address) = address {
            findings.push(self.hook_checkup(name, address).await);
        }
        findings
    }

    async fn hook_checkup(&self, name: &RepositoryName, address: &Url) -> Finding {
        let what = format!("webhook of {name}");
        match self.hooks(name).await {
            Ok(found) => checkup::webhook(&what, &found, address, EVENTS),
            Err(error) if matches!(error.problem, Problem::Denied | Problem::NotFound) => Finding::bad(
                Health::Skipped,
                what,
                "the token may not look at webhooks",
                "give its account the role Maintainer, or look at the project's settings yourself",
            ),
            Err(error) => Finding::of_error(what, &error, "look at the project's settings yourself"),
        }
    }

    async fn hooks(&self, name: &RepositoryName) -> Result<Vec<HookFound>, PluginError> {
        let (hooks, _) = self.page::<wire::Hook>(&project(name, "/hooks"), 1).await?;
        Ok(hooks.into_iter().map(HookFound::from).collect())
    }
}

fn scopes(given: &[String]) -> Finding {
    if given.iter().any(|scope| scope == "api") {
        return Finding::ok("scopes", format!("has {}", given.join(", ")));
    }
    let said = format!("the token has the scopes {} and not api", given.join(", "));
    Finding::failed("scopes", said, NEW_TOKEN)
}

/// A word about a token that ends soon.
fn end(last: Date, today: Date) -> Option<Finding> {
    let left = today.until(last).ok()?.get_days();
    let said = format!("the token ends on {last}");
    (left <= DAYS_NOTED).then(|| Finding::bad(Health::Warning, "expiry", said, NEW_TOKEN))
}

fn rights(name: &RepositoryName, reach: &wire::Reach) -> Finding {
    if reach.permission() >= Permission::Write {
        return Finding::ok(name.to_string(), "can be read and pushed to");
    }
    let advice = "give the token's account the role Developer in the project";
    Finding::failed(name.to_string(), "can be read and not pushed to", advice)
}

impl From<wire::Hook> for HookFound {
    fn from(hook: wire::Hook) -> Self {
        let status = hook.alert_status.as_deref();
        let active = status != Some("disabled");
        let trouble = (status == Some("temporarily_disabled"))
            .then(|| "GitLab waits before it delivers again".to_owned());
        Self { url: hook.url.clone(), events: hook.events(), active, trouble }
    }
}

#[cfg(test)]
mod tests {
    use axum::response::Response;
    use serde_json::{Value, json};

    use super::super::tests::gitlab;
    use super::*;
    use crate::plugin::client::testing::{Seen, Server, json as answer};

    /// A server whose token and project are these, with these webhooks.
    fn served(token: Value, project: Value, hooks: Value) -> impl Fn(&Seen) -> Response + Send + Sync {
        move |seen| match seen.path.strip_prefix("/gl/api/v4").unwrap() {
            "/version" => answer(200, &json!({ "version": "19.2.0" })),
            "/user" => answer(200, &json!({ "id": 7, "username": "ostler" })),
            "/personal_access_tokens/self" => answer(200, &token),
            "/projects/acme%2Fshop" => answer(200, &project),
            path if path.starts_with("/projects/acme%2Fshop/hooks") && hooks.is_null() => {
                answer(403, &json!({ "message": "403 Forbidden" }))
            }
            path if path.starts_with("/projects/acme%2Fshop/hooks") => answer(200, &hooks),
            _ => answer(404, &json!({})),
        }
    }

    async fn examined(token: Value, project: Value, hooks: Value) -> Vec<(String, Health, String)> {
        let server = Server::start(served(token, project, hooks)).await;
        let address = server.url.join("webhooks/gitlab").unwrap();
        let expected = Expected { address: Some(address), repositories: vec!["acme/shop".parse().unwrap()] };
        let findings = gitlab(&server).examine(&expected).await;
        let told = findings.into_iter().filter(|one| !matches!(one.what.as_str(), "connection" | "clock"));
        told.map(|one| (one.what, one.health, one.said)).collect()
    }

    fn access(level: u32) -> Value {
        json!({ "permissions": {"project_access": null, "group_access": {"access_level": level}} })
    }

    #[tokio::test]
    async fn what_the_token_cannot_do_is_told() {
        let token = json!({ "scopes": ["read_api"], "expires_at": "2023-11-20" });
        let found = examined(token, access(20), Value::Null).await;
        let told: Vec<_> = found.iter().map(|(what, health, _)| (what.as_str(), *health)).collect();
        assert_eq!(
            told,
            [
                ("token", Health::Ok),
                ("scopes", Health::Failed),
                ("expiry", Health::Warning),
                ("acme/shop", Health::Failed),
                ("webhook of acme/shop", Health::Skipped),
            ]
        );
        assert_eq!(found[2].2, "the token ends on 2023-11-20");
    }

    #[tokio::test]
    async fn a_webhook_that_gitlab_switched_off_is_told() {
        let token = || json!({ "scopes": ["api", "write_repository"], "expires_at": "2024-11-20" });
        for (status, health) in [
            ("executable", Health::Ok),
            ("temporarily_disabled", Health::Warning),
            ("disabled", Health::Failed),
        ] {
            let server = Server::start(|_| answer(200, &json!({}))).await;
            let ours = server.url.join("webhooks/gitlab").unwrap();
            let hook = json!({ "id": 1, "url": ours, "issues_events": true, "note_events": true, "alert_status": status });
            let hook: wire::Hook = serde_json::from_value(hook).unwrap();
            let finding = checkup::webhook("webhook", &[hook.into()], &ours, EVENTS);
            assert_eq!(finding.health, health, "{status}");
        }
        let elsewhere = json!([{ "id": 1, "url": "https://ci.example", "push_events": true }]);
        let found = examined(token(), access(30), elsewhere).await;
        assert!(found[..3].iter().all(|(_, health, _)| *health == Health::Ok), "{found:?}");
        assert!(found[3].2.starts_with("no webhook delivers to"), "{found:?}");
    }
}
