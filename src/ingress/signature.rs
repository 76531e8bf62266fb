//! Whether a delivery was signed with one of our secrets.
//!
//! The signature is over the bytes that arrived, so it is judged before anything is parsed. Every configured
//! secret is tried, also after one fitted, and every comparison takes the same time for right and wrong
//! digits. What is not exactly there once (a header missing, doubled, with another prefix, of another length)
//! is refused. Hex digits are compared as the bytes they spell: their case does not matter.

use hmac::{Hmac, KeyInit as _, Mac as _};
use http::HeaderMap;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use crate::plugin::source::{Delivery, Scheme};

/// Why a delivery is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no secret to believe anything by.
    #[error("no secret is configured")]
    NoSecret,
    /// A header that the scheme needs is not there.
    #[error("the header {0} is missing")]
    Missing(&'static str),
    /// A header that the scheme needs is there more than once.
    #[error("the header {0} is there more than once")]
    Repeated(&'static str),
    /// A header does not have the form that the scheme gives it.
    #[error("the header {0} does not have the expected form")]
    Malformed(&'static str),
    /// The timestamp is further from now than the scheme allows.
    #[error("the timestamp is too far from the present")]
    Stale,
    /// No secret makes this signature.
    #[error("the signature does not fit the body")]
    Wrong,
}

/// Believes a delivery or says why not.
///
/// # Errors
/// When the delivery is not signed with one of the secrets, or its timestamp is out of the window.
pub fn verify(
    scheme: Scheme,
    secrets: &[SecretString],
    delivery: &Delivery,
    now: Timestamp,
) -> Result<(), Refusal> {
    let secrets = || secrets.iter().map(ExposeSecret::expose_secret).filter(|secret| !secret.is_empty());
    if secrets().next().is_none() {
        return Err(Refusal::NoSecret);
    }
    let (signature, parts) = claim(scheme, delivery, now)?;
    // No short cut: how many secrets there are and which one fitted stays ours.
    let fits =
        secrets().fold(false, |fits, secret| mac(secret, &parts).verify_slice(&signature).is_ok() | fits);
    if fits { Ok(()) } else { Err(Refusal::Wrong) }
}

/// The headers that a sender of this scheme would put on a body.
#[must_use]
pub fn sign(scheme: Scheme, secret: &str, body: &[u8], now: Timestamp) -> Vec<(&'static str, String)> {
    match scheme {
        Scheme::Body { header, prefix } => vec![(header, format!("{prefix}{}", digits(secret, &[body])))],
        Scheme::Timed { header, timestamp, version, .. } => {
            let seconds = now.as_second().to_string();
            let signature = digits(secret, &timed(version, &seconds, body));
            vec![(timestamp, seconds), (header, format!("{version}={signature}"))]
        }
    }
}

/// The signature that a delivery claims, and the text that it is said to be over.
fn claim(scheme: Scheme, delivery: &Delivery, now: Timestamp) -> Result<([u8; 32], Vec<&[u8]>), Refusal> {
    match scheme {
        Scheme::Body { header, prefix } => {
            let signature = only(&delivery.headers, header)?.strip_prefix(prefix);
            Ok((decode(signature, header)?, vec![&delivery.body]))
        }
        Scheme::Timed { header, timestamp, version, window } => {
            let seconds = only(&delivery.headers, timestamp)?;
            within(seconds, now, window).ok_or(Refusal::Malformed(timestamp))??;
            let signature = only(&delivery.headers, header)?;
            let signature = signature.strip_prefix(version).and_then(|rest| rest.strip_prefix('='));
            Ok((decode(signature, header)?, timed(version, seconds, &delivery.body).to_vec()))
        }
    }
}

/// Nothing where the text is no timestamp, else whether it lies within the window, both ends included.
fn within(seconds: &str, now: Timestamp, window: u64) -> Option<Result<(), Refusal>> {
    // `parse` would also take a sign.
    let digits = seconds.bytes().all(|byte| byte.is_ascii_digit());
    let seconds: i64 = digits.then(|| seconds.parse().ok()).flatten()?;
    let fresh = now.as_second().abs_diff(seconds) <= window;
    Some(if fresh { Ok(()) } else { Err(Refusal::Stale) })
}

fn only<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<&'a str, Refusal> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().ok_or(Refusal::Missing(name))?;
    if values.next().is_some() {
        return Err(Refusal::Repeated(name));
    }
    value.to_str().map_err(|_| Refusal::Malformed(name))
}

fn decode(digits: Option<&str>, header: &'static str) -> Result<[u8; 32], Refusal> {
    let mut bytes = [0; 32];
    let decoded = digits.map(|digits| hex::decode_to_slice(digits, &mut bytes));
    decoded.and_then(Result::ok).ok_or(Refusal::Malformed(header)).map(|()| bytes)
}

fn timed<'a>(version: &'a str, seconds: &'a str, body: &'a [u8]) -> [&'a [u8]; 5] {
    [version.as_bytes(), b":", seconds.as_bytes(), b":", body]
}

fn digits(secret: &str, parts: &[&[u8]]) -> String {
    hex::encode(mac(secret, parts).finalize().into_bytes())
}

fn mac(secret: &str, parts: &[&[u8]]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    mac
}

#[cfg(test)]
mod tests;
