//! Octocrab over Ostler's own client layer.
//!
//! Octocrab signs the requests, as a user or as an installation of an App whose tokens it keeps fresh. The
//! service beneath it is our [`Client`], so rate, bounds, retries and redaction are those of every vendor.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use dashmap::DashMap;
use futures_util::future::BoxFuture;
use http::header::IF_NONE_MATCH;
use http::{Method, Response};
use http_body_util::{BodyExt as _, Full};
use octocrab::auth::{AppAuth, EncodingKey};
use octocrab::models::{AppId, InstallationId};
use octocrab::{AuthState, FromResponse as _, OctoBody, Octocrab, OctocrabBuilder, Page};
use secrecy::SecretString;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;

use super::options::Options;
use super::wire;
use crate::clock::Clock;
use crate::event::{Account, RepositoryName, SourceName};
use crate::plugin::client::{Answer, Client, ClientOptions, Request, Retry, given};
use crate::plugin::{PluginError, Problem};

/// GitHub's name in references and accounts.
pub(super) const NAME: &str = "github";

/// Pages that a search for what we made reads at most, of a hundred entries each.
const PAGES: usize = 10;

/// GitHub, as its configuration says: a forge, and a tracker over its issues.
pub struct GitHub {
    pub(super) options: Options,
    pub(super) client: Arc<Client>,
    root: Arc<Octocrab>,
    identity: Identity,
    /// The App in each repository. Shared, never cloned: a clone of an Octocrab mints tokens of its own.
    installations: DashMap<RepositoryName, Arc<Octocrab>>,
    account: OnceCell<Account>,
}

/// Whom the requests come from.
enum Identity {
    /// A user, by a token.
    User(SecretString),
    /// An App, which acts in each repository through its installation there.
    App,
}

/// One call of GitHub's API.
pub(super) struct Call<'a> {
    method: Method,
    route: &'a str,
    body: Option<serde_json::Value>,
    retry: Option<Retry>,
    /// The tag of an answer that is known already.
    known: Option<&'a str>,
}

/// A page of a list.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) items: Vec<serde_json::Value>,
    /// The route of the next page.
    pub(super) next: Option<String>,
    /// What the answer is known by when it is asked for again.
    pub(super) etag: Option<String>,
}

impl<'a> Call<'a> {
    pub(super) fn get(route: &'a str) -> Self {
        Self { method: Method::GET, route, body: None, retry: None, known: None }
    }

    pub(super) fn delete(route: &'a str) -> Self {
        Self { method: Method::DELETE, ..Self::get(route) }
    }

    pub(super) fn new(method: Method, route: &'a str, body: &impl Serialize) -> Self {
        Self { method, body: serde_json::to_value(body).ok(), ..Self::get(route) }
    }

    /// The same call, of which doing it twice is doing it once.
    pub(super) fn repeatable(self) -> Self {
        Self { retry: Some(Retry::Always), ..self }
    }
}

impl GitHub {
    /// GitHub as these options describe it. It must be built inside the runtime.
    ///
    /// # Errors
    /// When the options name neither a token nor an App, or the App's key cannot be read.
    pub fn new(options: Options, clock: Arc<dyn Clock>, http: reqwest::Client) -> Result<Self, PluginError> {
        let (identity, auth) = credentials(&options)?;
        let client = Arc::new(Client::new(client_options(&options), clock, http));
        let built: Result<Octocrab, Infallible> =
            OctocrabBuilder::new_empty().with_service(Outlet(Arc::clone(&client))).with_auth(auth).build();
        let Ok(root) = built.map(Arc::new);
        let (installations, account) = (DashMap::new(), OnceCell::new());
        Ok(Self { options, client, root, identity, installations, account })
    }

    /// The account that requests come from; asked once.
    pub(super) async fn own_account(&self) -> Result<&Account, PluginError> {
        self.account
            .get_or_try_init(|| async {
                let login = match self.identity {
                    Identity::User(_) => self.on(&self.root, Call::get("/user")).await.map(read_login)?,
                    Identity::App => self.on(&self.root, Call::get("/app")).await.map(read_slug)?,
                };
                Ok(Account::new(NAME, &login))
            })
            .await
    }

