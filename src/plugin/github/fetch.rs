//! Asking GitHub for what it tried to deliver and could not.
//!
//! GitHub tries once. It keeps what it sent for three days, with what came of it: an App asks for the
//! deliveries of its own hook, a user for those of the hooks of repositories. The list is newest first, so it is
//! walked back to where the last walk began, and what was not taken is given oldest first.

mod poll;

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use http::{HeaderMap, HeaderValue};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use self::poll::Polled;
use super::client::{self, Call, GitHub};
use super::source::SourceOptions;
use super::wire::{Attempt, Hook, Sent};
use crate::event::{RepositoryName, SourceName};
use crate::plugin::fetch::{self, Asked, Fetch, Page};
use crate::plugin::source::{Delivery, JSON};
use crate::plugin::{PluginError, Problem};

/// How many deliveries one page gives.
const BATCH: usize = 50;
/// How many pages of the list one walk goes back, of a hundred entries each.
const WALK: usize = 400;
/// All the ways in which GitHub is asked, as its source is configured.
pub fn all(github: &Arc<GitHub>, source: &SourceOptions) -> Vec<Arc<dyn Fetch>> {
    if let Some(poll) = &source.poll {
        let every = fetch::pause(poll.every);
        let ways = source.repositories.iter().map(|name| Arc::new(Polled::new(github, name, every)) as _);
        return ways.collect();
    }
    if !source.catch_up.unwrap_or(true) || source.secrets.is_empty() {
        return Vec::new();
    }
    Deliveries::of(github, &source.repositories).into_iter().map(|way| Arc::new(way) as _).collect()
}

/// The deliveries of the hooks that tell Ostler of things.
#[derive(Debug)]
struct Deliveries {
    github: Arc<GitHub>,
    place: Place,
    name: String,
}

/// Whose hooks are asked.
#[derive(Debug, Clone)]
enum Place {
    /// The App's own.
    App,
    /// A repository's.
    Repository(RepositoryName),
}

/// What a walk back through a list found: the oldest that were not taken, as many as one page gives.
#[derive(Debug, Default)]
struct Found {
    missed: VecDeque<Attempt>,
    /// What was taken when it was sent again.
    taken: HashSet<String>,
    newest: Option<Timestamp>,
    /// Whether there was more than one page gives.
    dropped: bool,
}

/// Up to when each list was looked at, by its route.
type Cursor = BTreeMap<String, Timestamp>;

impl Deliveries {
    /// What can be asked: the App's hook, or with a user's token the hooks of these repositories.
    fn of(github: &Arc<GitHub>, repositories: &[RepositoryName]) -> Vec<Self> {
        let new = |place, name| Self { github: Arc::clone(github), place, name };
        if github.is_app() {
            return vec![new(Place::App, "github.hook".to_owned())];
        }
        let places = repositories.iter();
        places.map(|name| new(Place::Repository(name.clone()), format!("github.hook/{name}"))).collect()
    }

    /// The lists of deliveries: one, or one for each hook of the repository that posts to Ostler.
    async fn lists(&self) -> Result<Vec<String>, PluginError> {
        let Place::Repository(name) = &self.place else { return Ok(vec!["/app/hook/deliveries".to_owned()]) };
        let hooks = format!("/repos/{name}/hooks");
        let hooks: Vec<Hook> = self.github.call(name, Call::get(&format!("{hooks}?per_page=100"))).await?;
        let ours = hooks.into_iter().filter(Hook::is_ours);
        Ok(ours.map(|hook| format!("/repos/{name}/hooks/{}/deliveries", hook.id)).collect())
    }

    /// Walks a list back to a moment.
    async fn walk(
        &self,
        list: &str,
        from: Timestamp,
        all: bool,
        found: &mut Found,
    ) -> Result<(), PluginError> {
        let mut route = format!("{list}?per_page=100");
        for _ in 0..WALK {
            let (attempts, next) = self.github.listed::<Attempt>(&route).await?;
            for attempt in attempts {
                if attempt.delivered_at < from {
                    return Ok(());
                }
                found.see(attempt, all);
            }
            let Some(next) = next else { return Ok(()) };
            route = next;
        }
        Err(self.github.client.error(Problem::BadAnswer, "the list of deliveries has no end"))
    }

