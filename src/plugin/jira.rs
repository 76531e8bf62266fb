//! Jira.

mod payload;
pub mod source;
