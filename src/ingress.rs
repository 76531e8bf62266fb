//! A delivery comes in: verified, understood, routed, stored; only then answered.
//!
//! ```text
//! limit → (timestamp) signature → decode → route → one durable batch → answer
//! ```
//!
//! Nothing is believed before its signature was right (a source that asks without one whether anybody answers
//! gets its answer, and nothing follows), and nothing is answered with success before it is durable. What is
//! refused leaves no trace in the store: no event, no run, no identity.

mod inbox;
mod policy;
pub mod signature;

pub use self::inbox::{Answer, Inbox, Outcome, Rejection, Status};
pub use self::policy::{Current, Policy};
