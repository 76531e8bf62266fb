//! Linear's objects, whole, as its API spells them; what is asked for of them is picked out later.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::state::{Comment, Entry, Issue, STATUSES, State, Team, id_of};
use crate::twin::world::World;

/// A time as Linear writes it.
pub(super) fn time(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// Where a person looks at an issue.
pub(super) fn url(world: &World, issue: &Issue) -> String {
    world.address(&format!("/linear/acme/issue/{}", issue.identifier()))
}

pub(super) fn user(world: &World, id: &str) -> Value {
    let person = world.people.iter().find(|person| person.linear == id);
    json!({
        "id": id,
        "name": person.map_or("Former user", |person| &person.display),
        "displayName": person.map_or("former", |person| &person.name),
        "email": person.map(|person| &person.email),
        "app": false,
        "active": person.is_some(),
    })
}

/// Somebody, or nobody.
fn anybody(world: &World, id: Option<&String>) -> Value {
    id.map_or(Value::Null, |id| user(world, id))
}

pub(super) fn status_id(team: &str, index: usize) -> String {
    id_of(&format!("status {team} {}", STATUSES[index].name))
}

pub(super) fn status(team: &str, index: usize) -> Value {
    let status = &STATUSES[index];
    json!({
        "id": status_id(team, index), "name": status.name, "type": status.kind, "color": status.color,
        "position": index,
    })
}

pub(super) fn team_id(key: &str) -> String {
    id_of(&format!("team {key}"))
}

pub(super) fn team(team: &Team) -> Value {
    let statuses: Vec<_> = (0..STATUSES.len()).map(|index| status(&team.key, index)).collect();
    json!({
        "id": team_id(&team.key), "key": team.key, "name": team.name, "states": {"nodes": statuses},
    })
}

pub(super) fn label_id(name: &str) -> String {
    id_of(&format!("label {name}"))
}

pub(super) fn label(name: &str) -> Value {
    json!({ "id": label_id(name), "name": name, "isGroup": false, "team": null })
}

fn labels(names: &[String]) -> Vec<Value> {
    names.iter().map(|name| label(name)).collect()
}

/// An issue without what was said and done about it.
pub(super) fn issue(world: &World, state: &State, issue: &Issue) -> Value {
    let home = state.teams.iter().find(|team| team.key == issue.team);
    let links: Vec<_> = issue.links.iter().map(|(url, title)| link(issue, url, title)).collect();
    json!({
        "id": issue.id,
        "identifier": issue.identifier(),
        "number": issue.number,
        "title": issue.title,
        "description": issue.description,
        "url": url(world, issue),
        "createdAt": time(issue.created),
        "updatedAt": time(issue.updated),
        "state": status(&issue.team, issue.status),
        "team": home.map_or(Value::Null, team),
        "labels": {"nodes": labels(&issue.labels)},
        "assignee": anybody(world, issue.assignee.as_ref()),
        "delegate": null,
        "creator": user(world, &issue.creator),
        "botActor": null,
        "project": null,
        "priority": 0,
        "priorityLabel": "No priority",
        "attachments": {"nodes": links},
    })
}

/// A page that is attached to an issue.
pub(super) fn link(of: &Issue, url: &str, title: &str) -> Value {
    json!({ "id": link_id(&of.id, url), "url": url, "title": title })
}

pub(super) fn link_id(issue: &str, url: &str) -> String {
    id_of(&format!("link {issue} {url}"))
}

pub(super) fn comment(world: &World, state: &State, of: &Issue, comment: &Comment) -> Value {
    json!({
        "id": comment.id,
        "body": comment.body,
        "url": format!("{}#comment-{}", url(world, of), &comment.id[..8]),
        "createdAt": time(comment.created),
        "updatedAt": time(comment.created),
        "user": user(world, &comment.author),
        "botActor": null,
        "externalUser": null,
        "issue": issue(world, state, of),
    })
}

/// What a change did, as an issue's history tells it.
pub(super) fn entry(world: &World, of: &Issue, entry: &Entry) -> Value {
    let (before, after) = &entry.labels;
    let without = |these: &[String], those: &[String]| {
        let names: Vec<_> = these.iter().filter(|name| !those.contains(name)).cloned().collect();
        if names.is_empty() { Value::Null } else { labels(&names).into() }
    };
    let mut value = json!({
        "id": entry.id,
        "createdAt": time(entry.at),
        "updatedAt": time(entry.at),
        "actor": user(world, &entry.by),
        "botActor": null,
        "addedLabels": without(after, before),
        "removedLabels": without(before, after),
        "updatedDescription": null,
    });
    let mut told = |name: &str, from: Value, to: Value| {
        let (from, to) = if from == to { (Value::Null, Value::Null) } else { (from, to) };
        value[format!("from{name}")] = from;
        value[format!("to{name}")] = to;
    };
    let (from, to) = &entry.assignee;
    told("Assignee", anybody(world, from.as_ref()), anybody(world, to.as_ref()));
    let (from, to) = entry.status;
    told("State", status(&of.team, from), status(&of.team, to));
    let (from, to) = &entry.title;
    told("Title", json!(from), json!(to));
    for name in ["Delegate", "ProjectId", "CycleId", "ParentId", "Priority", "Estimate", "DueDate"] {
        told(name, Value::Null, Value::Null);
    }
    value
}
