//! Calls about pull requests.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse as _;
use serde::Deserialize;
use serde_json::{Value, json};

use super::state::{Issue, NewIssue, Pull, Repository};
use super::{Answer, Refusal, hook, refusal, shape};
use crate::twin::outbox::Delivery;
use crate::twin::world::World;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Filter {
    head: Option<String>,
    base: Option<String>,
    state: Option<String>,
}

impl Filter {
    fn takes(&self, repository: &Repository, issue: &Issue, pull: &Pull) -> bool {
        let owner = repository.name.split('/').next().unwrap_or_default();
        let state = self.state.as_deref().unwrap_or("open");
        // GitHub ignores a head that does not name its owner.
        let head = self.head.as_deref().and_then(|head| head.split_once(':'));
        (state == "all" || (state == "open") == issue.open)
            && head.is_none_or(|(of, branch)| of.eq_ignore_ascii_case(owner) && branch == pull.head)
            && self.base.as_ref().is_none_or(|base| *base == pull.base)
    }
}

pub(super) async fn list(
    State(world): State<Arc<World>>,
    Path((owner, name)): Path<(String, String)>,
    Query(filter): Query<Filter>,
) -> Answer {
    let state = world.github();
    let repository = state.repository(&format!("{owner}/{name}"))?;
    let pulls = repository.issues.values().rev().filter_map(|issue| Some((issue, issue.pull.as_ref()?)));
    let found = pulls.filter(|(issue, pull)| filter.takes(repository, issue, pull));
    let found: Vec<_> = found.map(|(issue, pull)| shape::pull(&world, repository, issue, pull)).collect();
    Ok(Json(found).into_response())
}

pub(super) async fn read(
    State(world): State<Arc<World>>,
    Path((owner, name, number)): Path<(String, String, u64)>,
    headers: HeaderMap,
) -> Answer {
    let place = format!("{owner}/{name}");
    let pull = world.github().issue(&place, number)?.pull.clone().ok_or_else(Refusal::missing)?;
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if accept.contains(".diff") {
        let diff = world.repositories.diff(&place, &pull.base_sha, &pull.head_sha).await?;
        return Ok(([(CONTENT_TYPE, "application/vnd.github.diff; charset=utf-8")], diff).into_response());
    }
    Ok(Json(full(&world, &place, number, &pull).await?).into_response())
}

pub(super) async fn files(
    State(world): State<Arc<World>>,
    Path((owner, name, number)): Path<(String, String, u64)>,
) -> Answer {
    let place = format!("{owner}/{name}");
    let pull = world.github().issue(&place, number)?.pull.clone().ok_or_else(Refusal::missing)?;
    let files = world.repositories.changed(&place, &pull.base_sha, &pull.head_sha).await?;
    Ok(Json(files.iter().map(shape::file).collect::<Vec<_>>()).into_response())
}

/// A pull request with its extent.
async fn full(world: &World, place: &str, number: u64, pull: &Pull) -> Result<Value, Refusal> {
    let extent = world.repositories.extent(place, &pull.base_sha, &pull.head_sha).await?;
    let state = world.github();
    let mut value = shape::pull(world, state.repository(place)?, state.issue(place, number)?, pull);
    shape::extend(&mut value, extent);
    Ok(value)
}

#[derive(Debug, Deserialize)]
pub(super) struct New {
    title: Option<String>,
    head: String,
    base: String,
    body: Option<String>,
    #[serde(default)]
    draft: bool,
}

pub(super) async fn create(
    State(world): State<Arc<World>>,
    Path((owner, name)): Path<(String, String)>,
    body: Bytes,
) -> Answer {
    let place = format!("{owner}/{name}");
    world.github().repository(&place)?;
    let new: New = refusal::read(&body)?;
    let title = new.title.clone().filter(|title| !title.trim().is_empty());
    let title = title.ok_or_else(|| Refusal::field("PullRequest", "title", "missing_field"))?;
    let pull = placed(&world, &owner, &place, &new).await?;
    let number = {
        let mut state = world.github();
        let taken = |issue: &Issue| {
            issue.open
                && issue.pull.as_ref().is_some_and(|has| has.head == pull.head && has.base == pull.base)
        };
        // Judged and written under one lock: two requests at once make one pull request.
        if state.repository(&place)?.issues.values().any(taken) {
            let message = format!("A pull request already exists for {owner}:{}.", pull.head);
            return Err(Refusal::custom("PullRequest", &message));
        }
        let author = world.bot().name.clone();
        let wanted = NewIssue { title, body: new.body, author, pull: Some(pull.clone()) };
        state.add_issue(&place, wanted, world.now()).ok_or_else(Refusal::missing)?.number
    };
    let value = full(&world, &place, number, &pull).await?;
    hook::announce_pull(&world, (&place, number), "opened", json!({}))?;
    Ok((StatusCode::CREATED, Json(value)).into_response())
}

