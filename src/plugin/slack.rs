//! Slack.

mod payload;
pub mod source;
mod text;
