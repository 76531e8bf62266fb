//! The one way out: every call to a vendor goes through a [`Client`].
//!
//! It holds the vendor's rate, bounds what an answer may weigh and how long it may take, tries again where
//! nothing can have been done twice, and writes no secret and no body into a log.

mod answer;
mod request;
pub mod retry;
#[cfg(feature = "socket-mode")]
pub mod socket;
#[cfg(test)]
pub(crate) mod testing;

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use http::header::{self, HeaderMap, HeaderValue};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

pub use self::answer::Answer;
pub use self::request::{Request, segment};
pub use self::retry::Retry;
use super::{PluginError, Problem};
use crate::clock::Clock;

/// How often a call is tried again after its first attempt.
const RETRIES: u32 = 3;

/// The longest wait within one call; who asks for more is told to come back as a failed step.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// What of a vendor's own words goes into an error, in characters.
const LONGEST_MESSAGE: usize = 500;

/// What a client must know of the service that it calls.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// The vendor's name, for logs and errors.
    pub service: &'static str,
    /// What all paths are behind.
    pub base_url: Url,
    /// How many requests it may be sent.
    pub rate: Rate,
    /// How long one attempt may take, its answer's body included.
    pub timeout: Duration,
    /// How large an answer's body may be.
    pub max_response_bytes: usize,
    /// How its answers are read.
    pub dialect: Dialect,
}

/// How many requests a service may be sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Requests per second, in the long run.
    pub per_second: f64,
    /// Requests at once after a pause.
    pub burst: u32,
}

/// How a vendor says what went wrong.
#[derive(Debug, Clone, Copy)]
pub struct Dialect {
    /// Finds the sentence for people in a failure's body.
    pub message: fn(&[u8]) -> Option<String>,
    /// What an answer means where that differs from its status; none where the status says it all.
    pub problem: fn(&Answer) -> Option<Problem>,
}

/// A client of one service.
pub struct Client {
    options: ClientOptions,
    authorization: Option<(header::HeaderName, SecretString)>,
    http: reqwest::Client,
    clock: Arc<dyn Clock>,
    limiter: RateLimiter<NotKeyed, InMemoryState, Tick, NoOpMiddleware<Duration>>,
}

/// An attempt that gave no answer.
#[derive(Debug)]
enum Broken {
    /// The connection was never made: nothing was sent.
    Unsent(String),
    /// It ended after something was sent.
    Lost(String),
    /// The answer was larger than it may be.
    TooLarge,
}

/// Ostler's clock, as the rate limiter reads it.
#[derive(Debug, Clone)]
struct Tick {
    clock: Arc<dyn Clock>,
    start: Timestamp,
}

impl governor::clock::Clock for Tick {
    type Instant = Duration;

    fn now(&self) -> Duration {
        // A clock that was set back behind the start stands still for the limiter.
        Duration::try_from(self.clock.now().duration_since(self.start)).unwrap_or_default()
    }
}

impl Client {
    /// A client that sends over `http`.
    #[must_use]
    pub fn new(options: ClientOptions, clock: Arc<dyn Clock>, http: reqwest::Client) -> Self {
        let tick = Tick { clock: Arc::clone(&clock), start: clock.now() };
        let limiter = RateLimiter::direct_with_clock(options.rate.quota(), tick);
        Self { options, authorization: None, http, clock, limiter }
    }

    /// The same client, which shows itself with this header in every request that does not have it yet.
    #[must_use]
    pub fn with_secret(mut self, name: header::HeaderName, value: SecretString) -> Self {
        self.authorization = Some((name, value));
        self
    }

