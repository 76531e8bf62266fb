//! Everything of Linear in one document, for operators, and an issue's page, for people.

use serde_json::{Map, Value, json};

use super::state::{Issue, STATUSES};
use crate::twin::world::World;

/// Every issue, by its identifier.
pub(in crate::twin) fn summary(world: &World) -> Value {
    let state = world.linear();
    let issues = state.issues.iter().map(|(key, found)| (key.clone(), issue(world, found)));
    Value::Object(issues.collect::<Map<_, _>>())
}

/// The name of an account's person.
fn name<'a>(world: &'a World, account: &'a str) -> &'a str {
    let person = world.people.iter().find(|person| person.linear == account);
    person.map_or(account, |person| &person.name)
}

fn issue(world: &World, issue: &Issue) -> Value {
    let comments = issue.comments.iter().map(
        |comment| json!({ "id": comment.id, "author": name(world, &comment.author), "body": comment.body }),
    );
    json!({
        "title": issue.title,
        "description": issue.description,
        "status": STATUSES[issue.status].name,
        "assignee": issue.assignee.as_deref().map(|account| name(world, account)),
        "creator": name(world, &issue.creator),
        "labels": issue.labels,
        "comments": comments.collect::<Vec<_>>(),
        "links": issue.links,
    })
}

/// An issue, for people.
pub(super) fn page(world: &World, issue: &Issue) -> String {
    let status = STATUSES[issue.status].name;
    let assignee = issue.assignee.as_deref().map_or("nobody", |account| name(world, account));
    let description = issue.description.as_deref().unwrap_or_default();
    let mut page = format!("{} {}\n{status}, {assignee}\n\n{description}", issue.identifier(), issue.title);
    for comment in &issue.comments {
        page += &format!("\n\n-- {}:\n{}", name(world, &comment.author), comment.body);
    }
    page
}
