//! What happened in a repository, told as its webhook would have told it at the time.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::plugin::source::{Delivery, JSON};

/// What happens to issues and pull requests, by the words of the list of events and those of webhooks.
const ACTIONS: &[(&str, &str)] = &[
    ("labeled", "labeled"),
    ("unlabeled", "unlabeled"),
    ("assigned", "assigned"),
    ("unassigned", "unassigned"),
    ("closed", "closed"),
    ("reopened", "reopened"),
    ("renamed", "edited"),
    ("review_requested", "review_requested"),
    ("ready_for_review", "ready_for_review"),
    ("convert_to_draft", "converted_to_draft"),
];

/// What happened in a repository, newest first.
#[derive(Debug)]
pub(super) struct Happened {
    repository: Value,
    /// Issues as they are now, and pull requests as issues.
    issues: BTreeMap<u64, Value>,
    pulls: BTreeMap<u64, Value>,
    events: Vec<Value>,
    comments: Vec<Value>,
}

/// Whether something is told of as an issue or as a pull request.
#[derive(Debug, Clone, Copy)]
enum About {
    Issue,
    Pull,
}

impl Happened {
    pub(super) fn new(
        repository: Value,
        issues: Vec<Value>,
        events: Vec<Value>,
        comments: Vec<Value>,
    ) -> Self {
        let issues = issues.into_iter().filter_map(|issue| Some((number(&issue["number"])?, issue)));
        let events = events.into_iter().filter(|event| action(event).is_some()).collect();
        Self { repository, issues: issues.collect(), pulls: BTreeMap::new(), events, comments }
    }

    /// The pull requests that more must be known of.
    pub(super) fn pulls(&self, since: Timestamp) -> Vec<u64> {
        let told = |number: u64| self.events.iter().any(|event| number_of(event) == Some(number));
        let pulls = self.issues.iter().filter(|(number, issue)| {
            issue["pull_request"].is_object() && (is_new(issue, since) || told(**number))
        });
        pulls.map(|(number, _)| *number).collect()
    }

    /// Takes down a pull request in full; without it, nothing is told of it.
    pub(super) fn learn(&mut self, number: u64, pull: Option<Value>) {
        self.pulls.extend(pull.map(|pull| (number, pull)));
    }

    /// The deliveries, oldest first.
    pub(super) fn told(mut self, since: Timestamp) -> Vec<Delivery> {
        let mut told = Vec::new();
        told.extend(self.comments.iter().filter_map(|comment| self.commented(comment)));
        for event in std::mem::take(&mut self.events) {
            let Some((about, thing)) = self.thing(&event) else { continue };
            thing["updated_at"] = event["created_at"].clone();
            let thing = thing.clone();
            told.extend(self.changed(&event, about, thing));
            self.undo(&event);
        }
        for (number, issue) in &self.issues {
            let pull = self.pulls.get(number).filter(|_| issue["pull_request"].is_object());
            let is_pull = issue["pull_request"].is_object();
            let thing = if is_pull { pull } else { Some(issue) };
            told.extend(thing.filter(|_| is_new(issue, since)).and_then(|thing| self.opened(thing, is_pull)));
        }
        told.reverse();
        told.sort_by_key(|(moment, _)| *moment);
        told.into_iter().map(|(_, delivery)| delivery).collect()
    }

    /// What an event happened to.
    fn thing(&mut self, event: &Value) -> Option<(About, &mut Value)> {
        let number = number_of(event)?;
        if self.issues.get(&number)?["pull_request"].is_object() {
            return Some((About::Pull, self.pulls.get_mut(&number)?));
        }
        Some((About::Issue, self.issues.get_mut(&number)?))
    }

    /// Puts a thing back to what it was before an event. What it was made with is not taken from it.
    fn undo(&mut self, event: &Value) {
        let made = number_of(event).and_then(|number| Some(self.issues.get(&number)?["created_at"].clone()));
        if made.as_ref() == Some(&event["created_at"]) {
            return;
        }
        if let Some((_, thing)) = self.thing(event) {
            undo(thing, event);
        }
    }

