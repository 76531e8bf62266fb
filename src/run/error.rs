//! A step's failure, as a fact that outlives the process.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::money::Money;

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
    /// The code of an expression that could not be evaluated.
    pub const EXPRESSION: &'static str = "expression";
    /// The code of a person who may not have this done; from the first act it refuses the run.
    pub const REFUSED: &'static str = "refused";
    /// The code of a step that was stopped because somebody cancelled the run.
    pub const CANCELLED: &'static str = "cancelled";
    /// The code of a step, or a run, whose time was up.
    pub const TIMEOUT: &'static str = "timeout";
    /// The code of a step that panicked.
    pub const PANICKED: &'static str = "panicked";

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

    /// The same failure, which has cost something all the same.
    #[must_use]
    pub fn costing(mut self, cost: Money) -> Self {
        if cost == Money::ZERO {
            return self;
        }
        if self.details.is_null() {
            self.details = json!({});
        }
        if let Value::Object(details) = &mut self.details {
            details.insert("cost_usd".to_owned(), json!(cost));
        }
        self
    }

    /// What the failed attempt has cost.
    #[must_use]
    pub fn cost(&self) -> Money {
        let cost = self.details.get("cost_usd").and_then(Value::as_f64);
        cost.and_then(Money::from_dollars).unwrap_or_default()
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
