//! The parts of Linear's webhook payloads that Ostler reads.

use serde::{Deserialize, Deserializer};

use crate::plugin::lenient::{Maybe, Text, records};

records! {
    /// A whole payload, of whatever type.
    Payload {
        #[serde(rename = "type")]
        kind: Text,
        action: Text,
        actor: Maybe<Person>,
        #[serde(rename = "createdAt")]
        created_at: Text,
        #[serde(rename = "organizationId")]
        organization_id: Text,
        url: Text,
        data: Maybe<Data>,
        #[serde(rename = "updatedFrom")]
        updated_from: Maybe<Before>,
        #[serde(rename = "agentSession")]
        agent_session: Maybe<Session>,
        #[serde(rename = "agentActivity")]
        agent_activity: Maybe<Activity>,
    }

    Person {
        id: Text,
        name: Text,
        #[serde(rename = "type")]
        kind: Text,
    }

    /// What it is about: an issue, a comment, or whatever else has an id.
    Data {
        id: Text,
        identifier: Text,
        title: Text,
        description: Text,
        url: Text,
        #[serde(rename = "updatedAt")]
        updated_at: Text,
        state: Maybe<Named>,
        #[serde(rename = "assigneeId")]
        assignee_id: Text,
        /// The agent that it was handed to.
        #[serde(rename = "delegateId")]
        delegate_id: Text,
        labels: Maybe<Vec<Named>>,
        project: Maybe<Named>,
        /// A comment's text.
        body: Text,
        user: Maybe<Person>,
        #[serde(rename = "userId")]
        user_id: Text,
        /// Somebody from another service, whose comment was brought here.
        #[serde(rename = "externalUser")]
        external_user: Maybe<Person>,
        #[serde(rename = "botActor")]
        bot_actor: Maybe<Person>,
        /// What a comment, a reaction or an attachment belongs to.
        issue: Maybe<Issue>,
        #[serde(rename = "issueId")]
        issue_id: Text,
    }

    /// An issue, as far as what belongs to it tells.
    Issue {
        identifier: Text,
        title: Text,
        url: Text,
    }

    Named {
        id: Text,
        name: Text,
    }

    /// The former values of what changed.
    Before {
        #[serde(rename = "assigneeId")]
        assignee_id: Former,
        #[serde(rename = "delegateId")]
        delegate_id: Former,
        #[serde(rename = "stateId")]
        state_id: Former,
        #[serde(rename = "labelIds")]
        label_ids: Maybe<Vec<String>>,
        #[serde(rename = "updatedAt")]
        updated_at: Text,
    }

    /// A conversation with an agent.
    Session {
        id: Text,
        issue: Maybe<Issue>,
        comment: Maybe<Data>,
        creator: Maybe<Person>,
    }

    /// One turn of such a conversation.
    Activity {
        id: Text,
        content: Maybe<Data>,
    }
}

/// A former value: that nothing was there is told by a null, and is something else than not being told.
#[derive(Debug, Default)]
pub(super) struct Former {
    /// Whether it changed.
    pub(super) told: bool,
    /// What was there.
    pub(super) value: Text,
}

impl<'de> Deserialize<'de> for Former {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Text::deserialize(deserializer).map(|value| Self { told: true, value })
    }
}
