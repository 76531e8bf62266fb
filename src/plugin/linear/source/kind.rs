//! What Linear's deliveries are called here: the words are those of the other tracker wherever it has one
//! for the same thing.

use super::Reading;

impl Reading<'_> {
    pub(super) fn kind(self) -> String {
        let payload = self.payload;
        let stem = match payload.kind.text() {
            Some("AgentSessionEvent") => "agent_session".to_owned(),
            Some(other) => snake(other),
            None => "hook".to_owned(),
        };
        match payload.action.text() {
            Some("update") if self.is("Issue") => format!("{stem}.{}", self.update()),
            Some(action) => format!("{stem}.{}", past(action)),
            None => stem,
        }
    }

    /// What an issue's update is named after.
    fn update(self) -> &'static str {
        let before = self.payload.updated_from.get();
        let before = |told: fn(&super::super::payload::Before) -> bool| before.is_some_and(told);
        if !self.assignees_added().is_empty() {
            "assigned"
        } else if before(|before| before.assignee_id.told || before.delegate_id.told) {
            "unassigned"
        } else if before(|before| before.state_id.told) {
            "transitioned"
        } else if !self.labels_added().is_empty() {
            "labeled"
        } else if before(|before| before.label_ids.get().is_some()) {
            "unlabeled"
        } else {
            "updated"
        }
    }
}

/// What an action is called once it is done.
fn past(action: &str) -> String {
    match action {
        "create" => "created".to_owned(),
        "update" => "updated".to_owned(),
        "remove" => "removed".to_owned(),
        other => snake(other),
    }
}

/// A part of a kind made of a name in mixed case: `IssueLabel`, `highRisk`.
fn snake(text: &str) -> String {
    let mut word = String::new();
    let mut before = '_';
    for c in text.chars().take(64) {
        if c.is_ascii_uppercase() && before.is_ascii_lowercase() {
            word.push('_');
        }
        word.push(if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' });
        before = c;
    }
    word
}
