//! OpenAI, and every server that speaks as it does: models that answer prompts.

mod checkup;
mod client;
mod model;
pub mod options;
pub mod setup;
mod wire;

pub use self::client::OpenAi;
pub use self::options::Options;

#[cfg(test)]
mod tests;
