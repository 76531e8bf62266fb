//! What the log has and the database has not yet.
//!
//! Nobody waits for the database: a batch that is in the log is put here, where readers look first, and a thread of
//! its own gives the database what has come together here, as one batch. A key that was written ten times is then
//! written once.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use crate::store::StoreError;
use crate::store::shelf::{Batch, Span};

/// How many bytes come together before the log has to wait for the database.
const ROOM: usize = 8 << 20;
/// How long a batch lies here so that others can come to it.
const GATHERING: Duration = Duration::from_millis(25);

/// The batches between the log and the database.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// What is to be given to the database next.
    fresh: Batch,
    bytes: usize,
    /// What is being given to it.
    given: Arc<Batch>,
    numbers: Numbers,
    /// Up to where somebody waits for the database to be durable.
    wanted: u64,
    is_closed: bool,
    /// Why nothing can be given to it any more.
    failed: Option<String>,
}

/// The numbers of the newest batches that have come so far.
#[derive(Debug, Default, Clone, Copy)]
struct Numbers {
    logged: u64,
    applied: u64,
    settled: u64,
}

/// What is to be done next with the database.
#[derive(Debug)]
pub(super) enum Task {
    /// Apply these changes, the newest of which have this number.
    Apply(Arc<Batch>, u64),
    /// Make it durable: it has come to this number.
    Settle(u64),
}

impl Ahead {
    /// Nothing is ahead of a database that durably has this number.
    pub(super) fn of(settled: u64) -> Self {
        let numbers = Numbers { logged: settled, applied: settled, settled };
        Self { state: Mutex::new(State { numbers, ..State::default() }), changed: Condvar::new() }
    }

    /// Adds a batch that is in the log; waits while there is no room.
    pub(super) fn add(&self, number: u64, batch: &Batch) -> Result<(), StoreError> {
        let mut state = self.wait_until(|state| state.bytes < ROOM)?;
        for (key, value) in batch {
            state.bytes += key.len() + value.as_ref().map_or(0, Bytes::len);
            state.fresh.insert(key.clone(), value.clone());
        }
        state.numbers.logged = number;
        drop(state);
        self.changed.notify_all();
        Ok(())
    }

    /// Wants the database to be durable up to a number soon.
    pub(super) fn want_settled(&self, number: u64) {
        let mut state = self.state();
        state.wanted = state.wanted.max(number);
        drop(state);
        self.changed.notify_all();
    }

    /// Waits until the database is durable up to a number that was wanted.
    pub(super) fn await_settled(&self, number: u64) -> Result<(), StoreError> {
        self.wait_until(|state| state.numbers.settled >= number).map(drop)
    }

    /// Waits until the database is durable up to everything that was added.
    pub(super) fn settle_all(&self) -> Result<(), StoreError> {
        let logged = self.state().numbers.logged;
        self.want_settled(logged);
        self.await_settled(logged)
    }

    /// Waits until everything that was added was given to the database.
    #[cfg(test)]
    pub(super) fn await_applied(&self) {
        self.wait_until(|state| state.numbers.applied == state.numbers.logged).map(drop).unwrap();
    }

    /// Waits for something to do; nothing more will come when it is none.
    pub(super) fn next(&self) -> Option<Task> {
        let mut state = self.state();
        loop {
            if state.failed.is_some() {
                return None;
            }
            let Numbers { applied, settled, .. } = state.numbers;
            if state.wanted > settled && applied >= state.wanted {
                return Some(Task::Settle(applied));
            }
            if !state.fresh.is_empty() {
                state = self.gather(state);
                state.given = Arc::new(std::mem::take(&mut state.fresh));
                state.bytes = 0;
                let task = Task::Apply(Arc::clone(&state.given), state.numbers.logged);
                drop(state);
                self.changed.notify_all();
                return Some(task);
            }
            if state.is_closed {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Lets more come, unless somebody waits.
    fn gather<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let may_wait = |state: &mut State| {
            state.bytes < ROOM / 2 && state.wanted <= state.numbers.applied && !state.is_closed
        };
        let gathered = self.changed.wait_timeout_while(state, GATHERING, may_wait);
        gathered.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Says that a task is done, or why it cannot be.
    pub(super) fn done(&self, task: &Task, outcome: Result<(), StoreError>) {
        let mut state = self.state();
        match (outcome, task) {
            (Ok(()), Task::Apply(_, number)) => {
                state.given = Arc::default();
                state.numbers.applied = *number;
            }
            (Ok(()), Task::Settle(number)) => state.numbers.settled = *number,
            (Err(error), _) => state.failed = Some(error.to_string()),
        }
        drop(state);
        self.changed.notify_all();
    }

    /// Lets [`next`](Self::next) end once everything was given.
    pub(super) fn close(&self) {
        self.state().is_closed = true;
        self.changed.notify_all();
    }

    /// What a key's value was changed to, if it was.
    pub(super) fn get(&self, key: &[u8]) -> Option<Option<Bytes>> {
        let state = self.state();
        state.fresh.get(key).or_else(|| state.given.get(key)).cloned()
    }

    /// What was changed in a span that is not empty.
    pub(super) fn changes(&self, span: &Span) -> Batch {
        let state = self.state();
        let copied = |(key, value): (&Vec<u8>, &Option<Bytes>)| (key.clone(), value.clone());
        state.given.range(span.range()).chain(state.fresh.range(span.range())).map(copied).collect()
    }

    fn wait_until(&self, reached: impl Fn(&State) -> bool) -> Result<MutexGuard<'_, State>, StoreError> {
        let waiting = |state: &mut State| state.failed.is_none() && !reached(state);
        let waited = self.changed.wait_while(self.state(), waiting);
        let state = waited.unwrap_or_else(PoisonError::into_inner);
        match &state.failed {
            Some(why) => Err(StoreError::Failed(why.clone())),
            None => Ok(state),
        }
    }

    // A poisoned lock only says that a reader panicked: nothing is half done under it.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