    /// Whether it acts as an App.
    pub(super) fn is_app(&self) -> bool {
        matches!(self.identity, Identity::App)
    }

    /// Does a call that belongs to no repository: as the user, or as the App itself.
    pub(super) async fn as_root<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T, PluginError> {
        self.on(&self.root, call).await
    }

    /// The same, for whoever reads more than the answer's body.
    pub(super) async fn root_answer(&self, call: Call<'_>) -> Result<Answer, PluginError> {
        self.answer(&self.root, call).await
    }

    /// Whether an account is our own.
    pub(super) fn is_own(own: &Account, user: Option<&wire::User>) -> bool {
        user.is_some_and(|user| Account::new(NAME, &user.login) == *own)
    }

    /// A page of a list, asked for as the App or the user itself, with the route of the next page.
    pub(super) async fn listed<T: DeserializeOwned>(
        &self,
        route: &str,
    ) -> Result<(Vec<T>, Option<String>), PluginError> {
        let page: Page<T> = self.page(&self.root, route).await?;
        let next = page.next.as_ref().map(|uri| self.relative(uri));
        Ok((page.items, next))
    }

    /// A page of a list in a repository; none where it is the one that is `known`.
    pub(super) async fn listed_in(
        &self,
        repository: &RepositoryName,
        route: &str,
        known: Option<&str>,
    ) -> Result<Option<Listed>, PluginError> {
        let crab = self.crab(repository).await?;
        let answer = self.answer(&crab, Call { known, ..Call::get(route) }).await?;
        if answer.is_known() {
            return Ok(None);
        }
        let etag = answer.header("etag").map(str::to_owned);
        let page: Page<serde_json::Value> = self.paged(answer).await?;
        let next = page.next.as_ref().map(|uri| self.relative(uri));
        Ok(Some(Listed { items: page.items, next, etag }))
    }

    /// Does a call in a repository, with the rights that we have there.
    pub(super) async fn call<T: DeserializeOwned>(
        &self,
        repository: &RepositoryName,
        call: Call<'_>,
    ) -> Result<T, PluginError> {
        let crab = self.crab(repository).await?;
        self.on(&crab, call).await
    }

    /// Does a call whose answer says nothing new. That it is JSON shows that it comes from GitHub: something
    /// between us that answers 200 has done nothing.
    pub(super) async fn act(&self, repository: &RepositoryName, call: Call<'_>) -> Result<(), PluginError> {
        self.call(repository, call).await.map(|serde::de::IgnoredAny| ())
    }

    /// Does a call that leaves nothing to answer with: that nothing came back shows that GitHub did it.
    pub(super) async fn erase(&self, repository: &RepositoryName, call: Call<'_>) -> Result<(), PluginError> {
        let crab = self.crab(repository).await?;
        self.answer(&crab, call).await?.nothing(&self.client)
    }

    /// The first entry of a list, page by page, that fits.
    pub(super) async fn find<T: DeserializeOwned>(
        &self,
        repository: &RepositoryName,
        route: &str,
        fits: impl Fn(&T) -> bool,
    ) -> Result<Option<T>, PluginError> {
        let crab = self.crab(repository).await?;
        let mut route = route.to_owned();
        for _ in 0..PAGES {
            let page: Page<T> = self.page(&crab, &route).await?;
            let next = page.next.as_ref().map(|uri| self.relative(uri));
            if let Some(found) = page.items.into_iter().find(|item| fits(item)) {
                return Ok(Some(found));
            }
            let Some(next) = next else { return Ok(None) };
            route = next;
        }
        Ok(None)
    }

    /// A token for git, for this repository alone: the App's are minted for it and last an hour.
    pub(super) async fn git_token(&self, repository: &RepositoryName) -> Result<SecretString, PluginError> {
        match &self.identity {
            Identity::User(token) => Ok(token.clone()),
            Identity::App => {
                let scoped = self.installation(repository).await?;
                scoped.installation_token().await.map_err(|error| self.failed(error))
            }
        }
    }

