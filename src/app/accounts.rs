//! Who Ostler is on each service. Its own doings come back as deliveries, and "assigned to the bot" needs a
//! name for the bot, so this must be known even when a service does not answer at the start.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::event::{Account, SourceName};
use crate::ingress::{Current, Policy};
use crate::plugin::Registry;
use crate::store::{Commit, Found, Query, Store};

/// Where the accounts learned last are kept.
const KEY: &str = "accounts/own";
/// How long a service that did not answer is left in peace.
const PAUSE: Duration = Duration::from_secs(15);

/// What goes on asking services that did not answer, and those that a reload of the configuration brings.
pub(super) struct Learner {
    pub(super) store: Arc<dyn Store>,
    pub(super) policy: Arc<Current<Policy>>,
    pub(super) clock: Arc<dyn Clock>,
}

/// Learns the accounts from the services, and from the last start where a service does not answer.
pub(super) async fn learn(registry: &Registry, store: &dyn Store) -> Vec<Account> {
    let mut own = registry.learn_own(&[]).await;
    let before = remembered(store).await;
    for account in &before {
        if !own.iter().any(|known| known.vendor == account.vendor) {
            own.push(account.clone());
        }
    }
    // Most starts learn nothing new, and a write waits for the disk.
    if own != before {
        remember(&own, store).await;
    }
    own
}

/// What is said to whoever started Ostler of a service that did not answer.
pub(super) fn remark(stranger: &SourceName) -> String {
    format!(
        "{stranger} did not say who Ostler is there: what is assigned to it starts nothing until it does \
         (asked every {} s)",
        PAUSE.as_secs()
    )
}

impl Learner {
    /// Asks again until every account is known; each is put to use as soon as it is. Where the services are
    /// others than before, or are spoken to with another token, all are asked anew.
    pub(super) async fn keep_learning(self) {
        let mut changes = self.policy.changes();
        let mut asked = Arc::clone(&self.policy.get().registry);
        loop {
            let pause = async {
                if self.policy.get().strangers.is_empty() {
                    std::future::pending::<()>().await;
                }
                self.clock.sleep(PAUSE).await;
            };
            tokio::select! {
                () = pause => {}
                () = changes.next() => {}
            }
            let policy = self.policy.get();
            let is_new = !Arc::ptr_eq(&asked, &policy.registry);
            asked = Arc::clone(&policy.registry);
            let known = if is_new { &[][..] } else { &policy.standing.own };
            self.put_to_use(asked.learn_own(known).await).await;
        }
    }

    /// Puts accounts in the place of those that were known on the same services.
    async fn put_to_use(&self, learned: Vec<Account>) {
        let before = self.policy.get().standing.own.clone();
        if learned.iter().all(|account| before.contains(account)) {
            return;
        }
        tracing::info!(accounts = ?learned, "own accounts learned");
        self.policy.change(|policy| policy.knowing(with(&policy.standing.own, &learned)));
        remember(&self.policy.get().standing.own, &*self.store).await;
    }
}

/// The accounts known before, with those learned in the place of others on the same services.
fn with(before: &[Account], learned: &[Account]) -> Vec<Account> {
    let replaced = |old: &&Account| learned.iter().any(|new| new.vendor == old.vendor);
    before.iter().filter(|old| !replaced(old)).chain(learned).cloned().collect()
}

pub(super) async fn remembered(store: &dyn Store) -> Vec<Account> {
    match store.query(Query::Value(KEY.to_owned())).await {
        Ok(Found::Bytes(bytes)) => serde_json::from_slice(&bytes).unwrap_or_default(),
        _ => Vec::new(),
    }
}

async fn remember(own: &[Account], store: &dyn Store) {
    let Ok(bytes) = serde_json::to_vec(own) else { return };
    let commit = Commit::Values { expect: Vec::new(), put: vec![(KEY.to_owned(), Some(bytes))] };
    if let Err(error) = store.commit(commit).await {
        tracing::warn!(%error, "own accounts not remembered");
    }
}

#[cfg(test)]
pub(super) mod tests;
