//! The calls of the Web API: one path a method, failures are 200 with `"ok": false`.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State as Extract};
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value, json};

use super::hook;
use super::state::{APP, BOT, Message, TEAM, Whisper};
use super::talk;
use crate::twin::world::World;

/// An answer, or Slack's word for what is wrong.
pub(super) type Answer = Result<Value, &'static str>;

/// The arguments of a call: the members of a JSON body, or the fields of a form, as strings.
pub(super) type Arguments = Map<String, Value>;

/// What the bot was given.
const SCOPES: &str =
    "app_mentions:read,channels:history,channels:read,chat:write,commands,groups:history,groups:read";

/// The method that gives an address for a connection.
const OPEN: &str = "apps.connections.open";

/// The longest text, in characters; Slack cuts it there.
const TEXT_LIMIT: usize = 40_000;

/// Serves one method.
pub(super) async fn serve(
    Extract(world): Extract<Arc<World>>,
    Path(method): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let answer = authorize(&world, &headers, &method)
        .and_then(|()| arguments(&headers, query.as_deref(), &body))
        .and_then(|arguments| perform(&world, &method, &arguments));
    let body = match answer {
        Ok(mut value) => {
            value["ok"] = true.into();
            value
        }
        Err(error @ "missing_scope") => {
            json!({"ok": false, "error": error, "needed": talk::NEEDED, "provided": SCOPES})
        }
        Err(error) => json!({"ok": false, "error": error}),
    };
    ([("x-oauth-scopes", SCOPES)], Json(body)).into_response()
}

/// An app's own token opens connections, and nothing else does.
fn authorize(world: &World, headers: &HeaderMap, method: &str) -> Result<(), &'static str> {
    let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).ok_or("not_authed")?;
    let token = given.strip_prefix("Bearer ").ok_or("not_authed")?;
    let [bot, app] =
        [&world.secrets.slack_token, &world.secrets.slack_app_token].map(|secret| secret.expose_secret());
    let [right, other] = if method == OPEN { [app, bot] } else { [bot, app] };
    match token {
        _ if token == right => Ok(()),
        _ if token == other => Err("not_allowed_token_type"),
        _ => Err("invalid_auth"),
    }
}

fn arguments(headers: &HeaderMap, query: Option<&str>, body: &[u8]) -> Result<Arguments, &'static str> {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let form = |bytes: &[u8]| {
        let pairs = url::form_urlencoded::parse(bytes);
        pairs
            .map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())))
            .collect::<Arguments>()
    };
    let mut arguments = form(query.unwrap_or_default().as_bytes());
    if kind.starts_with("application/json") {
        arguments.extend(serde_json::from_slice::<Arguments>(body).map_err(|_| "invalid_json")?);
    } else {
        arguments.extend(form(body));
    }
    Ok(arguments)
}

pub(super) fn text<'a>(arguments: &'a Arguments, name: &str) -> Option<&'a str> {
    arguments.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// A structured argument: JSON in a JSON body, JSON in a string in a form.
fn structure(arguments: &Arguments, name: &str) -> Option<Value> {
    match arguments.get(name)? {
        Value::String(text) => serde_json::from_str(text).ok(),
        other => Some(other.clone()),
    }
}

pub(super) fn truth(arguments: &Arguments, name: &str) -> bool {
    arguments.get(name).is_some_and(|value| value == &json!(true) || value == "true" || value == "1")
}

fn perform(world: &Arc<World>, method: &str, arguments: &Arguments) -> Answer {
    match method {
        "api.test" => Ok(json!({})),
        "auth.test" => Ok(identity(world)),
        "chat.postMessage" => post(world, arguments),
        "chat.update" => update(world, arguments),
        "chat.delete" => delete(world, arguments),
        "conversations.list" | "users.conversations" => talk::list(&world.slack(), arguments),
        "conversations.history" => talk::history(&world.slack(), arguments),
        "conversations.replies" => talk::replies(&world.slack(), arguments),
        "users.info" => user(world, arguments),
        OPEN if cfg!(feature = "socket-mode") => Ok(json!({"url": world.outbox.sockets.address(world)})),
        _ => Err("unknown_method"),
    }
}

fn identity(world: &World) -> Value {
    let bot = world.bot();
    json!({
        "url": world.address("/slack/"), "team": "Acme", "user": bot.name, "team_id": TEAM,
        "user_id": bot.slack, "bot_id": BOT, "is_enterprise_install": false,
    })
}

fn post(world: &Arc<World>, arguments: &Arguments) -> Answer {
    let named = text(arguments, "channel").ok_or("channel_not_found")?;
    let (words, blocks) = content(arguments)?;
    let metadata = structure(arguments, "metadata");
    if metadata
        .as_ref()
        .is_some_and(|data| !data["event_type"].is_string() || !data["event_payload"].is_object())
    {
        return Err("invalid_metadata_format");
    }
    let user = world.bot().slack.clone();
    let (channel, message) = {
        let mut state = world.slack();
        let ts = state.stamp(world.now());
        let channel = state.channel_mut(named).ok_or("channel_not_found")?;
        let thread_ts = text(arguments, "thread_ts").map(str::to_owned);
        let known = |thread: &String| channel.messages.iter().any(|message| message.ts == *thread);
        if thread_ts.as_ref().is_some_and(|thread| !known(thread)) {
            return Err("thread_not_found");
        }
        let message =
            Message { ts, user, text: words, thread_ts, metadata, blocks, edited: false, bot: true };
        channel.messages.push(message.clone());
        (channel.id.clone(), message)
    };
    hook::announce(world, &channel, &message);
    Ok(json!({"channel": channel, "ts": message.ts, "message": shape(&message, true)}))
}