    /// All entries of a list, as far as a search reads.
    pub(super) async fn all<T: DeserializeOwned>(
        &self,
        repository: &RepositoryName,
        route: &str,
    ) -> Result<Vec<T>, PluginError> {
        let crab = self.crab(repository).await?;
        let (mut route, mut all) = (route.to_owned(), Vec::new());
        for _ in 0..PAGES {
            let page: Page<T> = self.page(&crab, &route).await?;
            let next = page.next.as_ref().map(|uri| self.relative(uri));
            all.extend(page.items);
            let Some(next) = next else { break };
            route = next;
        }
        Ok(all)
    }

    async fn crab(&self, repository: &RepositoryName) -> Result<Arc<Octocrab>, PluginError> {
        if matches!(self.identity, Identity::User(_)) {
            return Ok(Arc::clone(&self.root));
        }
        if let Some(known) = self.installations.get(repository).map(|entry| Arc::clone(entry.value())) {
            return Ok(known);
        }
        let crab = Arc::new(self.installation(repository).await?);
        self.installations.insert(repository.clone(), Arc::clone(&crab));
        Ok(crab)
    }

    /// The App in this repository: its tokens open nothing else.
    async fn installation(&self, repository: &RepositoryName) -> Result<Octocrab, PluginError> {
        let route = format!("/repos/{repository}/installation");
        let found: wire::Installation = self.on(&self.root, Call::get(&route)).await?;
        let builder = self.root.installation_builder(InstallationId(found.id));
        let scoped = builder.repositories(vec![repository.name().to_owned()]).build();
        scoped.map_err(|error| self.failed(error))
    }

    async fn on<T: DeserializeOwned>(&self, crab: &Octocrab, call: Call<'_>) -> Result<T, PluginError> {
        self.answer(crab, call).await?.json(&self.client)
    }

    async fn page<T: DeserializeOwned>(&self, crab: &Octocrab, route: &str) -> Result<Page<T>, PluginError> {
        self.paged(self.answer(crab, Call::get(route)).await?).await
    }

    async fn paged<T: DeserializeOwned>(&self, answer: Answer) -> Result<Page<T>, PluginError> {
        let mut response = Response::new(Full::new(answer.body).map_err(|never| match never {}));
        *response.headers_mut() = answer.headers;
        Page::from_response(response).await.map_err(|error| self.failed(error))
    }

    async fn answer(&self, crab: &Octocrab, call: Call<'_>) -> Result<Answer, PluginError> {
        // The route has no authority: octocrab signs such requests only, whichever host they go to.
        let mut builder = http::request::Builder::new().method(call.method).uri(call.route);
        if let Some(known) = call.known {
            builder = builder.header(IF_NONE_MATCH, known);
        }
        if let Some(retry) = call.retry {
            builder = builder.extension(retry);
        }
        let request = crab.build_request(builder, call.body.as_ref()).map_err(|error| self.failed(error))?;
        let response = crab.execute(request).await.map_err(|error| self.failed(error))?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| self.failed(error))?.to_bytes();
        let retry = parts.extensions.get().copied().unwrap_or(Retry::IfRefused);
        self.client.check(Answer { status: parts.status, headers: parts.headers, body, retry })
    }

    /// A `next` link names the host and the API's own path; what is behind them is a route like ours.
    fn relative(&self, uri: &http::Uri) -> String {
        let route = uri.path_and_query().map_or("/", |path| path.as_str());
        let base = self.client.base_url().path().trim_end_matches('/');
        route.strip_prefix(base).unwrap_or(route).to_owned()
    }

    fn failed(&self, error: octocrab::Error) -> PluginError {
        match error {
            // What our own client said comes through octocrab's layers as a boxed source.
            octocrab::Error::Service { source, .. } => match source.downcast::<PluginError>() {
                Ok(own) => *own,
                Err(other) => self.client.error(Problem::Unavailable, other.to_string()),
            },
            octocrab::Error::GitHub { source, .. } => self.refused(*source),
            octocrab::Error::JWT { .. } => {
                self.client.error(Problem::Denied, "the App's private key cannot sign")
            }
            other => {
                // Octocrab's own texts carry backtraces; the first line says what it is.
                let text = other.to_string();
                let line = text.lines().next().unwrap_or_default();
                self.client.error(Problem::BadAnswer, line)
            }
        }
    }

    /// Octocrab mints tokens by itself and reads their failure itself.
    fn refused(&self, error: octocrab::GitHubError) -> PluginError {
        let (status, headers) = (error.status_code, error.headers.unwrap_or_default());
        let body = serde_json::json!({ "message": error.message }).to_string().into();
        let answer = Answer { status, headers, body, retry: Retry::Always };
        self.client
            .check(answer)
            .map_or_else(|error| error, |_| self.client.error(Problem::BadAnswer, error.message))
    }
}

