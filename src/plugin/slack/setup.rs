//! How Slack is set up: what it must be told, and the manifest that its app is made from.

use super::client;
use crate::plugin::setup::{Guide, Kind, Place, Setting};

/// What the bot needs.
pub(super) const SCOPES: &[&str] =
    &["app_mentions:read", "channels:history", "channels:read", "chat:write", "commands"];

/// What Slack must be told.
pub const GUIDE: Guide = Guide {
    provider: client::NAME,
    title: "Slack",
    serves: &["communication"],
    settings: &[
        Setting {
            place: Place::Source,
            key: "signing_secrets",
            variable: "SLACK_SIGNING_SECRET",
            about: "The app's signing secret (its page Basic Information)",
            kind: Kind::Secret,
        },
        Setting {
            place: Place::Plugin,
            key: "token",
            variable: "SLACK_BOT_TOKEN",
            about: "The bot's token, xoxb-… (the app's page OAuth & Permissions)",
            kind: Kind::Secret,
        },
    ],
    steps: &[
        "On https://api.slack.com/apps, Create New App, From a manifest: paste slack-app.json, install the app \
         to the workspace, and invite the bot to its channels.",
    ],
};
