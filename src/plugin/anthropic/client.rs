//! The Messages API behind the client layer.

use std::sync::Arc;
use std::time::Duration;

use http::header::{HeaderName, HeaderValue};

use super::options::Options;
use super::wire;
use crate::clock::Clock;
use crate::plugin::client::{Client, ClientOptions, given};
use crate::plugin::{PluginError, Problem};

/// Anthropic's name in errors and logs.
pub(super) const NAME: &str = "anthropic";

/// Anthropic, as its configuration says.
#[derive(Debug)]
pub struct Anthropic {
    pub(super) client: Client,
    pub(super) version: HeaderValue,
    /// The model of roles that name none.
    pub(super) model: Option<String>,
}

impl Anthropic {
    /// The account that these options describe.
    ///
    /// # Errors
    /// When the options hold no key, or a version that is none.
    pub fn new(options: &Options, clock: Arc<dyn Clock>, http: reqwest::Client) -> Result<Self, PluginError> {
        let wrong = |message: &str| PluginError::new(NAME, Problem::NotOffered, message);
        let key =
            given(options.api_key.as_ref()).ok_or_else(|| wrong("`api_key` is not configured"))?.clone();
        let version = HeaderValue::from_str(&options.version)
            .map_err(|_| wrong("`version` cannot stand in a header"))?;
        let settings = ClientOptions {
            service: NAME,
            base_url: options.base_url.clone(),
            rate: options.rate(),
            timeout: Duration::from_secs(options.timeout),
            max_response_bytes: 16 << 20,
            dialect: wire::DIALECT,
        };
        let client =
            Client::new(settings, clock, http).with_secret(HeaderName::from_static("x-api-key"), key);
        Ok(Self { client, version, model: options.model.clone() })
    }
}
