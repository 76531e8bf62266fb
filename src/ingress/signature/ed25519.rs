//! Ed25519 signatures, by the sender's public key.

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, UnparsedPublicKey};

use super::headers::{self, malformed};
use super::{Refusal, Unsignable};
use crate::plugin::source::Delivery;

/// Bytes of a signature.
const LENGTH: usize = 64;

/// Whether a delivery carries a signature, in hex, of its timestamp's text and its body. `key` is in hex.
pub(super) fn verify(key: &str, delivery: &Delivery, header: &str, timestamp: &str) -> Result<(), Refusal> {
    let seconds = headers::only(&delivery.headers, timestamp)?;
    let mut signature = [0; LENGTH];
    let text = headers::only(&delivery.headers, header)?;
    hex::decode_to_slice(text, &mut signature).map_err(|_| malformed(header))?;
    let Ok(key) = hex::decode(key) else { return Err(Refusal::NoSecret) };
    if fits(&key, &[seconds.as_bytes(), &delivery.body].concat(), &signature) {
        Ok(())
    } else {
        Err(Refusal::Wrong)
    }
}

/// Whether a public key's owner signed a message so.
pub(super) fn fits(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ED25519, key).verify(message, signature).is_ok()
}

/// A message's signature by the owner of a seed of 32 bytes.
pub(super) fn sign(seed: &[u8], message: &[u8]) -> Result<Vec<u8>, Unsignable> {
    let key = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| Unsignable)?;
    Ok(key.sign(message).as_ref().to_vec())
}
