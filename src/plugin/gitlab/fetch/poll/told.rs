//! What happened to an issue or a merge request, told as the webhook would have told it at the time.

use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::super::super::wire::{Home, Remark, Updated};
use super::change::{Change, ListChange, What};
use crate::plugin::source::{Delivery, JSON};

/// How much later GitLab writes down what something was made with.
const MAKING: SignedDuration = SignedDuration::from_secs(2);

/// What something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum About {
    Issue,
    MergeRequest,
}

/// An issue or a merge request as it is now, and what was done to it, oldest first.
#[derive(Debug)]
pub(super) struct History {
    pub(super) about: About,
    pub(super) thing: Updated,
    pub(super) changes: Vec<Change>,
}

/// An issue or a merge request at some time, in the webhook's shape.
#[derive(Debug)]
struct Thing<'a> {
    home: &'a Home,
    about: About,
    /// The webhook's word for it.
    kind: &'static str,
    attributes: Value,
    /// Its `labels`, `assignees` and `reviewers`.
    lists: Map<String, Value>,
}

impl About {
    /// What the API calls it.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Issue => "issues",
            Self::MergeRequest => "merge_requests",
        }
    }

    pub(super) fn is_enabled(self, home: &Home) -> bool {
        match self {
            Self::Issue => home.issues_enabled,
            Self::MergeRequest => home.merge_requests_enabled,
        }
    }

    fn hook(self) -> &'static str {
        match self {
            Self::Issue => "Issue Hook",
            Self::MergeRequest => "Merge Request Hook",
        }
    }

    fn noteable(self) -> (&'static str, &'static str) {
        match self {
            Self::Issue => ("issue", "Issue"),
            Self::MergeRequest => ("merge_request", "MergeRequest"),
        }
    }
}

impl History {
    /// The deliveries of all that happened since a moment; those of one moment in their order.
    pub(super) fn told(mut self, home: &Home, since: Timestamp) -> Vec<(Timestamp, Delivery)> {
        for field in ["labels", "assignees", "reviewers"] {
            self.forget_making(field);
        }
        let mut thing = Thing::new(home, self.about, &self.thing);
        let mut told = Vec::new();
        // From the end: each change is told with the thing as it was left by it.
        for change in self.changes.into_iter().rev().take_while(|change| change.at >= since) {
            let at = change.at;
            told.extend(thing.tell(change).map(|delivery| (at, delivery)));
        }
        let made = self.thing.created_at;
        let opened = (made >= since).then(|| thing.opened(made, &self.thing.author)).flatten();
        told.extend(opened.map(|delivery| (made, delivery)));
        told.reverse();
        told
    }

    /// Leaves out the change in which GitLab wrote down what it was made with: the webhook tells of that once.
    fn forget_making(&mut self, field: &str) {
        let is_of = |change: &Change| matches!(&change.what, What::List(list) if list.field == field);
        let Some(first) = self.changes.iter().position(is_of) else { return };
        let change = &self.changes[first];
        let is_soon = change.at.duration_since(self.thing.created_at) <= MAKING;
        let only_adds = matches!(&change.what, What::List(list) if list.removed.is_empty());
        if is_soon && only_adds && change.by["id"] == self.thing.author["id"] {
            self.changes.remove(first);
        }
    }
}

impl<'a> Thing<'a> {
    fn new(home: &'a Home, about: About, thing: &Updated) -> Self {
        let kind = match (about, thing.issue_type.as_deref()) {
            (About::MergeRequest, _) => "merge_request",
            (About::Issue, None | Some("issue")) => "issue",
            (About::Issue, Some(_)) => "work_item",
        };
        let titles: Vec<_> = thing.labels.iter().map(|name| json!({ "title": name })).collect();
        let lists = [
            ("labels", titles),
            ("assignees", thing.assignees.clone()),
            ("reviewers", thing.reviewers.clone()),
        ];
        let lists = lists.into_iter().map(|(field, list)| (field.to_owned(), list.into())).collect();
        Self { home, about, kind, attributes: attributes(about, thing), lists }
    }

    /// Tells of a change, and puts the thing back to what it was before.
    fn tell(&mut self, change: Change) -> Option<Delivery> {
        let Change { id, at, by, what } = change;
        match what {
            What::Said(remark) => self.said(&id, &remark),
            What::Text(field) => self.changed(&id, ("update", at), &by, json!({ field: {} })),
            What::State(state) => {
                self.attributes["state"] = state.after.into();
                let told = self.changed(&id, (state.action, at), &by, json!({}));
                self.attributes["state"] = state.before.into();
                told
            }
            What::List(list) => {
                // It may have changed again since it was asked for.
                let after = edited(&self.lists[list.field], &list, (&list.added, &list.removed));
                let before = edited(&after, &list, (&list.removed, &list.added));
                self.lists.insert(list.field.to_owned(), after.clone());
                let changes = json!({ list.field: {"previous": before, "current": after} });
                let told = self.changed(&id, ("update", at), &by, changes);
                self.lists.insert(list.field.to_owned(), before);
                told
            }
        }
    }

