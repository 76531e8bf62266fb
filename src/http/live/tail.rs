//! Reading what happens, page after page, and waiting for more.

use tokio::sync::watch;

use super::Live;
use crate::id::RunId;
use crate::run::Telling;
use crate::run::telling::Meter;
use crate::store::{Found, Happening, Progress, Query, StoreError};

/// How much is read at once, and so the most that waits for a slow reader.
const PAGE: usize = 256;

/// A reader, with the place that it has reached.
#[derive(Debug)]
pub(super) struct Tail {
    live: Live,
    /// Tells when there is more.
    grown: watch::Receiver<u64>,
    after: u64,
    of: Of,
    /// Whether it has been told everything at some moment: from then on a whole page means that it was slow.
    caught_up: bool,
    over: bool,
}

/// What is read.
#[derive(Debug)]
enum Of {
    All,
    One {
        run: RunId,
        /// The next record of the run.
        next: u64,
        meter: Meter,
    },
}

impl Tail {
    /// Everything behind a place, or from now on.
    pub(super) fn all(live: Live, after: Option<u64>) -> Self {
        let grown = live.store.grown();
        let after = after.unwrap_or_else(|| *grown.borrow());
        Self { live, grown, after, of: Of::All, caught_up: false, over: false }
    }

    /// What happens in a run behind a place, to its end; nothing if there is no such run.
    pub(super) async fn run(live: Live, run: RunId, after: u64) -> Result<Option<Self>, StoreError> {
        let Some(journal) = live.store.load(run).await? else { return Ok(None) };
        let (grown, meter) = (live.store.grown(), Meter::of(&journal.definition));
        let of = Of::One { run, next: 0, meter };
        Ok(Some(Self { live, grown, after, of, caught_up: false, over: false }))
    }

    /// What comes next, as soon as there is something; nothing at the end of the run, or of the server.
    ///
    /// Nothing is lost if it is dropped while it waits.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<Telling>>, StoreError> {
        loop {
            if self.over {
                return Ok(None);
            }
            // Before reading: what comes meanwhile is read again, and not missed.
            self.grown.mark_unchanged();
            let told = self.what_is_there().await?;
            if !told.is_empty() {
                return Ok(Some(told));
            }
            if self.over {
                return Ok(None);
            }
            self.caught_up = true;
            tokio::select! {
                grown = self.grown.changed() => if grown.is_err() {
                    return Ok(None);
                },
                () = self.live.stop.cancelled() => return Ok(None),
            }
        }
    }

    /// The next page of what is there already; empty where there is nothing.
    pub(super) async fn what_is_there(&mut self) -> Result<Vec<Telling>, StoreError> {
        loop {
            let page = match &self.of {
                Of::All => self.live.store.tail(self.after, PAGE).await?,
                Of::One { run, next, .. } => {
                    let query = Query::Records { run: *run, from: *next, limit: PAGE };
                    match self.live.store.query(query).await? {
                        Found::Progress(page) => page,
                        _ => Vec::new(),
                    }
                }
            };
            let is_whole = page.len() == PAGE;
            let told = self.take(page, is_whole);
            if !told.is_empty() || !is_whole {
                return Ok(told);
            }
        }
    }

    fn take(&mut self, page: Vec<Progress>, is_whole: bool) -> Vec<Telling> {
        let lagged = is_whole && std::mem::take(&mut self.caught_up);
        let mut told: Vec<Telling> = Vec::with_capacity(page.len() + 1);
        if lagged {
            told.push(Telling::lagged(self.after, self.run_id()));
        }
        let before = self.after;
        for Progress { seq, what } in page {
            let telling = self.tell(seq, what);
            told.extend(Some(telling).filter(|telling| telling.seq > before));
        }
        self.after = told.last().map_or(self.after, |telling| telling.seq.max(before));
        if let Of::One { meter, .. } = &self.of {
            self.over = meter.has_ended() && !is_whole;
        }
        told
    }

    fn tell(&mut self, seq: u64, what: Happening) -> Telling {
        match (what, &mut self.of) {
            (Happening::Event { event }, _) => Telling::of_event(seq, event),
            (Happening::Record { run, entry }, Of::All) => Telling::of(seq, run, &entry),
            (Happening::Record { run, entry }, Of::One { next, meter, .. }) => {
                *next = entry.seq + 1;
                let progress = Some(meter.take(&entry));
                Telling { progress, ..Telling::of(seq, run, &entry) }
            }
        }
    }

    fn run_id(&self) -> Option<RunId> {
        match &self.of {
            Of::All => None,
            Of::One { run, .. } => Some(*run),
        }
    }
}
