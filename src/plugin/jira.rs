//! Jira.

pub mod source;
