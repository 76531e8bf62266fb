//! What was done to an issue or a merge request, as its events and notes tell it.
//!
//! Labels that were changed in one go have one moment and one author, and are one change. Whom it was given to
//! is told only in words, by notes that GitLab writes itself and always in English.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::super::super::wire::{LabelEvent, Remark, StateEvent};

/// Something that happened to an issue or a merge request.
#[derive(Debug)]
pub(super) struct Change {
    /// What it is known by, whenever it is told: `label/142`.
    pub(super) id: String,
    pub(super) at: Timestamp,
    /// Whose doing it was.
    pub(super) by: Value,
    pub(super) what: What,
}

/// What happened.
#[derive(Debug)]
pub(super) enum What {
    /// Something was added to a list that it has, or taken away.
    List(ListChange),
    /// It was closed, opened again, or merged.
    State(StateChange),
    /// Another text was written; which one it was before is not told.
    Text(&'static str),
    /// Something was said.
    Said(Remark),
}

/// What was added to a list, and what was taken away.
#[derive(Debug)]
pub(super) struct ListChange {
    /// `labels`, `assignees`, `reviewers`.
    pub(super) field: &'static str,
    /// What its entries are known by.
    pub(super) key: &'static str,
    pub(super) added: Vec<String>,
    pub(super) removed: Vec<String>,
}

/// A state that came in place of another.
#[derive(Debug, Clone, Copy)]
pub(super) struct StateChange {
    /// The webhook's word for it.
    pub(super) action: &'static str,
    pub(super) before: &'static str,
    pub(super) after: &'static str,
}

/// Lists of people, with the words before those who were added and those who were taken away.
const PEOPLE: [(&str, &str, &str); 2] = [
    ("assignees", "assigned to ", "unassigned "),
    ("reviewers", "requested review from ", "removed review request for "),
];

/// The words before what was written anew.
const TEXTS: [(&str, &str); 2] =
    [("title", "changed title from "), ("description", "changed the description")];

/// Everything that happened, oldest first, each once.
pub(super) fn all(labels: Vec<LabelEvent>, states: Vec<StateEvent>, remarks: Vec<Remark>) -> Vec<Change> {
    let mut all = labelled(labels);
    all.extend(states.into_iter().filter_map(set));
    all.extend(remarks.into_iter().filter_map(noted));
    all.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
    all.dedup_by(|a, b| a.id == b.id);
    all
}

/// Those of one moment and one author are one.
fn labelled(events: Vec<LabelEvent>) -> Vec<Change> {
    let mut changes: BTreeMap<(Timestamp, String), Vec<LabelEvent>> = BTreeMap::new();
    for event in events {
        changes.entry((event.created_at, event.user["id"].to_string())).or_default().push(event);
    }
    changes.into_values().filter_map(labels).collect()
}

/// What one change did to the labels; nothing where none of them is there any more.
fn labels(events: Vec<LabelEvent>) -> Option<Change> {
    // The first of them stays the first, whatever becomes of its label.
    let first = events.iter().min_by_key(|event| event.id)?;
    let (id, at, by) = (format!("label/{}", first.id), first.created_at, first.user.clone());
    let mut change = ListChange { field: "labels", key: "title", added: Vec::new(), removed: Vec::new() };
    for event in events {
        let list = if event.action == "remove" { &mut change.removed } else { &mut change.added };
        list.extend(event.label.map(|label| label.name));
    }
    let is_empty = change.added.is_empty() && change.removed.is_empty();
    (!is_empty).then_some(Change { id, at, by, what: What::List(change) })
}

fn set(event: StateEvent) -> Option<Change> {
    let (action, before, after) = match event.state.as_str() {
        "closed" => ("close", "opened", "closed"),
        "opened" | "reopened" => ("reopen", "closed", "opened"),
        "merged" => ("merge", "opened", "merged"),
        _ => return None,
    };
    let what = What::State(StateChange { action, before, after });
    Some(Change { id: format!("state/{}", event.id), at: event.created_at, by: event.user, what })
}

/// What a note tells; nothing where GitLab notes what no webhook would be sent for, or only members may read it.
fn noted(remark: Remark) -> Option<Change> {
    let (id, at, by) = (format!("note/{}", remark.id), remark.created_at, remark.author.clone());
    let is_hidden = remark.internal == Some(true) || remark.confidential == Some(true);
    let what = match remark.system {
        true => by_system(&remark.body)?,
        false if is_hidden => return None,
        false => What::Said(remark),
    };
    Some(Change { id, at, by, what })
}

fn by_system(body: &str) -> Option<What> {
    let people = || PEOPLE.into_iter().find_map(|words| people(body, words)).map(What::List);
    let text = || TEXTS.into_iter().find(|(_, words)| body.starts_with(words));
    people().or_else(|| text().map(|(field, _)| What::Text(field)))
}

/// Who was added and who was taken away: `assigned to @a, @b and @c and unassigned @d`.
fn people(body: &str, (field, adding, removing): (&'static str, &str, &str)) -> Option<ListChange> {
    let both = || body.strip_prefix(adding)?.split_once(&format!(" and {removing}"));
    let added = || Some((body.strip_prefix(adding)?, ""));
    let removed = || Some(("", body.strip_prefix(removing)?));
    let (added, removed) = both().or_else(added).or_else(removed)?;
    let names = |text: &str| {
        let words = text.split([' ', ',']).filter_map(|word| word.strip_prefix('@'));
        words.map(str::to_owned).collect::<Vec<_>>()
    };
    Some(ListChange { field, key: "username", added: names(added), removed: names(removed) })
}
