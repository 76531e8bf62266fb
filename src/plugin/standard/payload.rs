//! The parts of a Standard Webhooks payload that the specification names.

use crate::plugin::lenient::{Maybe, Text, records};

records! {
    /// A whole payload.
    Payload {
        #[serde(rename = "type")]
        kind: Text,
        /// When it happened, which is not when it was sent.
        timestamp: Text,
        data: Maybe<Data>,
    }

    /// What the sender tells, of which only the name of the thing is looked for.
    Data {
        id: Text,
    }
}
