//! Everything of Jira in one document, for operators, and a ticket's page, for people.

use serde_json::{Map, Value, json};

use super::adf;
use super::state::{Comment, Link, STATUSES, TYPES, Ticket};
use crate::twin::world::World;

/// Every ticket, by its key.
pub(in crate::twin) fn summary(world: &World) -> Value {
    let state = world.jira();
    let tickets = state.tickets.iter().map(|(key, found)| (key.clone(), ticket(world, found)));
    Value::Object(tickets.collect::<Map<_, _>>())
}

/// The name of an account's person.
fn name<'a>(world: &'a World, account: &'a str) -> &'a str {
    let person = world.people.iter().find(|person| person.jira == account);
    person.map_or(account, |person| &person.name)
}

fn ticket(world: &World, ticket: &Ticket) -> Value {
    let comment = |comment: &Comment| {
        json!({
            "id": comment.id.to_string(), "author": name(world, &comment.author),
            "body": adf::text(&comment.body), "properties": comment.properties,
        })
    };
    let link = |link: &Link| json!({"global_id": link.global_id, "object": link.object});
    json!({
        "summary": ticket.summary,
        "description": adf::text(&ticket.description),
        "type": TYPES[ticket.kind].1,
        "status": STATUSES[ticket.status].name,
        "assignee": ticket.assignee.as_deref().map(|account| name(world, account)),
        "labels": ticket.labels,
        "comments": ticket.comments.iter().map(comment).collect::<Vec<_>>(),
        "links": ticket.links.iter().map(link).collect::<Vec<_>>(),
        "properties": ticket.properties,
    })
}

/// A ticket, for people.
pub(in crate::twin) fn page(world: &World, ticket: &Ticket) -> String {
    let status = STATUSES[ticket.status].name;
    let assignee = ticket.assignee.as_deref().map_or("nobody", |account| name(world, account));
    let mut page = format!("{} {}\n{status}, {assignee}\n\n", ticket.key, ticket.summary);
    page += &adf::text(&ticket.description);
    for comment in &ticket.comments {
        page += &format!("\n\n-- {}:\n{}", name(world, &comment.author), adf::text(&comment.body));
    }
    page
}
