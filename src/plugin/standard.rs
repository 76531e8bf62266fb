//! Senders of the Standard Webhooks specification, by the names that the configuration gives them.

mod payload;
pub mod source;
