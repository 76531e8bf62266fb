//! HMACs: of the body alone, and of a timestamp with the body.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use sha2::{Sha256, Sha512};
use subtle::{Choice, ConstantTimeEq as _};

use super::Refusal;
use super::headers::{self, Window, malformed};
use crate::plugin::scheme::{Algorithm, Encoding, Mac};
use crate::plugin::source::Delivery;

/// Whether a delivery carries the HMAC of its body.
pub(super) fn verify(mac: &Mac, secret: &str, delivery: &Delivery) -> Result<(), Refusal> {
    let text = headers::only(&delivery.headers, &mac.header)?;
    let entries: Vec<&str> = if mac.listed { text.split(',').map(str::trim).collect() } else { vec![text] };
    let claims: Vec<_> = entries.iter().filter_map(|entry| claim(mac, entry)).collect();
    if claims.is_empty() {
        return Err(malformed(&mac.header));
    }
    if claims.len() > headers::MOST {
        return Err(malformed(&mac.header));
    }
    let fits = is_one_of(&claims, mac.algorithm, secret.as_bytes(), &[&delivery.body]);
    if fits { Ok(()) } else { Err(Refusal::Wrong) }
}

/// The bytes of an entry, if it has the prefix, the encoding and the length.
fn claim(mac: &Mac, entry: &str) -> Option<Vec<u8>> {
    let text = entry.strip_prefix(&*mac.prefix)?;
    let bytes = match mac.encoding {
        Encoding::Hex => hex::decode(text).ok()?,
        Encoding::Base64 => STANDARD.decode(text).ok()?,
    };
    (bytes.len() == mac.algorithm.length()).then_some(bytes)
}

/// What a sender puts into the header.
pub(super) fn sign(mac: &Mac, secret: &str, body: &[u8]) -> String {
    let bytes = make(mac.algorithm, secret.as_bytes(), &[body]);
    let text = match mac.encoding {
        Encoding::Hex => hex::encode(bytes),
        Encoding::Base64 => STANDARD.encode(bytes),
    };
    format!("{}{text}", mac.prefix)
}

/// `<version>=<hex HMAC-SHA256 of version:timestamp:body>`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timed<'a> {
    pub(super) header: &'a str,
    pub(super) timestamp: &'a str,
    pub(super) version: &'a str,
}

impl Timed<'_> {
    /// Whether a delivery carries the HMAC of its timestamp and body.
    pub(super) fn verify(self, secret: &str, delivery: &Delivery, window: Window) -> Result<(), Refusal> {
        let seconds = headers::recent(&delivery.headers, self.timestamp, window)?;
        let text = headers::only(&delivery.headers, self.header)?;
        let mac = Mac::sha256("", "=");
        let claim = text.strip_prefix(self.version).and_then(|rest| claim(&mac, rest));
        let claim = claim.ok_or_else(|| malformed(self.header))?;
        let parts = self.parts(seconds, &delivery.body);
        let fits = is_one_of(&[claim], Algorithm::Sha256, secret.as_bytes(), &parts);
        if fits { Ok(()) } else { Err(Refusal::Wrong) }
    }

    /// What a sender puts into the signature's header.
    pub(super) fn sign(self, secret: &str, seconds: &str, body: &[u8]) -> String {
        let bytes = make(Algorithm::Sha256, secret.as_bytes(), &self.parts(seconds, body));
        format!("{}={}", self.version, hex::encode(bytes))
    }

    fn parts<'a>(&'a self, seconds: &'a str, body: &'a [u8]) -> [&'a [u8]; 5] {
        [self.version.as_bytes(), b":", seconds.as_bytes(), b":", body]
    }
}

impl Algorithm {
    /// Bytes of its codes.
    fn length(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

/// Whether one of some codes is the one of these parts, in a time that does not tell which, or how much of
/// it is right. The parts are gone over once, however many codes there are.
pub(super) fn is_one_of(claims: &[Vec<u8>], algorithm: Algorithm, key: &[u8], parts: &[&[u8]]) -> bool {
    let code = make(algorithm, key, parts);
    let fits = claims.iter().fold(Choice::from(0), |fits, claim| fits | code.ct_eq(claim));
    fits.into()
}

/// The code of these parts.
pub(super) fn make(algorithm: Algorithm, key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    match algorithm {
        Algorithm::Sha256 => over::<Hmac<Sha256>>(key, parts).finalize().into_bytes().to_vec(),
        Algorithm::Sha512 => over::<Hmac<Sha512>>(key, parts).finalize().into_bytes().to_vec(),
    }
}

fn over<M: hmac::Mac + hmac::KeyInit>(key: &[u8], parts: &[&[u8]]) -> M {
    let mut mac = <M as hmac::KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    mac
}