fn read_login(user: wire::User) -> String {
    user.login
}

/// An App's comments are written by its bot account.
fn read_slug(app: wire::App) -> String {
    format!("{}[bot]", app.slug)
}

fn credentials(options: &Options) -> Result<(Identity, AuthState), PluginError> {
    let wrong = |message: String| PluginError::new(NAME, Problem::NotOffered, message);
    if let Some(token) = given(options.token.as_ref()) {
        let auth = AuthState::AccessToken { token: token.clone() };
        return Ok((Identity::User(token.clone()), auth));
    }
    let (Some(id), Some(file)) = (options.app_id, &options.private_key_file) else {
        return Err(wrong("neither `token` nor `app_id` with `private_key_file` is configured".to_owned()));
    };
    let pem = std::fs::read(file).map_err(|error| wrong(format!("{}: {error}", file.display())))?;
    let key = EncodingKey::from_rsa_pem(&pem)
        .map_err(|_| wrong(format!("{} holds no RSA private key in PEM", file.display())))?;
    Ok((Identity::App, AuthState::App(AppAuth { app_id: AppId(id), key })))
}

pub(super) fn client_options(options: &Options) -> ClientOptions {
    ClientOptions {
        service: NAME,
        base_url: options.base_url.clone(),
        rate: options.rate(),
        timeout: std::time::Duration::from_secs(options.timeout),
        max_response_bytes: 8 << 20,
        dialect: wire::DIALECT,
    }
}

/// Where octocrab's requests go out.
#[derive(Debug, Clone)]
struct Outlet(Arc<Client>);

impl tower::Service<http::Request<OctoBody>> for Outlet {
    type Response = Response<Full<Bytes>>;
    type Error = tower::BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<OctoBody>) -> Self::Future {
        let client = Arc::clone(&self.0);
        Box::pin(async move {
            let request = outgoing(request).await?;
            let answer = client.exchange(&request).await?;
            let mut response = Response::new(Full::new(answer.body));
            *response.status_mut() = answer.status;
            *response.headers_mut() = answer.headers;
            response.extensions_mut().insert(answer.retry);
            Ok(response)
        })
    }
}

/// An octocrab request as one of ours. Its authority is dropped: everything goes to the configured host.
async fn outgoing(request: http::Request<OctoBody>) -> Result<Request, octocrab::Error> {
    let (mut parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let body = body.collect().await?.to_bytes();
    let retry = parts.extensions.get().copied().unwrap_or_else(|| usual_retry(&parts.method, &path));
    // The connection states the length of what it really sends.
    parts.headers.remove(http::header::CONTENT_LENGTH);
    let accept = http::HeaderValue::from_static("application/vnd.github+json");
    parts.headers.entry(http::header::ACCEPT).or_insert(accept);
    Ok(Request { method: parts.method, path, headers: parts.headers, body, retry })
}

fn usual_retry(method: &Method, path: &str) -> Retry {
    // A token minted twice is two tokens, of which one is never used.
    let makes_nothing = *method != Method::POST || path.ends_with("/access_tokens");
    if makes_nothing { Retry::Always } else { Retry::IfRefused }
}

impl fmt::Debug for GitHub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GitHub").field("client", &self.client).finish_non_exhaustive()
    }
}

/// GitHub's name as the registry keeps it.
pub(super) fn name() -> SourceName {
    SourceName::new(NAME)
}
