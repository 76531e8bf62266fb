//! The parts of Jira's webhook payloads that Ostler reads, of Cloud and of Data Center.

use crate::plugin::lenient::{Maybe, Text, records};

records! {
    /// A whole payload, of whatever event.
    Payload {
        #[serde(rename = "webhookEvent")]
        webhook_event: Text,
        /// Milliseconds.
        timestamp: Maybe<i64>,
        /// What led to an update; comments on Data Center are told only here.
        issue_event_type_name: Text,
        user: Maybe<User>,
        issue: Maybe<Issue>,
        comment: Maybe<Comment>,
        changelog: Maybe<Changelog>,
        /// The issue's own parts, where the body is an issue.
        key: Text,
        #[serde(rename = "self")]
        address: Text,
        fields: Maybe<Fields>,
        /// What a rule of Automation says that it is about.
        event: Text,
        idempotency_key: Text,
        assignee: Text,
        label: Text,
    }

    User {
        #[serde(rename = "accountId")]
        account_id: Text,
        #[serde(rename = "accountType")]
        account_type: Text,
        #[serde(rename = "displayName")]
        display_name: Text,
        /// Data Center's name for it.
        name: Text,
        /// Data Center's key of it.
        key: Text,
    }

    Issue {
        id: Text,
        key: Text,
        #[serde(rename = "self")]
        address: Text,
        fields: Maybe<Fields>,
    }

    Fields {
        summary: Text,
        description: Text,
        status: Maybe<Named>,
        issuetype: Maybe<Named>,
        labels: Maybe<Vec<String>>,
        components: Maybe<Vec<Named>>,
        assignee: Maybe<User>,
        /// When it changed last.
        updated: Text,
    }

    /// Anything of which only the name matters.
    Named {
        name: Text,
    }

    Comment {
        id: Text,
        body: Text,
        #[serde(rename = "self")]
        address: Text,
        author: Maybe<User>,
        #[serde(rename = "updateAuthor")]
        update_author: Maybe<User>,
    }

    Changelog {
        id: Text,
        items: Maybe<Vec<Item>>,
    }

    /// One changed field.
    Item {
        field: Text,
        /// The field's own id; Data Center does not send it.
        #[serde(rename = "fieldId")]
        field_id: Text,
        from: Text,
        to: Text,
        #[serde(rename = "fromString")]
        from_text: Text,
        #[serde(rename = "toString")]
        to_text: Text,
    }
}
