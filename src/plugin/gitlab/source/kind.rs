//! What GitLab's hooks are called here: the words are those of the other forge wherever it has one for
//! the same thing.

use super::{GITLAB, Reading};
use crate::event::EventKind;

impl<'a> Reading<'a> {
    /// The hook's object, in GitLab's word. A hook whose body was replaced by a template is known by its header.
    pub(super) fn object(self) -> &'a str {
        let payload = self.payload;
        let told = [&payload.object_kind, &payload.event_name, &payload.event_type];
        told.into_iter().find_map(|text| text.text()).unwrap_or_else(|| by_header(self.hook))
    }

    pub(super) fn kind(self) -> EventKind {
        let stem = match self.object() {
            "note" if self.is_review() => "review_comment".to_owned(),
            "note" => "comment".to_owned(),
            "build" => "job".to_owned(),
            other => word(other),
        };
        EventKind::new(match self.verb() {
            Some(verb) => format!("{GITLAB}.{stem}.{}", word(verb)),
            None => format!("{GITLAB}.{stem}"),
        })
    }

    /// Whether a comment stands at a line of a merge request's diff.
    fn is_review(self) -> bool {
        self.note().is_some_and(|note| note.position.get().is_some())
    }

    /// What happened to the object.
    pub(super) fn verb(self) -> Option<&'a str> {
        let payload = self.payload;
        let object = payload.object_attributes.get();
        let action = object.and_then(|object| object.action.text()).or(payload.action.text());
        match self.object() {
            "issue" | "work_item" | "merge_request" if action == Some("update") => Some(self.update()),
            "pipeline" => object?.status.text().map(state),
            "build" => payload.build_status.text().map(state),
            "deployment" => payload.status.text(),
            "emoji" => payload.event_type.text().map(past),
            // Before 16.11 there was no action.
            "note" => action.or(Some("create")).map(past),
            _ => action.map(past),
        }
    }

    /// What an update is named after: the most telling of what it tells.
    fn update(self) -> &'static str {
        let object = self.payload.object_attributes.get();
        let changes = self.payload.changes.get();
        let reviewers = changes.and_then(|changes| changes.reviewers.get());
        if object.is_some_and(|object| object.oldrev.text().is_some()) {
            "synchronize"
        } else if !self.assignees_added().is_empty() {
            "assigned"
        } else if self.unassigned().is_some() {
            "unassigned"
        } else if reviewers.is_some_and(|change| !change.current.items().is_empty()) {
            "review_requested"
        } else if !self.labels_added().is_empty() {
            "labeled"
        } else if !self.labels_removed().is_empty() {
            "unlabeled"
        } else {
            "edited"
        }
    }
}

/// An object's kind by the name of its hook: `Confidential Issue Hook`.
fn by_header(hook: &str) -> &'static str {
    let name = hook.trim_start_matches("Confidential ").trim_end_matches(" Hook");
    let known = [
        ("Push", "push"),
        ("Tag Push", "tag_push"),
        ("Issue", "issue"),
        ("Work Item", "work_item"),
        ("Note", "note"),
        ("Merge Request", "merge_request"),
        ("Pipeline", "pipeline"),
        ("Job", "build"),
        ("Wiki Page", "wiki_page"),
        ("Deployment", "deployment"),
        ("Release", "release"),
        ("Emoji", "emoji"),
    ];
    known.iter().find(|(called, _)| *called == name).map_or("hook", |(_, object)| object)
}

/// How a pipeline or a job ended, in the words that checks have elsewhere.
pub(super) fn conclusion(state: &str) -> Option<&'static str> {
    Some(match state {
        "success" => "success",
        "failed" => "failure",
        "canceled" => "cancelled",
        "skipped" => "skipped",
        _ => return None,
    })
}

/// What a state of a pipeline or a job is called.
fn state(state: &str) -> &str {
    conclusion(state).map_or(state, |_| "completed")
}

/// What an action is called once it is done.
fn past(action: &str) -> &str {
    match action {
        "open" => "opened",
        "close" => "closed",
        "reopen" => "reopened",
        "merge" => "merged",
        "create" => "created",
        "update" => "edited",
        "delete" => "deleted",
        "award" => "awarded",
        "revoke" => "revoked",
        other => other,
    }
}

/// A part of a kind made of what GitLab calls something.
fn word(text: &str) -> String {
    let clean = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    text.chars().take(64).map(clean).collect()
}
