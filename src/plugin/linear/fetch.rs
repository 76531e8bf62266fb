//! Asking Linear for what happened: everything, for those whom it cannot reach, or what it could not deliver.
//!
//! Lists of what was changed or made since the last time give ids and moments and weigh next to nothing; what happened
//! to each thing is then read and told as the webhook would have told it. Linear's lists are newest first and in no other
//! order, so that they are read whole and told from the oldest; a walk goes on behind the last moment that was told of.
//!
//! Beside a webhook only what has an id of its own can be known again: issues that were made, and comments. What an issue's
//! history tells of bears no mark by which a webhook's telling of it would be recognised.

mod history;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use self::history::{History, ISSUE};
use super::client::{self, Linear};
use super::source::SourceOptions;
use super::wire;
use crate::event::SourceName;
use crate::plugin::fetch::walk::{BATCH, Leg};
use crate::plugin::fetch::{self, Asked, Fetch, Page};
use crate::plugin::source::Delivery;
use crate::plugin::{Call, PluginError, Problem};

/// How many pages of a list one walk asks for, of a hundred entries each.
const WALK: usize = 200;
/// All the ways in which Linear is asked, as its source is configured.
pub fn all(linear: &Arc<Linear>, source: &SourceOptions) -> Vec<Arc<dyn Fetch>> {
    let ways = if source.poll.is_some() {
        vec![("linear.poll/issues", Of::Changes), ("linear.poll/comments", Of::Comments)]
    } else if !source.secrets.is_empty() && source.catch_up.unwrap_or(true) {
        vec![("linear.missed/issues", Of::Issues), ("linear.missed/comments", Of::Comments)]
    } else {
        Vec::new()
    };
    let every = fetch::pause(source.poll.as_ref().map_or(fetch::CATCH_UP, |poll| poll.every));
    let way = |(name, of)| {
        Arc::new(Asking { linear: Arc::clone(linear), name, of, teams: source.teams.clone(), every }) as _
    };
    ways.into_iter().map(way).collect()
}

/// One way of asking.
#[derive(Debug)]
struct Asking {
    linear: Arc<Linear>,
    name: &'static str,
    of: Of,
    /// The keys of the teams, where not all.
    teams: Vec<String>,
    every: Duration,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    /// What was done to issues, their making included.
    Changes,
    /// Issues that were made.
    Issues,
    /// Comments that were made.
    Comments,
}

/// Something that is told, and when it happened.
type Told = (Timestamp, Delivery);

impl Asking {
    async fn ask(&self, asked: &Asked) -> Result<Page, PluginError> {
        let mut leg = Leg::of(asked, self.linear.client.clock().now());
        let mut things = self.list(leg.from()).await?;
        things.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
        leg.cut(&mut things, |thing| thing.at);
        let told = match self.of {
            Of::Comments => self.comments(&things).await?,
            Of::Changes | Of::Issues => self.issues(&things, leg.since()).await?,
        };
        Ok(leg.page(told))
    }

    /// What happened at this moment or later.
    async fn list(&self, since: Timestamp) -> Result<Vec<wire::Moved>, PluginError> {
        let (mut found, mut after) = (Vec::new(), None);
        let filter = self.of.filter(since, &self.teams);
        for _ in 0..WALK {
            let variables = json!({ "filter": filter, "after": after });
            let page: wire::Listed<wire::Moved> = self.linear.read(self.of.query(), variables).await?;
            found.extend(page.things.nodes);
            after = page.things.page_info.next();
            if after.is_none() {
                return Ok(found);
            }
        }
        Err(self.linear.client.error(Problem::BadAnswer, "the list of what happened has no end"))
    }

    /// What was said, as far as it is there still.
    async fn comments(&self, things: &[wire::Moved]) -> Result<Vec<Told>, PluginError> {
        let mut told = Vec::new();
        for some in things.chunks(BATCH) {
            let ids: Vec<&str> = some.iter().map(|thing| thing.id.as_str()).collect();
            let found: wire::Listed<Value> = self.linear.read(COMMENTS, json!({ "ids": ids })).await?;
            told.extend(found.things.nodes.into_iter().filter_map(history::said));
        }
        Ok(told)
    }

