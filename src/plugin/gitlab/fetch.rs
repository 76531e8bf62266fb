//! Asking GitLab for what it tried to deliver and could not.
//!
//! GitLab tries once, and keeps for a week what each webhook of a project sent, with what came of it. The list is
//! newest first and tells no times, so it is walked back to the entry at which the last walk began; without such an
//! entry to a page of which all is too old, by what the deliveries say of themselves: some tell of a time long before
//! they were sent. What was not taken is given oldest first. A delivery that somebody sent again by hand is here
//! already, and is known.

mod poll;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;

use self::poll::Polled;
use super::client::{self, GitLab, project};
use super::source::{self, SourceOptions};
use super::wire::{Attempt, Hook};
use crate::event::{RepositoryName, SourceName};
use crate::plugin::fetch::{self, Asked, Fetch, Page};
use crate::plugin::source::{Delivery, JSON};
use crate::plugin::{Call, PluginError, Problem};

/// How many deliveries one page gives.
const BATCH: usize = 50;
/// How many pages of the list one walk goes back, of twenty entries each: GitLab gives no more.
const WALK: u32 = 1000;
const PER_PAGE: u32 = 20;

/// The headers of a delivery that are worth keeping.
const HEADERS: [&str; 2] = ["x-gitlab-event", "idempotency-key"];

/// All the ways in which GitLab is asked, as its source is configured.
pub fn all(gitlab: &Arc<GitLab>, source: &SourceOptions) -> Vec<Arc<dyn Fetch>> {
    if let Some(poll) = &source.poll {
        let every = fetch::pause(poll.every);
        let ways = source.repositories.iter().map(|name| Arc::new(Polled::new(gitlab, name, every)) as _);
        return ways.collect();
    }
    if !source.is_sent() || !source.catch_up.unwrap_or(true) {
        return Vec::new();
    }
    let ways = source.repositories.iter().map(|repository| Deliveries {
        gitlab: Arc::clone(gitlab),
        name: format!("{}.hook/{repository}", client::NAME),
        repository: repository.clone(),
    });
    ways.map(|way| Arc::new(way) as _).collect()
}

/// The deliveries of a project's webhooks that tell Ostler of things.
#[derive(Debug)]
struct Deliveries {
    gitlab: Arc<GitLab>,
    repository: RepositoryName,
    name: String,
}

/// What a walk back through a list found: the oldest that were not taken, as many as one page gives.
#[derive(Debug, Default)]
struct Found {
    missed: VecDeque<Attempt>,
    newest: u64,
    /// Whether there was more than one page gives.
    dropped: bool,
}

/// Up to which entry each webhook's list was looked at, by the webhook.
type Cursor = BTreeMap<u64, u64>;

impl Deliveries {
    async fn hooks(&self) -> Result<Vec<Hook>, PluginError> {
        let (hooks, _) = self.gitlab.page::<Hook>(&project(&self.repository, "/hooks"), 1).await?;
        Ok(hooks.into_iter().filter(Hook::is_ours).collect())
    }

    /// Walks a webhook's list back to an entry, or to a moment.
    async fn walk(&self, hook: u64, last: Option<u64>, asked: &Asked) -> Result<Found, PluginError> {
        let list = project(&self.repository, &format!("/hooks/{hook}/events?per_page={PER_PAGE}"));
        let mut found = Found::default();
        let mut number = Some(1);
        for _ in 0..WALK {
            let Some(page) = number else { return Ok(found) };
            let (attempts, next) = self.gitlab.listed::<Attempt>(&list, page).await?;
            let is_known = |attempt: &Attempt| last.is_some_and(|last| attempt.id <= last);
            let is_old = |attempt: &Attempt| last.is_none() && is_before(attempt, asked.since);
            let ends = attempts.iter().any(is_known) || attempts.iter().all(is_old);
            for attempt in attempts.into_iter().filter(|attempt| !is_known(attempt)) {
                let skipped = is_old(&attempt) || (attempt.was_taken() && !asked.all);
                found.see(attempt, skipped);
            }
            if ends {
                return Ok(found);
            }
            number = next;
        }
        Err(self.gitlab.client.error(Problem::BadAnswer, "the list of deliveries has no end"))
    }

    async fn ask(&self, asked: &Asked) -> Result<Page, PluginError> {
        let before: Cursor =
            asked.cursor.as_deref().and_then(|cursor| serde_json::from_str(cursor).ok()).unwrap_or_default();
        let mut page = Page::default();
        let mut cursor = Cursor::new();
        for hook in self.hooks().await? {
            let last = before.get(&hook.id).copied();
            let found = self.walk(hook.id, last, asked).await?;
            page.more |= found.dropped;
            cursor.insert(hook.id, found.reached().max(last.unwrap_or_default()));
            page.deliveries.extend(found.missed.iter().filter_map(delivery));
        }
        page.cursor = serde_json::to_string(&cursor).ok();
        Ok(page)
    }
}

/// Whether a delivery says of itself that it tells of something before a moment.
fn is_before(attempt: &Attempt, since: Timestamp) -> bool {
    delivery(attempt).and_then(|sent| source::told_at(&sent)).is_some_and(|time| time < since)
}

impl Found {
    /// Takes the next older entry into account; one that is skipped only as looked at.
    fn see(&mut self, attempt: Attempt, skipped: bool) {
        self.newest = self.newest.max(attempt.id);
        if skipped {
            return;
        }
        if !attempt.is_kept() {
            tracing::warn!(id = attempt.id, "a delivery that was missed is too large to be had again");
            return;
        }
        self.missed.push_front(attempt);
        if self.missed.len() > BATCH {
            self.missed.pop_back();
            self.dropped = true;
        }
    }

    /// Up to which entry everything was looked at.
    fn reached(&self) -> u64 {
        let last = self.missed.back().filter(|_| self.dropped);
        last.map_or(self.newest, |last| last.id)
    }
}

impl Fetch for Deliveries {
    fn source(&self) -> SourceName {
        client::name()
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn every(&self) -> Duration {
        fetch::pause(fetch::CATCH_UP)
    }

    fn page<'a>(&'a self, asked: &'a Asked) -> Call<'a, Page> {
        Box::pin(self.ask(asked))
    }
}

/// What was sent, with the headers that tell what it is; none where GitLab does not have it any more.
fn delivery(attempt: &Attempt) -> Option<Delivery> {
    if !attempt.is_kept() {
        return None;
    }
    let told = attempt.request_headers.iter().filter_map(|(name, value)| {
        let name = name.to_ascii_lowercase();
        let known = HEADERS.into_iter().find(|header| *header == name)?;
        Some((HeaderName::from_static(known), HeaderValue::from_str(value.as_str()?).ok()?))
    });
    let mut headers: HeaderMap = told.collect();
    headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static(JSON));
    Some(Delivery {
        path: "/webhooks/gitlab".to_owned(),
        headers,
        body: attempt.request_data.to_string().into(),
        ..Delivery::default()
    })
}

#[cfg(test)]
mod tests;
