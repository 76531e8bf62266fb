//! What was done to the labels and the state of issues and merge requests, as GitLab remembers it: oldest first, by
//! whom and when.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::item::{self, Paging};
use super::state::Place;
use super::{Answer, shape};
use crate::id::Digest;
use crate::twin::world::World;

/// Something that was done.
#[derive(Debug, Clone)]
pub(super) struct Event {
    id: u64,
    by: String,
    at: Timestamp,
    what: What,
}

/// What was done.
#[derive(Debug, Clone)]
enum What {
    /// A label was put on, or taken away.
    Label { name: String, added: bool },
    /// It was closed or opened again.
    State(&'static str),
}

impl Event {
    pub(super) fn numbered(self, id: u64) -> Self {
        Self { id, ..self }
    }
}

/// What brought labels and a state from those to these, without numbers yet.
pub(super) fn between(
    (labels, open): (&[String], bool),
    (labels_after, open_after): (&[String], bool),
    (by, at): (&str, Timestamp),
) -> Vec<Event> {
    let without = |these: &[String], those: &[String], added: bool| {
        let names = these.iter().filter(|name| !those.contains(name)).cloned();
        names.map(|name| What::Label { name, added }).collect::<Vec<_>>()
    };
    let mut done = without(labels_after, labels, true);
    done.extend(without(labels, labels_after, false));
    match (open, open_after) {
        (true, false) => done.push(What::State("closed")),
        (false, true) => done.push(What::State("reopened")),
        _ => {}
    }
    done.into_iter().map(|what| Event { id: 0, by: by.to_owned(), at, what }).collect()
}

pub(super) async fn list_labels(
    State(world): State<Arc<World>>,
    Path((id, kind, iid)): Path<(String, String, u64)>,
    Query(paging): Query<Paging>,
) -> Answer {
    list(&world, &item::place(&world, &id, &kind, iid)?, &paging, |what| match what {
        What::Label { name, added } => Some(vec![
            ("label", json!({"id": Digest::of(name.as_bytes()).to_string().len(), "name": name})),
            ("action", if *added { "add" } else { "remove" }.into()),
        ]),
        What::State(_) => None,
    })
}

pub(super) async fn list_states(
    State(world): State<Arc<World>>,
    Path((id, kind, iid)): Path<(String, String, u64)>,
    Query(paging): Query<Paging>,
) -> Answer {
    list(&world, &item::place(&world, &id, &kind, iid)?, &paging, |what| match what {
        What::State(state) => Some(vec![("state", (*state).into())]),
        What::Label { .. } => None,
    })
}

/// A page of the events of which there is something to tell.
fn list(
    world: &World,
    place: &Place,
    paging: &Paging,
    told: impl Fn(&What) -> Option<Vec<(&'static str, Value)>>,
) -> Answer {
    let state = world.gitlab();
    let item = state.item(place)?;
    let shaped = |event: &Event| {
        let mut value = json!({
            "id": event.id, "user": shape::user(world, &event.by), "created_at": shape::time(event.at),
            "resource_type": place.noteable(), "resource_id": item.id,
        });
        for (name, part) in told(&event.what)? {
            value[name] = part;
        }
        Some(value)
    };
    Ok(paging.page(item.events.iter().filter_map(shaped).collect(), 100))
}