    fn commented(&self, comment: &Value) -> Option<(Timestamp, Delivery)> {
        let number: u64 = comment["issue_url"].as_str()?.rsplit('/').next()?.parse().ok()?;
        let body = json!({
            "action": "created", "issue": self.issues.get(&number)?, "comment": comment,
            "repository": self.repository, "sender": comment["user"],
        });
        let id = format!("comment/{}", self::number(&comment["id"])?);
        Some((moment(&comment["created_at"])?, delivery("issue_comment", &id, &body)?))
    }

    fn changed(&self, event: &Value, about: About, thing: Value) -> Option<(Timestamp, Delivery)> {
        let (_, action) = action(event)?;
        let sender = if event["assigner"].is_object() { &event["assigner"] } else { &event["actor"] };
        let mut body = self.body(about, action, thing, sender);
        for part in ["label", "assignee", "requested_reviewer", "requested_team"] {
            if event[part].is_object() {
                body[part] = event[part].clone();
            }
        }
        let id = format!("event/{}", number(&event["id"])?);
        Some((moment(&event["created_at"])?, delivery(about.name(), &id, &body)?))
    }

    fn opened(&self, thing: &Value, is_pull: bool) -> Option<(Timestamp, Delivery)> {
        let about = if is_pull { About::Pull } else { About::Issue };
        let mut thing = thing.clone();
        thing["updated_at"] = thing["created_at"].clone();
        let (made, by) = (moment(&thing["created_at"])?, thing["user"].clone());
        let id = format!("opened/{}/{}", text(&self.repository["full_name"]), number(&thing["number"])?);
        Some((made, delivery(about.name(), &id, &self.body(about, "opened", thing, &by))?))
    }

    fn body(&self, about: About, action: &str, thing: Value, sender: &Value) -> Value {
        let mut body = json!({ "action": action, "repository": self.repository, "sender": sender });
        match about {
            About::Issue => body["issue"] = thing,
            About::Pull => {
                body["number"] = thing["number"].clone();
                body["pull_request"] = thing;
            }
        }
        body
    }
}

impl About {
    /// The name of the webhook's event.
    fn name(self) -> &'static str {
        match self {
            Self::Issue => "issues",
            Self::Pull => "pull_request",
        }
    }
}

fn undo(thing: &mut Value, event: &Value) {
    match text(&event["event"]) {
        "labeled" => without(&mut thing["labels"], "name", &event["label"]),
        "unlabeled" => with(&mut thing["labels"], &event["label"]),
        "assigned" => without(&mut thing["assignees"], "login", &event["assignee"]),
        "unassigned" => with(&mut thing["assignees"], &event["assignee"]),
        "closed" => thing["state"] = "open".into(),
        "reopened" => thing["state"] = "closed".into(),
        "renamed" => thing["title"] = event["rename"]["from"].clone(),
        _ => {}
    }
    if event["assignee"].is_object() {
        thing["assignee"] = thing["assignees"].get(0).cloned().unwrap_or_default();
    }
}

fn without(list: &mut Value, key: &str, gone: &Value) {
    if let Some(list) = list.as_array_mut() {
        list.retain(|item| item[key] != gone[key]);
    }
}

fn with(list: &mut Value, added: &Value) {
    if let Some(list) = list.as_array_mut() {
        list.push(added.clone());
    }
}

/// The words for what an event says that happened; none where no webhook would have told of it.
fn action(event: &Value) -> Option<(&'static str, &'static str)> {
    ACTIONS.iter().find(|(word, _)| event["event"] == *word).copied()
}

fn is_new(issue: &Value, since: Timestamp) -> bool {
    moment(&issue["created_at"]) >= Some(since)
}

fn number_of(event: &Value) -> Option<u64> {
    number(&event["issue"]["number"])
}

pub(super) fn number(value: &Value) -> Option<u64> {
    value.as_u64()
}

pub(super) fn moment(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A delivery whose id says what it tells of, so that it is the same each time.
fn delivery(event: &'static str, id: &str, body: &Value) -> Option<Delivery> {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static(JSON));
    headers.insert("x-github-event", HeaderValue::from_static(event));
    headers.insert("x-github-delivery", HeaderValue::from_str(id).ok()?);
    let path = "/webhooks/github".to_owned();
    Some(Delivery { path, headers, body: body.to_string().into(), ..Delivery::default() })
}
