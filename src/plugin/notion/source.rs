//! What Notion sends: signals that something changed, each with an id that its signature covers.
//!
//! A new subscription is confirmed by hand: Notion sends a token once, without a signature, and a person gives it
//! back on Notion's page and puts it into the configuration, where it is the secret. Anybody can send such a
//! body. It is answered and said in the log only while the configuration says `setup: true`, once, and is
//! believed by nobody: a token counts only from the configuration.

use std::sync::atomic::{AtomicBool, Ordering};

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;

use super::payload::{Named, Payload};
use crate::event::{Account, Actor, Event, EventKind, PageMention, SourceName, Stamp, Subject};
use crate::plugin::lenient::{self};
use crate::plugin::scheme::{Credential, Mac, Scheme};
use crate::plugin::source::{Decoded, Delivery, Reply, Source, Undecodable};

/// The vendor's name.
const NOTION: &str = "notion";

/// The kinds of event that it is known to make.
#[rustfmt::skip]
pub const KINDS: &[&str] = &[
    "notion.page.created", "notion.page.content_updated", "notion.page.properties_updated",
    "notion.page.moved", "notion.page.deleted", "notion.page.undeleted", "notion.page.locked",
    "notion.page.unlocked", "notion.comment.created", "notion.comment.updated", "notion.comment.deleted",
    "notion.database.created", "notion.data_source.schema_updated",
];

/// Its bodies name things and are small.
const BODY_LIMIT: usize = 1024 * 1024;

/// A body with nothing but a token in it is no longer than this.
const HANDSHAKE_LIMIT: usize = 1024;

/// How Notion as a source is configured.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SourceOptions {
    /// The subscription's verification tokens: several while one is being replaced.
    #[schemars(with = "Vec<String>")]
    pub verification_tokens: Vec<SecretString>,
    /// Whether somebody is setting up a subscription now and waits for its token.
    pub setup: bool,
}

/// Notion as a sender of deliveries.
#[derive(Debug)]
pub struct NotionSource {
    credentials: Vec<Credential>,
    /// Whether a token is waited for: until the first one came.
    waits: AtomicBool,
}

impl NotionSource {
    /// A source with these options. Without a token, and while none is waited for, it is off.
    #[must_use]
    pub fn new(options: SourceOptions) -> Self {
        let scheme = Scheme::Mac(Mac::sha256("X-Notion-Signature", "sha256="));
        let credentials = Credential::each(&scheme, options.verification_tokens);
        Self { credentials, waits: AtomicBool::new(options.setup) }
    }
}

impl Source for NotionSource {
    fn name(&self) -> SourceName {
        SourceName::new(NOTION)
    }

    fn credentials(&self, _: &str) -> &[Credential] {
        &self.credentials
    }

    fn is_on(&self, _: &str) -> bool {
        !self.credentials.is_empty() || self.waits.load(Ordering::Relaxed)
    }

    fn body_limit(&self) -> usize {
        BODY_LIMIT
    }

    fn decode(&self, delivery: &Delivery, stamp: &Stamp) -> Result<Decoded, Undecodable> {
        let payload = lenient::read::<Payload>(delivery)?;
        if payload.verification_token.text().is_some() && payload.kind.text().is_none() {
            return Ok(Decoded::Handshake(Reply::Empty));
        }
        let kind = payload.kind.text().ok_or_else(|| Undecodable::missing("type"))?;
        let id = payload.id.owned().unwrap_or_else(|| format!("body:{}", stamp.payload.digest));
        let event = event(&payload, kind, stamp);
        Ok(Decoded::Event { event: Box::new(event), identities: vec![format!("{NOTION}:{id}")] })
    }

    fn courtesy(&self, delivery: &Delivery) -> Option<Reply> {
        let is_small = delivery.body.len() <= HANDSHAKE_LIMIT;
        if !is_small || delivery.headers.contains_key("X-Notion-Signature") {
            return None;
        }
        let payload = lenient::read::<Payload>(delivery).ok()?;
        let token = payload.verification_token.text().filter(|token| is_token(token))?;
        // One is waited for; whoever comes second is not told apart from any other stranger.
        self.waits.swap(false, Ordering::Relaxed).then(|| {
            tracing::warn!(
                %token,
                "a token for a new subscription came, from whoever knows this address: give it to Notion if you \
                 wait for one, put it under sources.notion.verification_tokens, and take `setup` away"
            );
            Reply::Empty
        })
    }
}

/// A text that can be one of Notion's tokens, and does no harm in a log.
fn is_token(text: &str) -> bool {
    let rest = text.strip_prefix("secret_").unwrap_or_default();
    !rest.is_empty() && rest.len() <= 128 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn event(payload: &Payload, kind: &str, stamp: &Stamp) -> Event {
    let entity = payload.entity.get();
    let page = page(payload);
    let name = page.as_ref().map(|page| page.id.clone()).or_else(|| entity?.id.owned());
    let subject = Subject::new(NOTION, name.as_deref().unwrap_or("workspace"));
    let mut event = Event::new(stamp, EventKind::spelled(NOTION, &[kind]), subject);
    let told = payload.timestamp.text().and_then(|text| text.parse().ok());
    event.time = told.unwrap_or(stamp.received_at);
    event.actor = payload.authors.items().first().and_then(actor);
    event.page = page;
    event
}

/// The page that changed, or on which somebody said something.
fn page(payload: &Payload) -> Option<PageMention> {
    let own = payload
        .entity
        .get()
        .filter(|entity| matches!(entity.kind.text(), Some("page" | "database" | "data_source")));
    let commented = || payload.data.get().and_then(|data| data.page_id.owned());
    let id = own.and_then(|entity| entity.id.owned()).or_else(commented)?;
    Some(PageMention { id, title: None, space: None, url: None })
}

/// Who did it, by an id alone; what is no person is a program.
fn actor(author: &Named) -> Option<Actor> {
    let id = author.id.text()?;
    Some(Actor {
        account: Account::new(NOTION, id),
        name: id.to_owned(),
        bot: author.kind.text() != Some("person"),
        external: false,
    })
}

#[cfg(test)]
mod tests;