    async fn issues(&self, things: &[wire::Moved], since: Timestamp) -> Result<Vec<Told>, PluginError> {
        let mut told = Vec::new();
        for thing in things {
            match self.history(&thing.id, since).await {
                Ok(history) if self.of == Of::Issues => told.extend(history.made(since)),
                Ok(history) => told.extend(history.told(since)),
                Err(error) if error.is_of_one_thing() => {
                    tracing::warn!(issue = thing.id, %error, "what happened to an issue cannot be had");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(told)
    }

    /// An issue as it is, with everything that was done to it since a moment.
    async fn history(&self, id: &str, since: Timestamp) -> Result<History, PluginError> {
        let mut issue = self.happened(id, None).await?;
        let mut entries = Vec::new();
        for _ in 0..WALK {
            let is_over = is_older(&issue.history.nodes, since);
            entries.append(&mut issue.history.nodes);
            let Some(after) = issue.history.page_info.next().filter(|_| !is_over) else {
                return Ok(History::new(issue.created_at, issue.others, entries));
            };
            issue.history = self.happened(id, Some(&after)).await?.history;
        }
        Err(self.linear.client.error(Problem::BadAnswer, "the history of an issue has no end"))
    }

    async fn happened(&self, id: &str, after: Option<&str>) -> Result<wire::Happened, PluginError> {
        let found: wire::One<wire::Happened> =
            self.linear.read(ISSUE, json!({ "id": id, "after": after })).await?;
        Ok(found.issue)
    }
}

impl Of {
    fn query(self) -> &'static str {
        match self {
            Self::Changes => {
                "query($filter: IssueFilter!, $after: String) { \
                 things: issues(filter: $filter, first: 100, after: $after, orderBy: updatedAt) \
                 { nodes { id at: updatedAt } pageInfo { hasNextPage endCursor } } }"
            }
            Self::Issues => {
                "query($filter: IssueFilter!, $after: String) { \
                 things: issues(filter: $filter, first: 100, after: $after) \
                 { nodes { id at: createdAt } pageInfo { hasNextPage endCursor } } }"
            }
            Self::Comments => {
                "query($filter: CommentFilter!, $after: String) { \
                 things: comments(filter: $filter, first: 100, after: $after) \
                 { nodes { id at: createdAt } pageInfo { hasNextPage endCursor } } }"
            }
        }
    }

    fn filter(self, since: Timestamp, teams: &[String]) -> Value {
        let since = json!({ "gte": history::time(since) });
        let team = (!teams.is_empty()).then(|| json!({ "key": {"in": teams} }));
        let mut filter = match self {
            Self::Changes => json!({ "updatedAt": since }),
            Self::Issues => json!({ "createdAt": since }),
            // Comments on projects and the like are nobody's task.
            Self::Comments => json!({ "createdAt": since, "issue": {"null": false} }),
        };
        if let Some(team) = team {
            let place = if self == Self::Comments { &mut filter["issue"] } else { &mut filter };
            place["team"] = team;
        }
        filter
    }
}

/// What is asked of comments.
const COMMENTS: &str = "query($ids: [ID!]!) { things: comments(filter: {id: {in: $ids}}, first: 250) \
                        { nodes { id body url createdAt user { id name app } botActor { id name type } \
                        externalUser { id name } issue { id identifier title url } } \
                        pageInfo { hasNextPage endCursor } } }";

/// Whether a page of a history, which has the newest first, has come to what is older than a moment.
fn is_older(entries: &[wire::Entry], since: Timestamp) -> bool {
    let ends = entries.first().zip(entries.last());
    ends.is_some_and(|(newest, oldest)| newest.updated_at > oldest.updated_at && oldest.updated_at < since)
}

impl Fetch for Asking {
    fn source(&self) -> SourceName {
        client::name()
    }

    fn name(&self) -> &'static str {
        self.name
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
