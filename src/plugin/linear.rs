//! Linear: deliveries in, issues out.

mod checkup;
mod client;
pub mod fetch;
pub mod options;
mod payload;
pub mod setup;
pub mod source;
mod tracker;
mod wire;

pub use self::client::Linear;
pub use self::options::Options;

#[cfg(test)]
mod tests;
