//! How OpenAI is set up.

use super::client;
use crate::plugin::setup::{Guide, Kind, Place, Setting};

/// What OpenAI must be told.
pub const GUIDE: Guide = Guide {
    provider: client::NAME,
    title: "OpenAI",
    serves: &["ai_provider"],
    settings: &[Setting {
        place: Place::Model,
        key: "api_key",
        variable: "OPENAI_API_KEY",
        about: "An API key (https://platform.openai.com/api-keys)",
        kind: Kind::Secret,
    }],
    steps: &[],
    manifest: None,
};
