//! Slack's events, commands and interactions, and what people do that sends them.

use std::sync::Arc;

use serde_json::{Value, json};

use super::state::{APP, BOT, Message, TEAM};
use crate::id::Digest;
use crate::twin::outbox::{Delivery, Sender};
use crate::twin::seed::Person;
use crate::twin::world::World;

/// The agent that Slack's requests name.
const AGENT: &str = "Slackbot 1.0 (+https://api.slack.com/robots)";

fn unique(world: &World, what: &str) -> String {
    Digest::of(format!("{what} {}", world.outbox.next_number()).as_bytes()).to_string()
}

/// An event in its envelope.
fn event(world: &World, event: &Value) -> Delivery {
    let id = format!("Ev{}", unique(world, "event")[..10].to_uppercase());
    let bot = world.bot();
    let body = json!({
        "token": "deprecated", "team_id": TEAM, "context_team_id": TEAM, "api_app_id": APP,
        "event": event, "type": "event_callback", "event_id": id, "event_time": world.now().as_second(),
        "event_context": format!("4-{id}"), "is_ext_shared_channel": false,
        "authorizations": [{
            "enterprise_id": null, "team_id": TEAM, "user_id": bot.slack, "is_bot": true,
            "is_enterprise_install": false,
        }],
    });
    Delivery {
        sender: Sender::Slack,
        id,
        path: "slack/events",
        headers: vec![("user-agent", AGENT.to_owned())],
        content_type: "application/json",
        body: body.to_string(),
    }
}

/// A form, for commands and interactions.
fn form(path: &'static str, id: String, fields: &[(&str, &str)]) -> Delivery {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    Delivery {
        sender: Sender::Slack,
        id,
        path,
        headers: vec![("user-agent", AGENT.to_owned())],
        content_type: "application/x-www-form-urlencoded",
        body,
    }
}

/// Tells of a message of the bot's own.
pub(super) fn announce(world: &Arc<World>, channel: &str, message: &Message) {
    let told = json!({
        "type": "message", "channel": channel, "channel_type": "channel", "user": message.user,
        "bot_id": BOT, "app_id": APP, "text": message.text, "ts": message.ts, "event_ts": message.ts,
        "thread_ts": message.thread_ts, "team": TEAM,
    });
    let delivery = event(world, &told);
    world.send(delivery);
}

/// Tells that a message of the bot's own was deleted.
pub(super) fn announce_deletion(world: &Arc<World>, channel: &str, ts: &str) {
    let told = json!({
        "type": "message", "subtype": "message_deleted", "hidden": true, "channel": channel,
        "channel_type": "channel", "deleted_ts": ts, "ts": format!("{}.000000", world.now().as_second()),
    });
    world.send(event(world, &told));
}

/// A person puts an emoji under a message.
pub(in crate::twin) fn react_by(
    world: &World,
    (channel, ts): (&str, &str),
    emoji: &str,
    by: &Person,
) -> Option<Delivery> {
    let stamp = world.slack().stamp(world.now());
    let channel = world.slack().channel(channel)?.id.clone();
    let told = json!({
        "type": "reaction_added", "user": by.slack, "reaction": emoji, "event_ts": stamp,
        "item": {"type": "message", "channel": channel, "ts": ts},
    });
    Some(event(world, &told))
}

/// A person mentions the bot in a channel, or in a thread of it.
pub(in crate::twin) fn mention_by(
    world: &World,
    place: (&str, Option<String>),
    text: &str,
    by: &Person,
) -> Option<Delivery> {
    let text = format!("<@{}> {text}", world.bot().slack);
    say_by(world, ("app_mention", place), text, by)
}

/// A person replies in a thread, to an app that is told of messages.
pub(in crate::twin) fn reply_by(
    world: &World,
    (channel, thread): (&str, String),
    text: &str,
    by: &Person,
) -> Option<Delivery> {
    say_by(world, ("message", (channel, Some(thread))), text.to_owned(), by)
}

