//! What the bot changes over the API.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::call::text;
use super::document::Field;
use super::state::{Comment, Issue, NewIssue, STATUSES, State};
use super::{Refusal, hook, shape, webhook};
use crate::twin::world::World;

/// What a mutation is told.
type Input = Map<String, Value>;

/// Does what a field of a mutation says; gives its whole payload.
pub(super) fn make(world: &Arc<World>, field: &Field) -> Result<Value, Refusal> {
    if let Some(kind) = field.name.strip_suffix("Delete") {
        return delete(world, kind, text(&field.arguments, "id")?);
    }
    let missing = || Refusal::invalid("Argument \"input\" of required type was not provided.".to_owned());
    let input = field.arguments.get("input").and_then(Value::as_object).ok_or_else(missing)?;
    let id = || text(&field.arguments, "id");
    let (name, made) = match field.name.as_str() {
        "commentCreate" => ("comment", comment(world, input)?),
        "commentUpdate" => ("comment", edit(world, id()?, input)?),
        "issueCreate" => ("issue", create(world, input)?),
        "issueUpdate" => ("issue", update(world, id()?, input)?),
        "attachmentCreate" => ("attachment", attach(world, input)?),
        "webhookCreate" => ("webhook", webhook::create(world, input)?),
        "webhookUpdate" => ("webhook", webhook::edit(world, id()?, input)?),
        other => {
            return Err(Refusal::invalid(format!("Cannot query field \"{other}\" on type \"Mutation\".")));
        }
    };
    Ok(json!({ "success": true, "lastSyncId": 1, name: made }))
}

/// An id of the caller's own, which nothing else has.
fn own_id(input: &Input, what: &str, is_taken: impl Fn(&str) -> bool) -> Result<Option<String>, Refusal> {
    let Some(id) = input.get("id").and_then(Value::as_str) else { return Ok(None) };
    let is_uuid = uuid::Uuid::parse_str(id).is_ok_and(|id| id.get_version_num() == 4);
    if !is_uuid {
        return Err(Refusal::input("Argument Validation Error: id must be a UUID".to_owned()));
    }
    if is_taken(id) { Err(Refusal::conflict(what, id)) } else { Ok(Some(id.to_owned())) }
}

fn comment(world: &Arc<World>, input: &Input) -> Result<Value, Refusal> {
    let (key, body) = (text(input, "issueId")?, text(input, "body")?);
    let mut state = world.linear();
    let is_taken = |id: &str| state.issues.values().flat_map(|issue| &issue.comments).any(|one| one.id == id);
    let id = own_id(input, "Comment", is_taken)?;
    let id = id.unwrap_or_else(|| state.next_id());
    let comment =
        Comment { id, author: world.bot().linear.clone(), body: body.to_owned(), created: world.now() };
    state.issue_mut(key)?.comments.push(comment.clone());
    world.send(hook::comment(world, &state, key, ("create", &comment))?);
    Ok(shape::comment(world, &state, state.issue(key)?, &comment))
}

/// The bot edits what it said itself.
fn edit(world: &World, id: &str, input: &Input) -> Result<Value, Refusal> {
    let body = text(input, "body")?;
    let mut state = world.linear();
    let has = |issue: &&Issue| issue.comments.iter().any(|comment| comment.id == id);
    let key =
        state.issues.values().find(has).map(Issue::identifier).ok_or_else(|| Refusal::missing("Comment"))?;
    let comments = state.issue_mut(&key)?.comments.iter_mut();
    let comment = comments.into_iter().find(|comment| comment.id == id);
    let comment = comment.filter(|comment| comment.author == world.bot().linear);
    let comment = comment.ok_or_else(|| Refusal::missing("Comment"))?;
    body.clone_into(&mut comment.body);
    let comment = comment.clone();
    Ok(shape::comment(world, &state, state.issue(&key)?, &comment))
}

