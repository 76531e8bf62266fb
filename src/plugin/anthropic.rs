//! Anthropic: models that answer prompts.

mod client;
mod model;
pub mod options;
mod wire;

pub use self::client::Anthropic;
pub use self::options::Options;

#[cfg(test)]
mod tests;