fn say_by(
    world: &World,
    (kind, (channel, thread)): (&str, (&str, Option<String>)),
    text: String,
    by: &Person,
) -> Option<Delivery> {
    let mut state = world.slack();
    let ts = state.stamp(world.now());
    let channel = state.channel_mut(channel)?;
    channel.messages.push(Message {
        ts: ts.clone(),
        user: by.slack.clone(),
        text: text.clone(),
        thread_ts: thread.clone(),
        metadata: None,
        blocks: None,
        edited: false,
        bot: false,
    });
    let mut told = json!({
        "type": kind, "user": by.slack, "text": text, "ts": ts, "event_ts": ts,
        "channel": channel.id, "team": TEAM,
    });
    if let Some(thread) = thread {
        told["thread_ts"] = thread.into();
    }
    Some(event(world, &told))
}

/// A person types a slash command; gives the channel's id with it.
pub(in crate::twin) fn command_by(
    world: &World,
    (channel, command): (&str, &str),
    by: &Person,
) -> Option<(String, Delivery)> {
    let (channel, channel_name) = {
        let state = world.slack();
        let channel = state.channel(channel)?;
        (channel.id.clone(), channel.name.clone())
    };
    let (command, text) = command.trim().split_once(' ').unwrap_or((command.trim(), ""));
    let trigger = trigger(world);
    let response_url = world.address(&format!("/slack/response/{channel}-{}", by.slack));
    let fields = [
        ("token", "deprecated"),
        ("team_id", TEAM),
        ("team_domain", "acme"),
        ("channel_id", &channel),
        ("channel_name", &channel_name),
        ("user_id", &by.slack),
        ("user_name", &by.name),
        ("command", command),
        ("text", text.trim()),
        ("api_app_id", APP),
        ("is_enterprise_install", "false"),
        ("response_url", &response_url),
        ("trigger_id", &trigger),
    ];
    let delivery = form("slack/commands", trigger.clone(), &fields);
    Some((channel, delivery))
}

fn trigger(world: &World) -> String {
    format!("{}.{}", world.now().as_second(), &unique(world, "trigger")[..32])
}

/// A person presses a button of a message.
pub(in crate::twin) fn press_by(
    world: &World,
    (channel, ts): (&str, &str),
    (action, value): (&str, Option<&str>),
    by: &Person,
) -> Option<Delivery> {
    let state = world.slack();
    let channel = state.channel(channel)?;
    let message = channel.messages.iter().find(|message| message.ts == ts)?;
    let trigger = trigger(world);
    let block = message.blocks.as_ref().and_then(|blocks| block_of(blocks, action));
    let payload = json!({
        "type": "block_actions",
        "user": {"id": by.slack, "username": by.name, "name": by.name, "team_id": TEAM},
        "api_app_id": APP, "token": "deprecated", "trigger_id": trigger,
        "container": {"type": "message", "message_ts": ts, "channel_id": channel.id, "is_ephemeral": false},
        "team": {"id": TEAM, "domain": "acme"}, "enterprise": null, "is_enterprise_install": false,
        "channel": {"id": channel.id, "name": channel.name},
        "message": super::call::shape(message, false),
        "state": {"values": {}},
        "response_url": world.address(&format!("/slack/response/{}-{}", channel.id, by.slack)),
        "actions": [{
            "type": "button", "action_id": action, "block_id": block.unwrap_or_default(),
            "action_ts": format!("{}.000000", world.now().as_second()),
            "value": value.unwrap_or_default(), "text": {"type": "plain_text", "text": action},
        }],
    });
    Some(form("slack/interactions", trigger, &[("payload", &payload.to_string())]))
}

/// The id of the block that holds a button.
fn block_of(blocks: &Value, action: &str) -> Option<String> {
    let holds = |block: &&Value| {
        block["elements"].as_array().into_iter().flatten().any(|element| element["action_id"] == action)
    };
    let block = blocks.as_array()?.iter().find(holds)?;
    block["block_id"].as_str().map(str::to_owned)
}
