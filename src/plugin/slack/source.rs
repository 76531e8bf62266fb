//! What Slack sends: how its requests are known to be genuine and what they mean.
//!
//! Three surfaces: events, slash commands, interactions. A message that mentions the bot arrives twice where
//! the app listens to both, as itself and as a mention: both are one mention here and share an identity. A message
//! is known by its place as well, since it may be found there later. All ids are in the signed body.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;

use super::payload::{Envelope, Field, Interaction, Message, User};
use super::text;
use crate::event::{Account, Actor, Button, Command, Event, EventKind, SourceName, Stamp, Subject, Thread};
use crate::plugin::client::given;
use crate::plugin::lenient::{self, Text};
use crate::plugin::scheme::{Credential, Scheme};
use crate::plugin::source::{Decoded, Delivery, FORM, Reply, Source, Undecodable, Verdict};
use crate::router::stopping::STOP;

/// The vendor's name.
const SLACK: &str = "slack";

/// The kinds of event that it is known to make.
#[rustfmt::skip]
pub const KINDS: &[&str] = &[
    "slack.command", "slack.mention", "slack.message", "slack.button", MODAL, "slack.shortcut",
    "slack.message_action", "slack.reaction_added",
];

/// Somebody sent a modal's form.
const MODAL: &str = "slack.modal.submitted";

/// When a request was signed.
const TIMESTAMP: &str = "X-Slack-Request-Timestamp";

/// Somebody put an emoji under a message.
const REACTED: &str = "reaction_added";
/// The emoji by which people stop what was asked for there.
const STOP_SIGN: &str = "octagonal_sign";

/// Where events are sent; what is found later is told there too.
pub(super) const EVENTS: &str = "events";
/// Where slash commands are.
pub(super) const COMMANDS: &str = "commands";
/// Where buttons, shortcuts and forms are.
pub(super) const INTERACTIONS: &str = "interactions";

/// Slack sends no larger body.
const BODY_LIMIT: usize = 1024 * 1024;

/// How much a section of a modal shows, in characters.
const SECTION: usize = 3000;

/// A form that asks only whether anybody answers is no longer than this.
const COURTESY_LIMIT: usize = 4096;

/// How Slack as a source is configured.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SourceOptions {
    /// The app's signing secrets: several while one is being replaced.
    #[schemars(with = "Vec<String>")]
    pub signing_secrets: Vec<SecretString>,
    /// The app's own token: then Slack is listened to over a connection of ours, and can send nothing here.
    #[schemars(with = "Option<String>")]
    pub app_token: Option<SecretString>,
    /// Whether Slack is asked for what it could not deliver.
    pub catch_up: Option<bool>,
    /// Whether the app subscribes to messages, and not to mentions alone: then those are asked for too.
    pub messages: bool,
}

impl SourceOptions {
    /// Whether Slack sends requests here.
    pub(crate) fn is_sent(&self) -> bool {
        self.signing_secrets.iter().any(|secret| given(Some(secret)).is_some())
    }

    /// Whether Slack is listened to.
    pub(crate) fn is_heard(&self) -> bool {
        given(self.app_token.as_ref()).is_some()
    }
}

/// Slack as a sender of requests.
#[derive(Debug)]
pub struct SlackSource {
    credentials: Vec<Credential>,
}

impl SlackSource {
    /// A source with these options. Without a secret it is off.
    #[must_use]
    pub fn new(options: SourceOptions) -> Self {
        let scheme =
            Scheme::Timed { header: "X-Slack-Signature", timestamp: TIMESTAMP, version: "v0", window: 300 };
        Self { credentials: Credential::each(&scheme, options.signing_secrets) }
    }
}

impl Source for SlackSource {
    fn name(&self) -> SourceName {
        SourceName::new(SLACK)
    }

    fn surfaces(&self) -> Vec<&str> {
        vec![EVENTS, COMMANDS, INTERACTIONS]
    }

    fn credentials(&self, _: &str) -> &[Credential] {
        &self.credentials
    }

    fn body_limit(&self) -> usize {
        BODY_LIMIT
    }

    fn decode(&self, delivery: &Delivery, stamp: &Stamp) -> Result<Decoded, Undecodable> {
        match delivery.surface.as_str() {
            EVENTS => envelope(&lenient::read(delivery)?, stamp),
            COMMANDS => command(&Form::of(delivery)?, delivery, stamp),
            _ => interaction(delivery, stamp),
        }
    }

    fn courtesy(&self, delivery: &Delivery) -> Option<Reply> {
        if delivery.body.len() > COURTESY_LIMIT {
            return None;
        }
        let form = Form::of(delivery).ok()?;
        form.get("ssl_check").map(|_| Reply::Empty)
    }