fn create(world: &Arc<World>, input: &Input) -> Result<Value, Refusal> {
    let (team, title) = (text(input, "teamId")?, text(input, "title")?);
    let mut state = world.linear();
    let home = state.teams.iter().find(|known| shape::team_id(&known.key) == team);
    let team = home.ok_or_else(|| Refusal::missing("Team"))?.key.clone();
    let id = own_id(input, "Issue", |id| state.issues.values().any(|issue| issue.id == id))?;
    let labels = input.get("labelIds").and_then(Value::as_array).into_iter().flatten();
    let labels: Result<Vec<_>, _> = labels.map(|id| label(&state, id)).collect();
    let new = NewIssue {
        id,
        team,
        number: None,
        title: title.to_owned(),
        description: input.get("description").and_then(Value::as_str).map(str::to_owned),
        labels: labels?,
        creator: world.bot().linear.clone(),
    };
    let key = state.add(new, world.now());
    world.send(hook::created(world, &state, &key)?);
    Ok(shape::issue(world, &state, state.issue(&key)?))
}

fn label(state: &State, id: &Value) -> Result<String, Refusal> {
    let known = state.labels.iter().find(|label| *id == shape::label_id(&label.name).as_str());
    Ok(known.ok_or_else(|| Refusal::missing("IssueLabel"))?.name.clone())
}

fn update(world: &Arc<World>, key: &str, input: &Input) -> Result<Value, Refusal> {
    if let Some(name) = input.keys().find(|name| *name != "stateId") {
        return Err(Refusal::invalid(format!("Field \"{name}\" is not what a bot changes here.")));
    }
    let wanted = text(input, "stateId")?;
    let mut state = world.linear();
    let team = state.issue(key)?.team.clone();
    let index = (0..STATUSES.len()).find(|index| shape::status_id(&team, *index) == wanted);
    let index = index.ok_or_else(|| Refusal::missing("WorkflowState"))?;
    let bot = world.bot().linear.clone();
    let before = state.alter(key, (&bot, world.now()), |issue| issue.status = index)?;
    world.send(hook::updated(world, &state, &before, &bot)?);
    Ok(shape::issue(world, &state, state.issue(key)?))
}

/// Of one address an issue has one attachment.
fn attach(world: &World, input: &Input) -> Result<Value, Refusal> {
    let (key, url, title) = (text(input, "issueId")?, text(input, "url")?, text(input, "title")?);
    let mut state = world.linear();
    let issue = state.issue_mut(key)?;
    issue.links.insert(url.to_owned(), title.to_owned());
    Ok(shape::link(issue, url, title))
}

/// Takes away what the bot made; gives the payload of every deletion.
fn delete(world: &Arc<World>, kind: &str, id: &str) -> Result<Value, Refusal> {
    let mut state = world.linear();
    let gone = match kind {
        "comment" => remove_comment(world, &mut state, id)?,
        "attachment" => remove_link(&mut state, id),
        other => {
            return Err(Refusal::invalid(format!(
                "Cannot query field \"{other}Delete\" on type \"Mutation\"."
            )));
        }
    };
    if !gone {
        return Err(Refusal::missing(if kind == "comment" { "Comment" } else { "Attachment" }));
    }
    Ok(json!({ "success": true, "lastSyncId": 1, "entityId": id }))
}

fn remove_comment(world: &Arc<World>, state: &mut State, id: &str) -> Result<bool, Refusal> {
    let has = |issue: &&Issue| issue.comments.iter().any(|comment| comment.id == id);
    let Some(key) = state.issues.values().find(has).map(Issue::identifier) else { return Ok(false) };
    let comments = &mut state.issue_mut(&key)?.comments;
    let at = comments.iter().position(|comment| comment.id == id).unwrap_or_default();
    let comment = comments.remove(at);
    world.send(hook::comment(world, state, &key, ("remove", &comment))?);
    Ok(true)
}

fn remove_link(state: &mut State, id: &str) -> bool {
    state.issues.values_mut().any(|issue| {
        let of = issue.id.clone();
        let before = issue.links.len();
        issue.links.retain(|url, _| shape::link_id(&of, url) != id);
        issue.links.len() < before
    })
}
