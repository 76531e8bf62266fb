//! The calls of the API.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use axum::{Extension, Json};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::shape::{self, Shape};
use super::state::{self, Comment, NewTicket, STATUSES, Ticket};
use super::{Answer, Refusal, adf, hook, jql};
use crate::twin::world::World;

type Shared = State<Arc<World>>;

pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| Refusal::bad(format!("Invalid request payload: {error}")))
}

pub(super) async fn myself(State(world): Shared) -> Answer {
    Ok(Json(shape::myself(&world)).into_response())
}

/// The bot may do everything that is asked about.
pub(super) async fn permissions(Query(asked): Query<Map<String, Value>>) -> Answer {
    let named = asked.get("permissions").and_then(Value::as_str).unwrap_or_default().split(',');
    let mine =
        named.map(|name| (name.to_owned(), json!({"key": name, "name": name, "havePermission": true})));
    Ok(Json(json!({"permissions": mine.collect::<Map<_, _>>()})).into_response())
}

pub(super) async fn server_info(State(world): Shared) -> Answer {
    let time = world.now().to_string();
    Ok(Json(json!({"baseUrl": world.address("/jira"), "deploymentType": "Cloud", "serverTime": time}))
        .into_response())
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Wanted {
    fields: Option<String>,
    expand: Option<String>,
    start_at: usize,
    max_results: Option<usize>,
    order_by: Option<String>,
}

pub(super) async fn read(
    State(world): Shared,
    Extension(shape): Extension<Shape>,
    Path(key): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Answer {
    let state = world.jira();
    let names: Option<Vec<_>> = wanted.fields.map(|names| names.split(',').map(str::to_owned).collect());
    let ticket = shape::ticket(&world, &state, state.ticket(&key)?, shape, names.as_deref());
    Ok(Json(ticket).into_response())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct New {
    fields: Map<String, Value>,
    #[serde(default)]
    properties: Vec<Property>,
}

#[derive(Debug, Deserialize)]
struct Property {
    key: String,
    value: Value,
}

pub(super) async fn create(State(world): Shared, body: Bytes) -> Answer {
    let mut new: New = parse(&body)?;
    let bot = world.bot().jira.clone();
    let (answer, delivery) = {
        let mut state = world.jira();
        let known = |wanted: &Value| {
            let named = |(key, project): &(&String, &state::Project)| {
                let id = project.id.to_string();
                wanted["key"] == key.as_str() || wanted["id"] == id.as_str()
            };
            state.projects.iter().find(named).map(|(key, _)| key.clone())
        };
        let project = new.fields.remove("project").as_ref().and_then(known);
        let project =
            project.ok_or_else(|| Refusal::field("project", "Specify a valid project ID or key"))?;
        if let Some(assignee) = new.fields.get("assignee") {
            known_account(&world, assignee)?;
        }
        let (ticket, rest) = new_ticket(new.fields, &bot)?;
        let ticket = state.add(&project, ticket, world.now());
        apply(&world, ticket, rest)?;
        ticket.properties.extend(new.properties.into_iter().map(|has| (has.key, has.value)));
        let key = ticket.key.clone();
        let id = ticket.id;
        let address = world.address(&format!("/jira/rest/api/3/issue/{id}"));
        let answer = json!({"id": id.to_string(), "key": key, "self": address});
        (answer, hook::created(&world, &state, &key, &bot)?)
    };
    world.send(delivery);
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

/// Takes out of the fields what every ticket must have; gives the others back.
fn new_ticket(
    mut fields: Map<String, Value>,
    reporter: &str,
) -> Result<(NewTicket, Map<String, Value>), Refusal> {
    let kind = fields.remove("issuetype").unwrap_or_default();
    let kind = kind["name"].as_str().or_else(|| kind["id"].as_str()).and_then(state::kind);
    let kind = kind.ok_or_else(|| Refusal::field("issuetype", "Specify an issue type"))?;
    let summary = fields.remove("summary");
    let summary = summary.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
    check_summary(&summary)?;
    // What apply will refuse is refused before a ticket is there.
    check_fields(&fields)?;
    let reporter = reporter.to_owned();
    let ticket = NewTicket { number: None, kind, summary, description: Value::Null, reporter };
    Ok((ticket, fields))
}

fn check_summary(summary: &str) -> Result<(), Refusal> {
    if summary.trim().is_empty() {
        return Err(Refusal::field("summary", "You must specify a summary of the issue."));
    }
    if summary.contains('\n') {
        return Err(Refusal::field(
            "summary",
            "The summary is invalid because it contains newline characters.",
        ));
    }
    if summary.chars().count() > 255 {
        return Err(Refusal::field("summary", "Summary can't exceed 255 characters."));
    }
    Ok(())
}

fn check_fields(fields: &Map<String, Value>) -> Result<(), Refusal> {
    for (name, value) in fields {
        match name.as_str() {
            "summary" => check_summary(value.as_str().unwrap_or_default())?,
            "description" if !value.is_null() => {
                adf::check(value).map_err(|_| {
                    let message =
                        "Operation value must be an Atlassian Document (see the Atlassian Document Format)";
                    Refusal::field("description", message)
                })?;
            }
            "labels" => {
                let labels = value.as_array().into_iter().flatten();
                if labels.filter_map(Value::as_str).any(|label| label.contains(' ')) {
                    return Err(Refusal::field("labels", "The label can't contain spaces."));
                }
            }
            "description" | "assignee" | "priority" | "parent" => {}
            name if name.starts_with("customfield_") => {}
            name => {
                let message =
                    format!("Field '{name}' cannot be set. It is not on the appropriate screen, or unknown.");
                return Err(Refusal::field(name, message));
            }
        }
    }
    Ok(())
}

/// Sets fields that were checked.
fn apply(world: &World, ticket: &mut Ticket, fields: Map<String, Value>) -> Result<(), Refusal> {
    for (name, value) in fields {
        match name.as_str() {
            "summary" => ticket.summary = value.as_str().unwrap_or_default().to_owned(),
            "description" => ticket.description = value,
            "labels" => {
                let labels = value.as_array().into_iter().flatten().filter_map(Value::as_str);
                ticket.labels = labels.map(str::to_owned).collect();
            }
            "assignee" => ticket.assignee = known_account(world, &value)?,
            _ => {
                ticket.custom.insert(name, value);
            }
        }
    }
    ticket.updated = world.now();
    Ok(())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Edit {
    #[serde(default)]
    fields: Map<String, Value>,
    #[serde(default)]
    properties: Vec<Property>,
}

pub(super) async fn edit(State(world): Shared, Path(key): Path<String>, body: Bytes) -> Answer {
    let edit: Edit = parse(&body)?;
    check_fields(&edit.fields)?;
    let mut state = world.jira();
    let ticket = state.ticket_mut(&key)?;
    let items = edit.fields.keys().map(|name| hook::change(name, (None, None), (None, None))).collect();
    apply(&world, ticket, edit.fields)?;
    ticket.properties.extend(edit.properties.into_iter().map(|has| (has.key, has.value)));
    let delivery = hook::updated(&world, &mut state, &key, ("issue_generic", &world.bot().jira), items)?;
    world.send(delivery);
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(super) async fn transitions(State(world): Shared, Path(key): Path<String>) -> Answer {
    let current = world.jira().ticket(&key)?.status;
    let open = (0..STATUSES.len()).filter(|index| *index != current).map(|index| {
        let status = &STATUSES[index];
        json!({
            "id": status.transition, "name": status.name, "to": shape::status(&world, index),
            "hasScreen": false, "isGlobal": true, "isInitial": false, "isAvailable": true,
            "isConditional": false, "isLooped": false,
        })
    });
    Ok(Json(json!({"expand": "transitions", "transitions": open.collect::<Vec<_>>()})).into_response())
}

pub(super) async fn transition(State(world): Shared, Path(key): Path<String>, body: Bytes) -> Answer {
    let body: Value = parse(&body)?;
    let id =
        body["transition"]["id"].as_str().ok_or_else(|| Refusal::bad("Missing 'transition' identifier"))?;
    let to = STATUSES.iter().position(|status| status.transition == id);
    let illegal = || format!("It seems that you have tried to perform an illegal workflow operation: {id}");
    let to = to.ok_or_else(|| Refusal::bad(illegal()))?;
    let delivery = hook::transit(&world, &key, to, &world.bot().jira)?;
    world.send(delivery.ok_or_else(|| Refusal::bad(illegal()))?);
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(super) async fn list_comments(
    State(world): Shared,
    Extension(shape): Extension<Shape>,
    Path(key): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Answer {
    let state = world.jira();
    let ticket = state.ticket(&key)?;
    let with_properties = wanted.expand.is_some_and(|expand| expand.contains("properties"));
    let size = wanted.max_results.unwrap_or(50).min(5000);
    let mut ordered: Vec<_> = ticket.comments.iter().collect();
    if wanted.order_by.as_deref() == Some("-created") {
        ordered.reverse();
    }
    let page = ordered.into_iter().skip(wanted.start_at).take(size).map(|comment| {
        let mut value = shape::comment(&world, ticket, comment, shape);
        if with_properties {
            value["properties"] = comment.properties.clone().into();
        }
        value
    });
    let comments: Vec<_> = page.collect();
    let (start, total) = (wanted.start_at, ticket.comments.len());
    let answer = json!({"comments": comments, "startAt": start, "maxResults": size, "total": total});
    Ok(Json(answer).into_response())
}

pub(super) async fn list_changes(
    State(world): Shared,
    Path(key): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Answer {
    let state = world.jira();
    let ticket = state.ticket(&key)?;
    let (start, size) = (wanted.start_at, wanted.max_results.unwrap_or(100).min(100));
    let page = ticket.changes.iter().skip(start).take(size).map(|change| shape::change(&world, change));
    let total = ticket.changes.len();
    Ok(Json(json!({
        "startAt": start, "maxResults": size, "total": total, "isLast": start + size >= total,
        "values": page.collect::<Vec<_>>(),
    }))
    .into_response())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Words {
    body: Value,
    #[serde(default)]
    properties: Vec<Value>,
    #[serde(rename = "visibility")]
    _visibility: Option<Value>,
}

pub(super) async fn comment(State(world): Shared, Path(key): Path<String>, body: Bytes) -> Answer {
    let words: Words = parse(&body)?;
    adf::check(&words.body).map_err(|why| Refusal::field("comment", why))?;
    let mut state = world.jira();
    let id = state.next_id();
    let author = world.bot().jira.clone();
    let (body, properties) = (words.body, words.properties);
    let comment = Comment { id, author, body, properties, created: world.now() };
    let ticket = state.ticket_mut(&key)?;
    ticket.comments.push(comment.clone());
    ticket.updated = comment.created;
    let answer = shape::comment(&world, ticket, &comment, Shape::Three);
    let delivery = hook::comment(&world, &state, &key, ("comment_created", &comment))?;
    world.send(delivery);
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

/// The bot may edit what it said itself.
pub(super) async fn edit_comment(
    State(world): Shared,
    Path((key, id)): Path<(String, String)>,
    body: Bytes,
) -> Answer {
    let words: Words = parse(&body)?;
    adf::check(&words.body).map_err(|why| Refusal::field("comment", why))?;
    let bot = world.bot().jira.clone();
    let mut state = world.jira();
    let ticket = state.ticket_mut(&key)?;
    let known = ticket.comments.iter_mut().find(|comment| comment.id.to_string() == id);
    let known = known.ok_or_else(|| Refusal::missing("Can not find a comment for the id."))?;
    if known.author != bot {
        return Err(Refusal::bad("You do not have the permission to edit this comment."));
    }
    (known.body, known.properties) = (words.body, words.properties);
    let comment = known.clone();
    let answer = shape::comment(&world, ticket, &comment, Shape::Three);
    Ok(Json(answer).into_response())
}

/// The bot may delete what it said itself.
pub(super) async fn delete_comment(State(world): Shared, Path((key, id)): Path<(String, String)>) -> Answer {
    let bot = world.bot().jira.clone();
    let mut state = world.jira();
    let missing = || Refusal::missing("Can not find a comment for the id.");
    let known = |comment: &Comment| comment.id.to_string() == id;
    let comment = state.ticket(&key)?.comments.iter().find(|one| known(one)).cloned();
    let comment = comment.ok_or_else(missing)?;
    if comment.author != bot {
        return Err(Refusal::bad("You do not have the permission to delete this comment."));
    }
    let delivery = hook::comment(&world, &state, &key, ("comment_deleted", &comment))?;
    state.ticket_mut(&key)?.comments.retain(|one| !known(one));
    world.send(delivery);
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The account that a value names: none, the default (nobody here) or somebody known.
fn known_account(world: &World, value: &Value) -> Result<Option<String>, Refusal> {
    match value["accountId"].as_str() {
        None | Some("-1") => Ok(None),
        Some(account) if world.people.iter().any(|person| person.jira == account) => {
            Ok(Some(account.to_owned()))
        }
        Some(account) => {
            Err(Refusal::field("assignee", format!("User '{account}' cannot be assigned issues.")))
        }
    }
}

pub(super) async fn assign(State(world): Shared, Path(key): Path<String>, body: Bytes) -> Answer {
    let account = known_account(&world, &parse(&body)?)?;
    let delivery = hook::assign(&world, &key, account, &world.bot().jira)?;
    world.send(delivery);
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(super) async fn read_property(State(world): Shared, Path((key, name)): Path<(String, String)>) -> Answer {
    let state = world.jira();
    let value = state.ticket(&key)?.properties.get(&name);
    let missing = || Refusal::missing("The property does not exist.");
    Ok(Json(json!({"key": name, "value": value.ok_or_else(missing)?})).into_response())
}

pub(super) async fn write_property(
    State(world): Shared,
    Path((key, name)): Path<(String, String)>,
    body: Bytes,
) -> Answer {
    let value = parse(&body)?;
    let old = world.jira().ticket_mut(&key)?.properties.insert(name, value);
    let status = if old.is_some() { StatusCode::OK } else { StatusCode::CREATED };
    Ok(status.into_response())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Search {
    jql: String,
    next_page_token: Option<String>,
    max_results: Option<usize>,
    fields: Option<Vec<String>>,
    #[serde(rename = "expand")]
    _expand: Option<String>,
    #[serde(rename = "properties")]
    _properties: Option<Vec<String>>,
    #[serde(rename = "fieldsByKeys")]
    _fields_by_keys: Option<bool>,
    /// The twin's index never lags.
    #[serde(rename = "reconcileIssues")]
    _reconcile_issues: Option<Vec<u64>>,
}

pub(super) async fn search(State(world): Shared, Extension(shape): Extension<Shape>, body: Bytes) -> Answer {
    let search: Search = parse(&body)?;
    let jql = search.jql.replace("currentUser()", &world.bot().jira);
    let query = jql::Query::read(&jql, world.now()).map_err(Refusal::bad)?;
    let start = search.next_page_token.as_deref().map_or(Ok(0), str::parse::<usize>);
    let start = start.map_err(|_| Refusal::bad("The provided next page token is invalid or expired."))?;
    let size = search.max_results.unwrap_or(50).clamp(1, 5000);
    let state = world.jira();
    let mut found: Vec<_> = state.tickets.values().filter(|ticket| query.takes(ticket)).collect();
    query.sort(&mut found);
    let names = search.fields.as_deref();
    let issue = |ticket: &&Ticket| match names {
        // Without `fields` the answer is ids only.
        None => json!({"id": ticket.id.to_string()}),
        Some(names) => shape::ticket(&world, &state, ticket, shape, Some(names)),
    };
    let page: Vec<_> = found.iter().skip(start).take(size).map(issue).collect();
    let is_last = start + size >= found.len();
    let mut answer = json!({"issues": page, "isLast": is_last});
    if !is_last {
        answer["nextPageToken"] = (start + size).to_string().into();
    }
    Ok(Json(answer).into_response())
}
