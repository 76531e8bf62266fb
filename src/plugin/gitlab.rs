//! GitLab: deliveries in; repositories, merge requests and issues out.

mod checkup;
mod client;
pub mod fetch;
mod forge;
pub mod options;
mod payload;
pub mod setup;
pub mod source;
mod tracker;
mod wire;

pub use self::client::GitLab;
pub use self::options::Options;

#[cfg(test)]
mod tests;
