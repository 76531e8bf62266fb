//! What was not delivered is asked for: at the start, on a schedule, and when a person says so.
//!
//! Each way of asking has a task of its own, so that one that fails or dawdles holds up nobody. It asks
//! page by page; a page's cursor is written only after everything on the page was taken in, and what was taken
//! in before is a duplicate. A way that was never asked begins at that moment: a new installation does not
//! act on the past.

mod account;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use self::account::{Account, Item, Report};
use super::inbox::{Inbox, Rejection};
use super::policy::Current;
use crate::clock::Clock;
use crate::event::SourceName;
use crate::id::EventId;
use crate::plugin::fetch::{Asked, Fetch, Page};
use crate::plugin::source::Delivery;
use crate::store::{Commit, Found, Query, Store, StoreError};

/// Nothing older than this is taken in: most services keep no more.
const LOOK_BACK: SignedDuration = SignedDuration::from_hours(72);
/// How many pages are asked for at one time; the others follow at the next.
const PAGES: usize = 1000;
/// How long a way that fails is left in peace at the longest, unless it is asked less often anyway.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// Asks sources for what was missed.
pub struct CatchUp {
    inbox: Arc<Inbox>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    ways: Mutex<Vec<Arc<Way>>>,
}

/// A way of asking, and how it has gone so far.
struct Way {
    name: String,
    /// Who is asked; another after a reload of the configuration.
    fetch: Current<Arc<dyn Fetch>>,
    /// Cancelled when the configuration has no such way any more.
    gone: CancellationToken,
    /// Held while it is asked: never twice at once.
    turn: tokio::sync::Mutex<()>,
    account: Mutex<Account>,
}

/// What is kept of a way of asking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    /// When it was asked first.
    since: Timestamp,
    /// Where the last page ended.
    cursor: Option<String>,
}

/// What a person wants asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Wanted {
    /// Only of this source.
    pub source: Option<SourceName>,
    /// Everything since this moment, whatever was looked at before.
    pub since: Option<Timestamp>,
    /// Whether what the source says was taken is asked for too.
    pub all: bool,
    /// Whether it is only looked at.
    pub dry_run: bool,
}

/// Why a way of asking could not be gone to its end. What was taken in before is taken in.
#[derive(Debug, thiserror::Error)]
enum Stopped {
    #[error(transparent)]
    Source(#[from] crate::plugin::PluginError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{0}")]
    Inbox(#[from] Rejection),
}

impl fmt::Debug for CatchUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CatchUp").field("ways", &self.ways().len()).finish_non_exhaustive()
    }
}

impl CatchUp {
    /// Catches up by all the ways that are in force where an inbox takes deliveries in.
    #[must_use]
    pub fn new(inbox: Arc<Inbox>) -> Self {
        let (store, clock) = (Arc::clone(inbox.store()), Arc::clone(inbox.clock()));
        let catch_up = Self { inbox, store, clock, ways: Mutex::default() };
        catch_up.renew();
        catch_up
    }

    /// Asks every way at once and then whenever it wants to be asked, for ever; those that a reload brings too.
    pub async fn keep_asking(self: Arc<Self>) {
        let mut changes = self.inbox.changes();
        let mut asking = JoinSet::new();
        let mut new = self.ways();
        loop {
            for way in new {
                let catch_up = Arc::clone(&self);
                asking.spawn(async move { catch_up.keep_asking_by(&way).await });
            }
            changes.next().await;
            new = self.renew();
        }
    }

    /// The ways there are.
    fn ways(&self) -> Vec<Arc<Way>> {
        self.ways.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Goes by what is in force now, and gives the ways that were not there before. One that stays keeps its account.
    fn renew(&self) -> Vec<Arc<Way>> {
        let registry = Arc::clone(&self.inbox.policy().registry);
        let mut ways = self.ways.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut all, mut new) = (Vec::new(), Vec::new());
        for fetch in &registry.fetchers {
            let known = ways.iter().position(|way| way.name == fetch.name());
            let way = if let Some(at) = known {
                let way = ways.swap_remove(at);
                way.ask_now(fetch);
                way
            } else {
                let way = Arc::new(Way::new(fetch));
                new.push(Arc::clone(&way));
                way
            };
            all.push(way);
        }
        ways.drain(..).for_each(|way| way.gone.cancel());
        *ways = all;
        new
    }

