//! How Slack is set up: what it must be told, and the manifest that its app is made from.

use serde_json::{Value, json};

use super::client;
use crate::plugin::setup::{Guide, Kind, Manifest, Place, Setting};

/// What the bot needs.
pub(super) const SCOPES: &[&str] =
    &["app_mentions:read", "channels:history", "channels:read", "chat:write", "commands"];

/// What it needs besides, to see the reactions by which people stop it.
const REACTIONS: &[&str] = &["reactions:read"];

/// What the bot needs besides, to look into private channels that it is in.
pub(super) const PRIVATE: &[&str] = &["groups:history", "groups:read"];

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
        #[cfg(feature = "socket-mode")]
        Setting {
            place: Place::Line,
            key: "app_token",
            variable: "SLACK_APP_TOKEN",
            about: "The app's own token, xapp-…, with the scope connections:write (its page Basic Information)",
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
    manifest: Some(Manifest { file: "slack-app.json", write: manifest }),
};

/// The app. Without a public address it fetches what happens over a connection of its own (Socket Mode).
fn manifest(public: Option<&str>) -> Value {
    let address = |surface: &str| {
        public.map(|public| format!("{}/webhooks/{}/{surface}", public.trim_end_matches('/'), client::NAME))
    };
    let mut command = json!({
        "command": "/ostler", "description": "Have something done", "usage_hint": "help", "should_escape": false,
    });
    let mut events = json!({"bot_events": ["app_mention", "reaction_added"]});
    let mut interactivity = json!({"is_enabled": true});
    let scopes = [SCOPES, REACTIONS, PRIVATE].concat();
    put(&mut command, "url", address("commands"));
    put(&mut events, "request_url", address("events"));
    put(&mut interactivity, "request_url", address("interactions"));
    json!({
        "display_information": {"name": "Ostler", "description": "Turns what happens in a team's tools into finished work."},
        "features": {
            "bot_user": {"display_name": "ostler", "always_online": true},
            "slash_commands": [command],
        },
        "oauth_config": {"scopes": {"bot": scopes}},
        "settings": {
            "event_subscriptions": events,
            "interactivity": interactivity,
            "org_deploy_enabled": false,
            "socket_mode_enabled": public.is_none(),
            "token_rotation_enabled": false,
        },
    })
}

fn put(object: &mut Value, key: &str, text: Option<String>) {
    if let Some(text) = text {
        object[key] = text.into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_apps_manifest_names_every_surface_and_right() {
        let app = manifest(Some("https://ostler.example/"));
        let urls = [
            "/features/slash_commands/0/url",
            "/settings/event_subscriptions/request_url",
            "/settings/interactivity/request_url",
        ];
        let urls = urls.map(|path| app.pointer(path).and_then(Value::as_str).unwrap());
        let wanted = ["commands", "events", "interactions"];
        assert_eq!(urls, wanted.map(|surface| format!("https://ostler.example/webhooks/slack/{surface}")));
        assert_eq!(app["features"]["slash_commands"][0]["command"], "/ostler");
        let scopes = app["oauth_config"]["scopes"]["bot"].as_array().unwrap();
        assert!(SCOPES.iter().chain(PRIVATE).all(|scope| scopes.contains(&json!(scope))), "{scopes:?}");
        assert_eq!(
            app["settings"]["event_subscriptions"]["bot_events"],
            json!(["app_mention", "reaction_added"])
        );
        assert_eq!(app["settings"]["socket_mode_enabled"], false);
        assert!(
            app["display_information"]["name"].is_string()
                && app["features"]["bot_user"]["display_name"].is_string()
        );
    }

    #[test]
    fn without_an_address_the_app_fetches_and_names_none() {
        let app = manifest(None);
        assert_eq!(app["settings"]["socket_mode_enabled"], true);
        assert!(!app.to_string().contains("http"), "{app}");
    }
}
