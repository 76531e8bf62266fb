//! slack-morphism over Ostler's own client layer.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;
use futures_util::future::BoxFuture;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Serialize, de::DeserializeOwned};
use slack_morphism::errors::{SlackClientError, SlackClientSystemError};
use slack_morphism::multipart_form::FileMultipartData;
use slack_morphism::{
    ClientResult, SlackApiToken, SlackApiTokenValue, SlackClient, SlackClientApiCallContext,
    SlackClientHttpConnector, SlackClientId, SlackClientSecret, SlackClientSession,
};
use tokio::sync::OnceCell;
use url::Url;

use super::options::Options;
use super::wire;
use crate::clock::Clock;
use crate::plugin::client::{Client, ClientOptions, Request, Retry, given};
use crate::plugin::{PluginError, Problem};

/// Slack's name in accounts.
pub(super) const NAME: &str = "slack";

/// A Slack workspace, as its configuration says.
pub struct Slack {
    pub(super) options: Options,
    pub(super) client: Arc<Client>,
    slack: SlackClient<Connector>,
    token: SlackApiToken,
    identity: OnceCell<wire::Identity>,
    /// Ids of channels by name.
    pub(super) channels: DashMap<String, String>,
}

impl Slack {
    /// The workspace that these options describe.
    ///
    /// # Errors
    /// When the options hold no token.
    pub fn new(options: Options, clock: Arc<dyn Clock>, http: reqwest::Client) -> Result<Self, PluginError> {
        let missing = || PluginError::new(NAME, Problem::NotOffered, "`token` is not configured");
        let token = given(options.token.as_ref()).ok_or_else(missing)?.expose_secret().to_owned();
        let settings = ClientOptions {
            service: NAME,
            base_url: options.base_url.clone(),
            rate: options.rate(),
            timeout: Duration::from_secs(options.timeout),
            max_response_bytes: 4 << 20,
            dialect: wire::DIALECT,
        };
        let bearer = SecretString::from(format!("Bearer {token}"));
        let client = Client::new(settings, clock, http).with_secret(http::header::AUTHORIZATION, bearer);
        let client = Arc::new(client);
        let slack = SlackClient::new(Connector(Arc::clone(&client)));
        let token = SlackApiToken::new(SlackApiTokenValue(token));
        let (identity, channels) = (OnceCell::new(), DashMap::new());
        Ok(Self { options, client, slack, token, identity, channels })
    }

    /// The bot that the token belongs to; asked once.
    pub(super) async fn identity(&self) -> Result<&wire::Identity, PluginError> {
        self.identity.get_or_try_init(|| self.read("auth.test", &[])).await
    }

    /// Calls a method that reads.
    pub(super) async fn read<T>(
        &self,
        method: &str,
        parameters: &[(&str, Option<String>)],
    ) -> Result<T, PluginError>
    where
        T: DeserializeOwned + Send,
    {
        let parameters = parameters.to_vec();
        let answer = self.session().http_session_api.http_get(method, &parameters, None).await;
        answer.map_err(|error| self.failed(error))
    }

    /// Calls a method that writes.
    pub(super) async fn write<T>(
        &self,
        method: &str,
        body: &(impl Serialize + Send + Sync),
    ) -> Result<T, PluginError>
    where
        T: DeserializeOwned + Send,
    {
        let answer = self.session().http_session_api.http_post(method, body, None).await;
        answer.map_err(|error| self.failed(error))
    }

    fn session(&self) -> SlackClientSession<'_, Connector> {
        self.slack.open_session(&self.token)
    }

    /// What our own client said comes back through slack-morphism as a boxed cause.
    fn failed(&self, error: SlackClientError) -> PluginError {
        if let SlackClientError::SystemError(SlackClientSystemError { cause: Some(cause), .. }) = &error
            && let Some(own) = cause.downcast_ref::<PluginError>()
        {
            return own.clone();
        }
        // Its own texts may quote bodies; the kind is enough.
        self.client.error(Problem::BadAnswer, "the answer is not what the protocol says")
    }
}

