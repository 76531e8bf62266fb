//! What is sent.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use serde::Serialize;
use url::Url;

use super::Retry;

/// A request to a service.
#[derive(Debug, Clone)]
pub struct Request {
    /// What to do.
    pub method: Method,
    /// To what: behind the base address, beginning with `/`, already percent-encoded, with its query.
    pub path: String,
    /// Headers besides those that the client adds.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// When it may be sent again.
    pub retry: Retry,
}

impl Request {
    /// A request that reads, and may be repeated freely.
    #[must_use]
    pub fn get(path: impl Into<String>) -> Self {
        Self {
            method: Method::GET,
            path: path.into(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            retry: Retry::Always,
        }
    }

    /// A request that makes something: repeated only where it was refused.
    #[must_use]
    pub fn post(path: impl Into<String>, body: &impl Serialize) -> Self {
        let mut request = Self::get(path).with(CONTENT_TYPE, "application/json; charset=utf-8");
        request.method = Method::POST;
        request.retry = Retry::IfRefused;
        // Our own bodies are maps with text keys; only such a body could fail, and it would then be refused.
        request.body = serde_json::to_vec(body).unwrap_or_default().into();
        request
    }

    /// A request that takes something away: doing it twice is doing it once.
    #[must_use]
    pub fn delete(path: impl Into<String>) -> Self {
        Self { method: Method::DELETE, ..Self::get(path) }
    }

    /// The same request with one header more.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: &'static str) -> Self {
        self.headers.insert(name, HeaderValue::from_static(value));
        self
    }

    /// The same request, repeated by another rule.
    #[must_use]
    pub fn retried(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// The path without its query, which may hold what people wrote.
    #[must_use]
    pub fn bare_path(&self) -> &str {
        self.path.split('?').next().unwrap_or_default()
    }

    pub(super) fn url(&self, base: &Url) -> Result<Url, String> {
        let joined = format!("{}{}", base.as_str().trim_end_matches('/'), self.path);
        Url::parse(&joined).map_err(|error| format!("bad address: {error}"))
    }
}

/// Text as one segment of a path: what would end the segment is encoded.
#[must_use]
pub fn segment(text: &str) -> String {
    // `.` and `..` would be taken for steps through the path; no vendor has things of that name.
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~' | b'.');
    let encode = |byte: u8| if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    if text.chars().all(|c| c == '.') {
        return "%2E".repeat(text.len());
    }
    text.bytes().map(encode).collect()
}

/// Whether a status says that the request succeeded.
pub(super) fn is_good(status: StatusCode) -> bool {
    status.is_success() || status == StatusCode::NOT_MODIFIED
}
