//! OpenAI's APIs behind the client layer.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};

use super::options::{Api, Options};
use super::wire;
use crate::clock::Clock;
use crate::plugin::client::{Client, ClientOptions, Request, given};
use crate::plugin::{PluginError, Problem};

/// OpenAI's name in errors and logs.
pub(super) const NAME: &str = "openai";

/// OpenAI, or whoever speaks as it does, as its configuration says.
#[derive(Debug)]
pub struct OpenAi {
    pub(super) client: Client,
    pub(super) api: Api,
    /// The model of roles that name none.
    pub(super) model: Option<String>,
    pub(super) reasoning_effort: Option<String>,
    /// Who is billed.
    billed: HeaderMap,
}

impl OpenAi {
    /// The account that these options describe.
    ///
    /// # Errors
    /// When the options hold no key where one is needed, or a name that cannot be sent.
    pub fn new(options: &Options, clock: Arc<dyn Clock>, http: reqwest::Client) -> Result<Self, PluginError> {
        let wrong = |message: &str| PluginError::new(NAME, Problem::NotOffered, message);
        if !options.suffice() {
            return Err(wrong(
                "`api_key` is not configured (`api: compatible` is for servers that need none)",
            ));
        }
        let settings = ClientOptions {
            service: NAME,
            base_url: options.base_url.clone(),
            rate: options.rate(),
            timeout: Duration::from_secs(options.timeout),
            max_response_bytes: 16 << 20,
            dialect: wire::DIALECT,
        };
        let mut client = Client::new(settings, clock, http);
        if let Some(key) = given(options.api_key.as_ref()) {
            client = client.with_secret(AUTHORIZATION, bearer(key));
        }
        let billed =
            billed(options).ok_or_else(|| wrong("`organization` or `project` cannot stand in a header"))?;
        Ok(Self {
            client,
            api: options.api,
            model: options.model.clone(),
            reasoning_effort: options.reasoning_effort.clone(),
            billed,
        })
    }

    /// The request, in the name of whoever is billed.
    pub(super) fn signed(&self, mut request: Request) -> Request {
        request.headers.extend(self.billed.clone());
        request
    }
}

fn bearer(key: &SecretString) -> SecretString {
    SecretString::from(format!("Bearer {}", key.expose_secret()))
}

fn billed(options: &Options) -> Option<HeaderMap> {
    let named = [("openai-organization", &options.organization), ("openai-project", &options.project)];
    let mut headers = HeaderMap::new();
    for (name, value) in named {
        if let Some(value) = value {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).ok()?);
        }
    }
    Some(headers)
}
