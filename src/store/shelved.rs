//! The store over a shelf: writes through the writer, reads beside it.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::watch;

use super::read::Definitions;
use super::shelf::Shelf;
use super::writer::Writer;
use super::writer::desk::Desk;
use super::writer::judge::{self, Prepared};
use super::writer::lease::{Given, Leases};
use super::writer::prune::{self, Old};
use super::writer::{scrub, signal};
use super::{
    Accepted, Answer, Commit, Found, Intake, Journal, Lease, Options, Progress, Query, Scrubbed, Store,
    StoreError, read,
};
use crate::id::RunId;

/// A body that takes longer to compress than an async thread should be kept.
const LARGE_BODY: usize = 64 << 10;

const CHECKED_AT_ONCE: usize = 1024;
const REWRITTEN_AT_ONCE: usize = 256;

/// A store whose bytes are kept by a shelf. Dropped, it first writes everything that was queued.
#[derive(Debug)]
pub struct Shelved<S> {
    // Before the shelf, so that the writer has let go of it when the shelf is dropped.
    writer: Writer<S>,
    pub(super) leases: Arc<Leases>,
    definitions: Arc<Definitions>,
    pub(super) shelf: Arc<S>,
}

impl<S: Shelf> Shelved<S> {
    /// The store that a shelf keeps. Leases from before are void.
    pub(super) fn on(shelf: Arc<S>, options: &Options) -> Result<Self, StoreError> {
        let desk = Desk::open(Arc::clone(&shelf), options)?;
        let leases = Arc::clone(&desk.leases);
        let writer = Writer::start(desk, options.waiting)?;
        Ok(Self { writer, leases, definitions: Arc::default(), shelf })
    }

    /// Writes everything that was queued, then lets go of the disk.
    pub fn close(self) {}

    /// Says what is damaged, after a repair whose result nobody can vouch for. Its runs are parked as they
    /// are loaded or by the scrub.
    pub(super) fn check_everything(&self) -> Result<(), StoreError> {
        let (mut checked, mut damaged, mut after) = (0, 0, None);
        loop {
            let scrubbed = read::scrub(&*self.shelf, after.as_deref(), CHECKED_AT_ONCE)?;
            for damage in &scrubbed.damaged {
                tracing::error!(what = %damage.what, "damaged");
            }
            checked += scrubbed.checked;
            damaged += scrubbed.damaged.len();
            after = scrubbed.next;
            if after.is_none() {
                tracing::warn!(checked, damaged, "checked after a repair");
                return Ok(());
            }
        }
    }

    /// Reads where waiting for the disk does no harm.
    async fn read<T: Send + 'static>(
        &self,
        look: impl FnOnce(&S) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let shelf = Arc::clone(&self.shelf);
        aside(S::BLOCKS, move || look(&shelf)).await
    }
}

/// Does something on a thread that may wait, where it may have to.
async fn aside<T: Send + 'static>(
    waits: bool,
    act: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    if !waits {
        return act();
    }
    let done = tokio::task::spawn_blocking(act).await;
    done.map_err(|error| StoreError::Failed(error.to_string()))?
}

impl<S: Shelf> Store for Shelved<S> {
    fn accept(&self, intake: Intake) -> Answer<'_, Accepted> {
        Box::pin(async move {
            let large = intake.payload.len() > LARGE_BODY;
            let prepared = aside(large, || Prepared::new(intake)).await?;
            self.writer.submit(|desk| judge::accept(desk, prepared)).await
        })
    }

    fn leases(&self, now: Timestamp, most: usize) -> Answer<'_, Vec<Lease>> {
        Box::pin(async move {
            // Where nothing can be given out the writer is not kept from what it has to write.
            if !self.leases.may_give(now) {
                return Ok(Vec::new());
            }
            let give = move |desk: &mut Desk<S>| -> Result<Vec<Given>, StoreError> {
                Ok(std::iter::from_fn(|| desk.leases.give(now)).take(most).collect())
            };
            let given = self.writer.submit(give).await?;
            Ok(given.into_iter().filter_map(Given::keep).collect())
        })
    }

    fn load(&self, run: RunId) -> Answer<'_, Option<Journal>> {
        let definitions = Arc::clone(&self.definitions);
        Box::pin(self.read(move |shelf| read::load(shelf, &definitions, run)))
    }

    fn commit(&self, commit: Commit) -> Answer<'_, ()> {
        Box::pin(self.writer.submit(move |desk| match commit {
            Commit::Run { lease, entries, due, heard } => {
                signal::forget(desk, lease.run, &heard)?;
                judge::commit(desk, &lease, &entries, due)
            }
            Commit::Signal { run, sent } => signal::send(desk, run, &sent),
            Commit::Values { expect, put } => judge::values(desk, &expect, &put),
        }))
    }

    fn query(&self, query: Query) -> Answer<'_, Found> {
        let (leases, last) = (Arc::clone(&self.leases), self.writer.durable());
        Box::pin(self.read(move |shelf| read::answer(shelf, (&*leases, last), query)))
    }

    fn grown(&self) -> watch::Receiver<u64> {
        self.writer.grown()
    }

    fn tail(&self, after: u64, limit: usize) -> Answer<'_, Vec<Progress>> {
        // What is applied but not yet durable might be taken back by a loss of power: it is not told.
        let last = self.writer.durable();
        Box::pin(self.read(move |shelf| read::tail(shelf, after, last, limit)))
    }

    fn prune(&self, before: Timestamp, identities_before: Timestamp) -> Answer<'_, u64> {
        let phases = [
            (Old::Runs, before),
            (Old::Events, before),
            (Old::Identities, identities_before),
            (Old::Guards, before),
        ];
        Box::pin(async move {
            let mut gone = 0;
            for (old, before) in phases {
                let mut rest = Some(old.span(before));
                while let Some(span) = rest {
                    let portion = move |desk: &mut Desk<S>| prune::portion(desk, old, span, before);
                    let portion = self.writer.submit(portion).await?;
                    gone += portion.gone;
                    rest = portion.rest;
                }
            }
            let mut in_the_way = self.read(S::sweep).await?;
            while !in_the_way.is_empty() {
                let portion = in_the_way.split_off(in_the_way.len().saturating_sub(REWRITTEN_AT_ONCE));
                self.writer.submit(move |desk| desk.write_again(portion)).await?;
            }
            Ok(gone)
        })
    }

    fn scrub(&self, after: Option<Vec<u8>>, limit: usize, now: Timestamp) -> Answer<'_, Scrubbed> {
        Box::pin(async move {
            let scrubbed = self.read(move |shelf| read::scrub(shelf, after.as_deref(), limit)).await?;
            for damage in &scrubbed.damaged {
                tracing::error!(what = %damage.what, "damaged");
                let Some(run) = damage.run else { continue };
                let reason = format!("its journal is damaged: {}", damage.what);
                self.writer.submit(move |desk| scrub::park(desk, run, &reason, now)).await?;
            }
            Ok(scrubbed)
        })
    }
}