/// Where a pull request comes from and goes to, if both are there and differ.
async fn placed(world: &World, owner: &str, place: &str, new: &New) -> Result<Pull, Refusal> {
    let head = match new.head.split_once(':') {
        Some((of, branch)) if of.eq_ignore_ascii_case(owner) => branch,
        Some(_) => return Err(Refusal::field("PullRequest", "head", "invalid")),
        None => new.head.as_str(),
    };
    let heads = world.repositories.heads(place).await?;
    let sha = |branch: &str, field| {
        heads.get(branch).cloned().ok_or_else(|| Refusal::field("PullRequest", field, "invalid"))
    };
    let (head_sha, base_sha) = (sha(head, "head")?, sha(&new.base, "base")?);
    if world.repositories.extent(place, &base_sha, &head_sha).await?.commits == 0 {
        let message = format!("No commits between {} and {head}", new.base);
        return Err(Refusal::custom("PullRequest", &message));
    }
    let (head, base) = (head.to_owned(), new.base.clone());
    Ok(Pull { head, head_sha, base, base_sha, draft: new.draft, merged: None })
}

#[derive(Debug, Deserialize)]
pub(super) struct Edit {
    title: Option<String>,
    body: Option<String>,
    state: Option<String>,
}

pub(super) async fn edit(
    State(world): State<Arc<World>>,
    Path((owner, name, number)): Path<(String, String, u64)>,
    body: Bytes,
) -> Answer {
    let place = format!("{owner}/{name}");
    let edit: Edit = refusal::read(&body)?;
    let (pull, action) = {
        let mut state = world.github();
        let issue = state.issue_mut(&place, number)?;
        let pull = issue.pull.clone().ok_or_else(Refusal::missing)?;
        let (open, action) = turned(issue.open, edit.state.as_deref())?;
        if open && pull.merged.is_some() {
            return Err(Refusal::field("PullRequest", "state", "invalid"));
        }
        issue.open = open;
        if let Some(title) = edit.title {
            issue.title = title;
        }
        issue.body = edit.body.or(issue.body.take());
        issue.updated = world.now();
        (pull, action)
    };
    let value = full(&world, &place, number, &pull).await?;
    hook::announce_pull(&world, (&place, number), action, json!({}))?;
    Ok(Json(value).into_response())
}

/// Whether it is open after a wish, and what webhooks call the change.
fn turned(open: bool, wish: Option<&str>) -> Result<(bool, &'static str), Refusal> {
    match (open, wish) {
        (true, Some("closed")) => Ok((false, "closed")),
        (false, Some("open")) => Ok((true, "reopened")),
        (_, None | Some("open" | "closed")) => Ok((open, "edited")),
        _ => Err(Refusal::field("PullRequest", "state", "invalid")),
    }
}

/// A person merges a pull request.
pub(in crate::twin) async fn merge_by(
    world: &World,
    (place, number): (&str, u64),
    by: &str,
) -> Result<Delivery, Refusal> {
    let pull = world.github().issue(place, number)?.pull.clone().ok_or_else(Refusal::missing)?;
    world.repositories.merge(place, (&pull.base, &pull.head_sha), by).await?;
    let mut state = world.github();
    let now = world.now();
    let issue = state.issue_mut(place, number)?;
    (issue.open, issue.updated) = (false, now);
    if let Some(pull) = &mut issue.pull {
        pull.merged = Some(now);
    }
    hook::issues(world, &mut state, (place, number), ("closed", by), json!({}))
}