    /// How every way has gone so far.
    pub async fn accounts(&self) -> Vec<Account> {
        let mut accounts = Vec::new();
        for way in self.ways() {
            let mut account = way.account().clone();
            account.cursor = self.kept(&way).await.ok().flatten().and_then(|kept| kept.cursor);
            accounts.push(account);
        }
        accounts
    }

    /// Asks once, now, and tells what became of each delivery.
    pub async fn ask(&self, wanted: &Wanted) -> Vec<Report> {
        let is_wanted =
            |way: &Arc<Way>| wanted.source.as_ref().is_none_or(|name| *name == way.fetch.get().source());
        let mut reports = Vec::new();
        for way in self.ways().into_iter().filter(is_wanted) {
            reports.push(self.ask_by(&way, wanted).await.0);
        }
        reports
    }

    async fn keep_asking_by(&self, way: &Way) {
        let mut failures = 0;
        let mut renewed = way.fetch.changes();
        while !way.gone.is_cancelled() {
            let (report, pause) = self.ask_by(way, &Wanted::default()).await;
            failures = if report.error.is_some() { failures + 1 } else { 0 };
            let pause = pause.unwrap_or_default().max(rest(way.fetch.get().every(), failures));
            way.account().next = Some(self.clock.now() + pause);
            // Only the waiting is cut short: what is being taken in is taken in.
            tokio::select! {
                () = self.clock.sleep(pause) => {}
                () = renewed.next() => failures = 0,
                () = way.gone.cancelled() => {}
            }
        }
    }

    /// Asks one way once; gives what came of it, and the pause that the source wants.
    async fn ask_by(&self, way: &Way, wanted: &Wanted) -> (Report, Option<Duration>) {
        let _turn = way.turn.lock().await;
        let fetch = way.fetch.get();
        let mut report = Report::new(fetch.as_ref().as_ref());
        let outcome = self.pages((way, fetch.as_ref().as_ref()), wanted, &mut report).await;
        let pause = match outcome {
            Ok(pause) => pause,
            Err(stopped) => {
                tracing::warn!(way = way.name, error = %stopped, "what was missed is not known yet");
                report.error = Some(stopped.to_string());
                if let Stopped::Source(error) = stopped { error.retry_after } else { None }
            }
        };
        if report.accepted + report.refused > 0 {
            tracing::info!(way = way.name, report.accepted, report.refused, "caught up");
        }
        if !wanted.dry_run {
            way.account().note(&report, self.clock.now());
        }
        (report, pause)
    }

    async fn pages(
        &self,
        (way, fetch): (&Way, &dyn Fetch),
        wanted: &Wanted,
        report: &mut Report,
    ) -> Result<Option<Duration>, Stopped> {
        let now = self.clock.now();
        let mut kept = self.begun(way, now).await?;
        let since = wanted.since.unwrap_or(kept.since).max(earliest(now));
        let cursor = kept.cursor.clone().filter(|_| wanted.since.is_none());
        let mut asked = Asked { since, cursor, all: wanted.all };
        for _ in 0..PAGES {
            let page = fetch.page(&asked).await?;
            self.take(&fetch.source(), wanted, &page, report).await?;
            let Page { cursor, more, pause, .. } = page;
            if let Some(cursor) = cursor.filter(|cursor| asked.cursor.as_ref() != Some(cursor)) {
                asked.cursor = Some(cursor);
                // Who looks back by hand does not change what is looked at by itself.
                if wanted.since.is_none() && !wanted.dry_run {
                    kept.cursor.clone_from(&asked.cursor);
                    self.keep(way, &kept).await?;
                }
            }
            if !more {
                return Ok(pause);
            }
        }
        Ok(None)
    }