fn content(arguments: &Arguments) -> Result<(String, Option<Value>), &'static str> {
    let words = text(arguments, "text").or_else(|| text(arguments, "markdown_text"));
    let blocks = structure(arguments, "blocks");
    if blocks.as_ref().is_some_and(|blocks| blocks.as_array().is_none_or(|list| list.len() > 50)) {
        return Err("invalid_blocks");
    }
    if words.is_none() && blocks.is_none() {
        return Err("no_text");
    }
    Ok((words.unwrap_or_default().chars().take(TEXT_LIMIT).collect(), blocks))
}

fn update(world: &World, arguments: &Arguments) -> Answer {
    let named = text(arguments, "channel").ok_or("channel_not_found")?;
    let ts = text(arguments, "ts").ok_or("message_not_found")?;
    let (words, blocks) = content(arguments)?;
    let mut state = world.slack();
    let channel = state.channel_mut(named).ok_or("channel_not_found")?;
    let message = channel.messages.iter_mut().find(|message| message.ts == ts).ok_or("message_not_found")?;
    if !message.bot {
        return Err("cant_update_message");
    }
    message.text = words;
    message.blocks = blocks;
    message.metadata = structure(arguments, "metadata").or(message.metadata.take());
    message.edited = true;
    let message = message.clone();
    Ok(json!({
        "channel": channel.id, "ts": ts, "text": message.text, "message": shape(&message, true),
    }))
}

/// Deletes a message of the bot's own. Of one that was replied to a tombstone stays.
fn delete(world: &Arc<World>, arguments: &Arguments) -> Answer {
    let named = text(arguments, "channel").ok_or("channel_not_found")?;
    let ts = text(arguments, "ts").ok_or("message_not_found")?;
    let channel = {
        let mut state = world.slack();
        let channel = state.channel_mut(named).ok_or("channel_not_found")?;
        let at = channel.messages.iter().position(|message| message.ts == ts).ok_or("message_not_found")?;
        if !channel.messages[at].bot {
            return Err("cant_delete_message");
        }
        let replied =
            channel.messages.iter().any(|other| other.ts != ts && other.thread_ts.as_deref() == Some(ts));
        if replied {
            channel.messages[at].bury()
        } else {
            drop(channel.messages.remove(at))
        }
        channel.id.clone()
    };
    hook::announce_deletion(world, &channel, ts);
    Ok(json!({"channel": channel, "ts": ts}))
}

/// A message as Slack spells it.
pub(super) fn shape(message: &Message, with_metadata: bool) -> Value {
    let mut value = json!({
        "type": "message", "ts": message.ts, "user": message.user, "text": message.text, "team": TEAM,
    });
    if message.bot {
        value["bot_id"] = BOT.into();
        value["app_id"] = APP.into();
    }
    if let Some(thread) = &message.thread_ts {
        value["thread_ts"] = thread.clone().into();
    }
    if let Some(blocks) = &message.blocks {
        value["blocks"] = blocks.clone();
    }
    if let Some(metadata) = message.metadata.as_ref().filter(|_| with_metadata) {
        value["metadata"] = metadata.clone();
    }
    if message.edited {
        value["edited"] = json!({"user": message.user, "ts": message.ts});
    }
    value
}

fn user(world: &World, arguments: &Arguments) -> Answer {
    let id = text(arguments, "user").ok_or("user_not_found")?;
    let person = world.people.iter().find(|person| person.slack == id).ok_or("user_not_found")?;
    Ok(json!({"user": {
        "id": id, "team_id": TEAM, "name": person.name, "real_name": person.display, "deleted": false,
        "is_bot": person.bot, "is_app_user": false, "is_admin": false, "tz": "Etc/UTC",
        "profile": {"real_name": person.display, "display_name": person.name, "email": person.email, "team": TEAM},
    }}))
}

/// Takes an answer that is posted to a command's `response_url`: no token, the address is the secret.
pub(super) async fn respond(
    Extract(world): Extract<Arc<World>>,
    Path(id): Path<String>,
    body: Bytes,
) -> Response {
    let Some((channel, user)) = id.split_once('-') else { return "used_url".into_response() };
    let words = serde_json::from_slice::<Value>(&body).unwrap_or_default();
    let Some(text) = words["text"].as_str() else { return "no_text".into_response() };
    let (channel, user, text) = (channel.to_owned(), user.to_owned(), text.to_owned());
    world.slack().whispers.push(Whisper { channel, user, text });
    "ok".into_response()
}
