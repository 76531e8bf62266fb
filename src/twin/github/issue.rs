//! Calls about issues, their comments, labels and assignees; pull requests are issues here.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, RawQuery, State};
use axum::http::header::{ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::state::NewIssue;
use super::{Answer, Refusal, hook, refusal, shape};
use crate::id::Digest;
use crate::twin::world::World;

/// The longest body of an issue or comment, in characters.
const BODY_LIMIT: usize = 65_536;

/// A repository, and an issue's number in it.
type Place = Path<(String, String, u64)>;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Paging {
    page: Option<usize>,
    per_page: Option<usize>,
    state: Option<String>,
    sort: Option<String>,
    labels: Option<String>,
}

/// One page of a list, with a `Link` to the next where there is one.
fn page(address: &str, query: Option<&str>, paging: &Paging, all: &[Value]) -> Response {
    let size = paging.per_page.unwrap_or(30).clamp(1, 100);
    let number = paging.page.unwrap_or(1).max(1);
    let items: Vec<_> = all.iter().skip((number - 1) * size).take(size).collect();
    let mut response = Json(items).into_response();
    if all.len() > number * size {
        let kept = query.unwrap_or_default().split('&').filter(|pair| !pair.starts_with("page="));
        let query: String = kept.filter(|pair| !pair.is_empty()).map(|pair| format!("{pair}&")).collect();
        let at = |page: usize| format!("<{address}?{query}page={page}>");
        let last = all.len().div_ceil(size);
        let link = format!("{}; rel=\"next\", {}; rel=\"last\"", at(number + 1), at(last));
        if let Ok(link) = link.parse() {
            response.headers_mut().insert("link", link);
        }
    }
    response
}

pub(super) async fn list(
    State(world): State<Arc<World>>,
    Path((owner, name)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    Query(paging): Query<Paging>,
    headers: HeaderMap,
) -> Answer {
    let state = world.github();
    let repository = state.repository(&format!("{owner}/{name}"))?;
    let wanted = paging.state.as_deref().unwrap_or("open");
    let labels: Vec<_> = paging.labels.iter().flat_map(|labels| labels.split(',')).collect();
    let found = repository.issues.values().rev().filter(|issue| {
        (wanted == "all" || (wanted == "open") == issue.open)
            && labels.iter().all(|label| issue.labels.iter().any(|has| has == label))
    });
    let mut found: Vec<_> = found.collect();
    if paging.sort.as_deref() == Some("updated") {
        found.sort_by_key(|issue| std::cmp::Reverse(issue.updated));
    }
    let all: Vec<_> = found.into_iter().map(|issue| shape::issue(&world, repository, issue)).collect();
    let address = shape::api(&world, &format!("/repos/{owner}/{name}/issues"));
    Ok(tagged(page(&address, query.as_deref(), &paging, &all), &headers, &all))
}

/// The answer with its tag, or that there is none newer than the one that is known.
fn tagged(mut answer: Response, asked: &HeaderMap, all: &[Value]) -> Response {
    let tag = format!("W/\"{}\"", Digest::of(json!(all).to_string().as_bytes()));
    if asked.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return StatusCode::NOT_MODIFIED.into_response();
    }
    if let Ok(tag) = tag.parse() {
        answer.headers_mut().insert(ETAG, tag);
    }
    answer
}

/// What happened in a repository, newest first.
pub(super) async fn list_events(
    State(world): State<Arc<World>>,
    Path((owner, name)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    Query(paging): Query<Paging>,
) -> Answer {
    let state = world.github();
    let repository = state.repository(&format!("{owner}/{name}"))?;
    let events = repository.events.iter().rev();
    let all: Vec<_> = events.filter_map(|event| shape::event(&world, repository, event)).collect();
    let address = shape::api(&world, &format!("/repos/{owner}/{name}/issues/events"));
    Ok(page(&address, query.as_deref(), &paging, &all))
}

/// What was said in a repository, newest first.
pub(super) async fn list_all_comments(
    State(world): State<Arc<World>>,
    Path((owner, name)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    Query(paging): Query<Paging>,
) -> Answer {
    let state = world.github();
    let repository = state.repository(&format!("{owner}/{name}"))?;
    let said =
        repository.issues.values().flat_map(|issue| issue.comments.iter().map(move |one| (issue, one)));
    let mut said: Vec<_> = said.collect();
    said.sort_by_key(|(_, comment)| std::cmp::Reverse(comment.id));
    let shape = |(issue, comment): (_, _)| shape::comment(&world, repository, issue, comment);
    let all: Vec<_> = said.into_iter().map(shape).collect();
    let address = shape::api(&world, &format!("/repos/{owner}/{name}/issues/comments"));
    Ok(page(&address, query.as_deref(), &paging, &all))
}

#[derive(Debug, Deserialize)]
pub(super) struct New {
    title: String,
    body: Option<String>,
    #[serde(default)]
    labels: Vec<String>,
    #[serde(default)]
    assignees: Vec<String>,
}

pub(super) async fn create(
    State(world): State<Arc<World>>,
    Path((owner, name)): Path<(String, String)>,
    body: Bytes,
) -> Answer {
    let place = format!("{owner}/{name}");
    let new: New = refusal::read(&body)?;
    if new.title.trim().is_empty() {
        return Err(Refusal::field("Issue", "title", "missing_field"));
    }
    check_length(new.body.as_deref().unwrap_or_default())?;
    let bot = world.bot().name.clone();
    let (number, labels, answer) = {
        let mut state = world.github();
        let wanted = NewIssue { title: new.title, body: new.body, author: bot.clone(), pull: None };
        let number = state.add_issue(&place, wanted, world.now()).ok_or_else(Refusal::missing)?.number;
        let labels = put_labels(&world, &mut state, (&place, number), &new.labels)?;
        state.issue_mut(&place, number)?.assignees =
            new.assignees.into_iter().filter(|login| world.person(login).is_some()).collect();
        let answer = shape::issue(&world, state.repository(&place)?, state.issue(&place, number)?);
        (number, labels, answer)
    };
    hook::announce_issue(&world, (&place, number), ("opened", &bot), json!({}))?;
    for label in labels {
        hook::announce_issue(&world, (&place, number), ("labeled", &bot), json!({"label": label}))?;
    }
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

/// Puts labels on an issue; gives those that were not there.
fn put_labels(
    world: &World,
    state: &mut super::State,
    (place, number): (&str, u64),
    names: &[String],
) -> Result<Vec<Value>, Refusal> {
    let mut added = Vec::new();
    for name in names {
        let label = state.label(place, name)?;
        let issue = state.issue_mut(place, number)?;
        if !issue.labels.contains(&label.name) {
            issue.labels.push(label.name.clone());
            issue.updated = world.now();
            added.push(shape::label(world, place, &label));
        }
    }
    Ok(added)
}

pub(super) async fn read(State(world): State<Arc<World>>, Path((owner, name, number)): Place) -> Answer {
    answer(&world, &format!("{owner}/{name}"), number)
}

fn answer(world: &World, place: &str, number: u64) -> Answer {
    let state = world.github();
    let issue = shape::issue(world, state.repository(place)?, state.issue(place, number)?);
    Ok(Json(issue).into_response())
}

#[derive(Debug, Deserialize)]
pub(super) struct Edit {
    title: Option<String>,
    body: Option<String>,
    state: Option<String>,
    state_reason: Option<String>,
    labels: Option<Vec<String>>,
    assignees: Option<Vec<String>>,
}

pub(super) async fn edit(
    State(world): State<Arc<World>>,
    Path((owner, name, number)): Place,
    body: Bytes,
) -> Answer {
    let place = format!("{owner}/{name}");
    let edit: Edit = refusal::read(&body)?;
    let action = apply(&world, (&place, number), edit)?;
    if let Some(action) = action {
        let bot = world.bot().name.clone();
        hook::announce_issue(&world, (&place, number), (action, &bot), json!({}))?;
    }
    answer(&world, &place, number)
}

/// Edits an issue; gives the action that webhooks tell of.
fn apply(world: &World, subject: (&str, u64), edit: Edit) -> Result<Option<&'static str>, Refusal> {
    let (place, number) = subject;
    let open = match edit.state.as_deref() {
        None => None,
        Some("open") => Some(true),
        Some("closed") => Some(false),
        Some(_) => return Err(Refusal::field("Issue", "state", "invalid")),
    };
    let mut state = world.github();
    let issue = state.issue_mut(place, number)?;
    let edited = edit.title.is_some() || edit.body.is_some();
    if let Some(title) = edit.title {
        issue.title = title;
    }
    issue.body = edit.body.or(issue.body.take());
    issue.updated = world.now();
    let turned = open.filter(|open| *open != issue.open);
    issue.open = open.unwrap_or(issue.open);
    if turned.is_some() {
        let usual = if issue.open { "reopened" } else { "completed" };
        issue.reason = Some(edit.state_reason.unwrap_or_else(|| usual.to_owned()));
    }
    if let Some(assignees) = edit.assignees {
        issue.assignees = assignees.into_iter().filter(|login| world.person(login).is_some()).collect();
    }
    if let Some(labels) = edit.labels {
        issue.labels.clear();
        put_labels(world, &mut state, subject, &labels)?;
    }
    Ok(match turned {
        Some(true) => Some("reopened"),
        Some(false) => Some("closed"),
        None => edited.then_some("edited"),
    })
}

pub(super) async fn list_comments(
    State(world): State<Arc<World>>,
    Path((owner, name, number)): Place,
    RawQuery(query): RawQuery,
    Query(paging): Query<Paging>,
) -> Answer {
    let place = format!("{owner}/{name}");
    let state = world.github();
    let (repository, issue) = (state.repository(&place)?, state.issue(&place, number)?);
    let all: Vec<_> =
        issue.comments.iter().map(|comment| shape::comment(&world, repository, issue, comment)).collect();
    let address = shape::api(&world, &format!("/repos/{place}/issues/{number}/comments"));
    Ok(page(&address, query.as_deref(), &paging, &all))
}

#[derive(Debug, Deserialize)]
pub(super) struct Words {
    body: String,
}

fn check_length(body: &str) -> Result<(), Refusal> {
    if body.chars().count() > BODY_LIMIT {
        return Err(Refusal::custom("IssueComment", "body is too long (maximum is 65536 characters)"));
    }
    Ok(())
}

pub(super) async fn comment(
    State(world): State<Arc<World>>,
    Path((owner, name, number)): Place,
    body: Bytes,
) -> Answer {
    let place = format!("{owner}/{name}");
    let Words { body } = refusal::read(&body)?;
    if body.trim().is_empty() {
        return Err(Refusal::custom("IssueComment", "Body cannot be blank"));
    }
    check_length(&body)?;
    let bot = world.bot().name.clone();
    let (id, answer) = {
        let mut state = world.github();
        let made = state.add_comment((&place, number), &bot, &body, world.now())?;
        let (repository, issue) = (state.repository(&place)?, state.issue(&place, number)?);
        (made.id, shape::comment(&world, repository, issue, &made))
    };
    hook::announce_comment(&world, (&place, number), id)?;
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

pub(super) async fn read_comment(State(world): State<Arc<World>>, Path((owner, name, id)): Place) -> Answer {
    change_comment(&world, &format!("{owner}/{name}"), id, None)
}

pub(super) async fn edit_comment(
    State(world): State<Arc<World>>,
    Path((owner, name, id)): Place,
    body: Bytes,
) -> Answer {
    let Words { body } = refusal::read(&body)?;
    check_length(&body)?;
    change_comment(&world, &format!("{owner}/{name}"), id, Some(body))
}

/// Finds a comment by its id, gives it a new body if there is one, and answers with it.
fn change_comment(world: &World, place: &str, id: u64, body: Option<String>) -> Answer {
    let mut state = world.github();
    let number = state.commented(place, id)?;
    let issue = state.issue_mut(place, number)?;
    let comment = issue.comments.iter_mut().find(|comment| comment.id == id).ok_or_else(Refusal::missing)?;
    if let Some(body) = body {
        comment.body = body;
        comment.updated = world.now();
    }
    let comment = comment.clone();
    let (repository, issue) = (state.repository(place)?, state.issue(place, number)?);
    Ok(Json(shape::comment(world, repository, issue, &comment)).into_response())
}

/// The bot writes in every repository here, and who writes may delete what anybody said.
pub(super) async fn delete_comment(
    State(world): State<Arc<World>>,
    Path((owner, name, id)): Place,
) -> Answer {
    let place = format!("{owner}/{name}");
    let delivery = {
        let mut state = world.github();
        let number = state.commented(&place, id)?;
        let delivery = hook::comment(&world, &state, (&place, number), ("deleted", id))?;
        state.issue_mut(&place, number)?.comments.retain(|comment| comment.id != id);
        delivery
    };
    world.send(delivery);
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Both forms that GitHub takes.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Labels {
    Object { labels: Vec<String> },
    List(Vec<String>),
}

pub(super) async fn list_labels(
    State(world): State<Arc<World>>,
    Path((owner, name, number)): Place,
) -> Answer {
    labels(&world, &format!("{owner}/{name}"), number)
}

fn labels(world: &World, place: &str, number: u64) -> Answer {
    let state = world.github();
    let labels = shape::labels(world, state.repository(place)?, state.issue(place, number)?);
    Ok(Json(labels).into_response())
}

pub(super) async fn add_labels(world: State<Arc<World>>, place: Place, body: Bytes) -> Answer {
    change_labels(world, place, &body, false)
}

pub(super) async fn set_labels(world: State<Arc<World>>, place: Place, body: Bytes) -> Answer {
    change_labels(world, place, &body, true)
}

fn change_labels(
    State(world): State<Arc<World>>,
    Path((owner, name, number)): Place,
    body: &[u8],
    replace: bool,
) -> Answer {
    let place = format!("{owner}/{name}");
    let (Labels::Object { labels: names } | Labels::List(names)) = refusal::read(body)?;
    let added = {
        let mut state = world.github();
        if replace {
            state.issue_mut(&place, number)?.labels.retain(|label| names.contains(label));
        }
        put_labels(&world, &mut state, (&place, number), &names)?
    };
    let bot = world.bot().name.clone();
    for label in added {
        hook::announce_issue(&world, (&place, number), ("labeled", &bot), json!({"label": label}))?;
    }
    labels(&world, &place, number)
}

pub(super) async fn remove_label(
    State(world): State<Arc<World>>,
    Path((owner, name, number, label)): Path<(String, String, u64, String)>,
) -> Answer {
    let place = format!("{owner}/{name}");
    let gone = {
        let mut state = world.github();
        let issue = state.issue_mut(&place, number)?;
        let at = issue.labels.iter().position(|has| *has == label).ok_or_else(Refusal::missing)?;
        let name = issue.labels.remove(at);
        shape::label(&world, &place, &state.label(&place, &name)?)
    };
    let bot = world.bot().name.clone();
    hook::announce_issue(&world, (&place, number), ("unlabeled", &bot), json!({"label": gone}))?;
    labels(&world, &place, number)
}

#[derive(Debug, Deserialize)]
struct Assignees {
    assignees: Vec<String>,
}

pub(super) async fn assign(
    State(world): State<Arc<World>>,
    Path((owner, name, number)): Place,
    body: Bytes,
) -> Answer {
    let place = format!("{owner}/{name}");
    let Assignees { assignees } = refusal::read(&body)?;
    let added: Vec<_> = {
        let mut state = world.github();
        let issue = state.issue_mut(&place, number)?;
        let new = assignees.into_iter().filter(|login| world.person(login).is_some());
        let new: Vec<_> = new.filter(|login| !issue.assignees.contains(login)).collect();
        issue.assignees.extend(new.iter().cloned());
        new
    };
    let bot = world.bot().name.clone();
    for login in added {
        let more = json!({"assignee": shape::user(&world, &login)});
        hook::announce_issue(&world, (&place, number), ("assigned", &bot), more)?;
    }
    let mut response = answer(&world, &place, number)?;
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}
