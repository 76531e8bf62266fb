//! Looking everything over: this machine, what is kept, the way in, and every service that is configured.
//!
//! Nothing is changed, and a server that runs is not disturbed. The questions are asked at once, each with a
//! deadline; a service's own are its vendor's.

mod door;
mod host;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, join_all};
use serde::Serialize;

use crate::clock::Clock;
use crate::config::{Config, ConfigError, Loaded, SECRETS};
use crate::event::SourceName;
use crate::plugin::Registry;
use crate::plugin::checkup::{Expected, Finding, Health};
use crate::plugin::registry;
use crate::spec::Catalog;

/// How long one area may take to be looked at.
const DEADLINE: Duration = Duration::from_secs(20);

/// A finding with the area that it belongs to.
#[derive(Debug, Clone, Serialize)]
pub struct Placed {
    /// `configuration`, `machine`, `store`, `way in`, or a provider.
    pub area: String,
    /// What was found.
    #[serde(flatten)]
    pub finding: Finding,
}

/// Looks everything over as the configuration says it is.
pub async fn examine(loaded: Result<Loaded, ConfigError>, clock: &Arc<dyn Clock>) -> Vec<Placed> {
    let loaded = match loaded {
        Ok(loaded) => loaded,
        Err(error) => {
            let advice = "`ostler check` shows every fault of the configuration";
            return placed("configuration", vec![Finding::failed("file", error.to_string(), advice)]);
        }
    };
    let config = &loaded.config;
    let mut findings = placed("configuration", configuration(&loaded));
    let vendors = config.vendors().map_err(|error| error.to_string());
    let built =
        vendors.and_then(|vendors| Registry::build(vendors, clock).map_err(|error| error.to_string()));
    let registry = built.unwrap_or_else(|said| {
        let advice = "correct the options of that provider; nothing was asked of any service";
        findings.extend(placed("configuration", vec![Finding::failed("providers", said, advice)]));
        Registry::default()
    });
    let services: Vec<_> = registry.checkups.iter().map(|one| (one, expected(config, &one.name()))).collect();
    let mut areas: Vec<BoxFuture<'_, Vec<Placed>>> = vec![
        Box::pin(bounded("machine", clock, host::machine(config))),
        Box::pin(bounded("store", clock, host::store(config))),
        Box::pin(bounded("way in", clock, door::public_address(config))),
    ];
    for (one, expected) in &services {
        areas.push(Box::pin(bounded(one.name().as_str().to_owned(), clock, one.examine(expected))));
    }
    findings.extend(join_all(areas).await.into_iter().flatten());
    findings
}

/// Whether nothing that was found is a failure.
#[must_use]
pub fn is_well(findings: &[Placed]) -> bool {
    findings.iter().all(|placed| placed.finding.health != Health::Failed)
}

/// What should be true of a provider.
fn expected(config: &Config, provider: &SourceName) -> Expected {
    let mut repositories: Vec<_> = config.repositories.values().cloned().collect();
    repositories.sort();
    repositories.dedup();
    Expected { address: config.webhook_address(provider), repositories }
}

fn configuration(loaded: &Loaded) -> Vec<Finding> {
    let off = loaded.notices.iter().map(|notice| {
        let advice = "set the variable, or take the service out of the configuration";
        Finding::bad(Health::Warning, notice.path.clone(), notice.to_string(), advice)
    });
    let mut findings: Vec<_> = off.collect();
    findings.extend(host::secrets(&loaded.root.join(SECRETS)));
    let catalog = Catalog::load_from(&super::origin(loaded), &registry::vocabulary());
    findings.extend(catalog.iter().flat_map(|catalog| prices(&loaded.config, catalog)));
    findings.push(match catalog {
        Ok(catalog) => {
            let (triggers, workflows) = (catalog.triggers.len(), catalog.workflows.len());
            Finding::ok("definitions", format!("{triggers} triggers and {workflows} workflows are right"))
        }
        Err(faults) => {
            let said = format!("{} faults in handlers, workflows and prompts", faults.items().len());
            Finding::failed("definitions", said, "`ostler check` shows them")
        }
    });
    findings
}

/// What calls are counted at, and since when that is known.
fn prices(config: &Config, catalog: &Catalog) -> Vec<Finding> {
    let unpriced = config.unpriced(catalog);
    if !unpriced.is_empty() {
        let advice = "write the model and its price, with the day and the place it is from, under `prices`";
        return unpriced
            .into_iter()
            .map(|said| Finding::bad(Health::Warning, "prices", said, advice))
            .collect();
    }
    let (model, list) = (config.ai_provider.model(), config.price_list());
    let Some(listed) = list.entry(&model) else { return Vec::new() };
    let since = listed.as_of.as_ref().map(|day| format!(", as listed on {day}")).unwrap_or_default();
    let place = listed.source.as_ref().map(|place| format!(" at {place}")).unwrap_or_default();
    let (input, output) = (listed.input, listed.output);
    let said = format!("`{model}` costs {input} for a million tokens read, {output} written{since}{place}");
    vec![Finding::ok("prices", said)]
}

/// Looks at one area for as long as it may take.
async fn bounded(
    area: impl Into<String>,
    clock: &Arc<dyn Clock>,
    looking: impl Future<Output = Vec<Finding>>,
) -> Vec<Placed> {
    let late = || {
        let said = format!("did not answer within {} s", DEADLINE.as_secs());
        vec![Finding::failed("connection", said, "check the address, the network and the proxy variables")]
    };
    let found = tokio::select! {
        found = looking => found,
        () = clock.sleep(DEADLINE) => late(),
    };
    placed(area, found)
}

fn placed(area: impl Into<String>, findings: Vec<Finding>) -> Vec<Placed> {
    let area = area.into();
    findings.into_iter().map(|finding| Placed { area: area.clone(), finding }).collect()
}
