//! Whether a delivery was made by somebody who has one of our secrets.
//!
//! Signatures are over the bytes that arrived, so they are judged before anything is parsed. Every
//! credential is tried, also after one fitted, and every comparison takes the same time for right and wrong
//! digits. What is not exactly there once (a header missing, doubled, with another prefix, of another length)
//! is refused. Hex digits are compared as the bytes they spell: their case does not matter.

mod connect;
mod dated;
mod ed25519;
mod headers;
mod mac;
mod sign;
mod standard;

use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use subtle::ConstantTimeEq as _;

pub use self::dated::date;
pub use self::sign::{Unsignable, sign};
use crate::plugin::scheme::{Credential, Header, Scheme};
use crate::plugin::source::Delivery;

/// Why a delivery is not believed; the later ones came closer to being believed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Refusal {
    /// There is no secret to believe anything by.
    #[error("no secret is configured")]
    NoSecret,
    /// A header that the scheme needs is not there.
    #[error("the header {0} is missing")]
    Missing(Header),
    /// A header that the scheme needs is there more than once.
    #[error("the header {0} is there more than once")]
    Repeated(Header),
    /// A header does not have the form that the scheme gives it.
    #[error("the header {0} does not have the expected form")]
    Malformed(Header),
    /// No secret makes this signature.
    #[error("the signature does not fit")]
    Wrong,
    /// The body does not say when it was sent.
    #[error("the body does not say in {0} when it was sent")]
    Undated(&'static str),
    /// The timestamp is further from now than the scheme allows.
    #[error("the timestamp is too far from the present")]
    Stale,
}

/// Believes a delivery or says why not.
///
/// # Errors
/// When no credential proves it: the refusal of the one that came closest.
pub fn verify(credentials: &[Credential], delivery: &Delivery, now: Timestamp) -> Result<(), Refusal> {
    // No short cut: how many secrets there are and which one fitted stays ours.
    let verdicts: Vec<_> = credentials.iter().map(|credential| judge(credential, delivery, now)).collect();
    if verdicts.iter().any(Result::is_ok) {
        return Ok(());
    }
    let closest = verdicts.into_iter().filter_map(Result::err).max();
    Err(closest.unwrap_or(Refusal::NoSecret))
}

/// What one credential says.
fn judge(credential: &Credential, delivery: &Delivery, now: Timestamp) -> Result<(), Refusal> {
    let secret = credential.secret.expose_secret();
    if secret.trim().is_empty() {
        return Err(Refusal::NoSecret);
    }
    match &credential.scheme {
        Scheme::Mac(mac) => mac::verify(mac, secret, delivery),
        Scheme::Dated { mac, member, window } => {
            mac::verify(mac, secret, delivery)?;
            dated::recent(&delivery.body, member, (now, *window))
        }
        Scheme::Timed { header, timestamp, version, window } => {
            let timed = mac::Timed { header, timestamp, version };
            timed.verify(secret, delivery, (now, *window))
        }
        Scheme::Standard { window } => standard::verify(secret, delivery, (now, *window)),
        Scheme::Ed25519 { header, timestamp, window } => {
            headers::recent(&delivery.headers, timestamp, (now, *window))?;
            ed25519::verify(secret, delivery, header, timestamp)
        }
        Scheme::Token { header, prefix, unless } => {
            let signed = unless.is_some_and(|header| delivery.headers.contains_key(header));
            if signed { Err(Refusal::Wrong) } else { token(secret, delivery, header, prefix) }
        }
        Scheme::Connect => connect::verify(secret, delivery, now),
    }
}

/// Whether the secret itself is in a header.
fn token(secret: &str, delivery: &Delivery, header: &Header, prefix: &str) -> Result<(), Refusal> {
    let text = headers::only(&delivery.headers, header)?.strip_prefix(prefix);
    let given = text.ok_or_else(|| Refusal::Malformed(header.clone()))?;
    if bool::from(given.as_bytes().ct_eq(secret.as_bytes())) { Ok(()) } else { Err(Refusal::Wrong) }
}

#[cfg(test)]
mod tests;
