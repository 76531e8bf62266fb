//! How Notion is set up: what it must be told.

use crate::plugin::setup::{Guide, Kind, Place, Setting};

/// What Notion must be told.
pub const GUIDE: Guide = Guide {
    provider: "notion",
    title: "Notion",
    serves: &[],
    settings: &[Setting {
        place: Place::Source,
        key: "verification_tokens",
        variable: "NOTION_VERIFICATION_TOKEN",
        about: "The subscription's verification token (docs/sources.md says how it is got)",
        kind: Kind::Secret,
    }],
    steps: &["On the integration's page, Webhooks: a subscription to {public}/webhooks/notion."],
    manifest: None,
};
