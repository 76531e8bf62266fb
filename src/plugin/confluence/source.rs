//! What Confluence sends: Data Center's webhooks, a Connect app's, and what rules of Automation send.
//!
//! Payloads are thin: they name a page, its author's account and little more. What happened is in the payload,
//! in a header, or (Connect) in the address's own query, `?event=page_created`, which its token covers. No id is
//! covered by a signature, so the body's digest is an identity as well; bodies carry their time in milliseconds.

use jiff::Timestamp;
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;

use super::payload::{Comment, Content, Payload};
use crate::event::{Account, Actor, Command, Event, EventKind, PageMention, SourceName, Stamp, Subject};
use crate::plugin::lenient::{self, Maybe};
use crate::plugin::scheme::{Credential, Mac, Scheme};
use crate::plugin::source::{Decoded, Delivery, Source, Undecodable};

/// The vendor's name.
const CONFLUENCE: &str = "confluence";

/// The kinds of event that it is known to make.
#[rustfmt::skip]
pub const KINDS: &[&str] = &[
    "confluence.page.created", "confluence.page.updated", "confluence.page.moved", "confluence.page.trashed",
    "confluence.page.restored", "confluence.page.removed", "confluence.comment.created",
    "confluence.comment.updated", "confluence.comment.removed", "confluence.blog.created",
    "confluence.blog.updated", "confluence.label.added", "confluence.label.removed",
    "confluence.space.created", "confluence.space.updated", "confluence.attachment.created",
    "confluence.automation.sent",
];

/// As Jira's: nothing is said of Confluence's own.
const BODY_LIMIT: usize = 10 * 1024 * 1024;

/// The header of the signature.
const SIGNATURE: &str = "X-Hub-Signature";

/// How Confluence as a source is configured.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SourceOptions {
    /// The secrets of Data Center's webhook: several while one is being replaced.
    #[schemars(with = "Vec<String>")]
    pub secrets: Vec<SecretString>,
    /// The shared secrets of a Connect app's installations.
    #[schemars(with = "Vec<String>")]
    pub connect_secrets: Vec<SecretString>,
    /// The tokens that rules of Automation send along.
    #[schemars(with = "Vec<String>")]
    pub automation_tokens: Vec<SecretString>,
}

/// Confluence as a sender of deliveries.
#[derive(Debug)]
pub struct ConfluenceSource {
    credentials: Vec<Credential>,
}

impl ConfluenceSource {
    /// A source with these options. Without a secret it is off.
    #[must_use]
    pub fn new(options: SourceOptions) -> Self {
        let signed = Scheme::Mac(Mac::sha256(SIGNATURE, "sha256="));
        let credentials = [
            Credential::each(&signed, options.secrets),
            Credential::each(&Scheme::Connect, options.connect_secrets),
            Credential::typed(options.automation_tokens, SIGNATURE),
        ];
        Self { credentials: credentials.concat() }
    }
}

impl Source for ConfluenceSource {
    fn name(&self) -> SourceName {
        SourceName::new(CONFLUENCE)
    }

    fn credentials(&self, _: &str) -> &[Credential] {
        &self.credentials
    }

    fn id_headers(&self) -> &[&str] {
        &["X-Request-Id"]
    }

    fn body_limit(&self) -> usize {
        BODY_LIMIT
    }

    fn decode(&self, delivery: &Delivery, stamp: &Stamp) -> Result<Decoded, Undecodable> {
        let payload = lenient::read::<Payload>(delivery)?;
        if payload.test.0 == Some(true) {
            return Ok(Decoded::Ignored("a test of the connection".to_owned()));
        }
        let event = event(&payload, delivery, stamp);
        let identities = identities(&payload, delivery, stamp);
        Ok(Decoded::Event { event: Box::new(event), identities })
    }
}

