//! GitLab's REST API, version 4, behind the client layer.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, Method};
use secrecy::SecretString;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;

use super::options::Options;
use super::wire;
use crate::clock::Clock;
use crate::event::{Account, RepositoryName, SourceName};
use crate::plugin::client::{Client, ClientOptions, Request, Retry, given, segment};
use crate::plugin::{PluginError, Problem};

/// GitLab's name in references and accounts.
pub(super) const NAME: &str = "gitlab";

/// The API's root behind the server's address.
pub(super) const API: &str = "/api/v4";

/// Pages that a search for what we made reads at most, of a hundred entries each.
const PAGES: usize = 10;

/// GitLab, as its configuration says: a forge, and a tracker over its issues.
pub struct GitLab {
    pub(super) options: Options,
    pub(super) client: Client,
    pub(super) token: SecretString,
    user: OnceCell<wire::User>,
}

impl GitLab {
    /// GitLab as these options describe it.
    ///
    /// # Errors
    /// When the options name no token.
    pub fn new(options: Options, clock: Arc<dyn Clock>, http: reqwest::Client) -> Result<Self, PluginError> {
        let missing = || PluginError::new(NAME, Problem::NotOffered, "`token` is not configured");
        let token = given(options.token.as_ref()).ok_or_else(missing)?.clone();
        let settings = ClientOptions {
            service: NAME,
            base_url: options.base_url.clone(),
            rate: options.rate(),
            timeout: Duration::from_secs(options.timeout),
            max_response_bytes: 8 << 20,
            dialect: wire::DIALECT,
        };
        let header = HeaderName::from_static("private-token");
        let client = Client::new(settings, clock, http).with_secret(header, token.clone());
        Ok(Self { options, client, token, user: OnceCell::new() })
    }

    /// The user that requests come from; asked once.
    pub(super) async fn own_user(&self) -> Result<&wire::User, PluginError> {
        let ask = async || self.read(&Request::get(format!("{API}/user"))).await;
        self.user.get_or_try_init(ask).await
    }

    /// The account that requests come from.
    pub(super) async fn own_account(&self) -> Result<Account, PluginError> {
        Ok(self.own_user().await?.account())
    }

    /// Sends a request and reads its answer. That it is JSON shows that it comes from GitLab: something
    /// between us that answers 200 has done nothing.
    pub(super) async fn read<T: DeserializeOwned>(&self, request: &Request) -> Result<T, PluginError> {
        self.client.send(request).await?.json(&self.client)
    }

    /// The same, where there may be no such thing.
    pub(super) async fn read_if_there<T: DeserializeOwned>(
        &self,
        request: &Request,
    ) -> Result<Option<T>, PluginError> {
        match self.read(request).await {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.problem == Problem::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// One page of a list, of a hundred entries, with the number of the next page.
    pub(super) async fn page<T: DeserializeOwned>(
        &self,
        path: &str,
        number: u32,
    ) -> Result<(Vec<T>, Option<u32>), PluginError> {
        let joint = if path.contains('?') { '&' } else { '?' };
        self.listed(&format!("{path}{joint}per_page=100"), number).await
    }

    /// One page of a list whose query says how many entries a page has, with the number of the next page.
    pub(super) async fn listed<T: DeserializeOwned>(
        &self,
        path: &str,
        number: u32,
    ) -> Result<(Vec<T>, Option<u32>), PluginError> {
        let request = Request::get(format!("{path}&page={number}"));
        let answer = self.client.send(&request).await?;
        let next = answer.header("x-next-page").and_then(|next| next.parse().ok());
        // A list that says it is followed by itself would never end.
        Ok((answer.json(&self.client)?, next.filter(|next| *next > number)))
    }

    /// The first entry of a list, page by page, that fits.
    pub(super) async fn find<T: DeserializeOwned>(
        &self,
        path: &str,
        fits: impl Fn(&T) -> bool,
    ) -> Result<Option<T>, PluginError> {
        let mut number = 1;
        for _ in 0..PAGES {
            let (items, next) = self.page(path, number).await?;
            if let Some(found) = items.into_iter().find(|item| fits(item)) {
                return Ok(Some(found));
            }
            let Some(next) = next else { break };
            number = next;
        }
        Ok(None)
    }

    /// All entries of a list, as far as a search reads.
    pub(super) async fn all<T: DeserializeOwned>(&self, path: &str) -> Result<Vec<T>, PluginError> {
        let (mut number, mut all) = (1, Vec::new());
        for _ in 0..PAGES {
            let (items, next) = self.page(path, number).await?;
            all.extend(items);
            let Some(next) = next else { break };
            number = next;
        }
        Ok(all)
    }

    /// Where a person looks at a repository.
    pub(super) fn web_url(&self, repository: &RepositoryName) -> String {
        format!("{}/{repository}", self.options.base_url.as_str().trim_end_matches('/'))
    }
}

/// What is asked of a project: `rest` is behind it.
pub(super) fn project(repository: &RepositoryName, rest: &str) -> String {
    format!("{API}/projects/{}{rest}", segment(&repository.to_string()))
}

/// A request that sets something: doing it twice is doing it once.
pub(super) fn put(path: String, body: &impl Serialize) -> Request {
    Request { method: Method::PUT, ..Request::post(path, body) }.retried(Retry::Always)
}

/// A text in which no line is a quick action: GitLab carries out what a comment or description says after a
/// slash, with the rights of whoever writes it.
pub(super) fn inert(text: &str) -> String {
    let lines = text.split('\n').map(|line| match line.trim_start().strip_prefix('/') {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_alphabetic()) => {
            format!("{}/\u{200b}{rest}", &line[..line.len() - rest.len() - 1])
        }
        _ => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// GitLab's name as the registry keeps it.
pub(super) fn name() -> SourceName {
    SourceName::new(NAME)
}

impl fmt::Debug for GitLab {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GitLab").field("client", &self.client).finish_non_exhaustive()
    }
}
