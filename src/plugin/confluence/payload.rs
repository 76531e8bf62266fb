//! The parts of Confluence's webhook payloads that Ostler reads, of Data Center, of Connect and of what rules of
//! Automation are advised to send.

use crate::plugin::lenient::{Maybe, Text, records};

records! {
    /// A whole payload, of whatever event.
    Payload {
        event: Text,
        /// Milliseconds.
        timestamp: Maybe<i64>,
        /// Cloud's account.
        #[serde(rename = "userAccountId")]
        account_id: Text,
        /// Data Center's.
        #[serde(rename = "userKey")]
        user_key: Text,
        #[serde(rename = "accountType")]
        account_type: Text,
        page: Maybe<Content>,
        blog: Maybe<Content>,
        content: Maybe<Content>,
        comment: Maybe<Comment>,
        attachment: Maybe<Content>,
        space: Maybe<Space>,
        idempotency_key: Text,
        /// The test that an administrator can send.
        test: Maybe<bool>,
    }

    Content {
        id: Text,
        title: Text,
        #[serde(rename = "self")]
        address: Text,
        #[serde(rename = "spaceKey")]
        space_key: Text,
    }

    Comment {
        id: Text,
        body: Text,
        #[serde(rename = "self")]
        address: Text,
        /// What it is a comment on.
        parent: Maybe<Content>,
    }

    Space {
        key: Text,
    }
}
