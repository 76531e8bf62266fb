//! GitHub's webhooks, and what people do that sends them.

use std::sync::Arc;

use serde_json::{Value, json};

use super::shape;
use super::state::{Issue, NewIssue};
use super::{Refusal, State};
use crate::id::Digest;
use crate::twin::outbox::{Delivery, Sender};
use crate::twin::world::World;

/// What is common to every delivery about a repository.
pub(super) fn payload(
    world: &World,
    state: &State,
    repository: &str,
    by: &str,
    about: Value,
) -> Result<Value, Refusal> {
    let mut payload = about;
    let common = json!({
        "repository": shape::repository(world, state.repository(repository)?),
        "organization": {
            "login": repository.split('/').next(), "id": 9000, "node_id": "O_0000009000",
        },
        "sender": shape::user(world, by),
    });
    shape::merge(&mut payload, common);
    Ok(payload)
}

pub(super) fn delivery(world: &World, event: &str, payload: &Value) -> Delivery {
    let body = payload.to_string();
    let unique = format!("{event} {} {body}", world.outbox.next_number());
    let digest = Digest::of(unique.as_bytes()).to_string();
    let part = |from: usize, to: usize| &digest[from..to];
    let id = format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32));
    let target = payload["repository"]["id"].to_string();
    Delivery {
        sender: Sender::Github,
        path: "github",
        headers: vec![
            ("user-agent", "GitHub-Hookshot/7w1n5".to_owned()),
            ("x-github-event", event.to_owned()),
            ("x-github-delivery", id.clone()),
            ("x-github-hook-id", "42".to_owned()),
            ("x-github-hook-installation-target-type", "repository".to_owned()),
            ("x-github-hook-installation-target-id", target),
        ],
        content_type: "application/json",
        id,
        body,
    }
}

/// Writes down what happened to an issue; gives the delivery `issues` about it; `more` is what is particular to the action.
pub(super) fn issues(
    world: &World,
    state: &mut State,
    (repository, number): (&str, u64),
    (action, by): (&str, &str),
    more: Value,
) -> Result<Delivery, Refusal> {
    if action != "opened" {
        state.note((repository, number), (action, by), &more, world.now())?;
    }
    let place = state.repository(repository)?;
    let issue = state.issue(repository, number)?;
    let mut about = match &issue.pull {
        None => json!({"action": action, "issue": shape::issue(world, place, issue)}),
        Some(pull) => json!({
            "action": action,
            "number": number,
            "pull_request": shape::pull(world, place, issue, pull),
        }),
    };
    shape::merge(&mut about, more);
    let event = if issue.pull.is_some() { "pull_request" } else { "issues" };
    Ok(delivery(world, event, &payload(world, state, repository, by, about)?))
}

/// Tells that something happened to an issue through the API.
pub(super) fn announce_issue(
    world: &Arc<World>,
    subject: (&str, u64),
    (action, by): (&str, &str),
    more: Value,
) -> Result<(), Refusal> {
    let delivery = issues(world, &mut world.github(), subject, (action, by), more)?;
    world.send(delivery);
    Ok(())
}

/// Tells that something happened to a pull request through the API.
pub(super) fn announce_pull(
    world: &Arc<World>,
    subject: (&str, u64),
    action: &str,
    more: Value,
) -> Result<(), Refusal> {
    let by = world.bot().name.clone();
    announce_issue(world, subject, (action, &by), more)
}

/// The delivery `issue_comment`.
pub(super) fn comment(
    world: &World,
    state: &State,
    (repository, number): (&str, u64),
    (action, id): (&str, u64),
) -> Result<Delivery, Refusal> {
    let place = state.repository(repository)?;
    let issue = state.issue(repository, number)?;
    let comment = issue.comments.iter().find(|comment| comment.id == id).ok_or_else(Refusal::missing)?;
    let about = json!({
        "action": action,
        "issue": shape::issue(world, place, issue),
        "comment": shape::comment(world, place, issue, comment),
    });
    Ok(delivery(world, "issue_comment", &payload(world, state, repository, &comment.author, about)?))
}

/// Tells that the bot commented.
pub(super) fn announce_comment(world: &Arc<World>, subject: (&str, u64), id: u64) -> Result<(), Refusal> {
    let delivery = comment(world, &world.github(), subject, ("created", id))?;
    world.send(delivery);
    Ok(())
}

/// Takes a push into account and tells of it: `push`, and `synchronize` for the pull requests of the branch.
pub(super) async fn announce_push(
    world: &Arc<World>,
    repository: &str,
    branch: &str,
    (old, new): (Option<String>, Option<String>),
) {
    let by = world.bot().name.clone();
    let zero = || "0".repeat(40);
    let (before, after) = (old.clone().unwrap_or_else(zero), new.clone().unwrap_or_else(zero));
    let about = json!({
        "ref": format!("refs/heads/{branch}"),
        "before": before,
        "after": after,
        "created": old.is_none(),
        "deleted": new.is_none(),
        "forced": false,
        "base_ref": null,
        "compare": world.address(&format!("/github/{repository}/compare/{before}...{after}")),
        "commits": [],
        "head_commit": null,
        "pusher": {"name": by, "email": world.bot().email},
    });
    let made = {
        let mut state = world.github();
        let moved = state.branch_moved(repository, branch, new.as_deref());
        payload(world, &state, repository, &by, about).map(|payload| (payload, moved))
    };
    // A repository that is not there cannot have been pushed to.
    let Ok((payload, moved)) = made else { return };
    world.send(delivery(world, "push", &payload));
    for number in moved {
        let (action, more) = match &new {
            Some(_) => ("synchronize", json!({"before": before, "after": after})),
            None => ("closed", json!({})),
        };
        announce_pull(world, (repository, number), action, more).ok();
    }
}

/// A person puts a label on an issue.
pub(in crate::twin) fn label_by(
    world: &World,
    (repository, number): (&str, u64),
    (label, by): (&str, &str),
) -> Result<Delivery, Refusal> {
    let mut state = world.github();
    let label = state.label(repository, label)?;
    let issue = state.issue_mut(repository, number)?;
    if !issue.labels.contains(&label.name) {
        issue.labels.push(label.name.clone());
    }
    let more = json!({"label": shape::label(world, repository, &label)});
    issues(world, &mut state, (repository, number), ("labeled", by), more)
}

/// A person comments.
pub(in crate::twin) fn comment_by(
    world: &World,
    subject: (&str, u64),
    (body, by): (&str, &str),
) -> Result<Delivery, Refusal> {
    let mut state = world.github();
    let comment = state.add_comment(subject, by, body, world.now())?;
    self::comment(world, &state, subject, ("created", comment.id))
}

/// A person opens an issue.
pub(in crate::twin) fn open_issue_by(
    world: &World,
    repository: &str,
    (title, body): (&str, Option<String>),
    by: &str,
) -> Result<(Issue, Delivery), Refusal> {
    let mut state = world.github();
    let new = NewIssue { title: title.to_owned(), body, author: by.to_owned(), pull: None };
    let issue = state.add_issue(repository, new, world.now()).ok_or_else(Refusal::missing)?;
    let delivery = issues(world, &mut state, (repository, issue.number), ("opened", by), json!({}))?;
    Ok((issue, delivery))
}
