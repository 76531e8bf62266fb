//! How senders prove that a delivery is their own. Data only: what is done with it is
//! [`ingress::signature`](crate::ingress::signature).

use std::borrow::Cow;

use secrecy::{ExposeSecret as _, SecretString};

/// A header's name.
pub type Header = Cow<'static, str>;

/// A secret with the scheme in which its sender uses it.
#[derive(Debug, Clone)]
pub struct Credential {
    /// What is done with the secret.
    pub scheme: Scheme,
    /// The secret: a key, a token, or the sender's public key.
    pub secret: SecretString,
}

impl Credential {
    /// A credential for each secret that is not blank: anybody can sign with the others.
    #[must_use]
    pub fn each(scheme: &Scheme, secrets: Vec<SecretString>) -> Vec<Self> {
        let usable = secrets.into_iter().filter(|secret| !secret.expose_secret().trim().is_empty());
        usable.map(|secret| Self { scheme: scheme.clone(), secret }).collect()
    }

    /// Credentials for tokens that people type into a sender's own rules: `Authorization: Bearer <token>`, or
    /// `X-Ostler-Token: <token>`. A request that carries the signature's header is judged by that alone.
    #[must_use]
    pub fn typed(tokens: Vec<SecretString>, signature: &'static str) -> Vec<Self> {
        let unless = Some(signature);
        let bearer = Scheme::Token { header: "Authorization".into(), prefix: "Bearer ", unless };
        let own = Scheme::Token { header: "X-Ostler-Token".into(), prefix: "", unless };
        [Self::each(&bearer, tokens.clone()), Self::each(&own, tokens)].concat()
    }
}

/// How a source's deliveries are proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scheme {
    /// An HMAC of the body alone, in a header.
    Mac(Mac),
    /// An HMAC of a body that itself says when it was sent.
    Dated {
        /// The HMAC.
        mac: Mac,
        /// The body's member with the moment, in milliseconds.
        member: &'static str,
        /// Seconds that the moment may be off, either way.
        window: u64,
    },
    /// `<version>=<hex HMAC-SHA256 of version:timestamp:body>`, with the timestamp in a header of its own and
    /// good for `window` seconds.
    Timed {
        /// The signature's header.
        header: &'static str,
        /// The timestamp's header.
        timestamp: &'static str,
        /// What stands before the `=`, and before the first colon.
        version: &'static str,
        /// Seconds that the timestamp may be off, either way.
        window: u64,
    },
    /// Standard Webhooks 1.0.0: `webhook-signature` holds entries over `id.timestamp.body`, of which one must
    /// fit. A secret `whsec_…` is the key of `v1` (HMAC-SHA256), `whpk_…` the public key of `v1a` (Ed25519).
    Standard {
        /// Seconds that the timestamp may be off, either way.
        window: u64,
    },
    /// A hex Ed25519 signature of the timestamp's header followed by the body. The secret is the
    /// sender's public key in hex.
    Ed25519 {
        /// The signature's header.
        header: &'static str,
        /// The timestamp's header.
        timestamp: &'static str,
        /// Seconds that the timestamp may be off, either way.
        window: u64,
    },
    /// The secret itself, in a header. It proves the sender only; nothing covers the body.
    Token {
        /// The header.
        header: Header,
        /// What stands before the secret.
        prefix: &'static str,
        /// A signature's header: where it is there, it must fit, and the token alone proves nothing.
        unless: Option<&'static str>,
    },
    /// Atlassian Connect: `Authorization: JWT <token>` or the query's `jwt`, HS256, whose `qsh` claim covers
    /// method, path and query, not the body.
    Connect,
}

impl Scheme {
    /// The header that proves the sender.
    #[must_use]
    pub fn header(&self) -> &str {
        match self {
            Self::Mac(mac) | Self::Dated { mac, .. } => &mac.header,
            Self::Timed { header, .. } | Self::Ed25519 { header, .. } => header,
            Self::Token { header, .. } => header,
            Self::Standard { .. } => "webhook-signature",
            Self::Connect => "Authorization",
        }
    }
}

/// An HMAC of the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mac {
    /// The header that it is in.
    pub header: Header,
    /// What stands before it.
    pub prefix: Cow<'static, str>,
    /// The hash that it is made with.
    pub algorithm: Algorithm,
    /// How its bytes are written.
    pub encoding: Encoding,
    /// Whether the header is a list, separated by commas, of which one entry must fit; entries with another
    /// prefix are passed over.
    pub listed: bool,
}

impl Mac {
    /// A hex HMAC-SHA256 behind a prefix: what most senders use.
    #[must_use]
    pub const fn sha256(header: &'static str, prefix: &'static str) -> Self {
        Self {
            header: Cow::Borrowed(header),
            prefix: Cow::Borrowed(prefix),
            algorithm: Algorithm::Sha256,
            encoding: Encoding::Hex,
            listed: false,
        }
    }
}

/// A hash function.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    /// SHA-256.
    #[default]
    Sha256,
    /// SHA-512.
    Sha512,
}

/// How bytes are written as text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// Two digits a byte; their case does not matter.
    #[default]
    Hex,
    /// Base64 with padding.
    Base64,
}
