//! Every service that is configured, and what stands before models.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{AppError, accounts};
use crate::agent::cassette::Cassette;
use crate::clock::Clock;
use crate::config::Config;
use crate::event::SourceName;
use crate::plugin::Registry;

/// Every service that is configured; models behind the cassette, where there is one.
pub(super) fn build(
    config: &Config,
    cassette: Option<&Arc<Cassette>>,
    clock: &Arc<dyn Clock>,
) -> Result<Registry, AppError> {
    let mut registry = Registry::build(config.vendors()?, clock)?;
    if let Some(cassette) = cassette {
        registry.models = cassette.before(registry.models, config.models());
    }
    Ok(registry)
}

/// The same with the cassette that is configured, which stays in its player until Ostler ends.
pub(super) fn at_start(
    config: &Config,
    clock: &Arc<dyn Clock>,
) -> Result<(Arc<Registry>, Option<Arc<Cassette>>), AppError> {
    let cassette = Cassette::open(&config.cassette)?;
    let registry = build(config, cassette.as_ref(), clock)?;
    Ok((Arc::new(registry), cassette))
}

/// What whoever starts Ostler should know of models that are not asked, and of accounts that are not known.
pub(super) fn remarks(cassette: Option<&Cassette>, strangers: &BTreeSet<SourceName>) -> Vec<String> {
    cassette.map(Cassette::remark).into_iter().chain(strangers.iter().map(accounts::remark)).collect()
}
