//! Calls about issues, and about what issues and merge requests have in common.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::state::{Item, New, Place};
use super::{Answer, Refusal, hook, refusal, shape};
use crate::twin::world::World;

type Shared = State<Arc<World>>;

/// The longest description or comment, in characters.
const LONGEST: usize = 1_000_000;

/// What is asked of a list.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Paging {
    page: Option<usize>,
    per_page: Option<usize>,
    created_after: Option<Timestamp>,
    updated_after: Option<Timestamp>,
    order_by: Option<String>,
    state: Option<String>,
    sort: Option<String>,
}

impl Paging {
    /// The issues or merge requests that are asked for, newest first by what they are to be ordered by.
    pub(super) fn wanted<'a>(&self, items: impl Iterator<Item = &'a Item>) -> Vec<&'a Item> {
        let is_after = |after: Option<Timestamp>, moment| after.is_none_or(|after| moment >= after);
        let state = self.state.as_deref().filter(|state| *state != "all");
        let is_wanted = |item: &&Item| {
            is_after(self.created_after, item.created)
                && is_after(self.updated_after, item.updated)
                && state.is_none_or(|state| state == item.state())
        };
        let mut wanted: Vec<_> = items.filter(is_wanted).collect();
        if self.order_by.as_deref() == Some("updated_at") {
            wanted.sort_by_key(|item| item.updated);
        }
        wanted.reverse();
        wanted
    }

    /// One page of a list that is newest first unless it is wanted otherwise.
    pub(super) fn page(&self, mut newest_first: Vec<Value>, most: usize) -> Response {
        if self.sort.as_deref() == Some("asc") {
            newest_first.reverse();
        }
        let size = self.per_page.unwrap_or(20).clamp(1, most);
        let number = self.page.unwrap_or(1).max(1);
        let items: Vec<_> = newest_first.iter().skip((number - 1) * size).take(size).collect();
        let next = (newest_first.len() > number * size).then(|| (number + 1).to_string());
        let headers = [("x-page", number.to_string()), ("x-next-page", next.unwrap_or_default())];
        (headers, Json(items)).into_response()
    }
}

/// The place that a path names, if its kind is one of the two.
pub(super) fn place(world: &World, id: &str, kind: &str, iid: u64) -> Result<Place, Refusal> {
    let project = world.gitlab().project(id)?.path.clone();
    let place = Place { project, change: kind == "merge_requests", iid };
    if place.kind() == kind { Ok(place) } else { Err(Refusal::missing("")) }
}

fn check_length(text: Option<&str>) -> Result<(), Refusal> {
    if text.is_some_and(|text| text.chars().count() > LONGEST) {
        return Err(Refusal::invalid("description", "is too long (maximum is 1000000 characters)"));
    }
    Ok(())
}

pub(super) async fn list_issues(
    State(world): Shared,
    Path(id): Path<String>,
    Query(paging): Query<Paging>,
) -> Answer {
    let state = world.gitlab();
    let project = state.project(&id)?;
    let found = paging.wanted(project.issues.values()).into_iter();
    Ok(paging.page(found.map(|item| shape::item(&world, project, item)).collect(), 100))
}

#[derive(Debug, Deserialize)]
pub(super) struct NewIssue {
    title: String,
    description: Option<String>,
    #[serde(default)]
    labels: String,
}

pub(super) async fn create_issue(State(world): Shared, Path(id): Path<String>, body: Bytes) -> Answer {
    let NewIssue { title, description, labels } = refusal::read(&body)?;
    check_length(description.as_deref())?;
    if title.trim().is_empty() {
        return Err(Refusal::invalid("title", "can't be blank"));
    }
    let project = world.gitlab().project(&id)?.path.clone();
    let author = world.bot().name.clone();
    let new = New { title, description, author, labels: names(&labels), change: None };
    let (iid, shape) = {
        let mut state = world.gitlab();
        let item = state.add(&project, new, world.now()).ok_or_else(|| Refusal::missing("Project"))?;
        (item.iid, shape::item(&world, state.project(&project)?, &item))
    };
    hook::announce(&world, &Place { project, change: false, iid }, "open", None)?;
    Ok((StatusCode::CREATED, Json(shape)).into_response())
}

