//! Deliveries of Standard Webhooks 1.0.0: `/webhooks/standard/<name>`, each name with secrets of its own.
//!
//! The specification covers the delivery's id by the signature, so the id is the one identity; what the sender
//! tries again has the same. A payload says its type, when it happened, and data that is the sender's own.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;

use super::payload::Payload;
use crate::event::{Event, EventKind, SourceName, Stamp, Subject};
use crate::plugin::lenient::Maybe;
use crate::plugin::scheme::{Credential, Scheme};
use crate::plugin::source::{Decoded, Delivery, JSON, Source, Undecodable};

/// The source's name.
const STANDARD: &str = "standard";

/// The kinds of event that it makes: the sender's name, and its own word.
pub const KINDS: &[&str] = &["standard.<name>.<type>"];

/// The header of a delivery's id.
const ID: &str = "webhook-id";

/// What a kind ends with where the sender does not say its type.
const UNTYPED: &str = "event";

/// Larger than the 20 kB that the specification advises senders to stay below.
const BODY_LIMIT: usize = 1024 * 1024;

/// How many seconds a timestamp may be off, as the reference libraries have it.
const WINDOW: u64 = 300;

/// The senders, by name.
pub type SourceOptions = BTreeMap<String, Sender>;

/// How one sender is configured.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Sender {
    /// Its secrets (`whsec_…`) or public keys (`whpk_…`): several while one is being replaced.
    #[schemars(with = "Vec<String>")]
    pub secrets: Vec<SecretString>,
}

/// All senders of Standard Webhooks.
#[derive(Debug)]
pub struct StandardSource {
    senders: BTreeMap<String, Vec<Credential>>,
}

impl StandardSource {
    /// A source with these senders. One without a secret is off.
    #[must_use]
    pub fn new(options: SourceOptions) -> Self {
        let scheme = Scheme::Standard { window: WINDOW };
        let credentials = |sender: Sender| Credential::each(&scheme, sender.secrets);
        Self { senders: options.into_iter().map(|(name, sender)| (name, credentials(sender))).collect() }
    }
}

impl Source for StandardSource {
    fn name(&self) -> SourceName {
        SourceName::new(STANDARD)
    }

    fn surfaces(&self) -> Vec<&str> {
        self.senders.keys().map(String::as_str).collect()
    }

    fn credentials(&self, surface: &str) -> &[Credential] {
        self.senders.get(surface).map(Vec::as_slice).unwrap_or_default()
    }

    fn id_headers(&self) -> &[&str] {
        &[ID]
    }

    fn identities_of(&self, id: &str) -> Vec<String> {
        self.senders.keys().map(|name| format!("{STANDARD}:{name}:{id}")).collect()
    }

    fn body_limit(&self) -> usize {
        BODY_LIMIT
    }

    fn decode(&self, delivery: &Delivery, stamp: &Stamp) -> Result<Decoded, Undecodable> {
        let name = &delivery.surface;
        let payload = read(delivery)?;
        let kind = EventKind::spelled(STANDARD, &[name, payload.kind.text().unwrap_or(UNTYPED)]);
        let thing = payload.data.get().and_then(|data| data.id.text());
        let subject = thing.map_or_else(|| name.clone(), |id| format!("{name}/{id}"));
        let mut event = Event::new(stamp, kind, Subject::new(STANDARD, &subject));
        let happened = payload.timestamp.text().and_then(|text| text.parse().ok());
        event.time = happened.unwrap_or(stamp.received_at);
        let id = delivery.header(ID).ok_or_else(|| Undecodable::missing(ID))?;
        Ok(Decoded::Event { event: Box::new(event), identities: vec![format!("{STANDARD}:{name}:{id}")] })
    }
}

/// The payload. The specification leaves the body free: what is not JSON is an event without parts.
fn read(delivery: &Delivery) -> Result<Payload, Undecodable> {
    if delivery.media_type() != JSON {
        return Ok(Payload::default());
    }
    let payload: Maybe<Payload> =
        serde_json::from_slice(&delivery.body).map_err(|error| Undecodable::json(&error))?;
    Ok(payload.0.unwrap_or_default())
}

#[cfg(test)]
mod tests;
