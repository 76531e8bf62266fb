//! Who may write to which run, and who is next to be, in the memory of this node.
//!
//! A lease's number has the node's epoch, which is durable and raised at every opening, in its upper half
//! and a counter in its lower one. So numbers only rise, leases from before an opening are void, recovery
//! waits for none of them to expire, and giving one out writes nothing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::lanes::order::Turn;
use super::lanes::{Lanes, Spot};
use crate::id::RunId;
use crate::store::kept;
use crate::store::keys;
use crate::store::shelf::Look;
use crate::store::{Caps, Lease, StoreError};

/// Among how many it is reckoned which place a new run has.
const RECKONED: usize = 1024;

/// All leases that are out, and who is next.
#[derive(Debug)]
pub(in crate::store) struct Leases {
    held: Mutex<Held>,
}

#[derive(Debug)]
struct Held {
    newest: u64,
    /// The newest lease of each run that is out.
    epochs: HashMap<RunId, u64>,
    lanes: Lanes,
}

/// A lease on its way to whoever asked for it. Dropped on the way, it is given back.
#[derive(Debug)]
pub(in crate::store) struct Given {
    lease: Option<Lease>,
    leases: Arc<Leases>,
}

impl Leases {
    /// No leases, on the node's `node`-th opening.
    pub(in crate::store) fn of_node(node: u64, caps: Caps) -> Arc<Self> {
        let held = Held { newest: node << 32, epochs: HashMap::new(), lanes: Lanes::new(caps) };
        Arc::new(Self { held: Mutex::new(held) })
    }

    /// Gives out the run that is next at a moment, if one may be in hand besides those that are out.
    pub(in crate::store) fn give(self: &Arc<Self>, now: Timestamp) -> Option<Given> {
        let mut held = self.lock();
        let (run, _) = held.lanes.take(now)?;
        held.newest += 1;
        let epoch = held.newest;
        held.epochs.insert(run, epoch);
        Some(Given { lease: Some(Lease { run, epoch }), leases: Arc::clone(self) })
    }

    /// Whether a run may be given out at a moment: one is due, and not as many are out as may be.
    pub(in crate::store) fn may_give(&self, now: Timestamp) -> bool {
        self.lock().lanes.may_have_one(now)
    }

    /// Where the run of a lease was taken from.
    pub(in crate::store) fn check(&self, lease: &Lease) -> Result<Spot, StoreError> {
        let held = self.lock();
        let is_newest = held.epochs.get(&lease.run) == Some(&lease.epoch);
        let taken = held.lanes.taken(lease.run).filter(|_| is_newest);
        taken.cloned().ok_or(StoreError::Fenced(lease.run))
    }

    /// Takes a lease back, if it is still the newest.
    pub(in crate::store) fn release(&self, lease: &Lease) {
        let mut held = self.lock();
        if held.epochs.get(&lease.run) == Some(&lease.epoch) {
            held.epochs.remove(&lease.run);
            held.lanes.give_back(lease.run);
        }
    }

    /// Whether a run is out.
    pub(in crate::store) fn holds(&self, run: RunId) -> bool {
        self.lock().epochs.contains_key(&run)
    }

    /// Where a run stands in the order of due times, if it does.
    pub(in crate::store) fn spot(&self, run: RunId) -> Option<Spot> {
        self.lock().lanes.spot(run).cloned()
    }

    /// The earliest moment at which a run comes to be due.
    pub(in crate::store) fn next_due(&self) -> Option<Timestamp> {
        self.lock().lanes.next_due()
    }

    /// How these runs stand at a moment that are in hand or have a due key.
    pub(in crate::store) fn turns(&self, runs: &[RunId], now: Timestamp) -> HashMap<RunId, Turn> {
        // The writer is kept waiting for the copy only.
        let lanes = self.lock().lanes.clone();
        lanes.turns(runs, now)
    }

    /// How a run will stand that begins now, if a cap keeps it from its turn. Where very many wait this is too much to
    /// reckon for each.
    pub(in crate::store) fn kept_back(&self, run: RunId, spot: Spot) -> Option<Turn> {
        let now = spot.stand.at;
        let mut lanes = {
            let mut held = self.lock();
            held.lanes.full(&spot.lane)?;
            (held.lanes.backlog(now) < RECKONED).then(|| held.lanes.clone())?
        };
        lanes.put(run, spot);
        lanes.turns(&[run], now).remove(&run)
    }

    /// In how many runs there is something to do at a moment.
    pub(in crate::store) fn backlog(&self, now: Timestamp) -> usize {
        self.lock().lanes.backlog(now)
    }

    /// Takes note of what becomes of a key: that of a due time changes who is next, and that of a seat who waits.
    pub(in crate::store) fn follow(&self, look: &impl Look, key: &[u8], stored: Option<&[u8]>) {
        if let Some(run) = keys::queued_of(key) {
            let mut held = self.lock();
            return if stored.is_some() { held.lanes.queue(run) } else { held.lanes.unqueue(run) };
        }
        let Some((stand, run)) = keys::due_of(key) else { return };
        match stored {
            Some(stored) => {
                let lane = kept::lane(look, key, stored, run);
                self.lock().lanes.put(run, Spot { stand, lane });
            }
            None => self.lock().lanes.remove(run, stand),
        }
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