    fn answer(&self, delivery: &Delivery, verdict: &Verdict) -> Option<Reply> {
        match delivery.surface.as_str() {
            COMMANDS => {
                let text = text::escape(&verdict.report());
                Some(Reply::Json(json!({"response_type": "ephemeral", "text": text})))
            }
            INTERACTIONS => Some(match verdict {
                Verdict::Accepted { event, .. } if event.kind.as_str() == MODAL => shown(&verdict.report()),
                _ => Reply::Empty,
            }),
            _ => None,
        }
    }
}

/// The fields of a form.
#[derive(Debug)]
struct Form(Vec<(String, String)>);

impl Form {
    fn of(delivery: &Delivery) -> Result<Self, Undecodable> {
        if delivery.media_type() != FORM {
            return Err(Undecodable::media_type("a form"));
        }
        Ok(Self(url::form_urlencoded::parse(&delivery.body).into_owned().collect()))
    }

    fn get(&self, name: &str) -> Option<&str> {
        let field = self.0.iter().find(|(field, _)| field == name)?;
        Some(field.1.as_str()).filter(|value| !value.is_empty())
    }

    fn required(&self, name: &str) -> Result<&str, Undecodable> {
        self.get(name).ok_or_else(|| Undecodable::missing(name))
    }
}

fn command(form: &Form, delivery: &Delivery, stamp: &Stamp) -> Result<Decoded, Undecodable> {
    let (user, channel) = (form.required("user_id")?, form.required("channel_id")?);
    let team = form.get("team_id").or_else(|| form.get("enterprise_id")).unwrap_or_default();
    // Nothing hangs together by a command itself: each is a conversation of its own.
    let trigger = form.get("trigger_id").map_or_else(|| fallback(delivery, stamp), str::to_owned);
    let subject = Subject::new(SLACK, &format!("{team}/{channel}/{trigger}"));
    let mut event = Event::new(stamp, EventKind::new("slack.command"), subject);
    event.time = delivery.header(TIMESTAMP).and_then(moment).unwrap_or(stamp.received_at);
    event.actor = Some(Actor {
        account: Account::new(SLACK, user),
        name: form.get("user_name").unwrap_or(user).to_owned(),
        bot: false,
        external: false,
    });
    event.thread = Some(Thread {
        channel: channel.to_owned(),
        channel_name: form.get("channel_name").map(str::to_owned),
        message: None,
    });
    event.command = Some(Command::parse(&text::plain(form.get("text").unwrap_or_default())));
    Ok(Decoded::Event { event: Box::new(event), identities: vec![format!("{SLACK}:command:{trigger}")] })
}

fn interaction(delivery: &Delivery, stamp: &Stamp) -> Result<Decoded, Undecodable> {
    let form = Form::of(delivery)?;
    let interaction: Interaction = lenient::parse(form.required("payload")?.as_bytes())?;
    let kind = match interaction.kind.text() {
        Some("block_actions") if !interaction.actions.items().is_empty() => "slack.button",
        Some("view_submission") => MODAL,
        Some("shortcut") => "slack.shortcut",
        Some("message_action") => "slack.message_action",
        // A field that asks for suggestions while somebody types: there are none.
        Some("block_suggestion") => return Ok(Decoded::Handshake(Reply::Json(json!({"options": []})))),
        other => {
            let what = other.unwrap_or("no type");
            return Ok(Decoded::Ignored(format!("an interaction of {what} with nothing to do")));
        }
    };
    let thread = place(&interaction);
    let team = first([interaction.team.get(), interaction.enterprise.get()].map(|place| place?.id.text()));
    let mut event = Event::new(stamp, EventKind::new(kind), conversation(team, thread.as_ref()));
    event.actor = interaction.user.get().and_then(|user| person(user, team));
    event.time = interaction.time().unwrap_or(stamp.received_at);
    event.button = Some(interaction.button().ok_or_else(|| Undecodable::missing("actions[0].action_id"))?);
    event.fields = interaction.fields();
    event.comment = interaction.message.get().filter(|_| kind == "slack.message_action").and_then(chosen);
    event.thread = thread;
    let trigger = interaction.trigger_id.owned().unwrap_or_else(|| fallback(delivery, stamp));
    Ok(Decoded::Event { event: Box::new(event), identities: vec![format!("{SLACK}:interaction:{trigger}")] })
}

/// The message that a button stands under, or that something was chosen for.
fn place(interaction: &Interaction) -> Option<Thread> {
    let (container, channel) = (interaction.container.get(), interaction.channel.get());
    let id = channel.and_then(|channel| channel.id.owned());
    let above = container.map(|container| [&container.thread_ts, &container.message_ts]);
    let own = interaction.message.get().map(|message| [&message.thread_ts, &message.ts]);
    Some(Thread {
        channel: id.or_else(|| container?.channel_id.owned())?,
        channel_name: channel.and_then(|channel| channel.name.owned()),
        message: above.into_iter().chain(own).flatten().find_map(Text::owned),
    })
}

