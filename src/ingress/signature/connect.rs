//! Atlassian Connect's tokens: HS256, good for minutes, bound to the request by a hash of its query string.
//!
//! Nothing covers the body: who can read one request within those minutes can send another body to the same
//! address. Connect is at its end at Atlassian; whoever can should use a webhook with a secret.

use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header as TokenHeader, Validation};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::headers::{self, malformed};
use super::{Refusal, Unsignable};
use crate::plugin::source::Delivery;

const HEADER: &str = "Authorization";
/// The query's field that may carry the token, which the hash leaves out.
const FIELD: &str = "jwt";
/// Seconds that clocks may differ.
const LEEWAY: i64 = 60;
/// Seconds that our own tokens are good for, as Atlassian's are.
const LIFE: i64 = 180;
/// What is not encoded: RFC 3986's unreserved characters.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What a token claims.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    iat: i64,
    exp: i64,
    qsh: String,
}

/// Whether a delivery carries a token of the secret that is meant for this request.
pub(super) fn verify(secret: &str, delivery: &Delivery, now: Timestamp) -> Result<(), Refusal> {
    let token = token(delivery)?;
    let mut rules = Validation::new(Algorithm::HS256);
    // Time is judged below, by our own clock; the audience of a webhook is not said.
    rules.validate_exp = false;
    rules.validate_aud = false;
    rules.required_spec_claims = HashSet::new();
    let key = DecodingKey::from_secret(secret.as_bytes());
    let claims =
        jsonwebtoken::decode::<Claims>(&token, &key, &rules).map_err(|error| refusal(&error))?.claims;
    let now = now.as_second();
    if claims.exp.saturating_add(LEEWAY) < now || claims.iat.saturating_sub(LEEWAY) > now {
        return Err(Refusal::Stale);
    }
    let expected = hash(&delivery.path, &delivery.query);
    if bool::from(claims.qsh.as_bytes().ct_eq(expected.as_bytes())) { Ok(()) } else { Err(Refusal::Wrong) }
}

fn refusal(error: &jsonwebtoken::errors::Error) -> Refusal {
    match error.kind() {
        jsonwebtoken::errors::ErrorKind::InvalidSignature => Refusal::Wrong,
        _ => malformed(HEADER),
    }
}

/// The token, from the header or the query; from one of them, and there once.
fn token(delivery: &Delivery) -> Result<String, Refusal> {
    let fields = url::form_urlencoded::parse(delivery.query.as_bytes());
    let mut fields = fields.filter(|(name, _)| name == FIELD).map(|(_, value)| value.into_owned());
    let (field, other) = (fields.next(), fields.next());
    let has_header = delivery.headers.contains_key(HEADER);
    if other.is_some() || (has_header && field.is_some()) {
        return Err(Refusal::Repeated(HEADER.into()));
    }
    if has_header {
        let text = headers::only(&delivery.headers, HEADER)?;
        return text.strip_prefix("JWT ").map(str::to_owned).ok_or_else(|| malformed(HEADER));
    }
    field.ok_or_else(|| Refusal::Missing(HEADER.into()))
}

/// The header that Atlassian puts on a request.
pub(super) fn sign(secret: &str, delivery: &Delivery, now: Timestamp) -> Result<String, Unsignable> {
    let iat = now.as_second();
    let qsh = hash(&delivery.path, &delivery.query);
    let claims = Claims { iss: "ostler".to_owned(), iat, exp: iat + LIFE, qsh };
    let key = EncodingKey::from_secret(secret.as_bytes());
    let token = jsonwebtoken::encode(&TokenHeader::new(Algorithm::HS256), &claims, &key);
    token.map(|token| format!("JWT {token}")).map_err(|_| Unsignable)
}

/// The hash of a POST's canonical form.
fn hash(path: &str, query: &str) -> String {
    hex::encode(Sha256::digest(canonical("POST", path, query)))
}

/// `METHOD&path&query`: the query without the token, keys in order, several values of one sorted and
/// joined by commas, everything encoded once.
fn canonical(method: &str, path: &str, query: &str) -> String {
    let path = path.trim_end_matches('/').replace('&', "%26");
    let path = if path.is_empty() { "/".to_owned() } else { path };
    let mut fields: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let encode = |text: &str| utf8_percent_encode(text, ENCODED).to_string();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name != FIELD) {
        fields.entry(encode(&name)).or_default().push(encode(&value));
    }
    let pairs = fields.into_iter().map(|(name, mut values)| {
        values.sort_unstable();
        format!("{name}={}", values.join(","))
    });
    format!("{method}&{path}&{}", pairs.collect::<Vec<_>>().join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_canonical_form_is_the_published_one() {
        let hashed = |text: String| hex::encode(Sha256::digest(text));
        for (method, path, query, expected) in [
            (
                "GET",
                "/path/to/service",
                "zee_last=param&repeated=parameter+2&repeated=parameter%201&repeated=Parameter+2&first=param",
                "GET&/path/to/service&first=param&repeated=Parameter%202,parameter%201,parameter%202&zee_last=param",
            ),
            ("POST", "/jira/hook", "jwt=abc&user_id=a*b", "POST&/jira/hook&user_id=a%2Ab"),
            ("POST", "/", "", "POST&/&"),
        ] {
            assert_eq!(canonical(method, path, query), expected);
        }
        let digest = "3cd7782ec176b3561a836cf90a28934d922fd5178b2068964659f9918c3223bf";
        assert_eq!(hashed(canonical("POST", "/jira/hook/", "user_id=a%2Ab")), digest);
        let digest = "9ae6056cf66c00e76fa15e66fd26091fecd7356eec2f2c30629835b656799f66";
        let query =
            "zee_last=param&repeated=parameter 2&repeated=parameter 1&repeated=Parameter 2&first=param";
        assert_eq!(hashed(canonical("GET", "/path/to/service", query)), digest);
        let digest = "6dfb58321692d08d44565d1331846fc24e7dc08b33259d262f4eff79b21d8e05";
        assert_eq!(hashed(canonical("POST", "", "")), digest);
    }
}
