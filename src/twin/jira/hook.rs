//! Jira's admin webhooks, and what people do that sends them.

use serde_json::{Value, json};

use super::shape::{self, Shape};
use super::state::{Change, Comment, STATUSES, State};
use super::{Refusal, adf};
use crate::id::Digest;
use crate::twin::outbox::{Delivery, Sender};
use crate::twin::world::World;

/// The fields that a comment's delivery tells of its ticket; the others are left out.
const REDUCED: [&str; 6] = ["summary", "issuetype", "project", "assignee", "priority", "status"];

fn delivery(world: &World, body: &Value) -> Delivery {
    let body = body.to_string();
    let unique = format!("jira {} {body}", world.outbox.next_number());
    let id = Digest::of(unique.as_bytes()).to_string()[..32].to_owned();
    Delivery {
        sender: Sender::Jira,
        path: "jira",
        headers: vec![
            ("user-agent", "Atlassian HttpClient unknown / JIRA-1001 (1) / Default".to_owned()),
            ("x-atlassian-webhook-identifier", id.clone()),
            ("x-atlassian-webhook-flow", "Primary".to_owned()),
        ],
        content_type: "application/json; charset=UTF-8",
        id,
        body,
    }
}

/// One entry of a change log.
pub(super) fn change(
    field: &str,
    from: (Option<&str>, Option<&str>),
    to: (Option<&str>, Option<&str>),
) -> Value {
    json!({
        "field": field, "fieldId": field, "fieldtype": "jira",
        "from": from.0, "fromString": from.1, "to": to.0, "toString": to.1,
    })
}

/// The delivery that a ticket was made.
pub(super) fn created(world: &World, state: &State, key: &str, by: &str) -> Result<Delivery, Refusal> {
    let body = json!({
        "timestamp": world.now().as_millisecond(),
        "webhookEvent": "jira:issue_created",
        "issue_event_type_name": "issue_created",
        "user": shape::user(world, by),
        "issue": shape::ticket(world, state, state.ticket(key)?, Shape::Two, None),
    });
    Ok(delivery(world, &body))
}

/// Writes down that a ticket was changed; gives the delivery.
pub(super) fn updated(
    world: &World,
    state: &mut State,
    key: &str,
    (name, by): (&str, &str),
    items: Vec<Value>,
) -> Result<Delivery, Refusal> {
    let id = state.next_id();
    let created = world.now();
    let change = Change { id, author: by.to_owned(), items: items.clone(), created };
    let ticket = state.ticket_mut(key)?;
    ticket.updated = created;
    ticket.changes.push(change);
    let body = json!({
        "timestamp": created.as_millisecond(),
        "webhookEvent": "jira:issue_updated",
        "issue_event_type_name": name,
        "user": shape::user(world, by),
        "issue": shape::ticket(world, state, state.ticket(key)?, Shape::Two, None),
        "changelog": {"id": id.to_string(), "items": items},
    });
    Ok(delivery(world, &body))
}

/// The delivery that a comment was written or deleted.
pub(super) fn comment(
    world: &World,
    state: &State,
    key: &str,
    (event, comment): (&str, &Comment),
) -> Result<Delivery, Refusal> {
    let ticket = state.ticket(key)?;
    let names = REDUCED.map(str::to_owned);
    let body = json!({
        "timestamp": world.now().as_millisecond(),
        "webhookEvent": event,
        "comment": shape::comment(world, ticket, comment, Shape::Two),
        "issue": shape::ticket(world, state, ticket, Shape::Two, Some(&names)),
        "eventType": "primaryAction",
    });
    Ok(delivery(world, &body))
}

/// Gives a ticket to somebody, or takes it away.
pub(super) fn assign(
    world: &World,
    key: &str,
    account: Option<String>,
    by: &str,
) -> Result<Delivery, Refusal> {
    let mut state = world.jira();
    let name = |account: &Option<String>| {
        let person = world.people.iter().find(|person| Some(&person.jira) == account.as_ref());
        person.map(|person| person.display.clone())
    };
    let ticket = state.ticket_mut(key)?;
    let before = std::mem::replace(&mut ticket.assignee, account.clone());
    let (old, new) = (name(&before), name(&account));
    let item = change("assignee", (before.as_deref(), old.as_deref()), (account.as_deref(), new.as_deref()));
    updated(world, &mut state, key, ("issue_assigned", by), vec![item])
}

/// A person gives a ticket to a person.
pub(in crate::twin) fn assign_by(
    world: &World,
    key: &str,
    (to, by): (&str, &str),
) -> Result<Delivery, Refusal> {
    let (to, by) = (account(world, to)?, account(world, by)?);
    assign(world, key, Some(to), &by)
}

/// A person comments on a ticket.
pub(in crate::twin) fn comment_by(
    world: &World,
    key: &str,
    (body, by): (&str, &str),
) -> Result<Delivery, Refusal> {
    let author = account(world, by)?;
    let mut state = world.jira();
    let id = state.next_id();
    let (body, created) = (adf::document(body), world.now());
    let comment = Comment { id, author, body, properties: Vec::new(), created };
    let ticket = state.ticket_mut(key)?;
    ticket.updated = created;
    ticket.comments.push(comment.clone());
    self::comment(world, &state, key, ("comment_created", &comment))
}

/// Brings a ticket to a status by its index; nothing where it is there already.
pub(super) fn transit(world: &World, key: &str, to: usize, by: &str) -> Result<Option<Delivery>, Refusal> {
    let mut state = world.jira();
    let ticket = state.ticket_mut(key)?;
    let from = std::mem::replace(&mut ticket.status, to);
    if from == to {
        return Ok(None);
    }
    let (old, new) = (&STATUSES[from], &STATUSES[to]);
    let item = change("status", (Some(old.id), Some(old.name)), (Some(new.id), Some(new.name)));
    updated(world, &mut state, key, ("issue_generic", by), vec![item]).map(Some)
}

/// A person moves a ticket to the status of this name.
pub(in crate::twin) fn move_by(
    world: &World,
    key: &str,
    (status, by): (&str, &str),
) -> Result<Delivery, Refusal> {
    let to = STATUSES.iter().position(|known| known.name == status);
    let to = to.ok_or_else(|| Refusal::bad(format!("there is no status {status}")))?;
    let moved = transit(world, key, to, &account(world, by)?)?;
    moved.ok_or_else(|| Refusal::bad(format!("{key} is {status} already")))
}

fn account(world: &World, name: &str) -> Result<String, Refusal> {
    let person = world.person(name).ok_or_else(|| Refusal::bad(format!("nobody is called {name}")))?;
    Ok(person.jira.clone())
}
