//! Discord: interactions and events in.

mod payload;
pub mod source;
