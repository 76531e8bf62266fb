//! Reading everything again that people wrote: configuration, handlers, workflows, prompts and roles.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Again, AppError, services};
use crate::agent::cassette::Cassette;
use crate::clock::Clock;
use crate::config::{Config, ConfigError, Loaded};
use crate::id::Digest;
use crate::ingress::Policy;
use crate::ingress::reload::{Fault, Fresh};
use crate::plugin::registry::{self, Registry};
use crate::spec::Catalog;
use crate::spec::catalog::Origin;
use crate::spec::diagnostic::{Diagnostic, Diagnostics};

/// Where what people wrote is, as it was read last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Places {
    /// Files of the configuration, whether they are there or not.
    pub(super) files: Vec<PathBuf>,
    /// Directories with all that is in them.
    pub(super) folders: Vec<PathBuf>,
}

/// Reads everything again, and compares it with what was read last.
pub(super) struct Reader {
    again: Again,
    clock: Arc<dyn Clock>,
    config: Config,
    /// What Ostler was started with: some of it counts until it ends.
    started_with: Config,
    origin: Origin,
    cassette: Option<Arc<Cassette>>,
    registry: Arc<Registry>,
    digest: Digest,
    /// Where it was read from last.
    pub(super) places: Arc<Mutex<Places>>,
}

impl Places {
    /// Where a configuration and its catalog are read from.
    pub(super) fn of(loaded: &Loaded, origin: &Origin) -> Self {
        Self { files: loaded.files.clone(), folders: origin.folders() }
    }
}

impl Reader {
    /// Compares with what Ostler was started with, and what of it is in force.
    pub(super) fn new(
        again: Again,
        (loaded, origin): (&Loaded, &Origin),
        policy: &Policy,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        Self {
            again,
            clock: Arc::clone(clock),
            config: loaded.config.clone(),
            started_with: loaded.config.clone(),
            origin: origin.clone(),
            cassette: None,
            registry: Arc::clone(&policy.registry),
            digest: policy.rules.catalog.digest,
            places: Arc::new(Mutex::new(Places::of(loaded, origin))),
        }
    }

    /// With the cassette that stands before models.
    pub(super) fn behind(self, cassette: Option<Arc<Cassette>>) -> Self {
        Self { cassette, ..self }
    }

    /// What is something else than before, if anything is; or everything that is wrong with it.
    pub(super) fn read(&mut self) -> Result<Option<Fresh>, Vec<Fault>> {
        let loaded = (self.again)();
        match &loaded {
            Ok((loaded, origin)) => {
                self.origin = origin.clone();
                *self.places() = Places::of(loaded, origin);
            }
            Err(error) => self.look_at_too(error),
        }
        let unchanged = loaded.as_ref().is_ok_and(|(loaded, _)| loaded.config == self.config);
        // What is wrong with one hides nothing of the other.
        let catalog =
            Catalog::load_other(&self.origin, &registry::vocabulary(), unchanged.then_some(self.digest));
        match (loaded, catalog) {
            (Ok(_), Ok(None)) => Ok(None),
            (Ok((loaded, _)), Ok(Some(catalog))) => self.fresh(loaded.config, catalog).map(Some),
            (loaded, catalog) => {
                let of_config = loaded.err().map(|error| of_config(&error));
                Err(of_config.into_iter().chain(catalog.err().iter().flat_map(of_catalog)).collect())
            }
        }
    }

    fn fresh(&mut self, config: Config, catalog: Catalog) -> Result<Fresh, Vec<Fault>> {
        let registry = self.registry(&config)?;
        let digest = catalog.digest;
        let at_next_start = config.at_next_start(&self.started_with);
        let policy = super::policy(&config, catalog, Arc::clone(&registry));
        (self.config, self.registry, self.digest) = (config, registry, digest);
        Ok(Fresh { policy, at_next_start })
    }

    /// The services as they are configured now: the same as before where nothing of theirs has changed, so that
    /// they go on counting how often they were called.
    fn registry(&self, config: &Config) -> Result<Arc<Registry>, Vec<Fault>> {
        let (now, before) = (self.with_its_cassette(config), self.with_its_cassette(&self.config));
        if now.vendor_options() == before.vendor_options() && now.models() == before.models() {
            return Ok(Arc::clone(&self.registry));
        }
        let registry = services::build(&now, self.cassette.as_ref(), &self.clock);
        registry.map(Arc::new).map_err(|error| match error {
            AppError::Config(error) => vec![of_config(&error)],
            error => vec![fault("plugins and sources", error.to_string())],
        })
    }

    /// The configuration with the cassette that is in the player until Ostler ends.
    fn with_its_cassette(&self, config: &Config) -> Config {
        Config { cassette: self.started_with.cassette.clone(), ..config.clone() }
    }

    /// A file that was missed may be written yet.
    fn look_at_too(&self, error: &ConfigError) {
        let mut places = self.places();
        if !places.files.iter().any(|file| file == error.file()) {
            places.files.push(error.file().to_owned());
        }
    }

    fn places(&self) -> std::sync::MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("places", &self.places).finish_non_exhaustive()
    }
}

fn of_config(error: &ConfigError) -> Fault {
    fault(error.file().display().to_string(), error.to_string())
}

fn fault(file: impl Into<String>, message: String) -> Fault {
    Fault { file: file.into(), line: None, column: None, message }
}

fn of_catalog(faults: &Diagnostics) -> impl Iterator<Item = Fault> {
    faults.items().iter().map(of_item)
}

fn of_item(item: &Diagnostic) -> Fault {
    let help = item.help.iter().map(|help| format!(" ({help})"));
    Fault {
        file: item.file.clone(),
        line: Some(item.line),
        column: Some(item.column),
        message: std::iter::once(item.message.clone()).chain(help).collect(),
    }
}

#[cfg(test)]
mod tests;
