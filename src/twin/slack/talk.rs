//! What was said and where: channels, histories and threads, by pages and between moments as Slack has them.

use serde_json::{Value, json};

use super::call::{Answer, Arguments, shape, text, truth};
use super::state::{Channel, Message, State, TEAM};

/// The scope that the bot lacks: nobody writes to it directly.
pub(super) const NEEDED: &str = "im:read";

/// How many messages one page holds at most.
const MOST: u64 = 999;
/// What a cursor says before the message that the next page begins with.
const NEXT: &str = "next_ts:";

/// The channels; the bot is in all of them, and they are all public.
pub(super) fn list(state: &State, arguments: &Arguments) -> Answer {
    let types: Vec<_> =
        text(arguments, "types").unwrap_or("public_channel").split(',').map(str::trim).collect();
    if types.iter().any(|kind| !matches!(*kind, "public_channel" | "private_channel" | "mpim" | "im")) {
        return Err("invalid_types");
    }
    if types.iter().any(|kind| matches!(*kind, "mpim" | "im")) {
        return Err("missing_scope");
    }
    let is_wanted = types.contains(&"public_channel");
    let channels = state.channels.iter().filter(|_| is_wanted).map(|channel| {
        json!({
            "id": channel.id, "name": channel.name, "name_normalized": channel.name,
            "is_channel": true, "is_group": false, "is_im": false, "is_mpim": false, "is_private": false,
            "is_archived": false, "is_general": channel.name == "general", "is_shared": false,
            "is_org_shared": false, "is_ext_shared": false, "is_member": true, "created": 1_767_225_600,
            "creator": "U0ADA", "context_team_id": TEAM, "num_members": 3,
        })
    });
    Ok(json!({"channels": channels.collect::<Vec<_>>(), "response_metadata": {"next_cursor": ""}}))
}

/// What was said in a channel and is no reply, newest first.
pub(super) fn history(state: &State, arguments: &Arguments) -> Answer {
    let channel = channel(state, arguments)?;
    let slice = Slice::of(arguments, 100)?;
    let top = |message: &&Message| message.thread_ts.as_ref().is_none_or(|thread| *thread == message.ts);
    let is_due = |message: &&Message| slice.cursor.is_none_or(|next| message.ts.as_str() <= next);
    let found =
        channel.messages.iter().rev().filter(top).filter(|message| slice.holds(message)).filter(is_due);
    Ok(slice.page(channel, found.collect()))
}

/// A message and what was replied to it, oldest first. The message is there whenever it was written.
pub(super) fn replies(state: &State, arguments: &Arguments) -> Answer {
    let channel = channel(state, arguments)?;
    let thread = text(arguments, "ts").ok_or("thread_not_found")?;
    if !channel.messages.iter().any(|message| message.ts == thread) {
        return Err("thread_not_found");
    }
    let slice = Slice::of(arguments, MOST)?;
    let is_listed = |message: &&Message| {
        message.ts == thread || (message.thread_ts.as_deref() == Some(thread) && slice.holds(message))
    };
    let is_due = |message: &&Message| slice.cursor.is_none_or(|next| message.ts.as_str() >= next);
    let found = channel.messages.iter().filter(is_listed).filter(is_due);
    Ok(slice.page(channel, found.collect()))
}

fn channel<'a>(state: &'a State, arguments: &Arguments) -> Result<&'a Channel, &'static str> {
    text(arguments, "channel").and_then(|named| state.channel(named)).ok_or("channel_not_found")
}

/// Which part of a list is asked for.
#[derive(Debug)]
struct Slice<'a> {
    oldest: Option<&'a str>,
    latest: Option<&'a str>,
    inclusive: bool,
    limit: usize,
    /// The message that the page begins with.
    cursor: Option<&'a str>,
    metadata: bool,
}

impl<'a> Slice<'a> {
    fn of(arguments: &'a Arguments, limit: u64) -> Result<Self, &'static str> {
        let moment = |name, wrong| match text(arguments, name) {
            // Nothing but zero stands for the beginning of everything.
            None | Some("0") => Ok(None),
            Some(ts) => is_moment(ts).then_some(Some(ts)).ok_or(wrong),
        };
        let limit = match arguments.get("limit") {
            None => Some(limit),
            Some(Value::String(text)) => text.parse().ok(),
            Some(number) => number.as_u64(),
        };
        let limit = limit.filter(|limit| (1..=MOST).contains(limit)).ok_or("invalid_limit")?;
        let cursor =
            text(arguments, "cursor").map(|cursor| cursor.strip_prefix(NEXT).ok_or("invalid_cursor"));
        Ok(Self {
            oldest: moment("oldest", "invalid_ts_oldest")?,
            latest: moment("latest", "invalid_ts_latest")?,
            inclusive: truth(arguments, "inclusive"),
            limit: usize::try_from(limit).map_err(|_| "invalid_limit")?,
            cursor: cursor.transpose()?,
            metadata: truth(arguments, "include_all_metadata"),
        })
    }

    /// Whether a message was written between the two moments. All have the same number of digits, so that they
    /// compare as text.
    fn holds(&self, message: &Message) -> bool {
        let ts = message.ts.as_str();
        let edge = self.inclusive && (self.oldest == Some(ts) || self.latest == Some(ts));
        edge || (self.oldest.is_none_or(|oldest| ts > oldest) && self.latest.is_none_or(|latest| ts < latest))
    }

    fn page(&self, channel: &Channel, found: Vec<&Message>) -> Value {
        let next = found.get(self.limit).map(|message| format!("{NEXT}{}", message.ts));
        let messages = found.into_iter().take(self.limit).map(|message| self.shape(channel, message));
        json!({
            "messages": messages.collect::<Vec<_>>(), "has_more": next.is_some(),
            "response_metadata": {"next_cursor": next.unwrap_or_default()},
        })
    }

    /// A message, with what it says of the replies to it.
    fn shape(&self, channel: &Channel, message: &Message) -> Value {
        let mut value = shape(message, self.metadata);
        let of = |reply: &&Message| reply.thread_ts.as_ref() == Some(&message.ts) && reply.ts != message.ts;
        let replies = channel.messages.iter().filter(of);
        if let Some(latest) = replies.clone().map(|reply| &reply.ts).max() {
            value["thread_ts"] = message.ts.clone().into();
            value["reply_count"] = replies.count().into();
            value["latest_reply"] = latest.clone().into();
        }
        value
    }
}

fn is_moment(ts: &str) -> bool {
    let (seconds, fraction) = ts.split_once('.').unwrap_or((ts, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    !seconds.is_empty() && digits(seconds) && digits(fraction)
}
