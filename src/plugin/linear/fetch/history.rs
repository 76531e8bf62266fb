//! What happened to an issue, told as the webhook would have told it at the time.
//!
//! A team may have Linear put together what one person does to an issue within some minutes: an entry of its history
//! then grows. Each thing that an entry tells of is therefore told, and known again, by itself.

use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::super::source::{ID, MADE};
use super::super::wire::Entry;
use super::Told;
use crate::plugin::source::{Delivery, JSON};

/// What is asked of an issue.
pub(super) const ISSUE: &str = "query($id: String!, $after: String) { issue(id: $id) { \
    id identifier number title description url createdAt priority priorityLabel state { id name type } \
    team { id key name } project { id name } assignee { id name } delegate { id name } \
    labels(first: 50) { nodes { id name } } creator { id name app } botActor { id name type } \
    history(first: 30, after: $after, orderBy: updatedAt) { nodes { \
    id createdAt updatedAt actor { id name app } botActor { id name type } \
    addedLabels { id name } removedLabels { id name } fromState { id name type } toState { id name type } \
    fromAssignee { id name } toAssignee { id name } fromDelegate { id name } toDelegate { id name } \
    fromTitle toTitle updatedDescription fromPriority toPriority fromProjectId toProjectId fromCycleId toCycleId \
    fromParentId toParentId fromEstimate toEstimate fromDueDate toDueDate } \
    pageInfo { hasNextPage endCursor } } } }";

/// How much later Linear may write down what something was made with.
const MAKING: SignedDuration = SignedDuration::from_secs(2);

/// What has an id of its own: its name in a history behind `from` and `to`, in a webhook, and in a change's name.
const PARTS: [(&str, &str, &str); 3] = [
    ("Assignee", "assignee", "assigneeId"),
    ("Delegate", "delegate", "delegateId"),
    ("State", "state", "stateId"),
];

/// What else a webhook tells of as a change, by its name behind `to`.
const OTHERS: [&str; 7] = ["Title", "Priority", "ProjectId", "CycleId", "ParentId", "Estimate", "DueDate"];

/// An issue as it is now, and what was done to it, oldest first.
#[derive(Debug)]
pub(super) struct History {
    made: Timestamp,
    issue: Issue,
    /// What it was made with comes with it.
    entries: Vec<Entry>,
    by: Value,
}

/// An issue at some time, in the webhook's shape.
#[derive(Debug)]
struct Issue {
    data: Value,
}

/// Which end of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Before,
    After,
}

