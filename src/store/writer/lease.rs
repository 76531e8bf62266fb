//! Who may write to which run, in the memory of this node.
//!
//! A lease's number has the node's epoch, which is durable and raised at every opening, in its upper half
//! and a counter in its lower one. So numbers only rise, leases from before an opening are void, recovery
//! waits for none of them to expire, and giving one out writes nothing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::id::RunId;
use crate::store::keys::Stand;
use crate::store::{Lease, StoreError};

/// All leases that are out.
#[derive(Debug)]
pub(in crate::store) struct Leases {
    held: Mutex<Held>,
}

#[derive(Debug)]
struct Held {
    newest: u64,
    runs: HashMap<RunId, Holding>,
}

/// One lease that is out.
#[derive(Debug, Clone, Copy)]
struct Holding {
    epoch: u64,
    /// Where the run stands in the order of due times.
    due: Stand,
}

/// A lease on its way to whoever asked for it. Dropped on the way, it is given back.
#[derive(Debug)]
pub(in crate::store) struct Given {
    lease: Option<Lease>,
    leases: Arc<Leases>,
}

impl Leases {
    /// No leases, on the node's `node`-th opening.
    pub(in crate::store) fn of_node(node: u64) -> Arc<Self> {
        let held = Held { newest: node << 32, runs: HashMap::new() };
        Arc::new(Self { held: Mutex::new(held) })
    }

    /// Gives out a run that is due since `due`, unless it is out already.
    pub(in crate::store) fn give(self: &Arc<Self>, run: RunId, due: Stand) -> Option<Given> {
        let mut held = self.lock();
        if held.runs.contains_key(&run) {
            return None;
        }
        held.newest += 1;
        let epoch = held.newest;
        held.runs.insert(run, Holding { epoch, due });
        Some(Given { lease: Some(Lease { run, epoch }), leases: Arc::clone(self) })
    }

    /// Where the run of a lease stands in the order of due times.
    pub(in crate::store) fn check(&self, lease: &Lease) -> Result<Stand, StoreError> {
        let held = self.lock();
        let holding = held.runs.get(&lease.run).filter(|holding| holding.epoch == lease.epoch);
        holding.map(|holding| holding.due).ok_or(StoreError::Fenced(lease.run))
    }

    /// Takes a lease back, if it is still the newest.
    pub(in crate::store) fn release(&self, lease: &Lease) {
        let mut held = self.lock();
        if held.runs.get(&lease.run).is_some_and(|holding| holding.epoch == lease.epoch) {
            held.runs.remove(&lease.run);
        }
    }

    /// Whether a run is out.
    pub(in crate::store) fn holds(&self, run: RunId) -> bool {
        self.lock().runs.contains_key(&run)
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        // Each holder of the lock makes one change that cannot fail half-way.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Given {
    /// The lease, which is now its holder's to give up.
    pub(in crate::store) fn keep(mut self) -> Option<Lease> {
        self.lease.take()
    }
}

impl Drop for Given {
    fn drop(&mut self) {
        if let Some(lease) = self.lease.take() {
            self.leases.release(&lease);
        }
    }
}
