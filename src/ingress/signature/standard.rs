//! The Standard Webhooks specification, 1.0.0.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::headers::{self, Window, malformed};
use super::{Refusal, Unsignable, ed25519, mac};
use crate::plugin::scheme::Algorithm;
use crate::plugin::source::Delivery;

pub(super) const ID: &str = "webhook-id";
pub(super) const TIMESTAMP: &str = "webhook-timestamp";
pub(super) const SIGNATURE: &str = "webhook-signature";

/// A secret as the sender gave it out.
enum Key {
    /// The key of `v1`.
    Symmetric(Vec<u8>),
    /// The public key of `v1a`.
    Public(Vec<u8>),
    /// The seed of a `v1a` key, which only a sender has.
    Seed(Vec<u8>),
}

impl Key {
    /// The key of a secret's text; none where it is not what its prefix says.
    fn read(secret: &str) -> Option<Self> {
        let decode = |text: &str| STANDARD.decode(text).ok().filter(|key| !key.is_empty());
        if let Some(text) = secret.strip_prefix("whpk_") {
            return decode(text).map(Self::Public);
        }
        if let Some(text) = secret.strip_prefix("whsk_") {
            // The secret key's text may hold the public key behind the seed.
            return decode(text)?.get(..32).map(|seed| Self::Seed(seed.to_vec()));
        }
        decode(secret.strip_prefix("whsec_").unwrap_or(secret)).map(Self::Symmetric)
    }

    /// The version of the signatures that it makes.
    fn version(&self) -> &'static str {
        match self {
            Self::Symmetric(_) => "v1",
            Self::Public(_) | Self::Seed(_) => "v1a",
        }
    }

    /// Whether one of some signatures of a message is its own.
    fn fits(&self, message: &[u8], signatures: &[Vec<u8>]) -> bool {
        match self {
            Self::Symmetric(key) => mac::is_one_of(signatures, Algorithm::Sha256, key, &[message]),
            Self::Public(key) => {
                signatures.iter().fold(false, |fits, one| ed25519::fits(key, message, one) | fits)
            }
            Self::Seed(_) => false,
        }
    }
}

/// Whether one of a delivery's signatures is the secret's.
pub(super) fn verify(secret: &str, delivery: &Delivery, window: Window) -> Result<(), Refusal> {
    let id = headers::only(&delivery.headers, ID)?;
    // A dot in the id would let its end be read as the timestamp.
    if id.is_empty() || id.contains('.') {
        return Err(malformed(ID));
    }
    let seconds = headers::recent(&delivery.headers, TIMESTAMP, window)?;
    let text = headers::only(&delivery.headers, SIGNATURE)?;
    let key = Key::read(secret).ok_or(Refusal::NoSecret)?;
    let own = text.split(' ').filter_map(|entry| entry.split_once(','));
    let own = own.filter(|(version, _)| *version == key.version());
    let claims: Vec<_> = own.filter_map(|(_, text)| STANDARD.decode(text).ok()).collect();
    if claims.is_empty() || claims.len() > headers::MOST {
        return Err(malformed(SIGNATURE));
    }
    if key.fits(&message(id, seconds, &delivery.body), &claims) { Ok(()) } else { Err(Refusal::Wrong) }
}

/// The entry that a sender puts into the signature's header.
pub(super) fn sign(secret: &str, id: &str, seconds: &str, body: &[u8]) -> Result<String, Unsignable> {
    let message = message(id, seconds, body);
    let key = Key::read(secret).ok_or(Unsignable)?;
    let signature = match &key {
        Key::Symmetric(key) => mac::make(Algorithm::Sha256, key, &[&message]),
        Key::Seed(seed) => ed25519::sign(seed, &message)?,
        Key::Public(_) => return Err(Unsignable),
    };
    Ok(format!("{},{}", key.version(), STANDARD.encode(signature)))
}

fn message(id: &str, seconds: &str, body: &[u8]) -> Vec<u8> {
    [id.as_bytes(), b".", seconds.as_bytes(), b".", body].concat()
}
