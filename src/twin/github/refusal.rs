//! What GitHub answers when it does not do what it was asked.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::twin::TwinError;

/// A refusal, in GitHub's shape.
#[derive(Debug)]
pub(in crate::twin) struct Refusal {
    pub(in crate::twin) status: StatusCode,
    pub(in crate::twin) message: String,
    errors: Vec<Value>,
}

impl Refusal {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), errors: Vec::new() }
    }

    pub(super) fn missing() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Not Found")
    }

    pub(super) fn unauthorized(message: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, message)
    }

    pub(super) fn no_user_agent() -> Self {
        let message = "Request forbidden by administrative rules. Please make sure your request has a \
                       User-Agent header.";
        Self::new(StatusCode::FORBIDDEN, message)
    }

    pub(super) fn unprocessable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, message)
    }

    /// A field that is wrong: `code` is one of GitHub's five words.
    pub(super) fn field(resource: &str, field: &str, code: &str) -> Self {
        let error = json!({"resource": resource, "field": field, "code": code});
        Self { errors: vec![error], ..Self::unprocessable("Validation Failed") }
    }

    /// A rule that was broken, in a sentence.
    pub(super) fn custom(resource: &str, message: &str) -> Self {
        let error = json!({"resource": resource, "code": "custom", "message": message});
        Self { errors: vec![error], ..Self::unprocessable("Validation Failed") }
    }
}

impl From<TwinError> for Refusal {
    fn from(error: TwinError) -> Self {
        tracing::error!(%error, "a twin's repository failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Server Error")
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut body = json!({
            "message": self.message,
            "documentation_url": "https://docs.github.com/rest",
            "status": self.status.as_str(),
        });
        if !self.errors.is_empty() {
            body["errors"] = Value::Array(self.errors);
        }
        (self.status, Json(body)).into_response()
    }
}

/// Reads a request's body as GitHub does: bad JSON is 400, JSON of the wrong shape 422.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    let value: Value = serde_json::from_slice(body)
        .map_err(|_| Refusal::new(StatusCode::BAD_REQUEST, "Problems parsing JSON"))?;
    serde_json::from_value(value)
        .map_err(|error| Refusal::unprocessable(format!("Invalid request.\n\n{error}")))
}
