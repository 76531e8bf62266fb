//! The parts of Sentry's webhook payloads that Ostler reads.

use crate::plugin::lenient::{Maybe, Text, records};

records! {
    /// A whole payload, of whatever resource.
    Payload {
        action: Text,
        actor: Maybe<Actor>,
        data: Maybe<Data>,
    }

    /// A person, an application, or Sentry itself.
    Actor {
        #[serde(rename = "type")]
        kind: Text,
        id: Text,
        name: Text,
    }

    /// What the resource tells; one of these is there.
    Data {
        issue: Maybe<Issue>,
        event: Maybe<Occurrence>,
        error: Maybe<Occurrence>,
        metric_alert: Maybe<Alert>,
        /// A metric alert's headline.
        description_title: Text,
        web_url: Text,
        /// A comment's parts stand here themselves.
        comment: Text,
        comment_id: Text,
        issue_id: Text,
        project_slug: Text,
        timestamp: Text,
    }

    Issue {
        id: Text,
        title: Text,
        level: Text,
        status: Text,
        web_url: Text,
        permalink: Text,
        project: Maybe<Project>,
        #[serde(rename = "lastSeen")]
        last_seen: Text,
    }

    Project {
        slug: Text,
    }

    /// One occurrence of an error.
    Occurrence {
        event_id: Text,
        issue_id: Text,
        title: Text,
        level: Text,
        web_url: Text,
        datetime: Text,
    }

    Alert {
        id: Text,
        title: Text,
        date_started: Text,
    }
}