impl fmt::Debug for Slack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slack").field("client", &self.client).finish_non_exhaustive()
    }
}

/// Where slack-morphism's requests go out. The client adds the token itself.
#[derive(Debug)]
pub(super) struct Connector(Arc<Client>);

impl Connector {
    fn request(&self, uri: &Url, request: impl FnOnce(String) -> Request) -> Request {
        let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        let whole = format!("{}{query}", uri.path());
        let base = self.0.base_url().path().trim_end_matches('/');
        request(whole.strip_prefix(base).unwrap_or(&whole).to_owned())
    }

    async fn send<T: DeserializeOwned>(&self, request: Request) -> ClientResult<T> {
        let answer = self.0.send(&request).await.and_then(|answer| answer.json(&self.0));
        answer.map_err(system_error)
    }

    /// Ostler uploads nothing and does not log in by OAuth.
    fn not_offered<'a, T: Send + 'a>(&self, what: &str) -> BoxFuture<'a, ClientResult<T>> {
        let error = self.0.error(Problem::NotOffered, format!("{what} is not used here"));
        Box::pin(std::future::ready(Err(system_error(error))))
    }
}

fn system_error(error: PluginError) -> SlackClientError {
    SlackClientError::SystemError(SlackClientSystemError::new().with_cause(Box::new(error)))
}

impl SlackClientHttpConnector for Connector {
    fn create_method_uri_path(&self, method: &str) -> ClientResult<Url> {
        let base = self.0.base_url().as_str().trim_end_matches('/');
        Ok(format!("{base}/{method}").parse()?)
    }

    fn http_get_uri<'a, RS>(
        &'a self,
        uri: Url,
        _context: SlackClientApiCallContext<'a>,
    ) -> BoxFuture<'a, ClientResult<RS>>
    where
        RS: for<'de> serde::de::Deserialize<'de> + Send + 'a,
    {
        Box::pin(self.send(self.request(&uri, Request::get)))
    }

    fn http_post_uri<'a, RQ, RS>(
        &'a self,
        uri: Url,
        body: &'a RQ,
        _context: SlackClientApiCallContext<'a>,
    ) -> BoxFuture<'a, ClientResult<RS>>
    where
        RQ: Serialize + Send + Sync,
        RS: for<'de> serde::de::Deserialize<'de> + Send + 'a,
    {
        let request = self.request(&uri, |path| Request::post(path, body));
        Box::pin(self.send(request.retried(Retry::IfRefused)))
    }

    fn http_get_with_client_secret<'a, RS>(
        &'a self,
        _uri: Url,
        _id: &'a SlackClientId,
        _secret: &'a SlackClientSecret,
    ) -> BoxFuture<'a, ClientResult<RS>>
    where
        RS: for<'de> serde::de::Deserialize<'de> + Send + 'a,
    {
        self.not_offered("OAuth")
    }

    fn http_post_uri_multipart_form<'a, 'p, RS, PT, TS>(
        &'a self,
        _uri: Url,
        _file: Option<FileMultipartData<'p>>,
        _params: &'p PT,
        _context: SlackClientApiCallContext<'a>,
    ) -> BoxFuture<'a, ClientResult<RS>>
    where
        RS: for<'de> serde::de::Deserialize<'de> + Send + 'a,
        PT: IntoIterator<Item = (&'p str, Option<TS>)> + Clone,
        TS: AsRef<str> + 'p + Send,
    {
        self.not_offered("a form")
    }

    fn http_post_uri_binary<'a, 'p, RS>(
        &'a self,
        _uri: Url,
        _content_type: String,
        _data: &'a [u8],
        _context: SlackClientApiCallContext<'a>,
    ) -> BoxFuture<'a, ClientResult<RS>>
    where
        RS: for<'de> serde::de::Deserialize<'de> + Send + 'a,
    {
        self.not_offered("an upload")
    }
}
