//! What comes back.

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;

use super::request::is_good;
use super::{Client, Retry};
use crate::plugin::{PluginError, Problem};

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
    /// The rule that its request was sent under: it decides whether a failure may have been a success.
    pub retry: Retry,
}

impl Answer {
    /// What the status says went wrong, if anything: the one place where statuses get their meaning.
    #[must_use]
    pub fn problem(&self) -> Option<Problem> {
        let problem = match self.status.as_u16() {
            _ if is_good(self.status) => return None,
            401 | 403 | 407 => Problem::Denied,
            402 => Problem::Exhausted,
            404 | 410 => Problem::NotFound,
            409 | 412 => Problem::Conflict,
            429 => Problem::RateLimited,
            408 | 425 | 500.. => self.unfinished(),
            _ => Problem::Invalid,
        };
        Some(problem)
    }

    /// A header's value, where it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Whether it says that nothing has changed since the answer that was known, and has no body.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.status == StatusCode::NOT_MODIFIED
    }

    /// Reads the body as JSON.
    ///
    /// # Errors
    /// When it is something else. What was to be made may then be there all the same, so the outcome of such
    /// a request is not known.
    pub fn json<T: DeserializeOwned>(&self, client: &Client) -> Result<T, PluginError> {
        let problem = if self.retry == Retry::IfRefused { Problem::Unknown } else { Problem::BadAnswer };
        serde_json::from_slice(&self.body)
            .map_err(|error| client.error(problem, format!("unreadable answer: {error}")))
    }

    /// Takes the answer to a deletion: there is nothing to say, and so nothing in it.
    ///
    /// # Errors
    /// When there is something: it comes from something between us and the service, which has deleted nothing.
    pub fn nothing(&self, client: &Client) -> Result<(), PluginError> {
        if self.status == StatusCode::NO_CONTENT {
            return Ok(());
        }
        let message = format!("answered {} where nothing was to be said", self.status);
        Err(client.error(Problem::BadAnswer, message))
    }

    /// A failure of the service's own: whether the request was done hangs on what kind of request it was.
    fn unfinished(&self) -> Problem {
        let refused =
            self.status == StatusCode::SERVICE_UNAVAILABLE && self.headers.contains_key(header::RETRY_AFTER);
        let failed = matches!(self.status.as_u16(), 500 | 503 | 529);
        let nothing_done = match self.retry {
            Retry::Always => true,
            Retry::IfFailed => failed,
            Retry::IfRefused => refused,
        };
        if nothing_done { Problem::Unavailable } else { Problem::Unknown }
    }
}
