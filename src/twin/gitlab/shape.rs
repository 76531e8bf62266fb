//! GitLab's objects, as its API spells them.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::state::{Item, Note, Place, Project};
use crate::twin::git::Changed;
use crate::twin::world::World;

/// A time as the API writes it.
pub(super) fn time(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// Where a person looks at something of a project.
pub(super) fn web(world: &World, path: &str) -> String {
    world.address(&format!("/gitlab/{path}"))
}

/// An account; one that the world does not know is a stranger of that name.
pub(super) fn user(world: &World, name: &str) -> Value {
    let person = world.person(name);
    json!({
        "id": person.map_or(1, |person| person.github_id),
        "username": name,
        "name": person.map_or(name, |person| person.display.as_str()),
        "state": "active",
        "locked": false,
        "avatar_url": null,
        "web_url": web(world, name),
    })
}

pub(super) fn project(world: &World, project: &Project) -> Value {
    let Project { id, path, description, .. } = project;
    let level = |name: &str| if project.developers.iter().any(|one| one == name) { 30 } else { 0 };
    json!({
        "id": id,
        "name": path.rsplit('/').next(),
        "path": path.rsplit('/').next(),
        "path_with_namespace": path,
        "description": description,
        "default_branch": "main",
        "visibility": "public",
        "web_url": web(world, path),
        "http_url_to_repo": web(world, &format!("{path}.git")),
        "ssh_url_to_repo": format!("git@twin.invalid:{path}.git"),
        "archived": false,
        "empty_repo": false,
        "issues_enabled": true,
        "merge_requests_enabled": true,
        "permissions": {
            "project_access": {"access_level": level(&world.bot().name), "notification_level": 3},
            "group_access": null,
        },
    })
}

pub(super) fn branch(world: &World, project: &str, name: &str, sha: &str) -> Value {
    json!({
        "name": name,
        "merged": false, "protected": name == "main", "default": name == "main", "can_push": true,
        "web_url": web(world, &format!("{project}/-/tree/{name}")),
        "commit": {"id": sha, "short_id": sha.get(..8)},
    })
}

/// An issue or a merge request.
pub(super) fn item(world: &World, project: &Project, item: &Item) -> Value {
    let place = Place { project: project.path.clone(), change: item.change.is_some(), iid: item.iid };
    let mut value = json!({
        "id": item.id,
        "iid": item.iid,
        "project_id": project.id,
        "title": item.title,
        "description": item.description,
        "state": item.state(),
        "created_at": time(item.created),
        "updated_at": time(item.updated),
        "closed_at": if item.open { None } else { Some(time(item.updated)) },
        "labels": item.labels,
        "milestone": null,
        "assignees": [],
        "assignee": null,
        "author": user(world, &item.author),
        "user_notes_count": item.notes.len(),
        "web_url": web(world, &format!("{}/-/{}/{}", project.path, place.kind(), item.iid)),
    });
    match &item.change {
        None => {
            value["type"] = "ISSUE".into();
            value["confidential"] = false.into();
        }
        Some(change) => {
            let draft = item.title.starts_with("Draft: ");
            value["draft"] = draft.into();
            value["sha"] = change.sha.as_str().into();
            value["source_branch"] = change.source.as_str().into();
            value["target_branch"] = change.target.as_str().into();
            value["source_project_id"] = project.id.into();
            value["target_project_id"] = project.id.into();
            value["detailed_merge_status"] = if draft { "draft_status" } else { "mergeable" }.into();
        }
    }
    value
}

pub(super) fn note(world: &World, place: &Place, item: &Item, note: &Note) -> Value {
    json!({
        "id": note.id,
        "type": null,
        "body": note.body,
        "author": user(world, &note.author),
        "created_at": time(note.created),
        "updated_at": time(note.created),
        "system": false,
        "internal": false,
        "noteable_id": item.id,
        "noteable_iid": item.iid,
        "noteable_type": place.noteable(),
        "resolvable": false,
    })
}

/// A file of a merge request.
pub(super) fn file(file: &Changed) -> Value {
    json!({
        "old_path": file.previous.as_ref().unwrap_or(&file.path),
        "new_path": file.path,
        "a_mode": "100644",
        "b_mode": "100644",
        "new_file": file.status == "added",
        "renamed_file": file.status == "renamed",
        "deleted_file": file.status == "removed",
        "generated_file": null,
        "diff": file.patch.as_deref().unwrap_or_default(),
    })
}
