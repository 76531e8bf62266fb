//! Who Ostler is on each service. Its own doings come back as deliveries, and "assigned to the bot" needs a name
//! for the bot, so this must be known even when a service does not answer at the start.

use crate::event::Account;
use crate::plugin::Registry;
use crate::store::{Commit, Found, Query, Store};

/// Where the accounts learned last are kept.
const KEY: &str = "accounts/own";

/// Learns the accounts from the services, and from the last start where a service does not answer.
pub(super) async fn learn(registry: &mut Registry, store: &dyn Store) {
    registry.learn_own().await;
    for account in remembered(store).await {
        if !registry.own.iter().any(|known| known.vendor == account.vendor) {
            registry.own.push(account);
        }
    }
    remember(registry, store).await;
}

async fn remembered(store: &dyn Store) -> Vec<Account> {
    match store.query(Query::Value(KEY.to_owned())).await {
        Ok(Found::Bytes(bytes)) => serde_json::from_slice(&bytes).unwrap_or_default(),
        _ => Vec::new(),
    }
}

async fn remember(registry: &Registry, store: &dyn Store) {
    let Ok(bytes) = serde_json::to_vec(&registry.own) else { return };
    let commit = Commit::Values { expect: Vec::new(), put: vec![(KEY.to_owned(), Some(bytes))] };
    if let Err(error) = store.commit(commit).await {
        tracing::warn!(%error, "own accounts not remembered");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Memory;

    #[tokio::test]
    async fn an_account_is_known_from_the_last_start_when_its_service_does_not_answer() {
        let store = Memory::open().unwrap();
        let account = Account::new("jira", "5b10");
        remember(&Registry { own: vec![account.clone()], ..Registry::default() }, &store).await;
        let mut registry = Registry::default();
        learn(&mut registry, &store).await;
        assert_eq!(registry.own, [account]);
    }
}
