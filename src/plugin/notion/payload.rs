//! The parts of Notion's webhook payloads that Ostler reads. They name things; what is in them is read elsewhere.

use crate::plugin::lenient::{Maybe, Text, records};

records! {
    /// A whole payload, of whatever event.
    Payload {
        id: Text,
        #[serde(rename = "type")]
        kind: Text,
        timestamp: Text,
        authors: Maybe<Vec<Named>>,
        entity: Maybe<Named>,
        data: Maybe<Data>,
        /// What a new subscription is confirmed with.
        verification_token: Text,
    }

    /// A person, a bot, a page, a comment.
    Named {
        id: Text,
        #[serde(rename = "type")]
        kind: Text,
    }

    Data {
        /// The page that a comment stands on.
        page_id: Text,
    }
}
