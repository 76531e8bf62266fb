//! Discord: interactions and events in.

mod payload;
pub mod setup;
pub mod source;
