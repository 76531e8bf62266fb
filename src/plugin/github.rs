//! GitHub.

pub mod source;
