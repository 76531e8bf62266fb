//! GitLab: deliveries in.

mod payload;
pub mod source;
