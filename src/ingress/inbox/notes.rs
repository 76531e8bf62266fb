//! What the inbox notes of deliveries that become no event.

use bytes::Bytes;

use super::{Inbox, LARGE};
use crate::event::PayloadRef;
use crate::ingress::refused::{self, Cause, Refused, UNKNOWN};
use crate::plugin::source::{Delivery, Source};

impl Inbox {
    /// Notes that a delivery was turned away before its body was read.
    pub fn turned_away(&self, source: &str, delivery: &Delivery, (cause, why): (Cause, String)) {
        let known = self.known(source);
        let reached = |known: &dyn Source| {
            let surfaces = known.surfaces();
            if surfaces.is_empty() {
                delivery.surface.is_empty()
            } else {
                surfaces.contains(&&*delivery.surface)
            }
        };
        let refused = match known {
            Some(known) if cause == Cause::UnknownSource && reached(known.as_ref()) => {
                let why = format!("{source} is off: no secret is configured");
                self.describe(known.as_ref(), delivery, (Cause::SourceOff, why))
            }
            Some(known) => self.describe(known.as_ref(), delivery, (cause, why)),
            None => self.bare(UNKNOWN, delivery, (cause, why)),
        };
        self.refusals.note(refused);
    }

    /// Notes a delivery whose body was read.
    pub(super) async fn note(&self, source: &dyn Source, delivery: &Delivery, why: (Cause, String)) {
        let refused = self.describe(source, delivery, why);
        self.refusals.note(with_body(refused, &delivery.body).await);
    }

    /// Notes that a delivery was here before.
    pub(super) fn note_again(&self, source: &dyn Source, delivery: &Delivery, first: crate::id::EventId) {
        let why = (Cause::Duplicate, format!("it was here before, as {first}"));
        let refused = self.describe(source, delivery, why);
        self.refusals.note(Refused { event: Some(first), ..refused });
    }

    fn describe(&self, source: &dyn Source, delivery: &Delivery, why: (Cause, String)) -> Refused {
        let credentials = source.credentials(&delivery.surface);
        let mut proofs: Vec<String> =
            credentials.iter().map(|credential| credential.scheme.header().to_owned()).collect();
        proofs.sort_unstable();
        proofs.dedup();
        Refused {
            ids: refused::ids(&delivery.headers, source.id_headers()),
            proofs,
            secrets: credentials.len(),
            ..self.bare(source.name().as_str(), delivery, why)
        }
    }

    fn bare(&self, source: &str, delivery: &Delivery, (cause, why): (Cause, String)) -> Refused {
        Refused {
            time: self.clock.now(),
            source: source.to_owned(),
            path: refused::plain(&delivery.path),
            cause,
            why,
            ids: std::collections::BTreeMap::new(),
            bytes: None,
            digest: None,
            proofs: Vec::new(),
            secrets: 0,
            event: None,
            nth: 0,
            place: 0,
        }
    }
}

/// The note with the body's length and digest, made off the async threads where that takes long.
async fn with_body(refused: Refused, body: &Bytes) -> Refused {
    let payload = if body.len() <= LARGE {
        Some(PayloadRef::to(body))
    } else {
        let body = body.clone();
        tokio::task::spawn_blocking(move || PayloadRef::to(&body)).await.ok()
    };
    let (bytes, digest) = payload.map(|payload| (payload.bytes, payload.digest)).unzip();
    Refused { bytes, digest, ..refused }
}
