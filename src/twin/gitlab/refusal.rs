//! What GitLab answers when it does not do what it was asked.

use std::fmt;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::twin::TwinError;

/// A refusal, in GitLab's shape: a sentence, or a list of them.
#[derive(Debug)]
pub(in crate::twin) struct Refusal {
    status: StatusCode,
    message: Value,
}

impl Refusal {
    fn new(status: StatusCode, message: Value) -> Self {
        Self { status, message }
    }

    /// There is no such thing; with the thing's name, as in `404 Project Not Found`.
    pub(super) fn missing(what: &str) -> Self {
        let space = if what.is_empty() { "" } else { " " };
        Self::new(StatusCode::NOT_FOUND, json!(format!("404{space}{what} Not Found")))
    }

    pub(super) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, json!("401 Unauthorized"))
    }

    pub(super) fn forbidden() -> Self {
        Self::new(StatusCode::FORBIDDEN, json!("403 Forbidden"))
    }

    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, json!(message.into()))
    }

    pub(super) fn conflict(message: String) -> Self {
        Self::new(StatusCode::CONFLICT, json!([message]))
    }

    /// What is wrong, by the field.
    pub(super) fn invalid(field: &str, message: &str) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, json!({ field: [message] }))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.message)
    }
}

impl From<TwinError> for Refusal {
    fn from(error: TwinError) -> Self {
        tracing::error!(%error, "a twin's repository failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, json!("500 Internal Server Error"))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, Json(json!({"message": self.message}))).into_response()
    }
}

/// Reads a request's body.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| Refusal::bad(error.to_string()))
}
