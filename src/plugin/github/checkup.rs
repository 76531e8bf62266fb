//! Whether GitHub can be worked with as it is configured.

use futures_util::future::BoxFuture;
use url::Url;

use super::client::{self, Call, GitHub};
use super::setup::EVENTS;
use super::wire;
use crate::event::{RepositoryName, SourceName};
use crate::plugin::checkup::{self, Checkup, Expected, Finding, Health, HookFound};
use crate::plugin::{PluginError, Problem};

/// What an App must be allowed to do.
const PERMISSIONS: &[(&str, &str)] =
    &[("contents", "write"), ("issues", "write"), ("pull_requests", "write")];

/// Of so many repositories each is looked at.
const REPOSITORIES: usize = 20;

const NEW_TOKEN: &str = "make a new token on GitHub (Settings, Developer settings) and put it into \
                         GITHUB_TOKEN; of an App, look at `app_id` and the private key";

impl Checkup for GitHub {
    fn name(&self) -> SourceName {
        client::name()
    }

    fn examine<'a>(&'a self, expected: &'a Expected) -> BoxFuture<'a, Vec<Finding>> {
        Box::pin(async move {
            let mut findings = match checkup::reach(&self.client, "/meta").await {
                Ok(findings) => findings,
                Err(finding) => return vec![finding],
            };
            let account = if self.is_app() { self.app(expected).await } else { self.user().await };
            match account {
                Ok(found) => findings.extend(found),
                Err(error) => {
                    findings.push(Finding::of_error("token", &error, NEW_TOKEN));
                    return findings;
                }
            }
            for repository in expected.repositories.iter().take(REPOSITORIES) {
                findings
                    .extend(self.repository_checkup(repository, expected.address_for(&self.client)).await);
            }
            findings
        })
    }
}

impl GitHub {
    /// Whose token it is, and what a token of the older kind may do: the newer ones do not say.
    async fn user(&self) -> Result<Vec<Finding>, PluginError> {
        let answer = self.root_answer(Call::get("/user")).await?;
        let user: wire::User = answer.json(&self.client)?;
        let mut findings = vec![Finding::ok("token", format!("acts as {}", user.login))];
        findings.extend(answer.header("x-oauth-scopes").filter(|scopes| !scopes.is_empty()).map(scopes));
        Ok(findings)
    }

    /// Which App it is, what it may do and what it is told of.
    async fn app(&self, expected: &Expected) -> Result<Vec<Finding>, PluginError> {
        let app: wire::AppRights = self.as_root(Call::get("/app")).await?;
        let mut findings =
            vec![Finding::ok("token", format!("acts as the App {}", app.slug)), permissions(&app)];
        if let Some(address) = expected.address_for(&self.client) {
            let config: wire::HookConfig = self.as_root(Call::get("/app/hook/config")).await?;
            let hook = HookFound { url: config.url, events: app.events, active: true, trouble: None };
            findings.push(checkup::webhook("webhook of the App", &[hook], address, EVENTS));
        }
        Ok(findings)
    }

    async fn repository_checkup(&self, name: &RepositoryName, address: Option<&Url>) -> Vec<Finding> {
        let route = format!("/repos/{name}");
        let mut findings = match self.call::<wire::Reach>(name, Call::get(&route)).await {
            Ok(reach) => vec![rights(name, &reach)],
            Err(error) => {
                let advice =
                    "give the token (or the App's installation) access to the repository, and check its name";
                return vec![Finding::of_error(name.to_string(), &error, advice)];
            }
        };
        // An App has one webhook for all repositories.
        if let Some(address) = address.filter(|_| !self.is_app()) {
            findings.push(self.hook_checkup(name, address).await);
        }
        findings
    }

    async fn hook_checkup(&self, name: &RepositoryName, address: &Url) -> Finding {
        let what = format!("webhook of {name}");
        let route = format!("/repos/{name}/hooks?per_page=100");
        match self.call::<Vec<wire::Hook>>(name, Call::get(&route)).await {
            Ok(hooks) => {
                let found: Vec<_> = hooks.into_iter().map(HookFound::from).collect();
                checkup::webhook(&what, &found, address, EVENTS)
            }
            Err(error) if matches!(error.problem, Problem::Denied | Problem::NotFound) => Finding::bad(
                Health::Skipped,
                what,
                "the token may not look at webhooks",
                "give it read access to webhooks (admin:repo_hook), or look at the repository's settings yourself",
            ),
            Err(error) => Finding::of_error(what, &error, "look at the repository's settings yourself"),
        }
    }
}

fn scopes(header: &str) -> Finding {
    let given: Vec<_> = header.split(',').map(str::trim).collect();
    if given.contains(&"repo") {
        return Finding::ok("scopes", format!("has {}", given.join(", ")));
    }
    let said = format!("the token has the scopes {} and not repo", given.join(", "));
    Finding::failed(
        "scopes",
        said,
        "give the token the scope repo (public_repo reaches public repositories only)",
    )
}

fn permissions(app: &wire::AppRights) -> Finding {
    let lacks = |(name, level): &&(&str, &str)| app.permissions.get(*name).is_none_or(|have| have != level);
    let missing: Vec<_> =
        PERMISSIONS.iter().filter(lacks).map(|(name, level)| format!("{name}: {level}")).collect();
    if missing.is_empty() {
        return Finding::ok("permissions", "the App may do all that is needed");
    }
    let said = format!("the App lacks {}", missing.join(", "));
    let advice = "change the App's permissions, then accept them in each installation";
    Finding::failed("permissions", said, advice)
}

fn rights(name: &RepositoryName, reach: &wire::Reach) -> Finding {
    // Of an installation the answer says nothing: its permissions are the App's.
    if reach.permissions.is_none_or(|rights| rights.push) {
        return Finding::ok(name.to_string(), "can be read and pushed to");
    }
    let advice =
        "let the token's account push to the repository, and give the token write access to contents";
    Finding::failed(name.to_string(), "can be read and not pushed to", advice)
}

impl From<wire::Hook> for HookFound {
    fn from(hook: wire::Hook) -> Self {
        let wire::Hook { config, events, active, last_response, .. } = hook;
        let failed = last_response.filter(|last| last.code.is_some_and(|code| !(200..300).contains(&code)));
        let trouble = failed.map(|last| match (last.code, last.message) {
            (Some(code), Some(message)) if code > 0 => format!("{message} ({code})"),
            (_, message) => message.unwrap_or_else(|| "no answer".to_owned()),
        });
        Self { url: config.url, events, active, trouble }
    }
}
