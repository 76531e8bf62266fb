//! Everything of GitLab in one document, for operators.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::shape;
use super::state::{Item, Place};
use crate::twin::TwinError;
use crate::twin::world::World;

/// Every project with its branches, issues and merge requests.
pub(in crate::twin) async fn summary(world: &World) -> Result<Value, TwinError> {
    let projects: Vec<(String, Value)> = {
        let state = world.gitlab();
        let projects = state.projects.iter();
        let all = projects.map(|(path, project)| {
            let told = |items: &BTreeMap<u64, Item>| {
                items.values().map(|one| item(world, path, one)).collect::<Vec<_>>()
            };
            let value = json!({"issues": told(&project.issues), "merge_requests": told(&project.changes)});
            (path.clone(), value)
        });
        all.collect()
    };
    let mut all = Map::new();
    for (path, mut value) in projects {
        value["branches"] = json!(world.repositories.heads(&path).await?);
        all.insert(path, value);
    }
    Ok(Value::Object(all))
}

fn item(world: &World, project: &str, item: &Item) -> Value {
    let place = Place { project: project.to_owned(), change: item.change.is_some(), iid: item.iid };
    let url = shape::web(world, &format!("{project}/-/{}/{}", place.kind(), item.iid));
    let notes = item.notes.iter();
    let notes = notes.map(|note| json!({"id": note.id, "author": note.author, "body": note.body}));
    let mut value = json!({
        "iid": item.iid, "url": url, "title": item.title, "description": item.description, "author": item.author,
        "open": item.open, "labels": item.labels, "notes": notes.collect::<Vec<_>>(),
    });
    if let Some(change) = &item.change {
        value["source_branch"] = change.source.as_str().into();
        value["target_branch"] = change.target.as_str().into();
        value["sha"] = change.sha.as_str().into();
    }
    value
}
