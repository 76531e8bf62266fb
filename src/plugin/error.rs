//! Why an outside call did not give what it should.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::run::StepError;

/// What went wrong, by what can be done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Problem {
    /// There is no such thing, or the token may not see it.
    NotFound,
    /// The token is wrong or may not do this.
    Denied,
    /// The other side understood the request and will never do it.
    Invalid,
    /// Somebody else was there first.
    Conflict,
    /// Too many requests; nothing was done.
    RateLimited,
    /// The other side did not do it and may do it later.
    Unavailable,
    /// It may have been done or not: the connection broke or the answer was lost.
    Unknown,
    /// The answer was larger than it may be, or is not what the protocol says.
    BadAnswer,
    /// Nothing here serves that capability or action, or the configuration forbids it.
    NotOffered,
    /// The account with the vendor is used up; only a person can help.
    Exhausted,
    /// The conversation is longer than the model can hold; nothing was billed.
    TooLong,
    /// The cassette that is played does not hold the request; nobody was asked.
    NotRecorded,
}

/// A failed outside call.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{service}: {message}")]
pub struct PluginError {
    /// Who was called.
    pub service: String,
    /// What went wrong.
    pub problem: Problem,
    /// One sentence for people; never holds a secret.
    pub message: String,
    /// How long the other side asked us to wait.
    pub retry_after: Option<Duration>,
}

impl PluginError {
    /// A problem with a service.
    #[must_use]
    pub fn new(service: &str, problem: Problem, message: impl Into<String>) -> Self {
        Self { service: service.to_owned(), problem, message: message.into(), retry_after: None }
    }

    /// Whether trying again may help.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(self.problem, Problem::RateLimited | Problem::Unavailable | Problem::Unknown)
    }

    /// Whether it is about the one thing that was asked for, and will be there the next time too.
    #[must_use]
    pub fn is_of_one_thing(&self) -> bool {
        matches!(self.problem, Problem::NotFound | Problem::Invalid | Problem::BadAnswer)
    }
}

impl Problem {
    /// The stable code that a step's failure carries.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Denied => "denied",
            Self::Invalid => "invalid",
            Self::Conflict => "conflict",
            Self::RateLimited => "rate_limited",
            Self::Unavailable => "unavailable",
            Self::Unknown => "unknown_outcome",
            Self::BadAnswer => "bad_answer",
            Self::NotOffered => "not_offered",
            Self::Exhausted => "exhausted",
            Self::TooLong => "too_long",
            Self::NotRecorded => "not_recorded",
        }
    }
}

impl From<PluginError> for StepError {
    fn from(error: PluginError) -> Self {
        Self {
            code: error.problem.code().to_owned(),
            message: error.to_string(),
            retryable: error.is_passing(),
            retry_after: error.retry_after.map(|wait| wait.as_secs().max(1)),
            details: serde_json::Value::Null,
        }
    }
}
