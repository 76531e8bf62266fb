//! Slack.

pub mod source;
