//! Polling a repository: for those whom GitHub cannot reach.
//!
//! Whatever happens to an issue or a pull request puts it first in the list of what was updated. The list is asked
//! for with the tag of its last answer, which costs nothing while nothing has changed. When something has, the
//! repository's events and comments since then are read, and told as the webhook would have told them.

mod told;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::told::{Happened, moment, number};
use super::super::client::{self, Call, GitHub, Listed};
use crate::event::{RepositoryName, SourceName};
use crate::plugin::fetch::{self, Asked, Fetch, Page};
use crate::plugin::source::Delivery;
use crate::plugin::{PluginError, Problem};

/// What was updated; whatever happens to a thing puts it first.
const UPDATED: &str = "issues?state=all&sort=updated&direction=desc&per_page=100";
/// What happened to issues and pull requests, newest first.
const EVENTS: &str = "issues/events?per_page=100";
/// What was said about them.
const COMMENTS: &str = "issues/comments?sort=created&direction=desc&per_page=100";
/// How many pages of a list one walk goes back, of a hundred entries each.
const WALK: usize = 50;
/// The smallest difference of two moments: GitHub tells the time in seconds.
const SECOND: SignedDuration = SignedDuration::from_secs(1);

/// A repository that is asked for what happened in it.
#[derive(Debug)]
pub(super) struct Polled {
    github: Arc<GitHub>,
    repository: RepositoryName,
    name: String,
    every: Duration,
}

/// Up to when was looked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Cursor {
    since: Timestamp,
    /// The tag of the list as it was then.
    etag: Option<String>,
}

impl Polled {
    pub(super) fn new(github: &Arc<GitHub>, repository: &RepositoryName, every: Duration) -> Self {
        let name = format!("github.poll/{repository}");
        Self { github: Arc::clone(github), repository: repository.clone(), name, every }
    }

    async fn ask(&self, asked: &Asked) -> Result<Page, PluginError> {
        let now = self.github.client.clock().now();
        let kept = asked.cursor.as_deref().and_then(|cursor| serde_json::from_str::<Cursor>(cursor).ok());
        let since = kept.as_ref().map_or(asked.since, |kept| asked.since.max(kept.since));
        let etag = kept.and_then(|kept| kept.etag);
        let route = self.route(UPDATED);
        let Some(first) = self.github.listed_in(&self.repository, &route, etag.as_deref()).await? else {
            return Ok(Page::default());
        };
        let etag = first.etag.clone();
        let issues = self.since(first, "updated_at", since).await?;
        let newest = issues.first().and_then(|issue| moment(&issue["updated_at"]));
        let deliveries = if issues.is_empty() { Vec::new() } else { self.happened(issues, since).await? };
        // Nor is the same answer relied on before.
        let settled = fetch::settled(now);
        let reached = newest.and_then(|newest| newest.checked_add(SECOND).ok()).unwrap_or(since);
        let cursor =
            Cursor { since: reached.min(settled).max(since), etag: etag.filter(|_| reached <= settled) };
        Ok(Page { deliveries, cursor: serde_json::to_string(&cursor).ok(), more: false, pause: None })
    }

    /// What happened to these issues since a moment, as deliveries.
    async fn happened(&self, issues: Vec<Value>, since: Timestamp) -> Result<Vec<Delivery>, PluginError> {
        let events = self.list(&self.route(EVENTS)).await?;
        let events = self.since(events, "created_at", since).await?;
        let comments = self.list(&self.route(COMMENTS)).await?;
        let comments = self.since(comments, "created_at", since).await?;
        let repository: Value =
            self.github.call(&self.repository, Call::get(&format!("/repos/{}", self.repository))).await?;
        let mut happened = Happened::new(repository, issues, events, comments);
        for number in happened.pulls(since) {
            happened.learn(number, self.pull(number).await?);
        }
        Ok(happened.told(since))
    }

    /// A pull request in full; none where it cannot be had any more, which is told of.
    async fn pull(&self, number: u64) -> Result<Option<Value>, PluginError> {
        let route = format!("/repos/{}/pulls/{number}", self.repository);
        match self.github.call(&self.repository, Call::get(&route)).await {
            Ok(pull) => Ok(Some(pull)),
            Err(error) if error.is_passing() => Err(error),
            Err(error) => {
                tracing::warn!(%route, %error, "what happened to a pull request cannot be had");
                Ok(None)
            }
        }
    }

    fn route(&self, list: &str) -> String {
        format!("/repos/{}/{list}", self.repository)
    }

    async fn list(&self, route: &str) -> Result<Listed, PluginError> {
        let listed = self.github.listed_in(&self.repository, route, None).await?;
        listed.ok_or_else(|| self.github.client.error(Problem::BadAnswer, "nothing was asked conditionally"))
    }

    /// The entries of a list since a moment, of which the first page is there; the newest first, each once.
    async fn since(
        &self,
        mut page: Listed,
        field: &str,
        since: Timestamp,
    ) -> Result<Vec<Value>, PluginError> {
        let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
        for _ in 0..WALK {
            let is_over = page.items.last().is_none_or(|last| moment(&last[field]) < Some(since));
            let recent = page.items.into_iter().filter(|item| moment(&item[field]) >= Some(since));
            // What comes in during the walk pushes others onto the next page once more.
            found.extend(recent.filter(|item| seen.insert(number(&item["id"]))));
            let Some(next) = page.next.filter(|_| !is_over) else { return Ok(found) };
            page = self.list(&next).await?;
        }
        Err(self.github.client.error(Problem::BadAnswer, "a list of what happened has no end"))
    }
}

impl Fetch for Polled {
    fn source(&self) -> SourceName {
        client::name()
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn every(&self) -> Duration {
        self.every
    }

    fn page<'a>(&'a self, asked: &'a Asked) -> crate::plugin::Call<'a, Page> {
        Box::pin(self.ask(asked))
    }
}

#[cfg(test)]
mod tests;
