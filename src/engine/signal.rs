//! Saying something to a run, whoever has it in hand.

use crate::id::RunId;
use crate::run::signal::Pointless;
use crate::run::{Illegal, Run, Sent};
use crate::store::{Commit, Store, StoreError};

/// Why something could not be said to a run.
#[derive(Debug, thiserror::Error)]
pub enum SignalError {
    /// There is no such run.
    #[error("there is no such run")]
    Missing,
    /// It would mean nothing to the run as it stands.
    #[error(transparent)]
    Pointless(#[from] Pointless),
    /// The run's journal cannot be read, so nothing said to it would be understood.
    #[error("its journal cannot be read: {0}")]
    Unreadable(#[from] Illegal),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Says something to a run. It is durable when this returns, and is heard at once where the run is in hand of an
/// engine that is told of it, else when the run is taken up.
///
/// # Errors
/// When it would mean nothing to the run as it stands now. What changes between this look and the moment at which
/// the run hears it is judged then, and a signal that means nothing any more changes nothing.
pub async fn send(store: &dyn Store, run: RunId, sent: Sent) -> Result<(), SignalError> {
    let journal = store.load(run).await?.ok_or(SignalError::Missing)?;
    let state = Run::replay(run, journal.definition, &journal.entries)?;
    sent.signal.fits(&state)?;
    Ok(store.commit(Commit::Signal { run, sent }).await?)
}