/// The message that something was chosen for. What it says was not said to the bot.
fn chosen(message: &Message) -> Option<crate::event::Comment> {
    let body = message.text.text().map(text::plain).unwrap_or_default();
    Some(crate::event::Comment { id: message.ts.owned()?, body, url: None, verdict: None })
}

/// A modal in the place of the one that was sent, with nothing but a text.
fn shown(text: &str) -> Reply {
    let text: String = text.chars().take(SECTION).collect();
    let plain = |text: &str| json!({"type": "plain_text", "text": text});
    let view = json!({
        "type": "modal", "title": plain("Ostler"), "close": plain("Close"),
        "blocks": [{"type": "section", "text": plain(&text)}],
    });
    Reply::Json(json!({"response_action": "update", "view": view}))
}

impl Interaction {
    /// What was pressed, chosen or sent, as its maker named it.
    fn button(&self) -> Option<Button> {
        if let Some(view) = self.view.get().filter(|_| self.actions.items().is_empty()) {
            let action = view.callback_id.owned().unwrap_or_default();
            return Some(Button { action, value: view.private_metadata.owned() });
        }
        let Some(action) = self.actions.items().first() else {
            return Some(Button { action: self.callback_id.owned().unwrap_or_default(), value: None });
        };
        let chosen = action.selected_option.get().and_then(|option| option.value.owned());
        Some(Button { action: action.action_id.owned()?, value: action.value.owned().or(chosen) })
    }

    /// What was filled in, by the fields' own names.
    fn fields(&self) -> BTreeMap<String, String> {
        let values = self.view.get().and_then(|view| view.state.get()?.values.get());
        let fields = values.into_iter().flat_map(BTreeMap::values).flatten();
        fields.filter_map(|(name, field)| Some((name.clone(), field.text()?))).collect()
    }

    fn time(&self) -> Option<Timestamp> {
        let pressed = self.actions.items().first().and_then(|action| action.action_ts.text());
        pressed.or(self.action_ts.text()).and_then(moment)
    }
}

impl Field {
    /// What is in it, whatever kind of field it is.
    fn text(&self) -> Option<String> {
        let option = self.selected_option.get().and_then(|option| option.value.owned());
        let chosen = [
            &self.value,
            &self.selected_date,
            &self.selected_time,
            &self.selected_user,
            &self.selected_channel,
            &self.selected_conversation,
        ];
        option.or_else(|| chosen.into_iter().find_map(Text::owned))
    }
}

fn person(user: &User, team: &str) -> Option<Actor> {
    let id = user.id.text()?;
    Some(Actor {
        account: Account::new(SLACK, id),
        name: first([user.name.text(), user.username.text(), Some(id)]).to_owned(),
        bot: false,
        external: is_elsewhere(&user.team_id, team),
    })
}

fn envelope(envelope: &Envelope, stamp: &Stamp) -> Result<Decoded, Undecodable> {
    match envelope.kind.text() {
        Some("url_verification") => {
            let challenge = envelope.challenge.text().ok_or_else(|| Undecodable::missing("challenge"))?;
            return Ok(Decoded::Handshake(Reply::Json(json!({"challenge": challenge}))));
        }
        Some("event_callback") => {}
        other => return Ok(Decoded::Ignored(format!("an envelope of type {}", other.unwrap_or("(none)")))),
    }
    let message = envelope.event.get().ok_or_else(|| Undecodable::missing("event"))?;
    let kind = message.kind.text().ok_or_else(|| Undecodable::missing("event.type"))?;
    if kind == "message" && !is_said(message.subtype.text()) {
        return Ok(Decoded::Ignored("a change of a message".to_owned()));
    }
    let event = Said { envelope, message, kind }.event(stamp);
    Ok(Decoded::Event {
        identities: Said { envelope, message, kind }.identities(stamp),
        event: Box::new(event),
    })
}

/// An event of the Events API being understood.
#[derive(Debug, Clone, Copy)]
struct Said<'a> {
    envelope: &'a Envelope,
    message: &'a Message,
    kind: &'a str,
}

