//! What deliveries are judged by, as it stands now; what Ostler learns of its own accounts puts another in
//! its place.

use std::sync::{Arc, PoisonError, RwLock};

use dashmap::DashMap;

use crate::event::{Account, SourceName};
use crate::router::{Rules, Standing};
use crate::run::{Definition, Frozen, Settings};

/// What deliveries are judged by.
#[derive(Debug)]
pub struct Policy {
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
    pub fn new(rules: Rules, settings: Settings, standing: Standing) -> Self {
        Self { rules, settings, standing, strangers: Vec::new(), frozen: DashMap::new() }
    }

    /// The same policy, with these accounts of Ostler's own, and these providers on which it knows none.
    #[must_use]
    pub fn knowing(&self, own: Vec<Account>, strangers: impl IntoIterator<Item = SourceName>) -> Self {
        let standing = Standing { own, ..self.standing.clone() };
        let strangers = strangers.into_iter().collect();
        Self { strangers, ..Self::new(self.rules.clone(), self.settings.clone(), standing) }
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
pub struct Current<T>(RwLock<Arc<T>>);

impl<T> Current<T> {
    /// A value that stands until it is replaced.
    #[must_use]
    pub fn new(value: T) -> Self {
        Self(RwLock::new(Arc::new(value)))
    }

    /// The value as it stands now.
    #[must_use]
    pub fn get(&self) -> Arc<T> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts in its place what is made of it, with nobody coming between.
    pub fn change(&self, change: impl FnOnce(&T) -> T) {
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        *current = Arc::new(change(&current));
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
