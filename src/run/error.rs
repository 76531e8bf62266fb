//! A step's failure, as a fact that outlives the process.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Why a step failed: a stable code for programs, a sentence for people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepError {
    /// A stable name in snake case: `rate_limited`, `not_found`, `budget`, `gate_refused`, `timeout`, ….
    pub code: String,
    /// One sentence for people; never holds a secret.
    pub message: String,
    /// Whether trying again may help.
    pub retryable: bool,
    /// Seconds after which the other side asked to be tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    /// Whatever helps to understand it.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub details: Value,
}

impl StepError {
    /// A failure that trying again will not cure.
    #[must_use]
    pub fn fatal(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            message: message.into(),
            retryable: false,
            retry_after: None,
            details: Value::Null,
        }
    }

    /// A failure that may pass.
    #[must_use]
    pub fn passing(code: &str, message: impl Into<String>) -> Self {
        Self { retryable: true, ..Self::fatal(code, message) }
    }

    /// The same failure with something that helps to understand it.
    #[must_use]
    pub fn with(mut self, details: Value) -> Self {
        self.details = details;
        self
    }
}

impl fmt::Display for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.code)
    }
}

impl std::error::Error for StepError {}
