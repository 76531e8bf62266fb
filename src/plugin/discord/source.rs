//! What Discord sends: slash commands, buttons and forms, and events of the application.
//!
//! An interaction has an id that the signature covers, and is never sent again. An event has none: it is known by
//! its body, which holds its time. Both want an answer of their own form within three seconds.

use jiff::Timestamp;
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};

use super::payload::{Choice, Data, Happened, Payload, User};
use crate::event::{Account, Actor, Button, Command, Event, EventKind, SourceName, Stamp, Subject, Thread};
use crate::plugin::lenient::{self, Maybe};
use crate::plugin::scheme::{Credential, Scheme};
use crate::plugin::source::{Decoded, Delivery, Reply, Source, Undecodable, Verdict};

/// The vendor's name.
const DISCORD: &str = "discord";

/// The kinds of event that it is known to make.
#[rustfmt::skip]
pub const KINDS: &[&str] = &[
    "discord.command", "discord.button", "discord.modal.submitted", "discord.application_authorized",
    "discord.application_deauthorized", "discord.entitlement_create",
];

/// Its interactions are small.
const BODY_LIMIT: usize = 1024 * 1024;

/// Seconds that a timestamp may be off. Discord names none.
const WINDOW: u64 = 300;

/// The first moment of Discord's ids, in milliseconds.
const EPOCH: i64 = 1_420_070_400_000;

/// How much a message holds, in characters.
const MESSAGE: usize = 2000;

/// Only the one who asked sees the answer.
const EPHEMERAL: u32 = 64;

/// The option that holds a command as text; the others are flags.
const REQUEST: &str = "request";

/// Discord's numbers for what an interaction is.
mod interaction {
    pub(super) const PING: i64 = 1;
    pub(super) const COMMAND: i64 = 2;
    pub(super) const COMPONENT: i64 = 3;
    pub(super) const AUTOCOMPLETE: i64 = 4;
    pub(super) const MODAL: i64 = 5;
}

/// Discord's numbers for answers.
mod answer {
    pub(super) const PONG: u8 = 1;
    pub(super) const MESSAGE: u8 = 4;
    pub(super) const NOTHING_NEW: u8 = 6;
    pub(super) const CHOICES: u8 = 8;
}

/// How Discord as a source is configured.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SourceOptions {
    /// The application's public keys, in hex: several while one is being replaced.
    #[schemars(with = "Vec<String>")]
    pub public_keys: Vec<SecretString>,
}

/// Discord as a sender of interactions and events.
#[derive(Debug)]
pub struct DiscordSource {
    credentials: Vec<Credential>,
}

impl DiscordSource {
    /// A source with these options. Without a key it is off.
    #[must_use]
    pub fn new(options: SourceOptions) -> Self {
        let scheme = Scheme::Ed25519 {
            header: "X-Signature-Ed25519",
            timestamp: "X-Signature-Timestamp",
            window: WINDOW,
        };
        Self { credentials: Credential::each(&scheme, options.public_keys) }
    }
}

impl Source for DiscordSource {
    fn name(&self) -> SourceName {
        SourceName::new(DISCORD)
    }

    fn credentials(&self, _: &str) -> &[Credential] {
        &self.credentials
    }

    fn body_limit(&self) -> usize {
        BODY_LIMIT
    }

    fn decode(&self, delivery: &Delivery, stamp: &Stamp) -> Result<Decoded, Undecodable> {
        let payload = lenient::read::<Payload>(delivery)?;
        if let Some(happened) = payload.event.get() {
            return Ok(happening(happened, stamp));
        }
        match payload.kind.0 {
            // The envelope's own ping.
            Some(0) => Ok(Decoded::Handshake(Reply::NoContent)),
            Some(interaction::PING) => Ok(Decoded::Handshake(Reply::Json(json!({"type": answer::PONG})))),
            Some(interaction::AUTOCOMPLETE) => {
                let none = json!({"type": answer::CHOICES, "data": {"choices": []}});
                Ok(Decoded::Handshake(Reply::Json(none)))
            }
            Some(kind) => Ok(interact(kind, &payload, stamp)),
            None => Err(Undecodable::missing("type")),
        }
    }

    fn answer(&self, delivery: &Delivery, verdict: &Verdict) -> Option<Reply> {
        let payload = lenient::read::<Payload>(delivery).ok()?;
        if payload.event.get().is_some() {
            return Some(Reply::NoContent);
        }
        // Whoever pressed a button reads something only where there is something to say.
        let is_silent = match verdict {
            Verdict::Accepted { text, .. } => text.is_none(),
            Verdict::Duplicate { .. } | Verdict::Ignored => true,
        };
        let pressed = payload.kind.0 == Some(interaction::COMPONENT);
        let reply = if pressed && is_silent {
            json!({"type": answer::NOTHING_NEW})
        } else {
            message(&verdict.report())
        };
        Some(Reply::Json(reply))
    }
}