/// A list of names with commas.
fn names(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

pub(super) async fn read(State(world): Shared, Path((id, kind, iid)): Path<(String, String, u64)>) -> Answer {
    answer(&world, &place(&world, &id, &kind, iid)?)
}

fn answer(world: &World, place: &Place) -> Answer {
    let state = world.gitlab();
    let shape = shape::item(world, state.project(&place.project)?, state.item(place)?);
    Ok(Json(shape).into_response())
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Edit {
    title: Option<String>,
    description: Option<String>,
    add_labels: String,
    remove_labels: String,
    state_event: Option<String>,
}

pub(super) async fn edit(
    State(world): Shared,
    Path((id, kind, iid)): Path<(String, String, u64)>,
    body: Bytes,
) -> Answer {
    let place = place(&world, &id, &kind, iid)?;
    let edit: Edit = refusal::read(&body)?;
    check_length(edit.description.as_deref())?;
    let action = edit.state_event.clone().unwrap_or_else(|| "update".to_owned());
    let before = apply(&world, &place, edit)?;
    hook::announce(&world, &place, &action, Some(before))?;
    answer(&world, &place)
}

/// Edits it; gives the labels that it had.
fn apply(world: &World, place: &Place, edit: Edit) -> Result<Vec<String>, Refusal> {
    let by = (world.bot().name.as_str(), world.now());
    let before = world.gitlab().alter(place, by, |item| change(item, edit))?;
    Ok(before.labels)
}

fn change(item: &mut Item, edit: Edit) -> Result<(), Refusal> {
    item.open = match edit.state_event.as_deref() {
        None => item.open,
        Some("reopen") => true,
        Some("close") => false,
        Some(_) => return Err(Refusal::bad("state_event does not have a valid value")),
    };
    let gone = names(&edit.remove_labels);
    item.labels.retain(|label| !gone.contains(label));
    for label in names(&edit.add_labels) {
        put_label(&mut item.labels, &label);
    }
    item.title = edit.title.unwrap_or_else(|| item.title.clone());
    item.description = edit.description.or(item.description.take());
    Ok(())
}

/// Puts a label among others; of one scope there is one at a time.
pub(super) fn put_label(labels: &mut Vec<String>, label: &str) {
    if let Some((scope, _)) = label.rsplit_once("::") {
        labels.retain(|has| has.rsplit_once("::").is_none_or(|(other, _)| other != scope));
    }
    if !labels.iter().any(|has| has == label) {
        labels.push(label.to_owned());
    }
}

pub(super) async fn list_notes(
    State(world): Shared,
    Path((id, kind, iid)): Path<(String, String, u64)>,
    Query(paging): Query<Paging>,
) -> Answer {
    let place = place(&world, &id, &kind, iid)?;
    let state = world.gitlab();
    let item = state.item(&place)?;
    let newest_first = item.notes.iter().rev().map(|note| shape::note(&world, &place, item, note));
    Ok(paging.page(newest_first.collect(), 100))
}

#[derive(Debug, Deserialize)]
pub(super) struct NewNote {
    body: String,
}

pub(super) async fn create_note(
    State(world): Shared,
    Path((id, kind, iid)): Path<(String, String, u64)>,
    body: Bytes,
) -> Answer {
    let place = place(&world, &id, &kind, iid)?;
    let NewNote { body } = refusal::read(&body)?;
    check_length(Some(&body))?;
    if body.trim().is_empty() {
        return Err(Refusal::invalid("note", "can't be blank"));
    }
    let bot = world.bot().name.clone();
    let (note, shape) = {
        let mut state = world.gitlab();
        let note = state.add_note(&place, (&body, &bot), world.now())?;
        let shape = shape::note(&world, &place, state.item(&place)?, &note);
        (note, shape)
    };
    hook::announce_note(&world, &place, note.id)?;
    Ok((StatusCode::CREATED, Json(shape)).into_response())
}

/// The bot may edit what it said itself.
pub(super) async fn edit_note(
    State(world): Shared,
    Path((id, kind, iid, note)): Path<(String, String, u64, u64)>,
    body: Bytes,
) -> Answer {
    let place = place(&world, &id, &kind, iid)?;
    let NewNote { body } = refusal::read(&body)?;
    check_length(Some(&body))?;
    let bot = world.bot().name.clone();
    let mut state = world.gitlab();
    let notes = &mut state.item_mut(&place)?.notes;
    let known = notes.iter_mut().find(|known| known.id == note).ok_or_else(|| Refusal::missing("Note"))?;
    if known.author != bot {
        return Err(Refusal::forbidden());
    }
    known.body = body;
    let note = known.clone();
    let shape = shape::note(&world, &place, state.item(&place)?, &note);
    Ok(Json(shape).into_response())
}

/// The bot may delete what it said itself; GitLab tells nobody of it.
pub(super) async fn delete_note(
    State(world): Shared,
    Path((id, kind, iid, note)): Path<(String, String, u64, u64)>,
) -> Answer {
    let place = place(&world, &id, &kind, iid)?;
    let bot = world.bot().name.clone();
    let mut state = world.gitlab();
    let notes = &mut state.item_mut(&place)?.notes;
    let at = notes.iter().position(|known| known.id == note).ok_or_else(|| Refusal::missing(""))?;
    if notes[at].author != bot {
        return Err(Refusal::forbidden());
    }
    notes.remove(at);
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(super) async fn read_note(
    State(world): Shared,
    Path((id, kind, iid, note)): Path<(String, String, u64, u64)>,
) -> Answer {
    let place = place(&world, &id, &kind, iid)?;
    let state = world.gitlab();
    let item = state.item(&place)?;
    let found = item.notes.iter().find(|found| found.id == note).ok_or_else(|| Refusal::missing("Note"))?;
    Ok(Json(shape::note(&world, &place, item, found)).into_response())
}