    /// The service's name.
    #[must_use]
    pub fn service(&self) -> &'static str {
        self.options.service
    }

    /// What all paths are behind.
    #[must_use]
    pub fn base_url(&self) -> &Url {
        &self.options.base_url
    }

    /// The clock that the client waits by.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Sends a request and gives its answer if that is a good one.
    ///
    /// # Errors
    /// When no answer came or it says that the request failed; the problem tells what can be done about it.
    pub async fn send(&self, request: &Request) -> Result<Answer, PluginError> {
        self.check(self.exchange(request).await?)
    }

    /// Sends a request that takes something away; what is gone already need not go.
    ///
    /// # Errors
    /// When it is not known to be gone.
    pub async fn erase(&self, request: &Request) -> Result<(), PluginError> {
        gone(self.send(request).await.and_then(|answer| answer.nothing(self)))
    }

    /// Sends a request and gives the answer that came in the end, whatever it says.
    ///
    /// # Errors
    /// When no answer came.
    pub async fn exchange(&self, request: &Request) -> Result<Answer, PluginError> {
        let mut attempt = 0;
        loop {
            self.permit().await;
            let outcome = self.attempt(request).await;
            let failure = match &outcome {
                Ok(answer) => self.failure(answer),
                Err(error) => Some(error.clone()),
            };
            let Some(wait) = failure.and_then(|error| self.wait_after(&error, request, attempt)) else {
                return outcome;
            };
            attempt += 1;
            tracing::debug!(service = self.options.service, attempt, ?wait, "trying again");
            self.clock.sleep(wait).await;
        }
    }

    /// The answer, if it is a good one.
    ///
    /// # Errors
    /// When it says that the request failed.
    pub fn check(&self, answer: Answer) -> Result<Answer, PluginError> {
        self.failure(&answer).map_or(Ok(answer), Err)
    }

    /// An error of this service.
    #[must_use]
    pub fn error(&self, problem: Problem, message: impl Into<String>) -> PluginError {
        PluginError::new(self.options.service, problem, message)
    }

    async fn permit(&self) {
        while let Err(refusal) = self.limiter.check() {
            let now = governor::clock::Clock::now(self.limiter.clock());
            self.clock.sleep(refusal.wait_time_from(now)).await;
        }
    }

    fn wait_after(&self, error: &PluginError, request: &Request, attempt: u32) -> Option<Duration> {
        // Both problems mean that nothing was done; whatever may have been done is for the caller to look at.
        let nothing_done = matches!(error.problem, Problem::RateLimited | Problem::Unavailable);
        let wait = error.retry_after.unwrap_or_else(|| retry::backoff(&request.path, attempt));
        (nothing_done && attempt < RETRIES && wait <= LONGEST_WAIT).then_some(wait)
    }

    fn failure(&self, answer: &Answer) -> Option<PluginError> {
        let problem = (self.options.dialect.problem)(answer).or_else(|| answer.problem())?;
        let said = (self.options.dialect.message)(&answer.body);
        let message = said.map_or_else(
            || format!("answered {}", answer.status),
            |said| said.chars().take(LONGEST_MESSAGE).collect(),
        );
        let mut error = self.error(problem, message);
        error.retry_after = retry::asked_wait(&answer.headers, self.clock.now());
        Some(error)
    }

    async fn attempt(&self, request: &Request) -> Result<Answer, PluginError> {
        let started = self.clock.now();
        let outcome = self.once(request).await;
        let millis = self.clock.now().duration_since(started).as_millis();
        let (service, method, path) = (self.options.service, &request.method, request.bare_path());
        match outcome {
            Ok(answer) => {
                tracing::debug!(service, %method, path, status = answer.status.as_u16(), millis, "called");
                Ok(answer)
            }
            Err(broken) => {
                tracing::debug!(service, %method, path, ?broken, millis, "call failed");
                Err(self.broken(broken, request.retry))
            }
        }
    }

    fn broken(&self, broken: Broken, retry: Retry) -> PluginError {
        let unsure = if retry == Retry::Always { Problem::Unavailable } else { Problem::Unknown };
        match broken {
            Broken::Unsent(why) => self.error(Problem::Unavailable, format!("cannot connect: {why}")),
            Broken::Lost(why) => self.error(unsure, format!("the answer was lost: {why}")),
            Broken::TooLarge => self.error(
                if retry == Retry::Always { Problem::BadAnswer } else { Problem::Unknown },
                format!("the answer is larger than {} bytes", self.options.max_response_bytes),
            ),
        }
    }

    async fn once(&self, request: &Request) -> Result<Answer, Broken> {
        let url = request.url(&self.options.base_url).map_err(Broken::Unsent)?;
        let call = self
            .http
            .request(request.method.clone(), url)
            .headers(self.headers(request)?)
            .timeout(self.options.timeout)
            .body(request.body.clone());
        let response = call.send().await.map_err(Broken::from)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = self.body(response).await?;
        Ok(Answer { status, headers, body, retry: request.retry })
    }

    fn headers(&self, request: &Request) -> Result<HeaderMap, Broken> {
        let mut headers = request.headers.clone();
        headers.insert(header::USER_AGENT, HeaderValue::from_static(AGENT));
        if let Some((name, secret)) = &self.authorization
            && !headers.contains_key(name)
        {
            let value = HeaderValue::from_str(secret.expose_secret());
            let mut value =
                value.map_err(|_| Broken::Unsent("the configured secret cannot stand in a header".into()))?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        Ok(headers)
    }

    async fn body(&self, response: reqwest::Response) -> Result<bytes::Bytes, Broken> {
        let mut body = bytes::BytesMut::new();
        let mut chunks = response.bytes_stream();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(Broken::from)?;
            if body.len() + chunk.len() > self.options.max_response_bytes {
                return Err(Broken::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }
}

/// What became of taking something away, where there being no such thing is success.
///
/// # Errors
/// All that it failed with otherwise.
pub fn gone(done: Result<(), PluginError>) -> Result<(), PluginError> {
    done.or_else(|error| if error.problem == Problem::NotFound { Ok(()) } else { Err(error) })
}

/// How Ostler names itself to those it calls.
const AGENT: &str = concat!("ostler/", env!("CARGO_PKG_VERSION"));

/// The connection pool that all clients share: no redirects, so that no secret follows one.
///
/// On a machine without certificates to trust it speaks plain HTTP only: every TLS handshake fails, and
/// says so.
///
/// # Errors
/// When the TLS implementation cannot be prepared.
pub fn transport() -> Result<reqwest::Client, reqwest::Error> {
    trusting(plain)
}

fn plain() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(10))
}