fn identities(payload: &Payload, delivery: &Delivery, stamp: &Stamp) -> Vec<String> {
    let header = |name| delivery.id(name);
    // A rule's document may be the same each time; where its author tells two apart, we do. Beside a signature
    // it is no rule's, and a header that nothing covers would let anybody send a signed body again.
    let is_signed = delivery.headers.contains_key(SIGNATURE);
    let key = payload.idempotency_key.text().or_else(|| header("Idempotency-Key"));
    if let Some(key) = key.filter(|_| !is_signed) {
        return vec![format!("{CONFLUENCE}:automation:{key}")];
    }
    let id = header("X-Request-Id").map(|id| format!("{CONFLUENCE}:{id}"));
    id.into_iter().chain([format!("{CONFLUENCE}:body:{}", stamp.payload.digest)]).collect()
}

fn event(payload: &Payload, delivery: &Delivery, stamp: &Stamp) -> Event {
    let page = payload.subject().and_then(|content| page(content, payload));
    let name = page.as_ref().map(|page| page.id.clone());
    let name = name.or_else(|| payload.space.get()?.key.owned()).unwrap_or_else(|| "site".to_owned());
    let mut event = Event::new(stamp, kind(payload, delivery), Subject::new(CONFLUENCE, &name));
    let moment = payload.timestamp.0.and_then(|told| Timestamp::from_millisecond(told).ok());
    event.time = moment.unwrap_or(stamp.received_at);
    event.actor = actor(payload);
    event.comment = payload.comment.get().and_then(comment);
    let said = event.comment.as_ref().filter(|_| event.kind.as_str() == "confluence.comment.created");
    event.command = said.and_then(|comment| Command::in_comment(&comment.body, Command::NAMES));
    event.page = page;
    event
}

/// What happened: by the body, which is covered where there is a signature, before the header.
fn kind(payload: &Payload, delivery: &Delivery) -> EventKind {
    let asked = url::form_urlencoded::parse(delivery.query.as_bytes()).find(|(field, _)| field == "event");
    let asked = asked.map(|(_, value)| value.into_owned());
    let told = payload.event.text().or_else(|| delivery.header("X-Event-Key")).or(asked.as_deref());
    match told.filter(|text| !text.is_empty()) {
        // `page_children_reordered` is of pages.
        Some(text) => match text.split_once(['_', ':', '.']) {
            Some((thing, what)) => EventKind::spelled(CONFLUENCE, &[thing, what]),
            None => EventKind::spelled(CONFLUENCE, &[text]),
        },
        None => EventKind::new("confluence.automation.sent"),
    }
}

impl Payload {
    /// The page or blog post that it is about.
    fn subject(&self) -> Option<&Content> {
        let commented = || self.comment.get().and_then(|comment| comment.parent.get());
        let own = [&self.page, &self.blog, &self.content].into_iter().find_map(Maybe::get);
        own.or_else(commented).or_else(|| self.attachment.get())
    }
}

fn page(content: &Content, payload: &Payload) -> Option<PageMention> {
    let space = || payload.space.get().and_then(|space| space.key.owned());
    Some(PageMention {
        id: content.id.owned()?,
        title: content.title.owned(),
        space: content.space_key.owned().or_else(space),
        url: content.address.owned(),
    })
}

fn comment(comment: &Comment) -> Option<crate::event::Comment> {
    Some(crate::event::Comment {
        id: comment.id.owned()?,
        body: comment.body.owned().unwrap_or_default(),
        url: comment.address.owned(),
        verdict: None,
    })
}

/// Who did it, by an id alone: no payload has a name.
fn actor(payload: &Payload) -> Option<Actor> {
    let id = payload.account_id.text().or(payload.user_key.text())?;
    Some(Actor {
        account: Account::new(CONFLUENCE, id),
        name: id.to_owned(),
        bot: payload.account_type.text() == Some("app"),
        external: payload.account_type.text() == Some("customer"),
    })
}

#[cfg(test)]
mod tests;
