//! What is in force: what deliveries are judged by and steps are performed with, as it stands now. A reload, or
//! what Ostler learns of its own accounts, puts another in its place.

use std::sync::Arc;

use dashmap::DashMap;
use tokio::sync::watch;

use crate::event::{Account, SourceName};
use crate::plugin::Registry;
use crate::router::{Rules, Standing};
use crate::run::{Definition, Frozen, Settings};

/// What is in force.
#[derive(Debug)]
pub struct Policy {
    /// Who sends deliveries, and who serves what.
    pub registry: Arc<Registry>,
    /// Which triggers and workflows there are.
    pub rules: Rules,
    /// What runs take from the configuration.
    pub settings: Settings,
    /// What is known of the world.
    pub standing: Standing,
    /// The providers on which Ostler does not know its own account yet.
    pub strangers: Vec<SourceName>,
    /// What was frozen already, by workflow and tracker.
    frozen: DashMap<(String, Option<SourceName>), Frozen>,
}

impl Policy {
    /// A policy under which Ostler knows who it is everywhere.
    #[must_use]
    pub fn new(registry: Arc<Registry>, rules: Rules, settings: Settings, standing: Standing) -> Self {
        Self { registry, rules, settings, standing, strangers: Vec::new(), frozen: DashMap::new() }
    }

    /// The same policy, with these accounts of Ostler's own; the providers on which it has another are strangers.
    #[must_use]
    pub fn knowing(&self, own: Vec<Account>) -> Self {
        let strangers = self.registry.strangers(&own).into_iter().collect();
        let standing = Standing { own, ..self.standing.clone() };
        let registry = Arc::clone(&self.registry);
        Self { strangers, ..Self::new(registry, self.rules.clone(), self.settings.clone(), standing) }
    }

    /// A workflow with everything it names, frozen for runs of tasks of this tracker. It is made once: the
    /// rules and settings it is taken from never change.
    #[must_use]
    pub fn freeze(&self, workflow: &str, tracker: Option<&SourceName>) -> Option<Frozen> {
        let name = (workflow.to_owned(), tracker.cloned());
        if let Some(frozen) = self.frozen.get(&name) {
            return Some(frozen.clone());
        }
        let definition = Definition::freeze(&self.rules.catalog, workflow, &self.settings, tracker)?;
        let frozen = Frozen::from(&definition);
        self.frozen.insert(name, frozen.clone());
        Some(frozen)
    }
}

/// A value that is replaced whole: readers keep what they took, and never see half of two.
#[derive(Debug)]
pub struct Current<T>(watch::Sender<Arc<T>>);

impl<T> Current<T> {
    /// A value that stands until it is replaced.
    #[must_use]
    pub fn new(value: T) -> Self {
        Self(watch::Sender::new(Arc::new(value)))
    }

    /// The value as it stands now.
    #[must_use]
    pub fn get(&self) -> Arc<T> {
        Arc::clone(&self.0.borrow())
    }

    /// Puts in its place what is made of it, with nobody coming between.
    pub fn change(&self, change: impl FnOnce(&T) -> T) {
        self.0.send_modify(|current| *current = Arc::new(change(current)));
    }

    /// Whoever waits here is told of every change from now on.
    #[must_use]
    pub fn changes(&self) -> Changes<T> {
        Changes(self.0.subscribe())
    }
}

/// Tells when a value is replaced.
#[derive(Debug)]
pub struct Changes<T>(watch::Receiver<Arc<T>>);

impl<T> Changes<T> {
    /// Waits until the value is another than when this was asked last.
    pub async fn next(&mut self) {
        if self.0.changed().await.is_err() {
            // Nobody can change it any more.
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_took_a_value_keeps_it() {
        let current = Current::new(1);
        let taken = current.get();
        current.change(|_| 2);
        assert_eq!((*taken, *current.get()), (1, 2));
        current.change(|was| was + 1);
        assert_eq!(*current.get(), 3);
    }
}