impl<'a> Said<'a> {
    fn event(self, stamp: &Stamp) -> Event {
        let message = self.message;
        let thread = self.thread();
        let kind = match self.kind {
            _ if self.is_mention() => "mention",
            other => other,
        };
        let subject = conversation(self.team(), thread.as_ref());
        let mut event = Event::new(stamp, EventKind::new(format!("{SLACK}.{kind}")), subject);
        event.time = self.time().unwrap_or(stamp.received_at);
        event.actor = self.actor();
        event.thread = thread;
        event.comment = message.ts.owned().map(|id| crate::event::Comment {
            id,
            body: message.text.text().map(text::plain).unwrap_or_default(),
            url: None,
            verdict: None,
        });
        event.command = event.comment.as_ref().and_then(|comment| self.command(&comment.body));
        if let Some(name) = message.reaction.owned() {
            let stops = kind == REACTED && name == STOP_SIGN;
            event.command = stops.then(|| Command::parse(STOP[0]));
            event.button = Some(Button { action: name, value: None });
        }
        event
    }

    /// Where it was said, or what was reacted to.
    fn thread(self) -> Option<Thread> {
        let message = self.message;
        let thread = |channel, message| Thread { channel, channel_name: None, message };
        match message.item.get() {
            Some(item) => Some(thread(item.channel.owned()?, item.ts.owned())),
            None => Some(thread(
                message.channel.owned()?,
                message.thread_ts.owned().or_else(|| message.ts.owned()),
            )),
        }
    }

    fn identities(self, stamp: &Stamp) -> Vec<String> {
        let id = self.envelope.event_id.owned().unwrap_or_else(|| stamp.payload.digest.to_string());
        let mut identities = vec![format!("{SLACK}:{id}")];
        let what = if self.is_mention() { "mention" } else { self.kind };
        let place = self.message.channel.text().zip(self.message.ts.text());
        if let ("mention" | "message", Some((channel, ts))) = (what, place) {
            identities.push(format!("{SLACK}:{what}:{}/{channel}/{ts}", self.team()));
        }
        identities
    }

    fn team(self) -> &'a str {
        first([self.envelope.team_id.text(), self.envelope.enterprise_id.text()])
    }

    /// The bot's own account: the one that the event is delivered to.
    fn bot(self) -> Option<&'a str> {
        self.envelope.authorizations.items().first()?.user_id.text()
    }

    fn is_mention(self) -> bool {
        let named = |bot| names(self.message.text.text().unwrap_or_default(), bot);
        self.kind == "app_mention" || (self.kind == "message" && self.bot().is_some_and(named))
    }

    /// What was asked on a line that begins with the bot's name.
    fn command(self, text: &str) -> Option<Command> {
        let mut names = Command::NAMES.to_vec();
        names.extend(self.bot());
        Command::in_comment(text, &names)
    }

    fn actor(self) -> Option<Actor> {
        let message = self.message;
        let id = message.user.text().or(message.bot_id.text())?;
        Some(Actor {
            account: Account::new(SLACK, id),
            name: id.to_owned(),
            bot: message.bot_id.text().is_some(),
            external: is_elsewhere(&message.user_team, self.team()),
        })
    }

    fn time(self) -> Option<Timestamp> {
        let told = || Timestamp::from_second(self.envelope.event_time.0?).ok();
        self.message.ts.text().and_then(moment).or_else(told)
    }
}

/// Whether a message of this subtype is something that was said, and no change of something else.
pub(super) fn is_said(subtype: Option<&str>) -> bool {
    matches!(subtype, None | Some("bot_message" | "file_share" | "thread_broadcast"))
}

/// Whether a text, as Slack writes it, names an account.
pub(super) fn names(text: &str, account: &str) -> bool {
    text.contains(&format!("<@{account}>")) || text.contains(&format!("<@{account}|"))
}

/// The moment of a timestamp in Slack's writing: seconds, and behind a point what tells two of one
/// second apart.
fn moment(ts: &str) -> Option<Timestamp> {
    Timestamp::from_second(ts.split('.').next()?.parse().ok()?).ok()
}

/// What a conversation's events are about.
fn conversation(team: &str, thread: Option<&Thread>) -> Subject {
    let channel = thread.map(|thread| format!("/{}", thread.channel)).unwrap_or_default();
    let message = thread.and_then(|thread| thread.message.as_ref());
    let message = message.map(|message| format!("/{message}")).unwrap_or_default();
    Subject::new(SLACK, &format!("{team}{channel}{message}"))
}

/// Whether somebody belongs to another workspace than the one that the request is about.
fn is_elsewhere(team: &Text, here: &str) -> bool {
    team.text().is_some_and(|team| !here.is_empty() && team != here)
}

/// A request's identity where Slack gives none: its body and when it was signed, which the signature covers.
fn fallback(delivery: &Delivery, stamp: &Stamp) -> String {
    let seconds = delivery.header(TIMESTAMP).unwrap_or_default();
    format!("{}@{seconds}", stamp.payload.digest)
}

/// The first text there is.
fn first<const N: usize>(texts: [Option<&str>; N]) -> &str {
    texts.into_iter().flatten().next().unwrap_or_default()
}

#[cfg(test)]
mod tests;
