//! Keeping the log across restarts: what changed, every few seconds and at the end.

use std::sync::Arc;
use std::time::Duration;

use super::{Group, Refusals};
use crate::clock::Clock;
use crate::store::{Commit, Found, Query, Store, StoreError};

/// What the names of the stored values begin with.
const PREFIX: &str = "refused/";
/// How long what was noted may be lost by a crash.
const PAUSE: Duration = Duration::from_secs(5);

impl Refusals {
    /// The log that a store keeps. A group that cannot be read is left out: the log is a help, no record.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn restore(store: &dyn Store) -> Result<Self, StoreError> {
        let refusals = Self::default();
        if let Found::Values(values) = store.query(Query::Values(PREFIX.to_owned())).await? {
            refusals.with(|log| {
                for group in
                    values.iter().filter_map(|(_, bytes)| serde_json::from_slice::<Group>(bytes).ok())
                {
                    let Some(last) = group.newest.back() else { continue };
                    let name = (last.source.clone(), last.cause);
                    log.kept += group.newest.len();
                    log.noted = log.noted.max(last.place);
                    log.groups.insert(name, Group { is_stored: true, ..group });
                }
            });
        }
        Ok(refusals)
    }

    /// Stores what changed since it was stored last.
    ///
    /// # Errors
    /// When the store fails; then it is stored the next time.
    pub async fn save(&self, store: &dyn Store) -> Result<(), StoreError> {
        let put = self.with(|log| {
            let changed = log.groups.iter_mut().filter(|(_, group)| !group.is_stored);
            let named = changed.map(|((source, cause), group)| {
                group.is_stored = true;
                (format!("{PREFIX}{source}/{cause}"), serde_json::to_vec(group).ok())
            });
            named.collect::<Vec<_>>()
        });
        if put.is_empty() {
            return Ok(());
        }
        let stored = store.commit(Commit::Values { expect: Vec::new(), put }).await;
        if stored.is_err() {
            self.with(|log| log.groups.values_mut().for_each(|group| group.is_stored = false));
        }
        stored
    }

    /// Goes on storing what changes.
    pub async fn keep(self: Arc<Self>, store: Arc<dyn Store>, clock: Arc<dyn Clock>) {
        loop {
            clock.sleep(PAUSE).await;
            if let Err(error) = self.save(&*store).await {
                tracing::warn!(%error, "the log of refused deliveries was not stored");
            }
        }
    }
}
