//! The parts of PagerDuty's V3 webhook payloads that Ostler reads.

use crate::plugin::lenient::{Maybe, Text, records};

records! {
    /// A whole payload.
    Payload {
        event: Maybe<Told>,
    }

    /// What happened.
    Told {
        id: Text,
        event_type: Text,
        occurred_at: Text,
        agent: Maybe<Reference>,
        data: Maybe<Data>,
    }

    /// The thing that it happened to.
    Data {
        id: Text,
        title: Text,
        status: Text,
        urgency: Text,
        html_url: Text,
        service: Maybe<Reference>,
        priority: Maybe<Reference>,
        /// The incident, where the thing is a note or an answer to it.
        incident: Maybe<Reference>,
        /// A note's text.
        content: Text,
    }

    /// A name for something that is elsewhere.
    Reference {
        id: Text,
        #[serde(rename = "type")]
        kind: Text,
        summary: Text,
        html_url: Text,
    }
}
