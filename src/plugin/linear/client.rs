//! Linear's GraphQL API behind the client layer.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::header::AUTHORIZATION;
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::options::Options;
use super::wire;
use crate::clock::Clock;
use crate::event::{Account, SourceName};
use crate::plugin::client::{Client, ClientOptions, Request, Retry, given};
use crate::plugin::{PluginError, Problem};

/// Linear's name in references and accounts.
pub(super) const NAME: &str = "linear";

/// Where everything is asked for and done.
pub(super) const GRAPHQL: &str = "/graphql";

/// Linear, as its configuration says.
pub struct Linear {
    pub(super) options: Options,
    pub(super) client: Client,
    user: OnceCell<wire::User>,
}

impl Linear {
    /// Linear as these options describe it.
    ///
    /// # Errors
    /// When the options name neither key nor token.
    pub fn new(options: Options, clock: Arc<dyn Clock>, http: reqwest::Client) -> Result<Self, PluginError> {
        let message = "neither `api_key` nor `token` is configured";
        let missing = || PluginError::new(NAME, Problem::NotOffered, message);
        let secret = authorization(&options).ok_or_else(missing)?;
        let settings = ClientOptions {
            service: NAME,
            base_url: options.base_url.clone(),
            rate: options.rate(),
            timeout: Duration::from_secs(options.timeout),
            max_response_bytes: 8 << 20,
            dialect: wire::DIALECT,
        };
        let client = Client::new(settings, clock, http).with_secret(AUTHORIZATION, secret);
        Ok(Self { options, client, user: OnceCell::new() })
    }

    /// The user that requests come from; asked once.
    pub(super) async fn own_user(&self) -> Result<&wire::User, PluginError> {
        let ask = async || {
            let viewer: wire::Viewer = self.read("query { viewer { id } }", json!({})).await?;
            Ok(viewer.viewer)
        };
        self.user.get_or_try_init(ask).await
    }

    /// Asks something: asking twice is asking once.
    pub(super) async fn read<T: DeserializeOwned>(
        &self,
        query: &str,
        variables: Value,
    ) -> Result<T, PluginError> {
        self.send(query, variables, Retry::Always).await
    }

    /// Sets something: doing it twice is doing it once.
    pub(super) async fn set(&self, mutation: &str, variables: Value) -> Result<(), PluginError> {
        let done: wire::Done = self.send(mutation, variables, Retry::Always).await?;
        self.check(done.done.success)
    }

    /// Makes something, which is looked for before it is made a second time.
    pub(super) async fn make<T: DeserializeOwned>(
        &self,
        mutation: &str,
        variables: Value,
    ) -> Result<T, PluginError> {
        self.send(mutation, variables, Retry::IfRefused).await
    }

    /// What a mutation says of itself.
    pub(super) fn check(&self, success: bool) -> Result<(), PluginError> {
        let refused = || self.client.error(Problem::Invalid, "it was not done, and Linear does not say why");
        if success { Ok(()) } else { Err(refused()) }
    }

    async fn send<T: DeserializeOwned>(
        &self,
        query: &str,
        variables: Value,
        retry: Retry,
    ) -> Result<T, PluginError> {
        let body = json!({ "query": query, "variables": variables });
        let request = Request::post(GRAPHQL, &body).retried(retry);
        // What is there of an answer that also has errors is not used: the dialect finds the errors first.
        let answer: wire::Answer<T> = self.client.send(&request).await?.json(&self.client)?;
        Ok(answer.data)
    }
}

/// An API key stands by itself, a token behind its kind.
fn authorization(options: &Options) -> Option<SecretString> {
    if let Some(key) = given(options.api_key.as_ref()) {
        return Some(key.clone());
    }
    let token = given(options.token.as_ref())?;
    Some(format!("Bearer {}", token.expose_secret()).into())
}

/// Linear's name as the registry keeps it.
pub(super) fn name() -> SourceName {
    SourceName::new(NAME)
}

/// The account of a user.
pub(super) fn account(user: &wire::User) -> Account {
    Account::new(NAME, &user.id)
}

impl fmt::Debug for Linear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Linear").field("client", &self.client).finish_non_exhaustive()
    }
}