fn trusting(builder: impl Fn() -> reqwest::ClientBuilder) -> Result<reqwest::Client, reqwest::Error> {
    builder().build().or_else(|error| {
        tracing::warn!(why = root(&error), "no certificates are trusted: only plain HTTP can be spoken");
        builder().tls_certs_only([]).build()
    })
}

/// A configured secret; an empty one, as an empty variable leaves it, is none.
#[must_use]
pub fn given(secret: Option<&SecretString>) -> Option<&SecretString> {
    secret.filter(|secret| !secret.expose_secret().is_empty())
}

impl Rate {
    /// At least one request an hour: a rate of nothing would wait for ever.
    const SLOWEST: f64 = 1.0 / 3600.0;

    fn quota(self) -> Quota {
        let per_second = if self.per_second.is_finite() { self.per_second } else { Self::SLOWEST };
        let period = Duration::from_secs_f64(per_second.clamp(Self::SLOWEST, 1e6).recip());
        let burst = NonZeroU32::new(self.burst).unwrap_or(NonZeroU32::MIN);
        Quota::with_period(period).map_or_else(|| Quota::per_hour(burst), |quota| quota.allow_burst(burst))
    }
}

impl From<reqwest::Error> for Broken {
    fn from(error: reqwest::Error) -> Self {
        let unsent = error.is_connect() || error.is_builder();
        // The address may hold what should not be in a log; the reason is enough.
        let why = if error.is_timeout() { "timed out".to_owned() } else { root(&error.without_url()) };
        if unsent { Self::Unsent(why) } else { Self::Lost(why) }
    }
}

/// An error's innermost cause: what the operating system or the protocol said.
#[must_use]
pub fn root(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("service", &self.options.service)
            .field("base_url", &self.options.base_url.as_str())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