    /// Takes in what a page gave. What the source cannot have meant is told of and passed over; when Ostler
    /// itself cannot take anything now, the page is asked for again.
    async fn take(
        &self,
        source: &SourceName,
        wanted: &Wanted,
        page: &Page,
        report: &mut Report,
    ) -> Result<(), Stopped> {
        for delivery in &page.deliveries {
            let item = match self.take_one(source, delivery, wanted.dry_run).await {
                Ok(item) => item,
                Err(rejection @ (Rejection::Overloaded | Rejection::Full | Rejection::Failed(_))) => {
                    return Err(rejection.into());
                }
                Err(rejection) => {
                    tracing::warn!(%source, %rejection, "a delivery that was asked for is refused");
                    Item::refused(&rejection)
                }
            };
            report.add(item);
        }
        Ok(())
    }

    async fn take_one(
        &self,
        source: &SourceName,
        delivery: &Delivery,
        dry_run: bool,
    ) -> Result<Item, Rejection> {
        if dry_run {
            return self.inbox.foresee(source.as_str(), delivery.clone()).await.map(Item::foreseen);
        }
        let outcome = self.inbox.take_fetched(source.as_str(), delivery.clone()).await?;
        let what = self.title(outcome.answer.event_id).await?;
        Ok(Item { what, ..outcome.answer.into() })
    }

    async fn title(&self, event: Option<EventId>) -> Result<Option<String>, StoreError> {
        let Some(event) = event else { return Ok(None) };
        let found = self.store.query(Query::Event(event)).await?;
        Ok(if let Found::Event(event) = found { Some(event.title()) } else { None })
    }

    /// What is kept of a way; one that was never asked begins now, in the second that has begun, because
    /// services tell the time in seconds.
    async fn begun(&self, way: &Way, now: Timestamp) -> Result<Kept, Stopped> {
        if let Some(kept) = self.kept(way).await? {
            return Ok(kept);
        }
        let since = Timestamp::from_second(now.as_second()).unwrap_or(now);
        let kept = Kept { since, cursor: None };
        self.keep(way, &kept).await?;
        Ok(kept)
    }

    async fn kept(&self, way: &Way) -> Result<Option<Kept>, StoreError> {
        // What cannot be read is asked for anew, from now on.
        Ok(self.store.value(&way.key()).await?.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    async fn keep(&self, way: &Way, kept: &Kept) -> Result<(), StoreError> {
        let bytes = serde_json::to_vec(kept).map_err(|error| StoreError::Failed(error.to_string()))?;
        self.store.commit(Commit::Values { expect: Vec::new(), put: vec![(way.key(), Some(bytes))] }).await
    }
}

impl Way {
    fn new(fetch: &Arc<dyn Fetch>) -> Self {
        Self {
            name: fetch.name().to_owned(),
            account: Mutex::new(Account::new(fetch.as_ref())),
            fetch: Current::new(Arc::clone(fetch)),
            turn: tokio::sync::Mutex::default(),
            gone: CancellationToken::new(),
        }
    }

    /// From now on this one is asked, and at once, unless it is the one that is asked anyway.
    fn ask_now(&self, fetch: &Arc<dyn Fetch>) {
        if !Arc::ptr_eq(self.fetch.get().as_ref(), fetch) {
            self.fetch.change(|_| Arc::clone(fetch));
        }
    }

    fn key(&self) -> String {
        format!("catch_up/{}", self.name)
    }

    fn account(&self) -> std::sync::MutexGuard<'_, Account> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The earliest moment that is looked back to.
fn earliest(now: Timestamp) -> Timestamp {
    now.checked_sub(LOOK_BACK).unwrap_or(now)
}

/// The pause after this many failures in a row: doubling, up to a bound.
fn rest(every: Duration, failures: u32) -> Duration {
    every.saturating_mul(2_u32.saturating_pow(failures)).min(LONGEST.max(every))
}

#[cfg(test)]
mod tests;
