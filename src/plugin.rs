//! Capabilities and the vendors that serve them.
//!
//! A workflow names a capability (`task_management`) and an action (`add_comment`); which product serves it
//! is configuration. The traits here are the whole of what the flow knows of any product. One vendor is one
//! folder with the same file names in each; vendors never import each other, and only
//! [`registry`] names them.

pub mod anthropic;
pub mod chat;
pub mod checkup;
pub mod client;
pub mod confluence;
pub mod discord;
pub mod docs;
pub mod effect;
pub mod error;
pub mod fetch;
pub mod fixture;
pub mod forge;
pub mod generic;
pub mod github;
pub mod gitlab;
pub mod jira;
mod lenient;
pub mod linear;
pub mod listen;
pub mod markdown;
pub mod model;
pub mod notion;
pub mod openai;
pub mod pagerduty;
pub mod registry;
pub mod setup;
pub mod scheme;
pub mod sentry;
pub mod slack;
pub mod source;
pub mod standard;
pub mod tracker;

use futures_util::future::BoxFuture;

pub use self::chat::Chat;
pub use self::checkup::Checkup;
pub use self::docs::Docs;
pub use self::error::{PluginError, Problem};
pub use self::fetch::Fetch;
pub use self::forge::Forge;
pub use self::model::Model;
pub use self::registry::Registry;
pub use self::setup::Hooks;
pub use self::source::Source;
pub use self::tracker::Tracker;

/// What a capability's method gives.
pub type Call<'a, T> = BoxFuture<'a, Result<T, PluginError>>;
