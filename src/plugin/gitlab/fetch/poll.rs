//! Polling a project: for those whom GitLab cannot reach.
//!
//! Whatever happens to an issue or a merge request moves it to the end of the list of what was updated. The lists
//! are walked from the oldest that was updated since the last time; what happened to each is read from its label
//! and state events and its notes, and told as the webhook would have told it. A walk goes on behind the last
//! moment that was told of, not at a page's number: what is deleted meanwhile pulls nobody over the edge.

mod change;
mod told;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::de::DeserializeOwned;

use self::told::{About, History};
use super::super::client::{self, GitLab, project};
use super::super::wire::{Home, LabelEvent, Remark, StateEvent, Updated};
use crate::event::{RepositoryName, SourceName};
use crate::plugin::client::Request;
use crate::plugin::fetch::walk::{BATCH, Leg};
use crate::plugin::fetch::{Asked, Fetch, Page};
use crate::plugin::source::Delivery;
use crate::plugin::{Call, PluginError, Problem};

/// How many entries of a list are asked for at once.
const PER_PAGE: u32 = 100;
/// How many pages of a list one walk asks for.
const WALK: usize = 200;
/// A project that is asked for what happened in it.
#[derive(Debug)]
pub(super) struct Polled {
    gitlab: Arc<GitLab>,
    repository: RepositoryName,
    name: String,
    every: Duration,
}

/// An issue or a merge request that something happened to.
type Changed = (About, Updated);

impl Polled {
    pub(super) fn new(gitlab: &Arc<GitLab>, repository: &RepositoryName, every: Duration) -> Self {
        let name = format!("{}.poll/{repository}", client::NAME);
        Self { gitlab: Arc::clone(gitlab), repository: repository.clone(), name, every }
    }

    async fn ask(&self, asked: &Asked) -> Result<Page, PluginError> {
        let mut leg = Leg::of(asked, self.gitlab.client.clock().now());
        let home: Home = self.gitlab.read(&Request::get(project(&self.repository, ""))).await?;
        let mut changed = self.changed(&home, leg.from()).await?;
        changed.sort_by_key(|(about, thing)| (thing.updated_at, *about, thing.iid));
        leg.cut(&mut changed, |(_, thing)| thing.updated_at);
        let mut told = Vec::new();
        for changed in changed {
            told.extend(self.told(&home, changed, leg.since()).await?);
        }
        Ok(leg.page(told))
    }

    /// What was updated at this moment or later: the oldest, at least as many as a page tells of.
    async fn changed(&self, home: &Home, since: Timestamp) -> Result<Vec<Changed>, PluginError> {
        let mut changed = Vec::new();
        for about in [About::Issue, About::MergeRequest] {
            // A list of what the project does not have is refused.
            if !about.is_enabled(home) {
                continue;
            }
            let order = "scope=all&state=all&order_by=updated_at&sort=asc";
            let path = format!("/{}?{order}&updated_after={since}", about.path());
            let things = self.list(&path, is_batch).await?;
            changed.extend(things.into_iter().map(|thing| (about, thing)));
        }
        Ok(changed)
    }

    /// What happened to an issue or a merge request; nothing where it cannot be had any more, which is told of.
    async fn told(
        &self,
        home: &Home,
        (about, thing): Changed,
        since: Timestamp,
    ) -> Result<Vec<(Timestamp, Delivery)>, PluginError> {
        // What only members may read is not answered where others may read the answer.
        if thing.confidential == Some(true) {
            return Ok(Vec::new());
        }
        let place = format!("/{}/{}", about.path(), thing.iid);
        match self.history(&place, (about, thing), since).await {
            Ok(history) => Ok(history.told(home, since)),
            Err(error) if error.is_of_one_thing() => {
                tracing::warn!(%place, %error, "what happened to it cannot be had");
                Ok(Vec::new())
            }
            Err(error) => Err(error),
        }
    }

    async fn history(
        &self,
        place: &str,
        (about, thing): Changed,
        since: Timestamp,
    ) -> Result<History, PluginError> {
        let never = |_: &[_]| false;
        let labels: Vec<LabelEvent> = self.list(&format!("{place}/resource_label_events?"), never).await?;
        let never = |_: &[_]| false;
        let states: Vec<StateEvent> = self.list(&format!("{place}/resource_state_events?"), never).await?;
        let is_older = |remarks: &[Remark]| remarks.last().is_some_and(|oldest| oldest.created_at < since);
        let remarks = self.list(&format!("{place}/notes?order_by=created_at&sort=desc"), is_older).await?;
        Ok(History { about, thing, changes: change::all(labels, states, remarks) })
    }

    /// The entries of a list from its beginning, until they are enough or it is over.
    async fn list<T: DeserializeOwned>(
        &self,
        path: &str,
        is_enough: impl Fn(&[T]) -> bool,
    ) -> Result<Vec<T>, PluginError> {
        let (mut found, mut size, mut number) = (Vec::new(), PER_PAGE, 1);
        for _ in 0..WALK {
            let route = project(&self.repository, &format!("{path}&per_page={size}"));
            let (items, next) = match self.gitlab.listed(&route, number).await {
                // Each text may be a million characters long: a hundred may be too much where one is not.
                Err(error) if error.problem == Problem::BadAnswer && size > 1 => {
                    (number, size) = ((number - 1) * size + 1, 1);
                    continue;
                }
                page => page?,
            };
            found.extend(items);
            match next {
                Some(next) if !is_enough(&found) => number = next,
                _ => return Ok(found),
            }
        }
        Err(self.gitlab.client.error(Problem::BadAnswer, "a list of what happened has no end"))
    }
}

/// Whether a page can be told of these, with all that changed at its last moment.
fn is_batch(things: &[Updated]) -> bool {
    let last = things.get(BATCH - 1).map(|thing| thing.updated_at);
    last.is_some() && things.last().map(|thing| thing.updated_at) > last
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

    fn page<'a>(&'a self, asked: &'a Asked) -> Call<'a, Page> {
        Box::pin(self.ask(asked))
    }
}

#[cfg(test)]
mod tests;
