//! The one place where what went wrong becomes a status code: RFC 9457 problem details.
//!
//! A problem's detail is written for the sender of the request. It holds no secret, and no more of what
//! went wrong inside than that.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::engine::SignalError;
use crate::ingress::refused::Cause;
use crate::ingress::{OrderError, Rejection};
use crate::store::StoreError;

/// A request that does not get what it asked for.
#[derive(Debug)]
pub enum Problem {
    /// There is no such route.
    NoRoute,
    /// The route does not take this method.
    Method,
    /// The body did not come in time.
    Slow,
    /// The body broke off.
    Broken,
    /// The delivery was not taken in.
    Rejected(Rejection),
    /// The run that was ordered was not started.
    Order(OrderError),
    /// Ostler does not take deliveries now.
    NotReady,
    /// There is nothing of this sort under the name that was asked for.
    Missing(&'static str),
    /// What was said to a run means nothing to it.
    Signal(SignalError),
    /// Ostler is at fault.
    Internal,
}

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

impl From<OrderError> for Problem {
    fn from(error: OrderError) -> Self {
        match error {
            OrderError::Rejected(rejection) => Self::Rejected(rejection),
            other => Self::Order(other),
        }
    }
}

impl From<SignalError> for Problem {
    fn from(error: SignalError) -> Self {
        match error {
            SignalError::Missing => Self::Missing("run"),
            SignalError::Store(error) => error.into(),
            other => Self::Signal(other),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the store could not answer");
        Self::Internal
    }
}

/// The document of RFC 9457.
#[derive(Debug, Serialize)]
struct Document {
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    detail: String,
}

impl Problem {
    fn status(&self) -> StatusCode {
        match self {
            Self::NoRoute | Self::Missing(_) | Self::Rejected(Rejection::Unknown) => StatusCode::NOT_FOUND,
            Self::Order(OrderError::Missing(_)) => StatusCode::NOT_FOUND,
            Self::Order(OrderError::Gone(_)) => StatusCode::GONE,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::Broken | Self::Rejected(Rejection::Undecodable(_)) => StatusCode::BAD_REQUEST,
            Self::Rejected(Rejection::TooLarge { .. }) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Rejected(Rejection::Unbelieved(_)) => StatusCode::UNAUTHORIZED,
            Self::Order(OrderError::KeyUsed | OrderError::Unfinished { .. }) | Self::Signal(_) => {
                StatusCode::CONFLICT
            }
            Self::Order(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::NotReady | Self::Rejected(Rejection::Overloaded | Rejection::Full) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Internal | Self::Rejected(Rejection::Failed(_)) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What programs tell it by.
    fn name(&self) -> &'static str {
        match self {
            Self::NoRoute => "no-route",
            Self::Missing(_) => "missing",
            Self::Method => "method-not-allowed",
            Self::Slow => "body-too-slow",
            Self::Broken => "body-broke-off",
            Self::Order(OrderError::Missing(_)) => "missing",
            Self::Order(OrderError::KeyUsed) => "key-used",
            Self::Order(OrderError::Gone(_)) => "payload-gone",
            Self::Order(OrderError::Unfinished { .. }) => "run-unfinished",
            Self::Order(_) => "unfit-order",
            Self::Signal(_) => "pointless-signal",
            Self::NotReady => "not-ready",
            Self::Internal | Self::Rejected(Rejection::Failed(_)) => "internal",
            Self::Rejected(Rejection::Unknown) => "unknown-source",
            Self::Rejected(Rejection::TooLarge { .. }) => "too-large",
            Self::Rejected(Rejection::Unbelieved(_)) => "unauthentic",
            Self::Rejected(Rejection::Undecodable(_)) => "undecodable",
            Self::Rejected(Rejection::Overloaded) => "overloaded",
            Self::Rejected(Rejection::Full) => "full",
        }
    }

    /// After how many seconds it is worth another try, where it is not now.
    fn retry_after(&self) -> Option<&'static str> {
        match self {
            // Runs take longer than requests.
            Self::Rejected(Rejection::Full) => Some("30"),
            problem if problem.status() == StatusCode::SERVICE_UNAVAILABLE => Some("1"),
            _ => None,
        }
    }

    /// What the log of refused deliveries has as the cause, where it is one of a delivery's refusal.
    pub(super) fn cause(&self) -> Option<Cause> {
        match self {
            Self::Rejected(rejection) => Some(rejection.into()),
            Self::Slow => Some(Cause::TooSlow),
            Self::Broken => Some(Cause::BrokeOff),
            _ => None,
        }
    }

    pub(super) fn detail(&self) -> String {
        match self {
            Self::NoRoute => "there is nothing at this address".to_owned(),
            Self::Method => "this address does not take this method".to_owned(),
            Self::Slow => "the body did not arrive in time".to_owned(),
            Self::Broken => "the body broke off".to_owned(),
            Self::NotReady => "deliveries are not taken now".to_owned(),
            Self::Missing(what) => format!("there is no such {what}"),
            Self::Internal => "something went wrong here".to_owned(),
            Self::Order(error) => error.to_string(),
            Self::Signal(error) => error.to_string(),
            Self::Rejected(rejection) => rejection.to_string(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        if let Self::Rejected(Rejection::Failed(why)) = &self {
            tracing::error!(%why, "a delivery could not be stored");
        }
        let (status, retry_after) = (self.status(), self.retry_after());
        let document = Document {
            kind: format!("urn:ostler:problem:{}", self.name()),
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: self.detail(),
        };
        let mut response = (status, axum::Json(document)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(seconds));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_that_is_not_taken_in_says_to_programs_why() {
        let told = |error: OrderError| {
            let problem = Problem::Order(error);
            (problem.status().as_u16(), problem.name())
        };
        assert_eq!(told(OrderError::KeyUsed), (409, "key-used"));
        assert_eq!(told(OrderError::Gone("x".to_owned())), (410, "payload-gone"));
        assert_eq!(told(OrderError::Missing("run")), (404, "missing"));
        assert_eq!(told(OrderError::Unfit("x".to_owned())), (422, "unfit-order"));
    }
}
