//! Senders that sign their bodies in some way of their own, by the names that the configuration gives them.

mod payload;
pub mod source;
