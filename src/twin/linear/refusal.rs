//! What Linear answers when it does not do what it was asked.

use std::fmt;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// A refusal, in Linear's shape. What was understood and cannot be done comes with success as its status.
#[derive(Debug)]
pub(in crate::twin) struct Refusal {
    status: StatusCode,
    message: String,
    code: &'static str,
    kind: &'static str,
    /// The sentence for people.
    said: String,
}

impl Refusal {
    /// The document is not one that can be answered.
    pub(super) fn invalid(message: String) -> Self {
        let (code, kind) = ("GRAPHQL_VALIDATION_FAILED", "graphql error");
        Self { status: StatusCode::BAD_REQUEST, message, code, kind, said: String::new() }
    }

    /// What is asked for cannot be done.
    pub(super) fn input(message: String) -> Self {
        let (code, kind) = ("INPUT_ERROR", "invalid input");
        Self { status: StatusCode::OK, message, code, kind, said: String::new() }
    }

    /// There is no such thing.
    pub(super) fn missing(what: &str) -> Self {
        let said = format!("Could not find referenced {what}.");
        Self { said, ..Self::input(format!("Entity not found: {what}")) }
    }

    /// There is such a thing already.
    pub(super) fn conflict(what: &str, id: &str) -> Self {
        let said = format!("Entity {what} with id {id} already exists.");
        Self { said, ..Self::input(format!("conflict on insert of {what}")) }
    }

    pub(super) fn unauthorized() -> Self {
        let (code, kind) = ("AUTHENTICATION_ERROR", "authentication error");
        let message = "Authentication required, not authenticated".to_owned();
        Self { status: StatusCode::UNAUTHORIZED, message, code, kind, said: String::new() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let extensions = json!({
            "code": self.code, "type": self.kind, "userError": true, "userPresentableMessage": self.said,
        });
        let error = json!({ "message": self.message, "path": [], "extensions": extensions });
        (self.status, Json(json!({ "errors": [error], "data": null }))).into_response()
    }
}
