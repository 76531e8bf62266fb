//! How Discord is set up: what it must be told.

use crate::plugin::setup::{Guide, Kind, Place, Setting};

/// What Discord must be told.
pub const GUIDE: Guide = Guide {
    provider: "discord",
    title: "Discord",
    serves: &[],
    settings: &[Setting {
        place: Place::Source,
        key: "public_keys",
        variable: "DISCORD_PUBLIC_KEY",
        about: "The application's public key (its page General Information)",
        kind: Kind::Secret,
    }],
    steps: &[
        "On the application's page, General Information: {public}/webhooks/discord as the interactions endpoint URL, \
         once `ostler serve` runs.",
    ],
    manifest: None,
};
