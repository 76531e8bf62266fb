//! The sender's side, for twins, tests and `ostler send`.

use jiff::Timestamp;

use super::{connect, ed25519, mac, standard};
use crate::plugin::scheme::Scheme;
use crate::plugin::source::Delivery;

/// A secret that cannot sign: a public key, or one that is not what the scheme takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this secret cannot sign: it is a public key, or not of the scheme's form")]
pub struct Unsignable;

/// The headers that a sender of this scheme would put on a delivery. For Ed25519 the secret is the
/// sender's own seed (in hex, or `whsk_…`), which Ostler never has.
///
/// # Errors
/// When the secret cannot sign.
pub fn sign(
    scheme: &Scheme,
    secret: &str,
    delivery: &Delivery,
    now: Timestamp,
) -> Result<Vec<(String, String)>, Unsignable> {
    let body = &delivery.body[..];
    let seconds = now.as_second().to_string();
    let headers = match scheme {
        Scheme::Mac(mac) | Scheme::Dated { mac, .. } => {
            vec![(mac.header.to_string(), mac::sign(mac, secret, body))]
        }
        Scheme::Timed { header, timestamp, version, .. } => {
            let signature = mac::Timed { header, timestamp, version }.sign(secret, &seconds, body);
            vec![((*timestamp).to_owned(), seconds), ((*header).to_owned(), signature)]
        }
        Scheme::Standard { .. } => standard_headers(secret, delivery, seconds)?,
        Scheme::Ed25519 { header, timestamp, .. } => {
            let seed = hex::decode(secret).map_err(|_| Unsignable)?;
            let signature = ed25519::sign(&seed, &[seconds.as_bytes(), body].concat())?;
            vec![((*timestamp).to_owned(), seconds), ((*header).to_owned(), hex::encode(signature))]
        }
        Scheme::Token { header, prefix, .. } => vec![(header.to_string(), format!("{prefix}{secret}"))],
        Scheme::Connect => vec![("Authorization".to_owned(), connect::sign(secret, delivery, now)?)],
    };
    Ok(headers)
}

/// The three headers of Standard Webhooks; the id is the delivery's own, else one that its body gives.
fn standard_headers(
    secret: &str,
    delivery: &Delivery,
    seconds: String,
) -> Result<Vec<(String, String)>, Unsignable> {
    let own = delivery.header(standard::ID).map(str::to_owned);
    let id = own.unwrap_or_else(|| format!("msg_{}", crate::id::Digest::of(&delivery.body)));
    let signature = standard::sign(secret, &id, &seconds, &delivery.body)?;
    let names = [standard::ID, standard::TIMESTAMP, standard::SIGNATURE].map(str::to_owned);
    Ok(names.into_iter().zip([id, seconds, signature]).collect())
}