/// A message for the one who asked, which calls nobody.
fn message(text: &str) -> Value {
    let text: String = text.chars().take(MESSAGE).collect();
    let data = json!({"content": text, "flags": EPHEMERAL, "allowed_mentions": {"parse": []}});
    json!({"type": answer::MESSAGE, "data": data})
}

/// What an event of the application is.
fn happening(happened: &Happened, stamp: &Stamp) -> Decoded {
    let kind = EventKind::spelled(DISCORD, &[happened.kind.text().unwrap_or("event")]);
    let mut event = Event::new(stamp, kind, Subject::new(DISCORD, "application"));
    let told = happened.timestamp.text().and_then(|text| text.parse().ok());
    event.time = told.unwrap_or(stamp.received_at);
    event.actor = happened.data.get().and_then(|about| about.user.get()).and_then(person);
    let identities = vec![format!("{DISCORD}:body:{}", stamp.payload.digest)];
    Decoded::Event { event: Box::new(event), identities }
}

/// What somebody did.
fn interact(kind: i64, payload: &Payload, stamp: &Stamp) -> Decoded {
    let (word, data) = match (kind, payload.data.get()) {
        (interaction::COMMAND, Some(data)) => ("command", data),
        (interaction::COMPONENT, Some(data)) => ("button", data),
        (interaction::MODAL, Some(data)) => ("modal.submitted", data),
        _ => return Decoded::Ignored(format!("an interaction of type {kind}")),
    };
    let kind = EventKind::spelled(DISCORD, &[word]);
    let mut event = Event::new(stamp, kind, Subject::new(DISCORD, &payload.place()));
    event.time = payload.time().unwrap_or(stamp.received_at);
    let member = payload.member.get().and_then(|member| member.user.get());
    event.actor = member.or(payload.user.get()).and_then(person);
    event.thread = payload.thread();
    match word {
        "command" => event.command = command(data),
        _ => event.button = button(data),
    }
    event.fields = fields(data);
    let id = payload.id.owned().unwrap_or_else(|| format!("body:{}", stamp.payload.digest));
    Decoded::Event { event: Box::new(event), identities: vec![format!("{DISCORD}:{id}")] }
}

impl Payload {
    /// Where it was: the message that it hangs from, else nothing but itself.
    fn place(&self) -> String {
        let message = self.message.get().and_then(|message| message.id.text());
        let parts = [self.guild_id.text(), self.channel_id.text(), message.or(self.id.text())];
        parts.into_iter().flatten().collect::<Vec<_>>().join("/")
    }

    fn thread(&self) -> Option<Thread> {
        Some(Thread {
            channel: self.channel_id.owned()?,
            channel_name: self.channel.get().and_then(|channel| channel.name.owned()),
            message: self.message.get().and_then(|message| message.id.owned()),
        })
    }

    /// When it was: an id begins with its moment.
    fn time(&self) -> Option<Timestamp> {
        let id: i64 = self.id.text()?.parse().ok()?;
        Timestamp::from_millisecond(EPOCH.checked_add(id >> 22)?).ok()
    }
}

/// What was asked: `/ostler request:fix the totals`, `/ostler implement request:SHOP-7 draft:true`, or
/// `/implement request:SHOP-7`.
fn command(data: &Data) -> Option<Command> {
    let name = data.name.text()?;
    let mut words: Vec<&str> = Vec::new();
    words.extend(Some(name).filter(|name| !Command::NAMES.contains(name)));
    let mut choices = data.options.items();
    // A command below the command, and one below that.
    while let [Choice { name, options: below @ Maybe(Some(_)), .. }] = choices {
        words.extend(name.text());
        choices = below.items();
    }
    let value = |choice: &'_ Choice| choice.value.get().map(|word| word.0.clone());
    let request = choices.iter().find(|choice| choice.name.text() == Some(REQUEST)).and_then(value);
    words.extend(request.as_deref());
    let mut command = Command::parse(&words.join(" "));
    for choice in choices.iter().filter(|choice| choice.name.text() != Some(REQUEST)) {
        command.flags.extend(choice.name.owned().zip(value(choice)));
    }
    Some(command)
}

/// What was pressed, or which form was sent, and what was chosen there.
fn button(data: &Data) -> Option<Button> {
    let chosen = data.values.items().first().map(|word| word.0.clone());
    Some(Button { action: data.custom_id.owned()?, value: chosen })
}

/// What was filled in.
fn fields(data: &Data) -> std::collections::BTreeMap<String, String> {
    let rows = data.components.items().iter();
    let fields = rows.flat_map(|row| row.components.items().iter().chain(row.component.get()));
    let filled = fields.filter_map(|field| {
        let chosen = || field.values.items().first().map(|word| word.0.clone());
        Some((field.custom_id.owned()?, field.value.owned().or_else(chosen)?))
    });
    filled.collect()
}

fn person(user: &User) -> Option<Actor> {
    let id = user.id.text()?;
    Some(Actor {
        account: Account::new(DISCORD, id),
        name: user.global_name.text().or(user.username.text()).unwrap_or(id).to_owned(),
        bot: user.bot.0 == Some(true),
        external: false,
    })
}

#[cfg(test)]
mod tests;
