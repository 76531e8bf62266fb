//! Jira's API behind the client layer.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::header::AUTHORIZATION;
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;

use super::options::Options;
use super::wire;
use crate::clock::Clock;
use crate::event::Account;
use crate::plugin::client::{Client, ClientOptions, Request, given};
use crate::plugin::{PluginError, Problem};

/// Jira's name in references and accounts.
pub(super) const NAME: &str = "jira";

/// The third API's root behind the site.
pub(super) const API: &str = "/rest/api/3";

/// A Jira site, as its configuration says.
pub struct Jira {
    pub(super) options: Options,
    pub(super) client: Client,
    account: OnceCell<Account>,
}

impl Jira {
    /// The site that these options describe.
    ///
    /// # Errors
    /// When the options name no site or no credentials.
    pub fn new(options: Options, clock: Arc<dyn Clock>, http: reqwest::Client) -> Result<Self, PluginError> {
        let wrong = |message: &str| PluginError::new(NAME, Problem::NotOffered, message);
        let base_url = options.base_url.clone().ok_or_else(|| wrong("`base_url` is not configured"))?;
        let secret = authorization(&options)
            .ok_or_else(|| wrong("neither `token` nor `email` with `api_token` is configured"))?;
        let settings = ClientOptions {
            service: NAME,
            base_url,
            rate: options.rate(),
            timeout: Duration::from_secs(options.timeout),
            max_response_bytes: 8 << 20,
            dialect: wire::DIALECT,
        };
        let client = Client::new(settings, clock, http).with_secret(AUTHORIZATION, secret);
        Ok(Self { options, client, account: OnceCell::new() })
    }

    /// The account that requests come from; asked once.
    pub(super) async fn own_account(&self) -> Result<&Account, PluginError> {
        self.account
            .get_or_try_init(|| async {
                let user: wire::User = self.read(&Request::get(format!("{API}/myself"))).await?;
                Ok(Account::new(NAME, &user.account_id))
            })
            .await
    }

    /// Whether a user is ourselves.
    pub(super) fn is_own(own: &Account, user: Option<&wire::User>) -> bool {
        user.is_some_and(|user| user.account_id == own.id)
    }

    /// Sends a request and reads its answer.
    pub(super) async fn read<T: DeserializeOwned>(&self, request: &Request) -> Result<T, PluginError> {
        self.client.send(request).await?.json(&self.client)
    }

    /// Where a person reads an issue.
    pub(super) fn issue_url(&self, key: &str) -> String {
        let site = self.options.site_url.as_ref().unwrap_or(self.client.base_url());
        format!("{}/browse/{key}", site.as_str().trim_end_matches('/'))
    }
}

fn authorization(options: &Options) -> Option<SecretString> {
    if let Some(token) = given(options.token.as_ref()) {
        return Some(format!("Bearer {}", token.expose_secret()).into());
    }
    let (email, token) = (options.email.as_ref()?, given(options.api_token.as_ref())?);
    Some(format!("Basic {}", BASE64.encode(format!("{email}:{}", token.expose_secret()))).into())
}

impl fmt::Debug for Jira {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jira").field("client", &self.client).finish_non_exhaustive()
    }
}