/// A moment as Linear writes it.
pub(super) fn time(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

impl History {
    pub(super) fn new(made: Timestamp, mut issue: Map<String, Value>, mut entries: Vec<Entry>) -> Self {
        entries.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        let creator = issue.remove("creator").unwrap_or_default();
        let by = actor(&creator, issue.get("botActor").unwrap_or(&Value::Null));
        issue.insert("createdAt".to_owned(), time(made).into());
        // By the moment of its last change no earlier one is known.
        issue.remove("updatedAt");
        Self { made, issue: Issue::new(issue), entries, by }
    }

    /// The deliveries of all that happened since a moment; those of one moment in their order.
    pub(super) fn told(mut self, since: Timestamp) -> Vec<Told> {
        let mut told = Vec::new();
        // From the end: each change is told with the issue as it was left by it.
        for entry in std::mem::take(&mut self.entries).iter().rev().filter(|entry| entry.updated_at >= since)
        {
            self.issue.put(entry, End::After);
            told.extend(self.tell(entry));
            self.go_back(entry);
        }
        told.extend(self.creation(since));
        told.reverse();
        told
    }

    /// The delivery that it was made, if that was since a moment.
    pub(super) fn made(mut self, since: Timestamp) -> Option<Told> {
        for entry in std::mem::take(&mut self.entries).iter().rev() {
            self.go_back(entry);
        }
        self.creation(since)
    }

    fn creation(&self, since: Timestamp) -> Option<Told> {
        let mut data = self.issue.data.clone();
        // As it is when it is made, by which the webhook's telling of it is known too.
        data["updatedAt"] = time(self.made).into();
        let id = data["id"].as_str()?.to_owned();
        let body = json!({
            "action": "create", "type": "Issue", "actor": self.by, "createdAt": time(self.made), "url": data["url"],
            "data": data,
        });
        let told = (self.made, delivery(&format!("issue/{id}"), &body)?);
        (self.made >= since).then_some(told)
    }

    /// Puts the issue back to what it was before a change; what it was made with stays.
    fn go_back(&mut self, entry: &Entry) {
        if !self.is_of_making(entry) {
            self.issue.put(entry, End::Before);
        }
    }

    /// Whether Linear wrote down with it what the issue was made with.
    fn is_of_making(&self, entry: &Entry) -> bool {
        let is_soon = entry.created_at.duration_since(self.made) <= MAKING;
        is_soon && actor(&entry.actor, &entry.bot_actor)["id"] == self.by["id"]
    }

    /// Each thing that was done, the last first.
    fn tell(&self, entry: &Entry) -> Vec<Told> {
        let place = if self.is_of_making(entry) {
            format!("{MADE}/{}", text(&self.issue.data["id"]))
        } else {
            format!("history/{}", entry.id)
        };
        let by = actor(&entry.actor, &entry.bot_actor);
        let tell = |(what, from): (String, Value)| {
            let body = json!({
                "action": "update", "type": "Issue", "actor": by, "createdAt": time(entry.updated_at),
                "url": self.issue.data["url"], "data": self.issue.data, "updatedFrom": from,
            });
            Some((entry.updated_at, delivery(&format!("{place}/{what}"), &body)?))
        };
        self.issue.changes(entry).into_iter().rev().filter_map(tell).collect()
    }
}

impl Issue {
    fn new(mut issue: Map<String, Value>) -> Self {
        let labels = issue.get_mut("labels").map(|labels| labels["nodes"].take()).unwrap_or_default();
        let mut issue = Self { data: Value::Object(issue) };
        issue.data["teamId"] = issue.data["team"]["id"].clone();
        for (_, name, _) in PARTS {
            issue.set(name, issue.data[name].clone());
        }
        issue.label(labels.as_array().cloned().unwrap_or_default());
        issue
    }

    /// Makes the issue what it was at an end of a change, as far as the change tells.
    fn put(&mut self, entry: &Entry, end: End) {
        for (part, name, _) in PARTS {
            if let Some((from, to)) = changed(entry, part) {
                self.set(name, if end == End::Before { from } else { to });
            }
        }
        if let Some((from, to)) = changed(entry, "Title") {
            self.data["title"] = if end == End::Before { from } else { to };
        }
        let (added, removed) = (list(entry.added_labels.as_ref()), list(entry.removed_labels.as_ref()));
        let (with, without) = if end == End::Before { (removed, added) } else { (added, removed) };
        let has = |these: &[Value], label: &Value| these.iter().any(|one| one["id"] == label["id"]);
        let mut labels: Vec<Value> = list(self.data["labels"].as_array()).to_vec();
        labels.retain(|label| !has(without, label) && !has(with, label));
        labels.extend(with.iter().cloned());
        self.label(labels);
    }

    fn label(&mut self, labels: Vec<Value>) {
        self.data["labelIds"] = labels.iter().map(|label| label["id"].clone()).collect();
        self.data["labels"] = labels.into();
    }

    /// Sets a part; what is nobody's is left out, as in a webhook.
    fn set(&mut self, name: &str, part: Value) {
        let Value::Object(members) = &mut self.data else { return };
        let id = format!("{name}Id");
        if part.is_null() {
            members.remove(name);
            members.remove(&id);
        } else {
            members.insert(id, part["id"].clone());
            members.insert(name.to_owned(), part);
        }
    }

    /// What a change did, each thing with a name, and with what was there before.
    fn changes(&self, entry: &Entry) -> Vec<(String, Value)> {
        let mut all = Vec::new();
        for (part, name, id) in PARTS {
            if let Some((from, to)) = changed(entry, part) {
                let to = to["id"].as_str().unwrap_or("nobody");
                all.push((format!("{name}/{to}"), json!({ id: from["id"] })));
            }
        }
        let ids = list(self.data["labelIds"].as_array());
        for label in list(entry.added_labels.as_ref()) {
            let before: Vec<_> = ids.iter().filter(|id| **id != label["id"]).collect();
            all.push((format!("label/{}", text(&label["id"])), json!({ "labelIds": before })));
        }
        for label in list(entry.removed_labels.as_ref()) {
            let before: Vec<_> = ids.iter().chain([&label["id"]]).collect();
            all.push((format!("unlabel/{}", text(&label["id"])), json!({ "labelIds": before })));
        }
        let is_described = entry.others.get("updatedDescription") == Some(&Value::Bool(true));
        if is_described || OTHERS.iter().any(|name| changed(entry, name).is_some()) {
            all.push(("rest".to_owned(), json!({})));
        }
        all
    }
}

/// What came in the place of what, if something did.
fn changed(entry: &Entry, name: &str) -> Option<(Value, Value)> {
    let part = |end: &str| entry.others.get(&format!("{end}{name}")).cloned().unwrap_or_default();
    let (from, to) = (part("from"), part("to"));
    (from != to).then_some((from, to))
}

/// The delivery that something was said; none where it is about no issue.
pub(super) fn said(mut comment: Value) -> Option<Told> {
    let id = comment["id"].as_str()?.to_owned();
    let moment: Timestamp = comment["createdAt"].as_str()?.parse().ok()?;
    comment["issue"].as_object()?;
    let (by, url) = (actor(&comment["user"], &comment["botActor"]), comment["url"].take());
    // As it is when it is made, by which the webhook's telling of it is known too.
    comment["updatedAt"] = comment["createdAt"].clone();
    comment["issueId"] = comment["issue"]["id"].clone();
    comment["userId"] = comment["user"]["id"].clone();
    let created = comment["createdAt"].clone();
    let body = json!({
        "action": "create", "type": "Comment", "actor": by, "createdAt": created, "url": url, "data": comment,
    });
    Some((moment, delivery(&format!("comment/{id}"), &body)?))
}

/// Who did something: a person, or an application, or a program of Linear's or somebody else's.
fn actor(user: &Value, bot: &Value) -> Value {
    let (who, kind) = match (user.is_null(), user["app"] == true) {
        (true, _) if bot.is_null() => return Value::Null,
        (true, _) => (bot, bot["type"].as_str().unwrap_or("bot")),
        (false, true) => (user, "app"),
        (false, false) => (user, "user"),
    };
    // Some programs have no id.
    let id = if who["id"].is_null() { json!(kind) } else { who["id"].clone() };
    json!({ "id": id, "name": who["name"], "type": kind })
}

fn list(items: Option<&Vec<Value>>) -> &[Value] {
    items.map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A delivery whose id says what it tells of, so that it is the same each time.
fn delivery(id: &str, body: &Value) -> Option<Delivery> {
    let mut headers = HeaderMap::new();
    headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static(JSON));
    headers.insert(HeaderName::try_from(ID).ok()?, HeaderValue::from_str(id).ok()?);
    let path = "/webhooks/linear".to_owned();
    Some(Delivery { path, headers, body: body.to_string().into(), ..Delivery::default() })
}
