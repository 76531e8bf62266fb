//! Asking Jira for what changed, by JQL.
//!
//! A search gives the issues that were updated since the last time; their change logs and comments are told as
//! the webhook would have told them, oldest first, so that whatever did arrive is known again by the change's,
//! the comment's or the issue's id. It serves for catching up and, more often, where nothing can be sent here.
//!
//! The search is walked from what changed last: an issue that changes meanwhile goes to its front, where the
//! next walk begins, and pushes nobody off a page that is still to come. Moments in a search are in the time zone
//! of whoever asks, except where they are so many minutes ago.

mod history;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use self::history::History;
use super::client::{self, Jira};
use super::source::SourceOptions;
use super::wire;
use crate::event::SourceName;
use crate::plugin::client::{Request, Retry, segment};
use crate::plugin::fetch::walk::Leg;
use crate::plugin::fetch::{Asked, Fetch, Page};
use crate::plugin::source::Delivery;
use crate::plugin::{PluginError, Problem};

/// The second API: like the webhooks, and unlike the third, it tells texts as texts.
const API: &str = "/rest/api/2";
/// How many entries of a list are asked for at once.
const LIST: usize = 100;
/// How many lists one walk asks for.
const WALK: usize = 200;
/// How much further back the search itself goes: its clock is Jira's.
const SLACK: i64 = 5;

/// The way in which Jira is asked, if it is, as its source is configured.
pub fn all(jira: &Arc<Jira>, source: &SourceOptions) -> Vec<Arc<dyn Fetch>> {
    let condition = source.jql.clone();
    let way = |every| Arc::new(Changes { jira: Arc::clone(jira), condition, every }) as _;
    source.every().map(way).into_iter().collect()
}

/// What changed in the issues that the account sees.
#[derive(Debug)]
struct Changes {
    jira: Arc<Jira>,
    /// Which issues, where not all.
    condition: Option<String>,
    every: Duration,
}

impl Changes {
    async fn ask(&self, asked: &Asked) -> Result<Page, PluginError> {
        let now = self.jira.client.clock().now();
        let mut leg = Leg::of(asked, now);
        let mut changed = self.changed(leg.from(), now).await?;
        changed.sort_by(|a, b| (a.fields.updated, &a.id).cmp(&(b.fields.updated, &b.id)));
        // What changed during the walk may have pushed it onto two pages.
        changed.dedup_by(|a, b| a.id == b.id);
        leg.cut(&mut changed, |issue| issue.fields.updated);
        let mut told = Vec::new();
        for issue in &changed {
            told.extend(self.told(&issue.id, leg.since()).await?);
        }
        Ok(leg.page(told))
    }

    /// The issues that were updated at this moment or later, the newest first.
    async fn changed(&self, since: Timestamp, now: Timestamp) -> Result<Vec<wire::Changed>, PluginError> {
        let jql = self.jql(since, now);
        let (mut found, mut next) = (Vec::new(), None::<String>);
        for _ in 0..WALK {
            let mut body = json!({ "jql": jql, "fields": ["updated"], "maxResults": LIST });
            if let Some(token) = next {
                body["nextPageToken"] = json!(token);
            }
            let request = Request::post(format!("{API}/search/jql"), &body).retried(Retry::Always);
            let page: wire::ChangedPage = self.jira.read(&request).await?;
            let all = page.issues.len();
            let before = found.len();
            found.extend(page.issues.into_iter().take_while(|issue| issue.fields.updated >= since));
            let is_over = all == 0 || found.len() - before < all;
            next = page.next_page_token.filter(|_| !is_over);
            if next.is_none() {
                return Ok(found);
            }
        }
        Err(self.jira.client.error(Problem::BadAnswer, "the list of changed issues has no end"))
    }

    fn jql(&self, since: Timestamp, now: Timestamp) -> String {
        let minutes = now.duration_since(since).as_mins().max(0) + SLACK;
        let condition = self.condition.as_ref().map(|jql| format!("({jql}) AND ")).unwrap_or_default();
        format!("{condition}updated >= -{minutes}m ORDER BY updated DESC")
    }

    /// What happened to an issue; nothing where it cannot be had any more, which is told of.
    async fn told(&self, id: &str, since: Timestamp) -> Result<Vec<(Timestamp, Delivery)>, PluginError> {
        match self.history(id, since).await {
            Ok(history) => Ok(history.told(since)),
            Err(error) if error.is_passing() => Err(error),
            Err(error) => {
                tracing::warn!(issue = id, %error, "what happened to an issue cannot be had");
                Ok(Vec::new())
            }
        }
    }

    /// The issue first: what changes meanwhile is then in the log and can be undone.
    async fn history(&self, id: &str, since: Timestamp) -> Result<History, PluginError> {
        let route = format!("{API}/issue/{}", segment(id));
        let fields = "fields=*all,-comment,-worklog,-attachment";
        let issue = self.jira.read(&Request::get(format!("{route}?{fields}"))).await?;
        let (changes, comments) = (self.changes(&route).await?, self.comments(&route, since).await?);
        let site = self.jira.options.site_url.as_ref().unwrap_or(self.jira.client.base_url());
        Ok(History { site: site.as_str().trim_end_matches('/').to_owned(), issue, changes, comments })
    }

    /// Everything that was changed, oldest first.
    async fn changes(&self, issue: &str) -> Result<Vec<wire::Change>, PluginError> {
        let mut changes = Vec::new();
        loop {
            let query = format!("startAt={}&maxResults={LIST}", changes.len());
            let page: wire::ChangeLog =
                self.jira.read(&Request::get(format!("{issue}/changelog?{query}"))).await?;
            let is_over = page.values.is_empty() || page.is_last;
            changes.extend(page.values);
            if is_over {
                return Ok(changes);
            }
        }
    }

    /// What was said since a moment, newest first, and some of what was said before.
    async fn comments(&self, issue: &str, since: Timestamp) -> Result<Vec<wire::Words>, PluginError> {
        let mut comments: Vec<wire::Words> = Vec::new();
        loop {
            let query = format!("startAt={}&maxResults={LIST}&orderBy=-created", comments.len());
            let page: wire::Said = self.jira.read(&Request::get(format!("{issue}/comment?{query}"))).await?;
            let is_over = page.comments.last().is_none_or(|oldest| oldest.created < since);
            comments.extend(page.comments);
            if is_over || comments.len() >= page.total {
                return Ok(comments);
            }
        }
    }
}

impl Fetch for Changes {
    fn source(&self) -> SourceName {
        SourceName::new(client::NAME)
    }

    fn name(&self) -> &'static str {
        "jira.jql"
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
