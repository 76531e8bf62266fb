//! Jira: deliveries in, issues out.

mod adf;
mod checkup;
mod client;
pub mod fetch;
pub mod options;
mod payload;
pub mod setup;
pub mod source;
mod tracker;
mod wire;

pub use self::client::Jira;
pub use self::options::Options;

#[cfg(test)]
mod tests;
