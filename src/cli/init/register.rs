//! Registering webhooks with the services that let themselves be told.

use std::sync::Arc;

use secrecy::SecretString;
use serde::Serialize;

use super::answers::Answers;
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::plugin::checkup::reaches;
use crate::plugin::registry::{Options, Registry};
use crate::plugin::setup::{Guide, Hooks, Kind, Place, Registered, WantedHook};

/// What became of a service's webhooks.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Outcome {
    pub(super) provider: &'static str,
    /// Which are now as they should be.
    pub(super) said: String,
    /// Why they are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
}

/// Registers the webhooks of every chosen service that can be told; what one refuses hinders no other.
pub(super) async fn all(
    config: &Config,
    vendors: Options,
    answers: &Answers,
) -> anyhow::Result<Vec<Outcome>> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let registry = Registry::build(vendors, &clock)?;
    let mut outcomes = Vec::new();
    for guide in &answers.chosen {
        let hooks = registry.hooks.iter().find(|(name, _)| name.as_str() == guide.provider);
        if let Some((_, hooks)) = hooks {
            outcomes.push(one(guide, &**hooks, config, answers).await);
        }
    }
    Ok(outcomes)
}

async fn one(guide: &'static Guide, hooks: &dyn Hooks, config: &Config, answers: &Answers) -> Outcome {
    let registered = match wanted(guide, hooks, config, answers) {
        Ok(wanted) => hooks.register(&wanted).await.map_err(|error| error.to_string()),
        Err(why) => Err(why),
    };
    let provider = guide.provider;
    match registered {
        Ok(none) if none.is_empty() => {
            let error = Some("no repository is named (--repository)".to_owned());
            Outcome { provider, said: String::new(), error }
        }
        Ok(registered) => {
            let said: Vec<_> = registered.iter().map(told).collect();
            Outcome { provider, said: said.join(", "), error: None }
        }
        Err(error) => Outcome { provider, said: String::new(), error: Some(error) },
    }
}

fn told(registered: &Registered) -> String {
    let how = if registered.made { "made" } else { "brought up to date" };
    format!("the webhook of {} is {how}", registered.of)
}

fn wanted(
    guide: &Guide,
    hooks: &dyn Hooks,
    config: &Config,
    answers: &Answers,
) -> Result<WantedHook, String> {
    let address =
        config.webhook_address(&hooks.name()).ok_or("the public address is not known (--public-url)")?;
    if !reaches(hooks.api(), &address) {
        return Err(format!("the service cannot reach {address}"));
    }
    let shared = guide.settings.iter().find(|one| one.place == Place::Source && one.kind == Kind::Made);
    let secret = shared.map(|setting| answers.value(setting)).filter(|secret| !secret.is_empty());
    let secret = SecretString::from(secret.ok_or("it has no secret that webhooks could be signed with")?);
    let mut repositories: Vec<_> = answers.repositories.values().cloned().collect();
    repositories.sort();
    repositories.dedup();
    Ok(WantedHook { address, secret, repositories })
}
