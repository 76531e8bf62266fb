//! PagerDuty: deliveries in.

mod payload;
pub mod setup;
pub mod source;
