//! What deliveries are judged by, as it stands now; a reload puts another in its place.

use std::sync::{Arc, PoisonError, RwLock};

use crate::router::{Rules, Standing};
use crate::run::Settings;

/// What deliveries are judged by.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Which triggers and workflows there are.
    pub rules: Rules,
    /// What runs take from the configuration.
    pub settings: Settings,
    /// What is known of the world.
    pub standing: Standing,
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

    /// Puts another value in its place.
    pub fn set(&self, value: T) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_took_a_value_keeps_it() {
        let current = Current::new(1);
        let taken = current.get();
        current.set(2);
        assert_eq!((*taken, *current.get()), (1, 2));
    }
}
