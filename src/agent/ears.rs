//! What people say to an agent while it works.

use std::fmt::Debug;

use futures_util::future::BoxFuture;

use super::AgentError;
use super::turn::Told;

/// Whoever hears what is said to an agent.
pub trait Ears: Debug + Send + Sync {
    /// Everything that was said to it so far by those who may, oldest first; it only grows.
    fn heard(&self) -> BoxFuture<'_, Result<Vec<Told>, AgentError>>;
}
