//! GitHub: deliveries in; repositories, pull requests and issues out.

mod client;
mod forge;
pub mod options;
mod payload;
pub mod source;
mod tracker;
mod wire;

pub use self::client::GitHub;
pub use self::options::Options;

#[cfg(test)]
mod tests;
