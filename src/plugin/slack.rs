//! Slack: deliveries in, messages out, and what was said meanwhile asked for.

mod chat;
mod checkup;
mod client;
pub mod fetch;
#[cfg(feature = "socket-mode")]
pub mod listen;
pub mod options;
mod payload;
pub mod setup;
pub mod source;
mod text;
mod wire;

pub use self::client::Slack;
pub use self::options::Options;

#[cfg(test)]
mod tests;
