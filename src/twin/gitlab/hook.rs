//! GitLab's webhooks, and what people do that sends them.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::state::{Item, Place, Project};
use super::{Refusal, State, item, shape};
use crate::id::Digest;
use crate::twin::outbox::{Delivery, Sender};
use crate::twin::world::World;

/// A time as webhooks write it.
fn time(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

fn delivery(world: &World, hook: &'static str, payload: &Value) -> Delivery {
    let body = payload.to_string();
    let unique = format!("{hook} {} {body}", world.outbox.next_number());
    let digest = Digest::of(unique.as_bytes()).to_string();
    let part = |from: usize, to: usize| &digest[from..to];
    let id = format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32));
    Delivery {
        sender: Sender::Gitlab,
        path: "gitlab",
        headers: vec![
            ("user-agent", "GitLab/19.2.0-ee".to_owned()),
            ("x-gitlab-event", hook.to_owned()),
            ("idempotency-key", id.clone()),
            ("x-gitlab-instance", world.address("/gitlab")),
        ],
        content_type: "application/json",
        id,
        body,
    }
}

fn user(world: &World, name: &str) -> Value {
    let mut user = shape::user(world, name);
    user["email"] = "[REDACTED]".into();
    user
}

fn project(world: &World, project: &Project) -> Value {
    let git = shape::web(world, &format!("{}.git", project.path));
    json!({
        "id": project.id,
        "name": project.path.rsplit('/').next(),
        "description": project.description,
        "web_url": shape::web(world, &project.path),
        "git_http_url": git,
        "git_ssh_url": format!("git@twin.invalid:{}.git", project.path),
        "visibility_level": 20,
        "path_with_namespace": project.path,
        "default_branch": "main",
    })
}

fn labels(names: &[String]) -> Vec<Value> {
    names
        .iter()
        .map(|name| json!({"id": Digest::of(name.as_bytes()).to_string().len(), "title": name}))
        .collect()
}

/// What a hook tells of an issue or a merge request.
fn attributes(world: &World, project: &Project, place: &Place, item: &Item) -> Value {
    let mut value = json!({
        "id": item.id,
        "iid": item.iid,
        "title": item.title,
        "description": item.description,
        "state": item.state(),
        "created_at": time(item.created),
        "updated_at": time(item.updated),
        "labels": labels(&item.labels),
        "url": shape::web(world, &format!("{}/-/{}/{}", project.path, place.kind(), item.iid)),
    });
    match &item.change {
        None => value["type"] = "Issue".into(),
        Some(change) => {
            value["source_branch"] = change.source.as_str().into();
            value["target_branch"] = change.target.as_str().into();
            value["source_project_id"] = project.id.into();
            value["target_project_id"] = project.id.into();
            value["last_commit"] = json!({"id": change.sha});
        }
    }
    value
}

/// The hook about an issue or merge request; `before` are the labels that it had.
fn told(
    world: &World,
    state: &State,
    place: &Place,
    (action, by): (&str, &str),
    before: Option<&[String]>,
) -> Result<Delivery, Refusal> {
    let (home, item) = (state.project(&place.project)?, state.item(place)?);
    let kind = if place.change { "merge_request" } else { "issue" };
    let mut payload = json!({
        "object_kind": kind,
        "event_type": kind,
        "user": user(world, by),
        "project": project(world, home),
        "object_attributes": attributes(world, home, place, item),
        "labels": labels(&item.labels),
        "changes": {},
    });
    payload["object_attributes"]["action"] = action.into();
    if let Some(before) = before.filter(|before| **before != item.labels) {
        payload["changes"]["labels"] = json!({"previous": labels(before), "current": labels(&item.labels)});
    }
    let hook = if place.change { "Merge Request Hook" } else { "Issue Hook" };
    Ok(delivery(world, hook, &payload))
}

/// Tells that the bot did something to an issue or a merge request.
pub(super) fn announce(
    world: &Arc<World>,
    place: &Place,
    action: &str,
    before: Option<Vec<String>>,
) -> Result<(), Refusal> {
    let bot = world.bot().name.clone();
    let delivery = told(world, &world.gitlab(), place, (action, &bot), before.as_deref())?;
    world.send(delivery);
    Ok(())
}

/// The hook about a comment.
fn noted(world: &World, state: &State, place: &Place, id: u64) -> Result<Delivery, Refusal> {
    let (home, item) = (state.project(&place.project)?, state.item(place)?);
    let note = item.notes.iter().find(|note| note.id == id).ok_or_else(|| Refusal::missing("Note"))?;
    let under = shape::web(world, &format!("{}/-/{}/{}", home.path, place.kind(), item.iid));
    let mut payload = json!({
        "object_kind": "note",
        "event_type": "note",
        "user": user(world, &note.author),
        "project_id": home.id,
        "project": project(world, home),
        "object_attributes": {
            "id": note.id,
            "note": note.body,
            "noteable_type": place.noteable(),
            "noteable_id": item.id,
            "system": false,
            "created_at": time(note.created),
            "updated_at": time(note.created),
            "action": "create",
            "url": format!("{under}#note_{}", note.id),
        },
    });
    let about = if place.change { "merge_request" } else { "issue" };
    payload[about] = attributes(world, home, place, item);
    Ok(delivery(world, "Note Hook", &payload))
}

/// Tells that the bot commented.
pub(super) fn announce_note(world: &Arc<World>, place: &Place, id: u64) -> Result<(), Refusal> {
    let delivery = noted(world, &world.gitlab(), place, id)?;
    world.send(delivery);
    Ok(())
}

/// Takes a push into account and tells of it, and of the merge requests of the branch.
pub(super) fn announce_push(
    world: &Arc<World>,
    path: &str,
    branch: &str,
    (old, new): (Option<String>, Option<String>),
) {
    let by = world.bot().name.clone();
    let zero = || "0".repeat(40);
    let (before, after) = (old.unwrap_or_else(zero), new.clone().unwrap_or_else(zero));
    let mut state = world.gitlab();
    let moved = state.branch_moved(path, branch, new.as_deref());
    let action = if new.is_some() { "update" } else { "close" };
    // A project that is not there cannot have been pushed to.
    let Ok(home) = state.project(path) else { return };
    let payload = json!({
        "object_kind": "push",
        "event_name": "push",
        "before": before,
        "after": after,
        "ref": format!("refs/heads/{branch}"),
        "user_username": by,
        "user_name": world.bot().display,
        "project": project(world, home),
        "commits": [],
        "total_commits_count": 0,
    });
    world.send(delivery(world, "Push Hook", &payload));
    for iid in moved {
        let place = Place { project: path.to_owned(), change: true, iid };
        if let Ok(delivery) = told(world, &state, &place, (action, &by), None) {
            world.send(delivery);
        }
    }
}

/// A person puts a label on an issue.
pub(in crate::twin) fn label_by(
    world: &World,
    place: &Place,
    (label, by): (&str, &str),
) -> Result<Delivery, Refusal> {
    let mut state = world.gitlab();
    let before = state.alter(place, (by, world.now()), |item| {
        item::put_label(&mut item.labels, label);
        Ok(())
    })?;
    told(world, &state, place, ("update", by), Some(&before.labels))
}

/// A person comments.
pub(in crate::twin) fn note_by(
    world: &World,
    place: &Place,
    (body, by): (&str, &str),
) -> Result<Delivery, Refusal> {
    let mut state = world.gitlab();
    let note = state.add_note(place, (body, by), world.now())?;
    noted(world, &state, place, note.id)
}
