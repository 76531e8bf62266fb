//! How Confluence is set up: what it must be told.

use crate::plugin::setup::{Guide, Kind, Place, Setting};

/// What Confluence must be told.
pub const GUIDE: Guide = Guide {
    provider: "confluence",
    title: "Confluence",
    serves: &[],
    settings: &[
        Setting {
            place: Place::Source,
            key: "secrets",
            variable: "CONFLUENCE_WEBHOOK_SECRET",
            about: "The secret of Data Center's webhook",
            kind: Kind::Made,
        },
        Setting {
            place: Place::Source,
            key: "automation_tokens",
            variable: "CONFLUENCE_AUTOMATION_TOKEN",
            about: "The token that rules of Automation send along (Cloud)",
            kind: Kind::Made,
        },
    ],
    steps: &[
        "Data Center: an administrator makes a webhook to {public}/webhooks/confluence with the secret \
         CONFLUENCE_WEBHOOK_SECRET. Cloud: a rule of Automation sends a web request there, with a header \
         X-Ostler-Token that holds CONFLUENCE_AUTOMATION_TOKEN.",
    ],
    manifest: None,
};