    /// The delivery of an attempt, as it was sent; none where GitHub does not have it any more, which is
    /// told of, or sends it again itself.
    async fn delivery(&self, list: &str, attempt: &Attempt) -> Result<Option<Delivery>, PluginError> {
        let route = format!("{list}/{}", attempt.id);
        let sent: Sent = match self.github.as_root(Call::get(&route)).await {
            Ok(sent) => sent,
            Err(error) if error.is_passing() => return Err(error),
            Err(error) => {
                tracing::warn!(guid = attempt.guid, %error, "a delivery that was missed cannot be had");
                return Ok(None);
            }
        };
        if let Some(payload) = sent.request.payload {
            return Ok(Some(delivery(attempt, payload.to_string())));
        }
        let again = format!("{route}/attempts");
        self.github
            .as_root::<serde::de::IgnoredAny>(Call::new(Method::POST, &again, &json!({})).repeatable())
            .await?;
        Ok(None)
    }

    async fn ask(&self, asked: &Asked) -> Result<Page, PluginError> {
        let before: Cursor =
            asked.cursor.as_deref().and_then(|cursor| serde_json::from_str(cursor).ok()).unwrap_or_default();
        let mut page = Page::default();
        let mut cursor = Cursor::new();
        for list in self.lists().await? {
            let from = before.get(&list).map_or(asked.since, |from| asked.since.max(*from));
            let mut found = Found::default();
            self.walk(&list, from, asked.all, &mut found).await?;
            for attempt in &found.missed {
                page.deliveries.extend(self.delivery(&list, attempt).await?);
            }
            page.more |= found.dropped;
            let reached = found.reached(self.github.client.clock().now());
            cursor.insert(list, reached.map_or(from, |reached| reached.max(from)));
        }
        page.cursor = serde_json::to_string(&cursor).ok();
        Ok(page)
    }
}

impl Found {
    /// Takes the next older attempt into account.
    fn see(&mut self, attempt: Attempt, all: bool) {
        self.newest = self.newest.max(Some(attempt.delivered_at));
        if attempt.was_taken() && !all {
            // Only what was sent again has an older attempt that failed.
            if attempt.redelivery {
                self.taken.insert(attempt.guid);
            }
            return;
        }
        if self.taken.contains(&attempt.guid) {
            return;
        }
        self.missed.push_front(attempt);
        // Those of one moment stay together: the next page begins behind it.
        while let (Some(last), Some(newer)) = (self.missed.get(BATCH - 1), self.missed.back())
            && newer.delivered_at > last.delivered_at
        {
            self.missed.pop_back();
            self.dropped = true;
        }
    }

    /// Up to when everything was looked at: a delivery is listed when it has been answered, and some are answered
    /// before others that were sent earlier.
    fn reached(&self, now: Timestamp) -> Option<Timestamp> {
        let last = if self.dropped { self.missed.back().map(|last| last.delivered_at) } else { self.newest };
        let behind = last?.checked_add(SignedDuration::from_millis(1)).ok()?;
        if self.dropped { Some(behind) } else { Some(behind.min(fetch::settled(now))) }
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

    fn page<'a>(&'a self, asked: &'a Asked) -> crate::plugin::Call<'a, Page> {
        Box::pin(self.ask(asked))
    }
}

/// A delivery with the headers that tell what it is.
fn delivery(attempt: &Attempt, body: String) -> Delivery {
    let headers =
        [("content-type", JSON), ("x-github-event", &attempt.event), ("x-github-delivery", &attempt.guid)];
    let headers = headers.into_iter().filter_map(|(name, value)| {
        Some((http::HeaderName::from_static(name), HeaderValue::from_str(value).ok()?))
    });
    Delivery {
        path: "/webhooks/github".to_owned(),
        headers: headers.collect::<HeaderMap>(),
        body: body.into(),
        ..Delivery::default()
    }
}

#[cfg(test)]
mod tests;
