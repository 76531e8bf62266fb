//! Jira's objects, as its API and its webhooks spell them.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::adf;
use super::state::{Change, Comment, Link, STATUSES, State, TYPES, Ticket};
use crate::twin::world::World;

/// Which of the two shapes: the API speaks version 3, webhooks still speak version 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Texts are documents.
    Three,
    /// Texts are strings.
    Two,
}

impl Shape {
    fn text(self, document: &Value) -> Value {
        match self {
            Self::Three => document.clone(),
            Self::Two if document.is_null() => Value::Null,
            Self::Two => Value::String(adf::text(document)),
        }
    }

    fn address(self, world: &World, path: &str) -> String {
        let version = if self == Self::Three { 3 } else { 2 };
        world.address(&format!("/jira/rest/api/{version}{path}"))
    }
}

fn time(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%S.%3f+0000").to_string()
}

pub(super) fn user(world: &World, account: &str) -> Value {
    let person = world.people.iter().find(|person| person.jira == account);
    json!({
        "self": Shape::Three.address(world, &format!("/user?accountId={account}")),
        "accountId": account,
        "accountType": if person.is_some_and(|person| person.bot) { "app" } else { "atlassian" },
        "displayName": person.map_or("Former user", |person| &person.display),
        "active": person.is_some(),
        "timeZone": "Etc/UTC",
    })
}

/// The account that the token belongs to.
pub(super) fn myself(world: &World) -> Value {
    let mut myself = user(world, &world.bot().jira);
    myself["emailAddress"] = world.bot().email.clone().into();
    myself["locale"] = "en_GB".into();
    myself
}

pub(super) fn status(world: &World, index: usize) -> Value {
    let status = &STATUSES[index];
    let (key, id, name) = status.category;
    json!({
        "self": Shape::Three.address(world, &format!("/status/{}", status.id)),
        "id": status.id,
        "name": status.name,
        "description": "",
        "statusCategory": {"id": id, "key": key, "name": name, "colorName": "blue-gray"},
    })
}

/// The fields of a ticket: all of them, or those of the names.
pub(super) fn fields(
    world: &World,
    state: &State,
    ticket: &Ticket,
    shape: Shape,
    names: Option<&[String]>,
) -> Value {
    let project = state.projects.get(ticket.project());
    let (type_id, type_name) = TYPES[ticket.kind];
    let all = json!({
        "summary": ticket.summary,
        "description": shape.text(&ticket.description),
        "status": status(world, ticket.status),
        "issuetype": {"id": type_id, "name": type_name, "subtask": type_name == "Sub-task"},
        "project": {
            "id": project.map(|project| project.id.to_string()),
            "key": ticket.project(),
            "name": project.map(|project| &project.name),
        },
        "labels": ticket.labels,
        "assignee": ticket.assignee.as_deref().map(|account| user(world, account)),
        "reporter": user(world, &ticket.reporter),
        "creator": user(world, &ticket.reporter),
        "priority": {"id": "3", "name": "Medium"},
        "components": [],
        "fixVersions": [],
        "created": time(ticket.created),
        "updated": time(ticket.updated),
    });
    let Value::Object(mut all) = all else { return all };
    all.extend(ticket.custom.clone());
    if let Some(names) = names.filter(|names| !names.iter().any(|name| name.starts_with('*'))) {
        all.retain(|name, _| names.contains(name));
    }
    Value::Object(all)
}

/// A ticket with some of its fields.
pub(super) fn ticket(
    world: &World,
    state: &State,
    ticket: &Ticket,
    shape: Shape,
    names: Option<&[String]>,
) -> Value {
    json!({
        "id": ticket.id.to_string(),
        "key": ticket.key,
        "self": shape.address(world, &format!("/issue/{}", ticket.id)),
        "fields": fields(world, state, ticket, shape, names),
    })
}

pub(super) fn comment(world: &World, ticket: &Ticket, comment: &Comment, shape: Shape) -> Value {
    json!({
        "self": shape.address(world, &format!("/issue/{}/comment/{}", ticket.id, comment.id)),
        "id": comment.id.to_string(),
        "author": user(world, &comment.author),
        "updateAuthor": user(world, &comment.author),
        "body": shape.text(&comment.body),
        "created": time(comment.created),
        "updated": time(comment.created),
        "jsdPublic": true,
    })
}

/// A change, as the change log tells it.
pub(super) fn change(world: &World, change: &Change) -> Value {
    json!({
        "id": change.id.to_string(),
        "author": user(world, &change.author),
        "created": time(change.created),
        "items": change.items,
    })
}

pub(super) fn link(world: &World, ticket: &Ticket, link: &Link) -> Value {
    let mut value = Map::new();
    value.insert("id".into(), link.id.into());
    let address = Shape::Three.address(world, &format!("/issue/{}/remotelink/{}", ticket.key, link.id));
    value.insert("self".into(), address.into());
    if let Some(global_id) = &link.global_id {
        value.insert("globalId".into(), global_id.clone().into());
    }
    value.insert("object".into(), link.object.clone());
    Value::Object(value)
}
