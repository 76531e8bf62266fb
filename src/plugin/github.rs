//! GitHub.

mod payload;
pub mod source;
