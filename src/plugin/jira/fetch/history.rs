//! What happened to an issue, told as the webhook would have told it at the time.

use http::HeaderMap;
use http::header::{CONTENT_TYPE, HeaderValue};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::wire::{Change, Words, read_moment, write_moment};
use crate::plugin::source::{Delivery, JSON};

/// An issue as it is now, and what was done to it.
#[derive(Debug)]
pub(super) struct History {
    /// The site's address, which webhooks write wherever the API is reached.
    pub(super) site: String,
    pub(super) issue: Value,
    /// Oldest first.
    pub(super) changes: Vec<Change>,
    pub(super) comments: Vec<Words>,
}

impl History {
    /// The deliveries of all that happened since a moment; those of one moment in their order.
    pub(super) fn told(mut self, since: Timestamp) -> Vec<(Timestamp, Delivery)> {
        let address = format!("{}/rest/api/2/issue/{}", self.site, text(&self.issue["id"]));
        self.issue["self"] = address.clone().into();
        let comments = self.comments.drain(..).filter(|comment| comment.created >= since);
        let mut told: Vec<_> = comments.map(|comment| commented(comment, &address, &self.issue)).collect();
        // From the end: each change is told with the issue as it was left by it.
        for change in self.changes.drain(..).rev().take_while(|change| change.created >= since) {
            self.issue["fields"]["updated"] = write_moment(change.created).into();
            let items = change.items.clone();
            told.push(updated(change, &self.issue));
            items.iter().for_each(|item| undo(&mut self.issue["fields"], item));
        }
        told.extend(created(self.issue).filter(|(moment, _)| *moment >= since));
        told.reverse();
        told
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Puts a field back to what it was before a change, as far as the log tells.
fn undo(fields: &mut Value, item: &Value) {
    let (id, name) = (&item["from"], &item["fromString"]);
    let field = item["fieldId"].as_str().or(item["field"].as_str()).unwrap_or_default();
    let before = match field {
        "assignee" if id.is_null() => Value::Null,
        "assignee" => json!({ "accountId": id, "displayName": name }),
        "status" => json!({ "id": id, "name": name }),
        "labels" => text(name).split_whitespace().collect(),
        "summary" | "description" => name.clone(),
        _ => return,
    };
    fields[field] = before;
}

fn created(mut issue: Value) -> Option<(Timestamp, Delivery)> {
    let written = issue["fields"]["created"].clone();
    let moment = read_moment(written.as_str()?)?;
    issue["fields"]["updated"] = written;
    let by = issue["fields"]["creator"].clone();
    let body = json!({
        "timestamp": moment.as_millisecond(),
        "webhookEvent": "jira:issue_created",
        "issue_event_type_name": "issue_created",
        "user": by,
        "issue": issue,
    });
    Some((moment, delivery(&body)))
}

fn updated(change: Change, issue: &Value) -> (Timestamp, Delivery) {
    let Change { id, author, created, items } = change;
    let body = json!({
        "timestamp": created.as_millisecond(),
        "webhookEvent": "jira:issue_updated",
        "issue_event_type_name": "issue_generic",
        "user": author,
        "issue": issue,
        "changelog": { "id": id, "items": items },
    });
    (created, delivery(&body))
}

fn commented(comment: Words, issue_address: &str, issue: &Value) -> (Timestamp, Delivery) {
    let Words { id, created, others } = comment;
    let mut comment = Value::Object(others);
    comment["self"] = format!("{issue_address}/comment/{id}").into();
    comment["id"] = id.into();
    comment["created"] = write_moment(created).into();
    let body = json!({
        "timestamp": created.as_millisecond(),
        "webhookEvent": "comment_created",
        "comment": comment,
        "issue": issue,
    });
    (created, delivery(&body))
}

fn delivery(body: &Value) -> Delivery {
    Delivery {
        path: "/webhooks/jira".to_owned(),
        headers: HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(JSON))]),
        body: body.to_string().into(),
        ..Delivery::default()
    }
}
