//! How Sentry is set up: what it must be told.

use crate::plugin::setup::{Guide, Kind, Place, Setting};

/// What Sentry must be told.
pub const GUIDE: Guide = Guide {
    provider: "sentry",
    title: "Sentry",
    serves: &[],
    settings: &[Setting {
        place: Place::Source,
        key: "secrets",
        variable: "SENTRY_CLIENT_SECRET",
        about: "The internal integration's client secret",
        kind: Kind::Secret,
    }],
    steps: &[
        "In Settings, Developer Settings: an internal integration with the webhook URL {public}/webhooks/sentry, and the \
         resources that it is to tell of.",
    ],
    manifest: None,
};
