//! Deliveries with an HMAC of their body in a header: `/webhooks/generic/<name>`, with the header, the
//! algorithm and the encoding that the configuration gives for each name.
//!
//! An id in the body is covered by the signature and the one identity. An id in a header is not, so that the
//! body's digest is an identity beside it; and without any id it is the only one.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;

use super::payload::{self, Place};
use crate::event::{Event, EventKind, SourceName, Stamp, Subject};
use crate::plugin::scheme::{Algorithm, Credential, Encoding, Mac, Scheme};
use crate::plugin::source::{Decoded, Delivery, Source, Undecodable};

/// The source's name.
const GENERIC: &str = "generic";

/// The kinds of event that it makes: the sender's name, and what stands where its kind is looked for.
pub const KINDS: &[&str] = &["generic.<name>.<kind>"];

/// What a kind ends with where none is found.
const UNTYPED: &str = "event";

/// What programs tell by webhook is small.
const BODY_LIMIT: usize = 1024 * 1024;

/// The senders, by name.
pub type SourceOptions = BTreeMap<String, Sender>;

/// How one sender is configured.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sender {
    /// Its secrets: several while one is being replaced.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub secrets: Vec<SecretString>,
    /// The header that the signature is in.
    pub header: String,
    /// What stands before the signature: `sha256=`.
    #[serde(default)]
    pub prefix: String,
    /// The hash that the signature is made with.
    #[serde(default)]
    pub algorithm: Algorithm,
    /// How the signature is written.
    #[serde(default)]
    pub encoding: Encoding,
    /// Where the delivery's id stands: a header's name, or a JSON pointer into the body.
    #[serde(default)]
    pub id: Option<Place>,
    /// Where it says what happened, likewise.
    #[serde(default)]
    pub kind: Option<Place>,
}

/// All senders with an HMAC of their own.
#[derive(Debug)]
pub struct GenericSource {
    senders: BTreeMap<String, Known>,
}

/// A sender as it is used.
#[derive(Debug)]
struct Known {
    credentials: Vec<Credential>,
    id: Option<Place>,
    kind: Option<Place>,
}

impl GenericSource {
    /// A source with these senders. One without a secret is off.
    #[must_use]
    pub fn new(options: SourceOptions) -> Self {
        Self { senders: options.into_iter().map(|(name, sender)| (name, known(sender))).collect() }
    }
}

fn known(sender: Sender) -> Known {
    let scheme = Scheme::Mac(Mac {
        header: sender.header.into(),
        prefix: sender.prefix.into(),
        algorithm: sender.algorithm,
        encoding: sender.encoding,
        listed: false,
    });
    Known { credentials: Credential::each(&scheme, sender.secrets), id: sender.id, kind: sender.kind }
}

impl Source for GenericSource {
    fn name(&self) -> SourceName {
        SourceName::new(GENERIC)
    }

    fn surfaces(&self) -> Vec<&str> {
        self.senders.keys().map(String::as_str).collect()
    }

    fn credentials(&self, surface: &str) -> &[Credential] {
        self.senders.get(surface).map(|known| known.credentials.as_slice()).unwrap_or_default()
    }

    fn body_limit(&self) -> usize {
        BODY_LIMIT
    }

    fn decode(&self, delivery: &Delivery, stamp: &Stamp) -> Result<Decoded, Undecodable> {
        let name = &delivery.surface;
        let known =
            self.senders.get(name).ok_or_else(|| Undecodable(format!("nobody is called `{name}`")))?;
        let body = payload::body(delivery)?;
        let kind = known.kind.as_ref().and_then(|place| place.read(delivery, &body));
        let kind = EventKind::spelled(GENERIC, &[name, kind.as_deref().unwrap_or(UNTYPED)]);
        let event = Event::new(stamp, kind, Subject::new(GENERIC, name));
        let identities = known.identities(delivery, &body, stamp);
        Ok(Decoded::Event { event: Box::new(event), identities })
    }
}

impl Known {
    fn identities(&self, delivery: &Delivery, body: &Value, stamp: &Stamp) -> Vec<String> {
        let name = &delivery.surface;
        let digest = format!("{GENERIC}:{name}:body:{}", stamp.payload.digest);
        let id = self.id.as_ref().and_then(|place| Some((place, place.read(delivery, body)?)));
        match id {
            Some((Place::Body(_), id)) => vec![format!("{GENERIC}:{name}:{id}")],
            Some((Place::Header(_), id)) => vec![format!("{GENERIC}:{name}:{id}"), digest],
            None => vec![digest],
        }
    }
}

#[cfg(test)]
mod tests;
