//! How Anthropic is set up.

use super::client;
use crate::plugin::setup::{Guide, Kind, Place, Setting};

/// What Anthropic must be told.
pub const GUIDE: Guide = Guide {
    provider: client::NAME,
    title: "Anthropic",
    serves: &["ai_provider"],
    settings: &[Setting {
        place: Place::Model,
        key: "api_key",
        variable: "ANTHROPIC_API_KEY",
        about: "An API key (https://console.anthropic.com/settings/keys)",
        kind: Kind::Secret,
    }],
    steps: &[],
    manifest: None,
};