    fn opened(&self, at: Timestamp, by: &Value) -> Option<Delivery> {
        let sign = if self.about == About::Issue { '#' } else { '!' };
        let id = format!("opened/{}{sign}{}", self.home.path_with_namespace, self.attributes["iid"]);
        self.changed(&id, ("open", at), by, json!({}))
    }

    fn changed(
        &self,
        id: &str,
        (action, at): (&str, Timestamp),
        by: &Value,
        changes: Value,
    ) -> Option<Delivery> {
        let mut attributes = self.now();
        attributes["action"] = action.into();
        attributes["updated_at"] = at.to_string().into();
        let mut body = json!({
            "object_kind": self.kind, "event_type": self.kind, "user": by, "project": home(self.home),
            "object_attributes": attributes, "changes": changes,
        });
        for (field, list) in &self.lists {
            body[field] = list.clone();
        }
        delivery(self.about.hook(), id, &body)
    }

    fn said(&self, id: &str, remark: &Remark) -> Option<Delivery> {
        let (about, noteable) = self.about.noteable();
        let url = self.attributes["url"].as_str().unwrap_or_default();
        let moment = remark.created_at.to_string();
        let mut body = json!({
            "object_kind": "note", "event_type": "note", "user": remark.author, "project": home(self.home),
            "object_attributes": {
                "id": remark.id, "note": remark.body, "noteable_type": noteable, "system": false,
                "noteable_id": self.attributes["id"], "created_at": moment, "updated_at": moment,
                "position": remark.position, "action": "create", "url": format!("{url}#note_{}", remark.id),
            },
        });
        body[about] = self.now();
        delivery("Note Hook", id, &body)
    }

    /// It as it is at the moment that is told of.
    fn now(&self) -> Value {
        let mut attributes = self.attributes.clone();
        attributes["labels"] = self.lists["labels"].clone();
        attributes
    }
}

fn attributes(about: About, thing: &Updated) -> Value {
    let mut attributes = json!({
        "id": thing.id, "iid": thing.iid, "title": thing.title, "description": thing.description,
        "state": thing.state, "url": thing.web_url, "created_at": thing.created_at.to_string(),
    });
    match about {
        About::Issue => attributes["type"] = title(thing.issue_type.as_deref().unwrap_or("issue")).into(),
        About::MergeRequest => {
            attributes["draft"] = thing.draft.into();
            attributes["source_branch"] = json!(thing.source_branch);
            attributes["target_branch"] = json!(thing.target_branch);
            attributes["source_project_id"] = json!(thing.source_project_id);
            attributes["target_project_id"] = json!(thing.target_project_id);
            attributes["last_commit"] = json!({ "id": thing.sha });
        }
    }
    attributes
}

/// What webhooks write for a type of issue: `Test case`.
fn title(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters.map(|letter| if letter == '_' { ' ' } else { letter })).collect()
}

fn home(home: &Home) -> Value {
    let level = match home.visibility.as_deref() {
        Some("public") => 20,
        Some("internal") => 10,
        _ => 0,
    };
    json!({
        "id": home.id, "name": home.name, "path_with_namespace": home.path_with_namespace,
        "default_branch": home.default_branch, "web_url": home.web_url, "visibility_level": level,
    })
}

/// A list with these entries and without those.
fn edited(list: &Value, change: &ListChange, (with, without): (&[String], &[String])) -> Value {
    let has = |names: &[String], entry: &Value| names.iter().any(|name| entry[change.key] == name.as_str());
    let there = list.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut kept: Vec<Value> = there.iter().filter(|entry| !has(without, entry)).cloned().collect();
    for name in with {
        if !kept.iter().any(|entry| entry[change.key] == name.as_str()) {
            kept.push(json!({ change.key: name }));
        }
    }
    kept.into()
}

/// A delivery whose key says what it tells of, so that it is the same each time.
fn delivery(hook: &'static str, id: &str, body: &Value) -> Option<Delivery> {
    let mut headers = HeaderMap::new();
    headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static(JSON));
    headers.insert(HeaderName::from_static("x-gitlab-event"), HeaderValue::from_static(hook));
    headers.insert(HeaderName::from_static("idempotency-key"), HeaderValue::from_str(id).ok()?);
    let path = "/webhooks/gitlab".to_owned();
    Some(Delivery { path, headers, body: body.to_string().into(), ..Delivery::default() })
}
