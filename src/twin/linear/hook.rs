//! Linear's webhooks, and what people do that sends them.

use serde_json::{Map, Value, json};

use super::state::{Comment, Issue, State, id_of};
use super::{Refusal, shape};
use crate::twin::outbox::{Delivery, Sender};
use crate::twin::world::World;

/// The time of sending is put in each time that it is sent.
fn delivery(world: &World, kind: &'static str, payload: Value) -> Delivery {
    let mut payload = payload;
    payload["type"] = kind.into();
    payload["organizationId"] = id_of("acme").into();
    payload["webhookId"] = id_of("webhook").into();
    let id = id_of(&format!("delivery {}", world.outbox.next_number()));
    Delivery {
        sender: Sender::Linear,
        path: "linear",
        headers: vec![
            ("user-agent", "Linear-Webhook".to_owned()),
            ("linear-delivery", id.clone()),
            ("linear-event", kind.to_owned()),
        ],
        content_type: "application/json; charset=utf-8",
        id,
        body: payload.to_string(),
    }
}

fn actor(world: &World, id: &str) -> Value {
    let user = shape::user(world, id);
    json!({ "id": user["id"], "type": "user", "name": user["name"], "email": user["email"] })
}

/// An issue as webhooks tell it: lists are lists, and of what it belongs to there are the ids as well.
fn data(world: &World, state: &State, issue: &Issue) -> Value {
    let mut data = shape::issue(world, state, issue);
    let labels = data["labels"]["nodes"].take();
    data["labelIds"] = ids(&labels).into();
    data["labels"] = labels;
    data["stateId"] = data["state"]["id"].clone();
    data["teamId"] = data["team"]["id"].clone();
    data["creatorId"] = data["creator"]["id"].clone();
    // What is nobody's is left out.
    if let Some(id) = &issue.assignee {
        data["assigneeId"] = id.as_str().into();
    }
    if let Value::Object(members) = &mut data {
        members.remove("creator");
        members.retain(|name, value| {
            !(value.is_null() && matches!(name.as_str(), "assignee" | "delegate" | "project"))
        });
        members.get_mut("team").and_then(Value::as_object_mut).map(|team| team.remove("states"));
    }
    data
}

fn ids(labels: &Value) -> Vec<Value> {
    labels.as_array().into_iter().flatten().map(|label| label["id"].clone()).collect()
}

/// The delivery that an issue was made.
pub(super) fn created(world: &World, state: &State, key: &str) -> Result<Delivery, Refusal> {
    let issue = state.issue(key)?;
    let payload = json!({
        "action": "create",
        "actor": actor(world, &issue.creator),
        "createdAt": shape::time(issue.created),
        "data": data(world, state, issue),
        "url": shape::url(world, issue),
    });
    Ok(delivery(world, "Issue", payload))
}

/// The delivery that an issue was changed, which is as it was `before`.
pub(super) fn updated(world: &World, state: &State, before: &Issue, by: &str) -> Result<Delivery, Refusal> {
    let issue = state.issue(&before.id)?;
    let (old, new) = (data(world, state, before), data(world, state, issue));
    let mut from = Map::new();
    for name in ["labelIds", "stateId", "assigneeId", "title"] {
        if old[name] != new[name] {
            from.insert(name.to_owned(), old[name].clone());
        }
    }
    from.insert("updatedAt".to_owned(), shape::time(before.updated).into());
    let payload = json!({
        "action": "update",
        "actor": actor(world, by),
        "createdAt": shape::time(issue.updated),
        "data": new,
        "updatedFrom": from,
        "url": shape::url(world, issue),
    });
    Ok(delivery(world, "Issue", payload))
}

/// The delivery that a comment was written or taken away.
pub(super) fn comment(
    world: &World,
    state: &State,
    key: &str,
    (action, comment): (&str, &Comment),
) -> Result<Delivery, Refusal> {
    let issue = state.issue(key)?;
    let whole = data(world, state, issue);
    let mut data = shape::comment(world, state, issue, comment);
    data["userId"] = comment.author.as_str().into();
    data["issueId"] = issue.id.as_str().into();
    let members = ["id", "title", "teamId", "team", "identifier", "url"];
    let reduced = members.map(|name| (name.to_owned(), whole[name].clone()));
    data["issue"] = Value::Object(reduced.into_iter().collect());
    let url = data["url"].take();
    let payload = json!({
        "action": action,
        "actor": actor(world, &comment.author),
        "createdAt": shape::time(comment.created),
        "data": data,
        "url": url,
    });
    Ok(delivery(world, "Comment", payload))
}

fn account(world: &World, name: &str) -> Result<String, Refusal> {
    let person = world.person(name).ok_or_else(|| Refusal::input(format!("nobody is called {name}")))?;
    Ok(person.linear.clone())
}

/// A person gives an issue to a person.
pub(in crate::twin) fn assign_by(
    world: &World,
    key: &str,
    (to, by): (&str, &str),
) -> Result<Delivery, Refusal> {
    let (to, by) = (account(world, to)?, account(world, by)?);
    let mut state = world.linear();
    let before = state.alter(key, (&by, world.now()), |issue| issue.assignee = Some(to))?;
    updated(world, &state, &before, &by)
}

/// A person puts a label on an issue.
pub(in crate::twin) fn label_by(
    world: &World,
    key: &str,
    (label, by): (&str, &str),
) -> Result<Delivery, Refusal> {
    let by = account(world, by)?;
    let mut state = world.linear();
    if !state.labels.iter().any(|known| known.name == label) {
        return Err(Refusal::missing("IssueLabel"));
    }
    let before = state.alter(key, (&by, world.now()), |issue| {
        if !issue.labels.iter().any(|has| has == label) {
            issue.labels.push(label.to_owned());
        }
    })?;
    updated(world, &state, &before, &by)
}

/// A person comments on an issue.
pub(in crate::twin) fn comment_by(
    world: &World,
    key: &str,
    (body, by): (&str, &str),
) -> Result<Delivery, Refusal> {
    let author = account(world, by)?;
    let mut state = world.linear();
    let comment = Comment { id: state.next_id(), author, body: body.to_owned(), created: world.now() };
    state.issue_mut(key)?.comments.push(comment.clone());
    self::comment(world, &state, key, ("create", &comment))
}
